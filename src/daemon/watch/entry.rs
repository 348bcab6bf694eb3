//! What is known of one file.

use super::read::FileStamp;
use super::table::Name;
use crate::config::pattern::NamePattern;
use crate::model::Fingerprint;
use std::collections::BTreeSet;
use std::rc::Rc;

/// One file of interest.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: Rc<[u8]>,
    /// It is a directory, and names in it that match matter.
    pub(super) inside: Option<NamePattern>,
    /// The watches that concern it, and the name in each.
    pub(super) interests: BTreeSet<(i32, Name)>,
    /// Its state when it was last read.
    pub(super) stamp: Option<FileStamp>,
    /// The last attempt to read it was not permitted: a change of mode matters.
    pub(super) denied: bool,
    /// The last reported content.
    pub(super) told: Option<Option<Fingerprint>>,
    /// How often in a row it was found while it was being written.
    pub(super) tries: u32,
    /// The last line about it, for example that it is a device.
    pub(super) remark: &'static str,
}

impl Entry {
    pub(super) fn new(path: Rc<[u8]>) -> Entry {
        Entry {
            path,
            inside: None,
            interests: BTreeSet::new(),
            stamp: None,
            denied: false,
            told: None,
            tries: 0,
            remark: "",
        }
    }
}

//! Paths of the configuration as files of this machine.

use crate::model::Clean;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(super) fn as_path(text: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(text.to_bytes()))
}

pub(super) fn shown(text: &CStr) -> Clean<'_> {
    Clean(text.to_bytes())
}

//! The pages that show a fleet: for people, as JSON, for Prometheus. Each is made host by host.

use super::{Host, HostKey};
use crate::model::MonoTime;

/// What a page looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Status,
    /// The same as JSON.
    Json,
    /// For Prometheus, in its text format.
    Metrics,
}

/// A page in the making.
#[derive(Debug)]
pub struct Page {
    form: Form,
}

/// The time of day as a page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// As ctime(3) writes it, without the end of the line.
    pub text: &'a str,
    /// Seconds since 1970.
    pub unix_seconds: u64,
}

impl Page {
    /// An empty page.
    pub fn new(form: Form) -> Page {
        Page { form }
    }

    /// Adds one host.
    pub fn add(&mut self, now: MonoTime, key: &HostKey, host: &Host) {
        let _ = (now, key, host, self.form);
    }

    /// The whole page, in pieces to be written one behind the other.
    pub fn finish(self, stamp: Stamp<'_>) -> Vec<Vec<u8>> {
        let _ = stamp;
        Vec::new()
    }
}

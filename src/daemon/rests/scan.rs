//! A scan: which processes are in which sessions, found in portions.

use crate::model::{Pid, Signal};
use crate::sys::session::{self, Member};
use crate::sys::stat::List;
use std::collections::BTreeMap;
use std::time::Duration;

/// A scan that is under way.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) stage: ScanStage,
    pub(super) began_nanos: u64,
    pub(super) took: Duration,
    /// What is still to be judged, and the signals for it.
    pub(super) asked: BTreeMap<Pid, Vec<Signal>>,
    pub(super) found: BTreeMap<Pid, Vec<Member>>,
}

/// The stage of a scan.
#[derive(Debug)]
pub(super) enum ScanStage {
    Listing(List),
    Judging,
    /// Processes can't be seen: only groups are judged.
    Blind,
}

impl Scan {
    /// Records a process if its session is one of those in question.
    pub(super) fn note(&mut self, pid: Pid) {
        if let Some(session) = session::session_of(pid).filter(|session| self.asked.contains_key(session)) {
            self.found.entry(session).or_default().push(session::member(pid, session));
        }
    }
}

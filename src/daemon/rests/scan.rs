//! A scan: who has which session, asked of all processes in portions.

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
    /// What is left to be judged, and what is to be sent.
    pub(super) asked: BTreeMap<Pid, Vec<Signal>>,
    pub(super) found: BTreeMap<Pid, Vec<Member>>,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum ScanStage {
    Listing(List),
    Judging,
    /// Processes can't be seen: only groups are judged.
    Blind,
}

impl Scan {
    /// Takes note of a process if it has a session in question.
    pub(super) fn note(&mut self, pid: Pid) {
        if let Some(session) = session::session_of(pid).filter(|session| self.asked.contains_key(session)) {
            self.found.entry(session).or_default().push(session::member(pid, session));
        }
    }
}

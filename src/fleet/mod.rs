//! What a receiver of reports knows of its hosts. Datagrams go in, and pages, notes and changes come out.
//! Believes no sender, and has a limit on everything that a sender can make it keep. Has no clock and no sockets.
#![forbid(unsafe_code)]

pub mod pages;

use crate::model::{Head, JobLine, MonoTime, Process};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Hosts, the silent ones that are remembered among them.
    pub hosts: usize,
    /// Hosts that report from one address.
    pub names_per_address: usize,
    /// Jobs of one host; what comes behind them is not kept.
    pub jobs_per_host: usize,
    /// Names of jobs and what goes with them, over all hosts.
    pub bytes: usize,
    /// A host that was not heard for so long is silent.
    pub stale_after: Duration,
}

/// Who reports: an address and the name that it gives itself. The first generation of senders gives none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostKey {
    /// Where the reports come from.
    pub address: IpAddr,
    /// The name in them.
    pub name: Option<Box<[u8]>>,
}

/// One job of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostJob {
    /// Its name.
    pub name: Box<[u8]>,
    /// Whether it is to run.
    pub enabled: bool,
    /// How long it has been running, in seconds.
    pub seconds: u64,
    /// Whether it runs.
    pub process: Process,
}

/// Something to tell in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {}

impl fmt::Display for Note {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// What has become of a host, for those who want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was not heard for as long as the limits say.
    Silent,
    /// It was silent and is heard again.
    Back,
}

/// All hosts.
#[derive(Debug)]
pub struct Fleet {
    limits: Limits,
}

/// One host.
#[derive(Debug)]
pub struct Host {}

impl Fleet {
    /// Nobody has been heard yet.
    pub fn new(limits: Limits) -> Fleet {
        Fleet { limits }
    }

    /// Takes in one datagram. `from` is in its canonical form: no IPv4 address in the clothes of IPv6.
    pub fn receive(
        &mut self,
        now: MonoTime,
        from: IpAddr,
        head: &Head<'_>,
        jobs: &mut dyn Iterator<Item = JobLine<'_>>,
        notes: &mut Vec<Note>,
    ) {
        let _ = (now, from, head, jobs, notes, self.limits);
    }

    /// Does what time alone brings: hosts fall silent, reports stay incomplete.
    pub fn tick(&mut self, now: MonoTime, notes: &mut Vec<Note>) {
        let _ = (now, notes);
    }

    /// When the next tick is wanted.
    pub fn deadline(&self) -> Option<MonoTime> {
        None
    }

    /// The host that comes behind `after` in the order of the pages, among those that are heard;
    /// so that pages can be made in portions while reports come in.
    pub fn next(&self, after: Option<&HostKey>) -> Option<(&HostKey, &Host)> {
        let _ = after;
        None
    }

    /// How many hosts are heard of which a whole report has come.
    pub fn complete(&self) -> usize {
        0
    }

    /// The oldest change that nobody was told of. It counts as told from now on.
    pub fn change(&mut self) -> Option<(HostKey, Turn)> {
        None
    }
}

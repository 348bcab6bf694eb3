//! What a receiver of reports knows of its hosts. Datagrams go in, and pages, notes and changes come out.
//! Believes no sender, and has a limit on everything that a sender can make it keep. Has no clock and no sockets.
#![forbid(unsafe_code)]

mod changes;
mod host;
mod memory;
mod note;
pub mod pages;
mod report;
mod roster;

use crate::model::{Clean, Head, JobLine, MonoTime, ReportedProcess};
use changes::HostChanges;
pub use host::Host;
use host::{Bounds, Shortage};
use memory::Memory;
pub use note::FleetNote;
use roster::{Full, Roster};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::ops::Bound;
use std::rc::Rc;
use std::time::Duration;

/// A limit that was reached is told of again when it was not reached for so long.
const TOLD_AGAIN: Duration = Duration::from_secs(600);

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Hosts, the silent ones that are remembered among them.
    pub hosts: usize,
    /// Hosts that report from one address.
    pub names_per_address: usize,
    /// Jobs of one report; what comes behind them is not kept.
    pub jobs_per_host: usize,
    /// Names of jobs and what goes with them, over all hosts, together with what they take on the largest page: who
    /// has long names has room for fewer jobs. So reports take no more than this, nor does the part of each page that
    /// shows them. Half of it is divided among `hosts`, and each host has its share for itself; the other half is
    /// for those who need more.
    pub bytes: usize,
    /// A host that has been silent for so long is silent.
    pub stale_after: Duration,
}

/// Who reports: an address and the name that it gives itself. The first generation of senders gives none.
/// In the order of the pages: by name, with those in front that have none, then by address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostKey {
    /// The name in the reports; never an empty one.
    pub name: Option<Box<[u8]>>,
    /// Where they come from.
    pub address: IpAddr,
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
    pub process: ReportedProcess,
}

/// What has become of a host, for those who want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostChange {
    /// It has been silent for as long as the limits say.
    Silent,
    /// It was silent and is heard again.
    Back,
}

/// All hosts.
#[derive(Debug)]
pub struct Fleet {
    limits: Limits,
    heard: BTreeMap<Rc<HostKey>, Host>,
    /// The deadline of each host that is heard.
    dues: BTreeSet<(MonoTime, Rc<HostKey>)>,
    /// How many of them have a whole report.
    complete: usize,
    roster: Roster,
    memory: Memory,
    changes: HostChanges,
    bitten: Bitten,
}

/// What follows from a host's state and is kept of it in other places.
#[derive(Clone, Copy, Debug)]
struct Standing {
    due: MonoTime,
    weight: usize,
    is_complete: bool,
}

/// When each limit was last reached.
#[derive(Debug, Default)]
struct Bitten {
    hosts: Option<MonoTime>,
    names: Option<MonoTime>,
    jobs: Option<MonoTime>,
    bytes: Option<MonoTime>,
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({})", Clean(name), self.address),
            None => write!(f, "? ({})", self.address),
        }
    }
}

impl Fleet {
    /// Nobody has been heard yet.
    pub fn new(limits: Limits) -> Fleet {
        Fleet {
            limits,
            heard: BTreeMap::new(),
            dues: BTreeSet::new(),
            complete: 0,
            roster: Roster::default(),
            memory: Memory::new(&limits),
            changes: HostChanges::default(),
            bitten: Bitten::default(),
        }
    }

    /// Takes in one datagram. `from` is in its canonical form: no IPv4 address in the clothes of IPv6.
    pub fn receive(
        &mut self,
        now: MonoTime,
        from: IpAddr,
        head: &Head<'_>,
        jobs: &mut dyn Iterator<Item = JobLine<'_>>,
        notes: &mut Vec<FleetNote>,
    ) {
        let name = head.host.filter(|name| !name.is_empty()).map(Box::from);
        let key = Rc::new(HostKey { name, address: from });
        if !self.heard.contains_key(&key) && !self.welcome(now, &key, notes) {
            return;
        }
        let stale_after = self.limits.stale_after;
        let Some(host) = self.heard.get_mut(&key) else { return };
        let before = Standing::of(host, stale_after);
        let room = self.memory.room(before.weight);
        let bounds = Bounds { jobs: self.limits.jobs_per_host, bytes: room, stale_after };
        let shortage = host.take(now, head, jobs, bounds);
        let after = Standing::of(host, stale_after);
        if let Some(shortage) = shortage {
            self.tell_shortage(now, &key, shortage, notes);
        }
        self.refile(key, before, after);
    }

    /// Does what time alone brings: hosts fall silent, reports stay incomplete.
    pub fn tick(&mut self, now: MonoTime, notes: &mut Vec<FleetNote>) {
        let stale_after = self.limits.stale_after;
        while let Some((due, key)) = self.dues.first().filter(|(due, _)| *due <= now).cloned() {
            let Some(host) = self.heard.get_mut(&key) else {
                // Each entry has its host; one without would stay due for ever.
                self.dues.remove(&(due, key));
                continue;
            };
            if host.is_silent(now, stale_after) {
                self.fall_silent(key, notes);
            } else {
                let before = Standing::of(host, stale_after);
                host.expire(now, stale_after);
                let after = Standing::of(host, stale_after);
                self.refile(key, before, after);
            }
        }
    }

    /// When the next tick is wanted.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// The host that comes behind `after` in the order of the pages, among those that are heard;
    /// so that pages can be made in portions while reports come in.
    pub fn next(&self, after: Option<&HostKey>) -> Option<(&HostKey, &Host)> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.heard.range::<HostKey, _>((after, Bound::Unbounded)).next();
        next.map(|(key, host)| (&**key, host))
    }

    /// How many hosts are heard of which a whole report is shown.
    pub fn complete(&self) -> usize {
        self.complete
    }

    /// The oldest change that nobody was told of. It counts as told from now on. When more than two of one
    /// host wait here, pairs that undo each other are left out; when a silent host is forgotten because its
    /// room is needed, all of its changes are.
    pub fn change(&mut self) -> Option<(HostKey, HostChange)> {
        self.changes.pop()
    }

    /// Makes a host be among those that are heard, if there is room.
    fn welcome(&mut self, now: MonoTime, key: &Rc<HostKey>, notes: &mut Vec<FleetNote>) -> bool {
        let host = || (**key).clone();
        let key = match self.roster.wake(key) {
            Some(known) => {
                self.changes.push(&known, HostChange::Back);
                notes.push(FleetNote::Back { host: host() });
                known
            }
            None => match self.roster.admit(key, &self.limits) {
                Ok(leaver) => {
                    leaver.iter().for_each(|leaver| self.changes.forget(leaver));
                    notes.push(FleetNote::First { host: host() });
                    Rc::clone(key)
                }
                Err(full) => {
                    self.tell_full(now, key, full, notes);
                    return false;
                }
            },
        };
        let host = Host::new(now, &key);
        self.dues.insert((host.deadline(self.limits.stale_after), Rc::clone(&key)));
        self.heard.insert(key, host);
        true
    }

    fn fall_silent(&mut self, key: Rc<HostKey>, notes: &mut Vec<FleetNote>) {
        let Some(host) = self.heard.remove(&key) else { return };
        let last = Standing::of(&host, self.limits.stale_after);
        self.memory.change(last.weight, 0);
        self.complete -= usize::from(last.is_complete);
        self.changes.push(&key, HostChange::Silent);
        self.roster.silence(&key);
        notes.push(FleetNote::Silent { host: (*key).clone(), after: self.limits.stale_after });
        self.dues.remove(&(last.due, key));
    }

    /// Brings what is kept of a host elsewhere up to its state.
    fn refile(&mut self, key: Rc<HostKey>, before: Standing, after: Standing) {
        self.memory.change(before.weight, after.weight);
        self.complete -= usize::from(before.is_complete);
        self.complete += usize::from(after.is_complete);
        if before.due != after.due {
            // The entry's own key is put back, so that there is but one of each host.
            let (_, key) = self.dues.take(&(before.due, Rc::clone(&key))).unwrap_or((before.due, key));
            self.dues.insert((after.due, key));
        }
    }

    fn tell_full(&mut self, now: MonoTime, key: &HostKey, full: Full, notes: &mut Vec<FleetNote>) {
        let (last, limit) = match full {
            Full::Hosts => (&mut self.bitten.hosts, self.limits.hosts),
            Full::Names => (&mut self.bitten.names, self.limits.names_per_address),
        };
        if is_news(now, last) {
            let host = key.clone();
            notes.push(match full {
                Full::Hosts => FleetNote::HostsFull { host, limit },
                Full::Names => FleetNote::NamesFull { host, limit },
            });
        }
    }

    fn tell_shortage(
        &mut self,
        now: MonoTime,
        key: &HostKey,
        shortage: Shortage,
        notes: &mut Vec<FleetNote>,
    ) {
        let (last, limit) = match shortage {
            Shortage::Jobs => (&mut self.bitten.jobs, self.limits.jobs_per_host),
            Shortage::Bytes => (&mut self.bitten.bytes, self.limits.bytes),
        };
        if is_news(now, last) {
            let host = key.clone();
            notes.push(match shortage {
                Shortage::Jobs => FleetNote::JobsFull { host, limit },
                Shortage::Bytes => FleetNote::BytesFull { host, limit },
            });
        }
    }
}

impl Standing {
    fn of(host: &Host, stale_after: Duration) -> Standing {
        Standing { due: host.deadline(stale_after), weight: host.weight(), is_complete: host.is_complete() }
    }
}

/// Whether a limit that is reached now was not reached lately.
fn is_news(now: MonoTime, last: &mut Option<MonoTime>) -> bool {
    let before = last.replace(now);
    before.is_none_or(|before| now.since(before) >= TOLD_AGAIN)
}

#[cfg(test)]
mod tests;

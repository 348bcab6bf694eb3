//! The hosts that a receiver of reports knows. Datagrams go in; pages, notes and changes come out. Trusts no sender,
//! and limits everything that a sender can make it store. Has no clock and no sockets.
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

/// A limit that is reached again is logged again only if it was not reached for this long.
const TOLD_AGAIN: Duration = Duration::from_secs(600);

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Hosts, including the silent ones that are remembered.
    pub hosts: usize,
    /// Hosts that report from one address.
    pub names_per_address: usize,
    /// Jobs of one report; further ones are dropped.
    pub jobs_per_host: usize,
    /// The bytes that the jobs of all hosts take in memory, plus those that they take on the largest page: a host with
    /// long names has room for fewer jobs. So neither the reports nor the part of each page that shows them exceeds
    /// this. Half of it is divided equally among `hosts`, and each share is reserved for its host; the other half is
    /// for hosts that need more.
    pub bytes: usize,
    /// A host counts as silent if nothing has come from it for this long.
    pub stale_after: Duration,
}

/// A host: the address and the name in its reports. Senders of the first generation give no name.
/// The order is that of the pages: by name, hosts without a name first, then by address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostKey {
    /// The name in the reports; never empty.
    pub name: Option<Box<[u8]>>,
    /// The address that the reports come from.
    pub address: IpAddr,
}

/// One job of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostJob {
    pub name: Box<[u8]>,
    /// Whether it should run.
    pub enabled: bool,
    /// How long it has been running, in seconds.
    pub seconds: u64,
    /// Whether it runs.
    pub process: ReportedProcess,
}

/// A change of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostChange {
    /// It has been silent for [`Limits::stale_after`].
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
    /// How many hosts that are heard have a whole report.
    complete: usize,
    roster: Roster,
    memory: Memory,
    changes: HostChanges,
    bitten: Bitten,
}

/// Values that follow from a host's state and are also stored elsewhere.
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
    /// A fleet without hosts.
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

    /// Takes in one datagram. `from` is in its canonical form: never an IPv4-mapped IPv6 address.
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

    /// Does what is due by now: hosts fall silent, incomplete reports are given up.
    pub fn tick(&mut self, now: MonoTime, notes: &mut Vec<FleetNote>) {
        let stale_after = self.limits.stale_after;
        while let Some((due, key)) = self.dues.first().filter(|(due, _)| *due <= now).cloned() {
            let Some(host) = self.heard.get_mut(&key) else {
                // Each entry has its host; an entry without one would stay due forever.
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

    /// When the next tick is due.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// The next host after `after` in the order of the pages, among those that are heard. So pages can be made in
    /// portions while reports come in.
    pub fn next(&self, after: Option<&HostKey>) -> Option<(&HostKey, &Host)> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.heard.range::<HostKey, _>((after, Bound::Unbounded)).next();
        next.map(|(key, host)| (&**key, host))
    }

    /// How many hosts that are heard have a whole report.
    pub fn complete(&self) -> usize {
        self.complete
    }

    /// Removes and returns the oldest change. If more than two changes of one host would wait, pairs that undo each
    /// other are dropped; if a silent host is forgotten because its room is needed, all of its changes are dropped.
    pub fn change(&mut self) -> Option<(HostKey, HostChange)> {
        self.changes.pop()
    }

    /// Adds a host to those that are heard, if there is room.
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

    /// Updates what is stored elsewhere about a host.
    fn refile(&mut self, key: Rc<HostKey>, before: Standing, after: Standing) {
        self.memory.change(before.weight, after.weight);
        self.complete -= usize::from(before.is_complete);
        self.complete += usize::from(after.is_complete);
        if before.due != after.due {
            // The entry's own key is put back, so that each host has only one key.
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

/// Whether a limit that is reached now has not been reached for [`TOLD_AGAIN`].
fn is_news(now: MonoTime, last: &mut Option<MonoTime>) -> bool {
    let before = last.replace(now);
    before.is_none_or(|before| now.since(before) >= TOLD_AGAIN)
}

#[cfg(test)]
mod tests;

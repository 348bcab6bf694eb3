//! The known hosts, heard or silent: which new ones are admitted, and which silent ones are forgotten for them.

use super::{HostKey, Limits};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// All hosts by address, and the silent ones by how long they have been silent.
#[derive(Debug, Default)]
pub(super) struct Roster {
    hosts: usize,
    /// Heard and silent hosts; so few per address that a linear search is cheap. No list is empty.
    addresses: BTreeMap<IpAddr, Vec<Rc<HostKey>>>,
    /// The silent hosts, with their numbers in `silences`.
    silent: BTreeMap<Rc<HostKey>, u64>,
    /// The silent hosts in the order in which they fell silent.
    silences: BTreeMap<u64, Rc<HostKey>>,
    next: u64,
}

/// The limit that keeps a host from being admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Hosts,
    Names,
}

impl Roster {
    /// Adds an unknown host. Returns the silent host that was forgotten for it, if any.
    pub(super) fn admit(&mut self, host: &Rc<HostKey>, limits: &Limits) -> Result<Option<Rc<HostKey>>, Full> {
        let neighbours = self.addresses.get(&host.address).map_or(&[][..], Vec::as_slice);
        let leaver = if neighbours.len() >= limits.names_per_address {
            let silent = neighbours.iter().filter_map(|known| self.silent.get(known));
            Some(silent.min().copied().ok_or(Full::Names)?)
        } else if self.hosts >= limits.hosts {
            Some(self.silences.first_key_value().map(|(number, _)| *number).ok_or(Full::Hosts)?)
        } else {
            None
        };
        let leaver = leaver.and_then(|number| self.forget(number));
        self.addresses.entry(host.address).or_default().push(Rc::clone(host));
        self.hosts += 1;
        Ok(leaver)
    }

    /// Records that a known host has fallen silent.
    pub(super) fn silence(&mut self, host: &Rc<HostKey>) {
        self.silent.insert(Rc::clone(host), self.next);
        self.silences.insert(self.next, Rc::clone(host));
        self.next += 1;
    }

    /// Records that a host is heard. Returns it if it was silent.
    pub(super) fn wake(&mut self, host: &HostKey) -> Option<Rc<HostKey>> {
        let number = self.silent.remove(host)?;
        self.silences.remove(&number)
    }

    fn forget(&mut self, number: u64) -> Option<Rc<HostKey>> {
        let leaver = self.silences.remove(&number)?;
        self.silent.remove(&leaver);
        let neighbours = self.addresses.get_mut(&leaver.address)?;
        neighbours.retain(|known| *known != leaver);
        if neighbours.is_empty() {
            self.addresses.remove(&leaver.address);
        }
        self.hosts -= 1;
        Some(leaver)
    }
}

#[cfg(test)]
impl Roster {
    /// The number of hosts, heard or silent.
    pub(super) fn known(&self) -> usize {
        self.hosts
    }

    /// Checks what must always hold.
    pub(super) fn check(&self, limits: &Limits, heard: usize) {
        let listed: usize = self.addresses.values().map(Vec::len).sum();
        assert_eq!((self.hosts, self.silent.len()), (listed, self.silences.len()));
        assert_eq!(self.hosts, heard + self.silent.len());
        assert!(self.hosts <= limits.hosts);
        assert!(self.addresses.values().all(|names| (1..=limits.names_per_address).contains(&names.len())));
    }
}

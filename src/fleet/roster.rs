//! Who is known, heard or silent: who may come in, and who has to go for it.

use super::{HostKey, Limits};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// All hosts by address, and the silent ones by the time for which they have been.
#[derive(Debug, Default)]
pub(super) struct Roster {
    hosts: usize,
    /// Heard and silent ones; so few of each address that walking them is nothing. Never an empty list.
    addresses: BTreeMap<IpAddr, Vec<Rc<HostKey>>>,
    /// The silent ones, with their number in `silences`.
    silent: BTreeMap<Rc<HostKey>, u64>,
    /// In the order in which they fell silent.
    silences: BTreeMap<u64, Rc<HostKey>>,
    next: u64,
}

/// Why a host may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Hosts,
    Names,
}

impl Roster {
    /// Takes in a host that is not known. The answer is the silent one that was forgotten for it, if any.
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

    /// A host that is known is not heard any more.
    pub(super) fn silence(&mut self, host: &Rc<HostKey>) {
        self.silent.insert(Rc::clone(host), self.next);
        self.silences.insert(self.next, Rc::clone(host));
        self.next += 1;
    }

    /// A host is heard. The answer is the host if it was silent.
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
    /// How many there are, heard or silent.
    pub(super) fn known(&self) -> usize {
        self.hosts
    }

    /// What must hold at every moment.
    pub(super) fn check(&self, limits: &Limits, heard: usize) {
        let listed: usize = self.addresses.values().map(Vec::len).sum();
        assert_eq!((self.hosts, self.silent.len()), (listed, self.silences.len()));
        assert_eq!(self.hosts, heard + self.silent.len());
        assert!(self.hosts <= limits.hosts);
        assert!(self.addresses.values().all(|names| (1..=limits.names_per_address).contains(&names.len())));
    }
}

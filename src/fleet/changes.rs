//! Hosts that fell silent or came back, kept until the caller fetches these changes.
//! Holds at most two changes per host, however long none is fetched.

use super::{HostChange, HostKey};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The changes that have not been fetched.
#[derive(Debug, Default)]
pub(super) struct HostChanges {
    /// By number, in the order in which they happened.
    queue: BTreeMap<u64, (Rc<HostKey>, HostChange)>,
    /// The numbers of each host's changes, oldest first.
    of_host: BTreeMap<Rc<HostKey>, (u64, Option<u64>)>,
    next: u64,
}

impl HostChanges {
    pub(super) fn push(&mut self, host: &Rc<HostKey>, turn: HostChange) {
        let number = self.next;
        self.next += 1;
        let numbers = match self.of_host.get(host) {
            None => (number, None),
            Some((first, None)) => (*first, Some(number)),
            // Silent and back, or back and silent: the two undo each other, and this one equals the first.
            Some((_, Some(_))) => {
                self.forget(host);
                (number, None)
            }
        };
        self.of_host.insert(Rc::clone(host), numbers);
        self.queue.insert(number, (Rc::clone(host), turn));
    }

    /// Removes and returns the oldest change.
    pub(super) fn pop(&mut self) -> Option<(HostKey, HostChange)> {
        let (_, (host, turn)) = self.queue.pop_first()?;
        if let Some((_, Some(second))) = self.of_host.remove(&host) {
            self.of_host.insert(Rc::clone(&host), (second, None));
        }
        Some(((*host).clone(), turn))
    }

    /// Drops the changes of this host.
    pub(super) fn forget(&mut self, host: &Rc<HostKey>) {
        if let Some((first, second)) = self.of_host.remove(host) {
            self.queue.remove(&first);
            second.iter().for_each(|second| drop(self.queue.remove(second)));
        }
    }
}

#[cfg(test)]
impl HostChanges {
    /// Checks what must always hold.
    pub(super) fn check(&self) {
        let numbers = self.of_host.values().flat_map(|(first, second)| [Some(*first), *second]).flatten();
        let numbers: Vec<u64> = numbers.collect();
        assert_eq!(self.queue.len(), numbers.len());
        assert!(numbers.iter().all(|number| self.queue.contains_key(number)));
    }
}

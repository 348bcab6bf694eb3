//! A queue in which the one that was served longest ago is the first. So files that come again and again, even
//! thousands of them, are never before one that comes once.

use super::table::FileId;
use std::collections::{BTreeMap, BTreeSet};

/// Those that wait, each of them once.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By the turn in which each was last served; None if never.
    waiting: BTreeSet<(u64, FileId)>,
    served: BTreeMap<FileId, u64>,
    turn: u64,
}

impl Queue {
    /// One that waits already keeps its place.
    pub(super) fn insert(&mut self, id: FileId) {
        self.waiting.insert(self.place(id));
    }

    pub(super) fn contains(&self, id: FileId) -> bool {
        self.waiting.contains(&self.place(id))
    }

    /// This one is being served, whether it waited or not.
    pub(super) fn remove(&mut self, id: &FileId) {
        self.waiting.remove(&self.place(*id));
        self.turn += 1;
        self.served.insert(*id, self.turn);
    }

    /// This one no longer waits, without having been served.
    pub(super) fn withdraw(&mut self, id: FileId) {
        self.waiting.remove(&self.place(id));
    }

    /// This one will never come again.
    pub(super) fn forget(&mut self, id: FileId) {
        self.withdraw(id);
        self.served.remove(&id);
    }

    /// The next one other than this, which is served elsewhere.
    pub(super) fn next_but(&self, other: FileId) -> Option<FileId> {
        self.iter().find(|id| **id != other).copied()
    }

    /// Those that wait, the next one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &FileId> {
        self.waiting.iter().map(|(_, id)| id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    fn place(&self, id: FileId) -> (u64, FileId) {
        (self.served.get(&id).copied().unwrap_or(0), id)
    }
}

impl Extend<FileId> for Queue {
    fn extend<T: IntoIterator<Item = FileId>>(&mut self, ids: T) {
        ids.into_iter().for_each(|id| self.insert(id));
    }
}

impl<'a> Extend<&'a FileId> for Queue {
    fn extend<T: IntoIterator<Item = &'a FileId>>(&mut self, ids: T) {
        self.extend(ids.into_iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(queue: &mut Queue) -> Option<FileId> {
        let id = queue.next_but(FileId(0))?;
        queue.remove(&id);
        Some(id)
    }

    #[test]
    fn who_was_served_longest_ago_is_next_however_often_others_come() {
        let mut queue = Queue::default();
        queue.extend([FileId(0), FileId(1), FileId(2), FileId(3)]);
        let served: Vec<FileId> = std::iter::from_fn(|| serve(&mut queue)).collect();
        assert_eq!(served, [FileId(1), FileId(2), FileId(3)]);
        queue.insert(FileId(3));
        for _ in 0..3 {
            queue.insert(FileId(1));
            queue.insert(FileId(2));
            queue.insert(FileId(2));
            serve(&mut queue);
        }
        assert!(!queue.contains(FileId(3)), "it goes round");
        // Who was never served is before all.
        queue.insert(FileId(9));
        assert_eq!(serve(&mut queue), Some(FileId(9)));
    }

    #[test]
    fn who_is_forgotten_waits_no_more_and_leaves_nothing() {
        let mut queue = Queue::default();
        queue.insert(FileId(1));
        queue.remove(&FileId(1));
        queue.insert(FileId(1));
        queue.forget(FileId(1));
        assert!(queue.is_empty() && queue.served.is_empty() && serve(&mut queue).is_none());
    }
}

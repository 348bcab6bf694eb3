//! Whose turn it is.

use crate::model::SocketId;
use std::collections::BTreeSet;
use std::ops::Bound;

/// Sockets that want turns. Each has one turn after the other, however much it has to do.
#[derive(Debug, Default)]
pub(super) struct SocketTurns {
    waiting: BTreeSet<SocketId>,
    /// The socket that had the last turn.
    last: Option<SocketId>,
}

impl SocketTurns {
    /// This socket wants turns until it is removed.
    pub(super) fn add(&mut self, id: SocketId) {
        self.waiting.insert(id);
    }

    pub(super) fn remove(&mut self, id: SocketId) {
        self.waiting.remove(&id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The socket after the last one, in a circle.
    pub(super) fn next(&mut self) -> Option<SocketId> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.waiting.range((after, Bound::Unbounded)).next().or_else(|| self.waiting.first());
        self.last = next.copied();
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_before_anybody_has_a_second_one() {
        let mut turns = SocketTurns::default();
        assert_eq!(turns.next(), None);
        for id in [3, 1, 2, 1] {
            turns.add(SocketId(id));
        }
        let next: Vec<u32> = (0..4).filter_map(|_| turns.next()).map(|id| id.0).collect();
        assert_eq!(next, [1, 2, 3, 1]);
        turns.remove(SocketId(2));
        assert_eq!(turns.next(), Some(SocketId(3)));
        turns.remove(SocketId(1));
        turns.remove(SocketId(3));
        assert!(turns.is_empty());
    }
}

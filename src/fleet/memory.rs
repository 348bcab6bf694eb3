//! What reports may take. Half of the memory is divided among all the hosts that there may be, and is theirs
//! whatever others send; the other half is common, for those who need more. So nobody can keep others from
//! being shown as they are.

use super::Limits;

/// How much of the memory is taken.
#[derive(Debug)]
pub(super) struct Memory {
    /// What each host has for itself.
    share: usize,
    /// What there is in common.
    common: usize,
    /// How much of that is taken: the sum of what hosts take beyond their shares.
    taken: usize,
    /// All that hosts take.
    pub(super) total: usize,
}

impl Memory {
    pub(super) fn new(limits: &Limits) -> Memory {
        let common = limits.bytes / 2;
        let share = (limits.bytes - common).checked_div(limits.hosts).unwrap_or(0);
        Memory { share, common, taken: 0, total: 0 }
    }

    /// How much a host may take that takes so much now.
    pub(super) fn room(&self, weight: usize) -> usize {
        let others = self.taken - weight.saturating_sub(self.share);
        self.share + (self.common - others)
    }

    /// A host takes more or less than before, within its room.
    pub(super) fn change(&mut self, before: usize, after: usize) {
        let beyond = |weight: usize| weight.saturating_sub(self.share);
        self.taken = self.taken - beyond(before) + beyond(after);
        self.total = self.total - before + after;
    }
}

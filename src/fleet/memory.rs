//! The memory for reports. Half of it is divided equally among as many hosts as there may be, and each share is
//! reserved, whatever other hosts send; the other half is common, for hosts that need more. So no host can prevent
//! others from being shown correctly.

use super::Limits;

/// How much memory is in use, in bytes.
#[derive(Debug)]
pub(super) struct Memory {
    /// The memory reserved for each host.
    share: usize,
    /// The memory common to all hosts.
    common: usize,
    /// How much of `common` is in use: the sum of what hosts take beyond their shares.
    taken: usize,
    /// What all hosts take together.
    pub(super) total: usize,
}

impl Memory {
    pub(super) fn new(limits: &Limits) -> Memory {
        let common = limits.bytes / 2;
        let share = (limits.bytes - common).checked_div(limits.hosts).unwrap_or(0);
        Memory { share, common, taken: 0, total: 0 }
    }

    /// How much a host that takes `weight` now may take in total.
    pub(super) fn room(&self, weight: usize) -> usize {
        let others = self.taken - weight.saturating_sub(self.share);
        self.share + (self.common - others)
    }

    /// Records that a host takes more or less than before, within its room.
    pub(super) fn change(&mut self, before: usize, after: usize) {
        let beyond = |weight: usize| weight.saturating_sub(self.share);
        self.taken = self.taken - beyond(before) + beyond(after);
        self.total = self.total - before + after;
    }
}

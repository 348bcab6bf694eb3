//! What concerns all paths at once: they are queued in portions, because there can be tens of thousands.

use super::table::FileId;
use std::collections::BTreeMap;

/// How many are queued in one turn.
const PORTION: usize = 1024;

/// A round through all paths. It is completed before the next one begins: no path is left out, however often there
/// is a reason to begin again.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// The first path that is left of the round.
    next: Option<FileId>,
    /// There is a reason for another round.
    again: bool,
}

impl Sweep {
    /// From now on, each path has to come once more.
    pub(super) fn begin(&mut self) {
        self.again = self.next.replace(self.next.unwrap_or(FileId(0))).is_some();
    }

    pub(super) fn is_over(&self) -> bool {
        self.next.is_none()
    }

    /// The next ones.
    pub(super) fn portion<T>(&mut self, all: &BTreeMap<FileId, T>) -> Vec<FileId> {
        let Some(first) = self.next else { return Vec::new() };
        let mut left = all.range(first..).map(|(id, _)| *id);
        let portion = left.by_ref().take(PORTION).collect();
        self.next = left.next().or_else(|| std::mem::take(&mut self.again).then_some(FileId(0)));
        portion
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_ended_before_the_next_one_begins_and_each_comes_after_the_last_reason() {
        let last = 2 * PORTION as u64;
        let all: BTreeMap<FileId, ()> = (0..=last).map(|id| (FileId(id), ())).collect();
        let mut sweep = Sweep::default();
        assert!(sweep.is_over() && sweep.portion(&all).is_empty());
        let mut portions = |reasons: &[bool]| {
            let portions = reasons.iter().map(|reason| {
                if *reason {
                    sweep.begin();
                }
                let portion = sweep.portion(&all);
                (portion.first().map(|id| id.0), portion.len(), sweep.is_over())
            });
            portions.collect::<Vec<_>>()
        };
        let half = last / 2;
        let (first, second, third) = (Some(0), Some(half), Some(last));
        let alone = [(first, PORTION, false), (second, PORTION, false), (third, 1, true), (None, 0, true)];
        assert_eq!(portions(&[true, false, false, false]), alone);
        let twice = [alone[0], alone[1], (third, 1, false), alone[0], alone[1], alone[2]];
        assert_eq!(portions(&[true, true, true, false, false, false]), twice);
        assert_eq!(portions(&[false]), [(None, 0, true)]);
    }
}

//! Which children to ask for: those that SIGCHLD named, and now and then all, because signals merge
//! and because orphans of jobs become ours without a word. Decides; the kernel is asked by others.
#![forbid(unsafe_code)]

use crate::model::MonoTime;
use std::time::Duration;

/// With so few children a walk over all costs next to nothing.
pub const FEW: usize = 500;
/// How often all children are walked when there are more: a walk over ten thousand takes a third of a
/// millisecond, and a thousand deaths at once, most of which have merged, are to be found in fifty.
pub const PASS_EVERY: Duration = Duration::from_millis(20);
/// When a walk that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// When the next walk over all children is owed.
#[derive(Debug, Default)]
pub struct Reaper {
    owed: Option<MonoTime>,
    last: Option<MonoTime>,
}

impl Reaper {
    /// A SIGCHLD has come: merged with it may be others that named nobody.
    pub fn child_ended(&mut self, now: MonoTime, children: usize) {
        if self.owed.is_none() {
            let rested = self.last.map_or(now, |last| last + PASS_EVERY);
            self.owed = Some(if children <= FEW { now } else { rested.max(now) });
        }
    }

    /// The walk was not finished: it is owed at once.
    pub fn owe(&mut self, now: MonoTime) {
        self.owed = Some(now);
    }

    /// The walk has failed: it is owed for later.
    pub fn again(&mut self, now: MonoTime) {
        self.owed = Some(now + AGAIN_AFTER);
    }

    /// When the walk is due.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.owed
    }

    /// Whether to walk now; if so it is owed no more.
    pub fn due(&mut self, now: MonoTime) -> bool {
        let due = self.owed.is_some_and(|at| at <= now);
        if due {
            self.owed = None;
            self.last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn few_children_are_walked_at_once_and_many_not_more_often_than_every_twenty_milliseconds() {
        let mut reaper = Reaper::default();
        assert!(!reaper.due(at(0)));
        reaper.child_ended(at(1), FEW);
        assert!(reaper.due(at(1)) && !reaper.due(at(1)));
        reaper.child_ended(at(2), FEW);
        assert!(reaper.due(at(2)));
        reaper.child_ended(at(3), FEW + 1);
        assert_eq!(reaper.deadline(), Some(at(22)));
        assert!(!reaper.due(at(21)) && reaper.due(at(22)));
        reaper.child_ended(at(900), FEW + 1);
        assert!(reaper.due(at(900)));
    }

    #[test]
    fn a_walk_that_failed_is_tried_again_after_a_while() {
        let mut reaper = Reaper::default();
        reaper.child_ended(at(0), 1);
        assert!(reaper.due(at(0)));
        reaper.again(at(0));
        assert!(!reaper.due(at(999)) && reaper.due(at(1000)));
        assert_eq!(reaper.deadline(), None);
    }

    #[test]
    fn a_walk_that_was_not_finished_goes_on_at_once() {
        let mut reaper = Reaper::default();
        reaper.child_ended(at(0), 9_999);
        assert!(reaper.due(at(0)));
        reaper.owe(at(0));
        assert!(reaper.due(at(0)));
    }

    #[test]
    fn a_later_death_does_not_postpone_the_walk() {
        let mut reaper = Reaper::default();
        reaper.child_ended(at(0), 9_999);
        assert!(reaper.due(at(0)));
        reaper.child_ended(at(10), 9_999);
        reaper.child_ended(at(15), 9_999);
        assert_eq!(reaper.deadline(), Some(at(20)));
    }
}

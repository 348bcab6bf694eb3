//! Which children to ask for: those that SIGCHLD named, and now and then all, because signals merge
//! and because orphans of jobs become ours without a word. Decides; the kernel is asked by others.
#![forbid(unsafe_code)]

use crate::model::MonoTime;
use std::time::Duration;

/// With so few children a walk over all costs next to nothing.
pub const FEW: usize = 500;
/// When there are more, so much time for each of them lies between two walks, about ten times what a walk takes.
pub const REST_PER_CHILD: Duration = Duration::from_micros(1);
/// At most so much lies between them: a death that has merged with another is found within it.
pub const REST: Duration = Duration::from_millis(20);
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
            let rest = REST_PER_CHILD.saturating_mul(u32::try_from(children).unwrap_or(u32::MAX));
            let rested = self.last.map_or(now, |last| last + rest.min(REST));
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
    fn few_children_are_walked_at_once_and_many_the_more_rarely_the_more_there_are() {
        let mut reaper = Reaper::default();
        assert!(!reaper.due(at(0)));
        reaper.child_ended(at(1), FEW);
        assert!(reaper.due(at(1)) && !reaper.due(at(1)));
        reaper.child_ended(at(2), FEW);
        assert!(reaper.due(at(2)));
        reaper.child_ended(at(3), 10_000);
        assert_eq!(reaper.deadline(), Some(at(12)));
        assert!(!reaper.due(at(11)) && reaper.due(at(12)));
        reaper.child_ended(at(13), 1_000_000);
        assert_eq!(reaper.deadline(), Some(at(32)));
        assert!(!reaper.due(at(31)) && reaper.due(at(32)));
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
        reaper.child_ended(at(1), 10_000);
        reaper.child_ended(at(4), 10_000);
        assert_eq!(reaper.deadline(), Some(at(10)));
    }
}

//! How much time pmtr may spend on looking at files, on reading them, and on reading events: for each, a second at
//! once and a tenth of a CPU in the long run; for handling changes of mounts, only the tenth.
//! Without a limit, a few large files that keep changing would use a whole CPU, and so would anybody who renames files
//! in a watched directory, or mounts, as fast as possible.

use crate::model::MonoTime;
use std::time::Duration;

/// How much may be used at once after a long rest.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Work and the rest after it take this many times as long as the work.
const TIMES: u32 = 10;

/// The shortest rest: a timer for each portion of a hundred microseconds would cost more than that.
const SHORTEST: Duration = Duration::from_millis(2);

/// What is left of an allowance.
#[derive(Debug)]
pub(super) struct Allowance {
    at_once: Duration,
    shortest: Duration,
    /// When all of it is available again.
    whole_at: MonoTime,
    /// If it was used up: when some of it is available again.
    rest_until: Option<MonoTime>,
}

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance { at_once: AT_ONCE, shortest: SHORTEST, whole_at: MonoTime::ZERO, rest_until: None }
    }
}

impl Allowance {
    /// With a rest of at least this long after each portion, including the first.
    pub(super) fn after_rests_of(shortest: Duration) -> Allowance {
        Allowance { at_once: Duration::ZERO, shortest, ..Allowance::default() }
    }

    /// The end of the present rest, if there is one.
    pub(super) fn rest(&self) -> Option<MonoTime> {
        self.rest_until
    }

    /// Whether work is allowed.
    pub(super) fn allows(&mut self, now: MonoTime) -> bool {
        self.rest_until = self.rest_until.filter(|until| *until > now);
        self.rest_until.is_none()
    }

    /// A portion of work has taken this long.
    pub(super) fn spend(&mut self, now: MonoTime, took: Duration) {
        self.whole_at = self.whole_at.max(now) + took.saturating_mul(TIMES);
        let over = self.whole_at.since(now).saturating_sub(self.at_once.saturating_mul(TIMES));
        let rests = !over.is_zero() || self.at_once.is_zero();
        self.rest_until = rests.then(|| now + over.max(self.shortest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_second_is_free_and_then_nine_tenths_are_rest() {
        let mut allowance = Allowance::default();
        let portion = Duration::from_millis(5);
        let (mut now, mut work) = (at(1_000), 0);
        while now < at(101_000) {
            if allowance.allows(now) {
                assert_eq!(allowance.rest(), None);
                allowance.spend(now, portion);
                (now, work) = (now + portion, work + 5);
            } else {
                let until = allowance.rest().unwrap();
                assert!(until > now && until.since(now) <= 10 * portion);
                now = until;
            }
        }
        assert!((10_900..=11_200).contains(&work), "{work} ms in 100 s");
    }

    #[test]
    fn what_is_not_used_is_not_saved_beyond_that() {
        let mut allowance = Allowance::default();
        allowance.spend(at(0), Duration::from_secs(1));
        assert!(allowance.allows(at(0)));
        allowance.spend(at(0), Duration::from_millis(1));
        assert_eq!(allowance.rest(), Some(at(10)));
        assert!(!allowance.allows(at(9)) && allowance.allows(at(10)));
        // A day later it is a second again, no more.
        let day = 86_400_000;
        allowance.spend(at(day), Duration::from_millis(1_001));
        assert_eq!(allowance.rest(), Some(at(day + 10)));
    }

    #[test]
    fn without_a_reserve_each_portion_is_followed_by_a_rest() {
        let mut allowance = Allowance::after_rests_of(Duration::from_millis(20));
        for (now, took, until) in [(0, 0, 20), (20, 1, 40), (40, 5, 90), (500, 30, 800)] {
            assert!(allowance.allows(at(now)), "the first is done at once, and each after the rest");
            allowance.spend(at(now), Duration::from_millis(took));
            assert_eq!(allowance.rest(), Some(at(until)));
            assert!(!allowance.allows(at(until - 1)));
        }
    }
}

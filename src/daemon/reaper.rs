//! Which children to ask for: those that SIGCHLD named, and from time to time all, because signals merge and
//! because orphans of jobs become our children without notice. Decides only; others ask the kernel.
#![forbid(unsafe_code)]

use crate::model::{MonoTime, Pid};
use crate::sys::signals::Caught;
use std::collections::BTreeSet;
use std::time::Duration;

/// A walk that takes no longer than this comes at once: some 500 children.
const SHORT: Duration = Duration::from_micros(100);
/// Otherwise the pause between two walks is this many times the duration of one.
const REST_TIMES: u32 = 5;
/// The longest pause: a death whose signal merged with another is found within this time.
const REST: Duration = Duration::from_millis(20);
/// After a single death, a walk over many children leaves the CPU to the successor for this long.
const GIVE_WAY: Duration = Duration::from_millis(2);
/// How long one walk reaps before others are served.
const REAP_FOR: Duration = Duration::from_millis(20);
/// When a failed walk is repeated.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How many deaths these signals report. One that reports an overflow stands for many.
pub fn deaths(caught: &[Caught]) -> usize {
    let told = |signal: &Caught| match signal {
        Caught::Child(_) => 1,
        Caught::Overflow => 2,
        Caught::Signal(_) => 0,
    };
    caught.iter().map(told).sum()
}

/// When the next walk over all children is due.
#[derive(Debug, Default)]
pub struct Reaper {
    owed: Option<MonoTime>,
    /// When the last walk began.
    began: Option<MonoTime>,
    /// How long it takes to find that no further child has ended.
    takes: Duration,
    /// The end of the pause between two walks.
    rested: MonoTime,
    /// Children that made us their tracer and were released since the last complete walk.
    let_go: BTreeSet<Pid>,
}

impl Reaper {
    /// Signals have reported this many deaths; others that named nobody may have merged with them.
    pub fn told_of(&mut self, deaths: usize, now: MonoTime) {
        if deaths == 0 || self.owed.is_some() {
            return;
        }
        self.owed = Some(match (self.takes <= SHORT, deaths) {
            (true, _) => now,
            (false, 1) => self.rested.max(now + GIVE_WAY),
            (false, _) => self.rested.max(now),
        });
    }

    /// The walk is complete. It took this long to find that no further child has ended.
    pub fn rest(&mut self, now: MonoTime, took: Duration) {
        self.takes = took;
        self.let_go.clear();
        self.rested = now + took.saturating_mul(REST_TIMES).min(REST);
    }

    /// The walk was interrupted and continues at once.
    pub fn owe(&mut self, now: MonoTime) {
        self.owed = Some(now);
    }

    /// The walk has failed and is repeated later.
    pub fn again(&mut self, now: MonoTime) {
        self.owed = Some(now + AGAIN_AFTER);
    }

    /// When the walk is due.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.owed
    }

    /// Whether to walk now. If so, the walk begins at this time.
    pub fn due(&mut self, now: MonoTime) -> bool {
        let due = self.owed.is_some_and(|at| at <= now);
        if due {
            self.owed = None;
            self.began = Some(now);
        }
        due
    }

    /// Whether to release a child that has made us its tracer. False if it does so again in the same walk: it has to be
    /// killed, or the walk would never get past it.
    pub fn is_let_go(&mut self, pid: Pid) -> bool {
        self.let_go.insert(pid)
    }

    /// Whether the present walk has used its time.
    pub fn over(&self, now: MonoTime) -> bool {
        self.began.is_none_or(|began| now.since(began) > REAP_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;

    fn at(millis: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_millis(millis)
    }

    /// The state after a walk that ended at this time and took this many microseconds to find nobody.
    fn after_a_walk(end: u64, micros: u64) -> Reaper {
        let mut reaper = Reaper::default();
        reaper.told_of(1, at(end));
        assert!(reaper.due(at(end)));
        reaper.rest(at(end), Duration::from_micros(micros));
        reaper
    }

    #[test]
    fn a_child_that_makes_us_its_tracer_is_let_go_once_a_walk_also_when_that_takes_several_turns() {
        let mut reaper = Reaper::default();
        let [one, other] = [7, 8].map(|number| Pid::new(number).unwrap());
        for start in [0, 1_000] {
            reaper.told_of(1, at(start));
            assert!(reaper.due(at(start)) && reaper.is_let_go(one));
            reaper.owe(at(start + 20));
            assert!(reaper.due(at(start + 20)) && !reaper.is_let_go(one) && reaper.is_let_go(other));
            reaper.rest(at(start + 21), Duration::ZERO);
        }
    }

    #[test]
    fn a_short_walk_comes_at_once_and_a_long_one_the_more_rarely_the_longer_it_is() {
        let mut reaper = Reaper::default();
        assert!(!reaper.due(at(0)));
        reaper.told_of(2, at(1));
        assert!(reaper.due(at(1)) && !reaper.due(at(1)));
        let mut reaper = after_a_walk(10, 100);
        reaper.told_of(2, at(10));
        assert!(reaper.due(at(10)));
        let mut reaper = after_a_walk(10, 1_600);
        reaper.told_of(2, at(11));
        assert_eq!(reaper.deadline(), Some(at(18)));
        assert!(!reaper.due(at(17)) && reaper.due(at(18)));
        let mut reaper = after_a_walk(10, 700_000);
        reaper.told_of(2, at(11));
        assert_eq!(reaper.deadline(), Some(at(30)));
        let mut reaper = after_a_walk(10, 700_000);
        reaper.told_of(2, at(900));
        assert!(reaper.due(at(900)));
    }

    #[test]
    fn after_a_single_death_a_long_walk_gives_way_to_the_successor() {
        let mut reaper = Reaper::default();
        reaper.told_of(0, at(0));
        assert_eq!(reaper.deadline(), None);
        let mut reaper = after_a_walk(0, 100);
        reaper.told_of(1, at(100));
        assert!(reaper.due(at(100)));
        let mut reaper = after_a_walk(0, 101);
        reaper.told_of(1, at(100));
        assert!(!reaper.due(at(101)) && reaper.due(at(102)));
        let mut reaper = after_a_walk(0, 2_000);
        reaper.told_of(1, at(3));
        assert_eq!(reaper.deadline(), Some(at(10)));
    }

    #[test]
    fn a_walk_that_failed_is_tried_again_after_a_while() {
        let mut reaper = Reaper::default();
        reaper.told_of(2, at(0));
        assert!(reaper.due(at(0)));
        reaper.again(at(0));
        assert!(!reaper.due(at(999)) && reaper.due(at(1000)));
        assert_eq!(reaper.deadline(), None);
    }

    #[test]
    fn a_walk_that_was_not_finished_goes_on_at_once() {
        let mut reaper = Reaper::default();
        reaper.told_of(2, at(0));
        assert!(reaper.due(at(0)));
        reaper.owe(at(0));
        assert!(reaper.due(at(0)));
    }

    #[test]
    fn a_walk_has_its_time_from_its_own_begin() {
        let mut reaper = Reaper::default();
        reaper.told_of(2, at(0));
        assert!(reaper.due(at(700)) && !reaper.over(at(720)) && reaper.over(at(721)));
        reaper.owe(at(721));
        assert!(reaper.due(at(900)) && !reaper.over(at(920)) && reaper.over(at(921)));
    }

    #[test]
    fn a_signal_that_did_not_fit_stands_for_many_deaths_and_other_signals_for_none() {
        let child = Caught::Child(Pid::new(7).unwrap());
        assert_eq!(deaths(&[]), 0);
        assert_eq!(deaths(&[Caught::Signal(Signal::TERM), child]), 1);
        assert_eq!(deaths(&[Caught::Overflow]), 2);
        assert_eq!(deaths(&[child, child, Caught::Overflow, Caught::Signal(Signal::HUP)]), 4);
    }

    #[test]
    fn a_later_death_does_not_postpone_the_walk() {
        let mut reaper = after_a_walk(0, 2_000);
        reaper.told_of(2, at(1));
        reaper.told_of(1, at(9));
        assert_eq!(reaper.deadline(), Some(at(10)));
    }
}

//! Work that is repeated as long as there is a reason.

use crate::model::MonoTime;
use std::time::Duration;

/// A timer that runs only while it is wanted, so that nothing wakes the loop at rest.
#[derive(Debug)]
pub(super) struct Interval {
    /// The first wait, after which the reason may have gone.
    first: Duration,
    every: Duration,
    /// The next wait.
    pause: Duration,
    at: Option<MonoTime>,
}

impl Interval {
    /// Waits `first`, then longer each time up to `every`.
    pub(super) fn new(first: Duration, every: Duration) -> Interval {
        Interval { first, every, pause: first, at: None }
    }

    /// When it runs out.
    pub(super) fn at(&self) -> Option<MonoTime> {
        self.at
    }

    /// Whether it has expired; it then stops until it is wound.
    pub(super) fn due(&mut self, now: MonoTime) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }

    /// Whether it runs exactly if it is wanted.
    pub(super) fn fits(&self, wanted: bool) -> bool {
        self.at.is_some() == wanted
    }

    /// Starts or stops it; a running one continues.
    pub(super) fn wind(&mut self, now: MonoTime, wanted: bool) {
        if !wanted {
            (self.at, self.pause) = (None, self.first);
        } else if self.at.is_none() {
            self.at = Some(now + self.pause);
            self.pause = self.pause.saturating_mul(2).min(self.every);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_out_once_and_only_when_wanted() {
        let at = |secs| MonoTime::ZERO + Duration::from_secs(secs);
        let mut interval = Interval::new(Duration::from_secs(4), Duration::from_secs(4));
        assert!(!interval.due(at(9)) && interval.fits(false));
        interval.wind(at(1), true);
        interval.wind(at(3), true);
        assert_eq!((interval.at(), interval.fits(true)), (Some(at(5)), true));
        assert!(!interval.due(at(4)) && interval.due(at(5)) && !interval.due(at(5)));
        interval.wind(at(5), true);
        interval.wind(at(6), false);
        assert_eq!(interval.at(), None);
    }

    #[test]
    fn it_begins_soon_and_slows_down_until_it_is_not_wanted() {
        let at = |millis| MonoTime::ZERO + Duration::from_millis(millis);
        let mut interval = Interval::new(Duration::from_millis(500), Duration::from_secs(2));
        let mut runs_out = |now, then| {
            interval.wind(at(now), true);
            assert_eq!(interval.at(), Some(at(then)));
            assert!(interval.due(at(then)));
        };
        runs_out(0, 500);
        runs_out(500, 1_500);
        runs_out(1_500, 3_500);
        runs_out(3_500, 5_500);
        interval.wind(at(5_500), false);
        interval.wind(at(9_000), true);
        assert_eq!(interval.at(), Some(at(9_500)));
    }
}

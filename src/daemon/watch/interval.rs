//! What is done from time to time, as long as there is a reason to.

use crate::model::MonoTime;
use std::time::Duration;

/// A timer that runs only while it is wanted, so that at rest nothing wakes us.
#[derive(Debug)]
pub(super) struct Interval {
    every: Duration,
    at: Option<MonoTime>,
}

impl Interval {
    pub(super) fn new(every: Duration) -> Interval {
        Interval { every, at: None }
    }

    /// When it runs out.
    pub(super) fn at(&self) -> Option<MonoTime> {
        self.at
    }

    /// Whether it has run out; it then stands still until it is wound.
    pub(super) fn due(&mut self, now: MonoTime) -> bool {
        self.at.take_if(|at| *at <= now).is_some()
    }

    /// Whether it runs just when it is wanted.
    pub(super) fn fits(&self, wanted: bool) -> bool {
        self.at.is_some() == wanted
    }

    /// Makes it run or stand still; one that runs already goes on.
    pub(super) fn wind(&mut self, now: MonoTime, wanted: bool) {
        self.at = wanted.then(|| self.at.unwrap_or(now + self.every));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_out_once_and_only_when_wanted() {
        let at = |secs| MonoTime::ZERO + Duration::from_secs(secs);
        let mut interval = Interval::new(Duration::from_secs(4));
        assert!(!interval.due(at(9)) && interval.fits(false));
        interval.wind(at(1), true);
        interval.wind(at(3), true);
        assert_eq!((interval.at(), interval.fits(true)), (Some(at(5)), true));
        assert!(!interval.due(at(4)) && interval.due(at(5)) && !interval.due(at(5)));
        interval.wind(at(5), true);
        interval.wind(at(6), false);
        assert_eq!(interval.at(), None);
    }
}

//! Limits how often a request is carried out.

use super::MonoTime;
use std::time::Duration;

/// The shortest time between two requests that are carried out.
const INTERVAL: Duration = Duration::from_secs(1);

/// Carries out at most one request per second. The first is carried out at once, and the last is never dropped: a
/// request that comes too early waits until the second is over.
#[derive(Debug, Default)]
pub struct Throttle {
    asked: bool,
    /// No request is carried out before this time.
    from: MonoTime,
}

impl Throttle {
    /// Accepts a request. Several requests that wait count as one.
    pub fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether to carry out the waiting request now. If so, it no longer waits.
    pub fn due(&mut self, now: MonoTime) -> bool {
        let due = self.asked && self.from <= now;
        if due {
            (self.asked, self.from) = (false, now + INTERVAL);
        }
        due
    }

    /// When the waiting request is due, if there is one.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.asked.then_some(self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn the_first_request_is_carried_out_at_once_and_the_next_when_a_second_is_over() {
        let mut throttle = Throttle::default();
        assert!(!throttle.due(at(5_000)) && throttle.deadline().is_none());
        throttle.ask();
        assert!(throttle.due(at(5_000)) && !throttle.due(at(5_000)));
        assert_eq!(throttle.deadline(), None);
        throttle.ask();
        assert!(!throttle.due(at(5_001)) && !throttle.due(at(5_999)));
        assert_eq!(throttle.deadline(), Some(at(6_000)));
        assert!(throttle.due(at(6_000)) && !throttle.due(at(9_000)));
        throttle.ask();
        assert!(throttle.due(at(9_000)));
    }

    #[test]
    fn of_a_thousand_requests_a_second_one_a_second_is_carried_out_and_the_last_always() {
        let mut throttle = Throttle::default();
        let mut done = Vec::new();
        for millis in 0..3_500 {
            throttle.ask();
            if throttle.due(at(millis)) {
                done.push(millis);
            }
        }
        assert_eq!(done, [0, 1_000, 2_000, 3_000]);
        assert_eq!(throttle.deadline(), Some(at(4_000)));
        assert!(throttle.due(at(4_000)) && throttle.deadline().is_none());
    }
}

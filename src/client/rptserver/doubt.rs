//! Whether hosts may be called silent: not while their reports may still lie in the socket.

use crate::model::MonoTime;
use std::time::Duration;

/// How long nobody is called silent because not all that has come is read.
const BENEFIT: Duration = Duration::from_secs(2);
/// While there is more to read the loop comes back at once: after such a gap it was held up, be it by a slow disk or a
/// SIGSTOP, and what was sent meanwhile has yet to be read.
const HELD_UP: Duration = Duration::from_secs(1);
/// So often a hold-up is an excuse: a flood that never ends is no reason to believe that everybody lives.
const EXCUSES: u8 = 10;

/// What is known of what is not known.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Since when there has been more to read.
    since: Option<MonoTime>,
    /// When this was asked last.
    asked: MonoTime,
    excuses: u8,
}

impl Doubt {
    /// Whether hosts may be called silent now. To be asked in each turn, after a portion was read.
    pub(super) fn is_over(&mut self, now: MonoTime, drained: bool) -> bool {
        let held_up = now.since(self.asked) >= HELD_UP;
        self.asked = now;
        if drained {
            self.since = None;
            self.excuses = 0;
            return true;
        }
        if self.since.is_some() && held_up && self.excuses < EXCUSES {
            self.excuses += 1;
            self.since = Some(now);
        }
        *self.since.get_or_insert(now) + BENEFIT <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn who_has_read_everything_has_no_doubt() {
        let mut doubt = Doubt::default();
        assert!(doubt.is_over(at(0), true) && doubt.is_over(at(100), true));
    }

    #[test]
    fn what_is_left_to_read_gives_two_seconds_and_a_hold_up_gives_them_again() {
        let mut doubt = Doubt::default();
        let half = Duration::from_millis(500);
        assert!(!doubt.is_over(at(10), false) && !doubt.is_over(at(10) + half, false));
        // Stopped for a minute in the midst of it.
        assert!(!doubt.is_over(at(70), false) && !doubt.is_over(at(70) + half, false));
        assert!(!doubt.is_over(at(71), false) && !doubt.is_over(at(71) + half, false));
        assert!(doubt.is_over(at(72), false));
        assert!(doubt.is_over(at(72), true) && !doubt.is_over(at(200), false));
    }

    #[test]
    fn hold_ups_without_end_are_no_excuse() {
        let mut doubt = Doubt::default();
        let over = (0..100).find(|turn| doubt.is_over(at(turn * 5), false));
        assert_eq!(over, Some(11));
    }
}

//! Whether hosts may be called silent: not while their reports may still be unread in the socket.

use crate::model::MonoTime;
use std::time::Duration;

/// How long unread datagrams keep hosts from being called silent.
const BENEFIT: Duration = Duration::from_secs(2);
/// While there is more to read, the loop comes back at once. A gap this long means that it was held up, for example by
/// a slow disk or a SIGSTOP, and that what was sent in the meantime is still unread.
const HELD_UP: Duration = Duration::from_secs(1);
/// How many hold-ups are an excuse: an endless flood is no reason to believe that all hosts are alive.
const EXCUSES: u8 = 10;

/// How long datagrams have been unread, and how many hold-ups were an excuse.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Since when there has been more to read.
    since: Option<MonoTime>,
    /// When `is_over` was last called.
    asked: MonoTime,
    excuses: u8,
}

impl Doubt {
    /// Whether hosts may be called silent now. Call this in each turn, after a portion was read.
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
    fn without_unread_datagrams_there_is_no_doubt() {
        let mut doubt = Doubt::default();
        assert!(doubt.is_over(at(0), true) && doubt.is_over(at(100), true));
    }

    #[test]
    fn unread_datagrams_give_two_seconds_and_a_hold_up_gives_them_again() {
        let mut doubt = Doubt::default();
        let half = Duration::from_millis(500);
        assert!(!doubt.is_over(at(10), false) && !doubt.is_over(at(10) + half, false));
        // Stopped for a minute in between.
        assert!(!doubt.is_over(at(70), false) && !doubt.is_over(at(70) + half, false));
        assert!(!doubt.is_over(at(71), false) && !doubt.is_over(at(71) + half, false));
        assert!(doubt.is_over(at(72), false));
        assert!(doubt.is_over(at(72), true) && !doubt.is_over(at(200), false));
    }

    #[test]
    fn endless_hold_ups_are_no_excuse() {
        let mut doubt = Doubt::default();
        let over = (0..100).find(|turn| doubt.is_over(at(turn * 5), false));
        assert_eq!(over, Some(11));
    }
}

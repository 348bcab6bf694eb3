//! How long the loop sleeps, and how long the log waits for starts. Decides only; others read the clock.
#![forbid(unsafe_code)]

use crate::model::MonoTime;
use std::time::Duration;

/// While jobs are to be started, lines wait this long: the log reader competes with starts for the CPU.
const WORDS_WAIT: Duration = Duration::from_millis(100);
/// While memory is short, nothing reports when there is enough again.
const MEMORY_LOOK: Duration = Duration::from_millis(200);

/// How long to sleep until the first of these is due; None is forever.
pub fn sleep(
    now: MonoTime,
    due: impl IntoIterator<Item = Option<MonoTime>>,
    memory_is_short: bool,
) -> Option<Duration> {
    let look = memory_is_short.then(|| now + MEMORY_LOOK);
    due.into_iter().flatten().chain(look).min().map(|at| at.since(now))
}

/// When lines are sent.
#[derive(Debug, Default)]
pub struct FlushPace {
    sent: MonoTime,
}

impl FlushPace {
    /// Whether to send lines now. Starts come first, for a while.
    pub fn due(&mut self, now: MonoTime, starting: bool) -> bool {
        let due = !starting || now.since(self.sent) >= WORDS_WAIT;
        if due {
            self.sent = now;
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
    fn the_loop_sleeps_until_the_first_is_due_and_for_ever_when_nothing_is() {
        assert_eq!(sleep(at(10), [None, None], false), None);
        assert_eq!(
            sleep(at(10), [Some(at(900)), None, Some(at(30))], false),
            Some(Duration::from_millis(20))
        );
        assert_eq!(sleep(at(10), [Some(at(900)), Some(at(3))], false), Some(Duration::ZERO));
    }

    #[test]
    fn while_memory_is_short_the_loop_looks_five_times_a_second_whether_there_is_some_again() {
        assert_eq!(sleep(at(10), [None], true), Some(Duration::from_millis(200)));
        assert_eq!(sleep(at(10), [Some(at(900))], true), Some(Duration::from_millis(200)));
        assert_eq!(sleep(at(10), [Some(at(40))], true), Some(Duration::from_millis(30)));
    }

    #[test]
    fn lines_are_sent_in_each_turn_but_ten_times_a_second_while_there_are_jobs_to_start() {
        let mut pace = FlushPace::default();
        assert!(pace.due(at(1), false) && pace.due(at(2), false));
        assert!(!pace.due(at(3), true) && !pace.due(at(101), true));
        assert!(pace.due(at(102), true) && !pace.due(at(103), true) && !pace.due(at(201), true));
        assert!(pace.due(at(202), true));
        assert!(!pace.due(at(203), true) && pace.due(at(204), false));
    }
}

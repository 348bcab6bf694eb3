//! When a job that has ended starts again: a pure function of how it ended.

use crate::model::Exit;
use std::time::Duration;

/// Who ends before this time has ended quickly, and waits as long before the next start.
pub const QUICK: Duration = Duration::from_secs(10);
/// When a start is tried again that the machine had no room for, for the first time. One that fails again and again
/// is tried ever more rarely, up to every [`QUICK`].
pub const AGAIN: Duration = Duration::from_secs(1);
/// The exit status that says: don't start me again.
pub const STAY_DOWN: i32 = 33;

/// What follows the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Start again at once.
    AtOnce,
    /// Start again after this time.
    After(Duration),
    /// Stay down until the definition changes.
    Never,
}

/// What follows the end of a run of length `ran` that nobody asked for.
pub fn after_end(once: bool, exit: Exit, ran: Duration) -> Next {
    if once || exit == Exit::Code(STAY_DOWN) {
        Next::Never
    } else if ran < QUICK {
        Next::After(QUICK)
    } else {
        Next::AtOnce
    }
}

/// What follows `before`, the last pause between two attempts, if there was one.
pub fn next_pause(before: Option<Duration>) -> Duration {
    before.map_or(AGAIN, |before| before.saturating_mul(2).min(QUICK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;

    #[test]
    fn attempts_come_ever_more_rarely_and_never_more_than_ten_seconds_apart() {
        let pauses = std::iter::successors(Some(next_pause(None)), |before| Some(next_pause(Some(*before))));
        let secs: Vec<u64> = pauses.take(7).map(|pause| pause.as_secs()).collect();
        assert_eq!(secs, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn ten_seconds_decide_unless_the_job_is_done() {
        let secs = Duration::from_secs;
        for (once, exit, ran, next) in [
            (false, Exit::Code(0), secs(0), Next::After(QUICK)),
            (false, Exit::Code(1), Duration::from_millis(9_999), Next::After(QUICK)),
            (false, Exit::Signal(Signal(11)), secs(10), Next::AtOnce),
            (false, Exit::Code(33), secs(90), Next::Never),
            (false, Exit::Signal(Signal(33)), secs(90), Next::AtOnce),
            (true, Exit::Code(0), secs(0), Next::Never),
            (true, Exit::Signal(Signal(9)), secs(90), Next::Never),
        ] {
            assert_eq!(after_end(once, exit, ran), next, "{once} {exit:?} {ran:?}");
        }
    }
}

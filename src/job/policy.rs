//! When a job that has ended starts again: a pure function of how it ended.

use crate::model::Exit;
use std::time::Duration;

/// Who ends before this time has ended quickly, and waits as long before the next start.
pub const QUICK: Duration = Duration::from_secs(10);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;

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

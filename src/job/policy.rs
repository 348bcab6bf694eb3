//! When a job that has ended starts again: a pure function of how it ended.

use crate::model::Exit;
use std::time::Duration;

/// A run that is shorter than this is quick; the next start waits as long.
pub const QUICK: Duration = Duration::from_secs(10);
/// When a start is tried again for the first time that failed for lack of a resource. The pause doubles with each
/// failure, up to [`QUICK`].
pub const AGAIN: Duration = Duration::from_secs(1);
/// The shortest and the longest time between two restarts for changed files of `depends`.
pub const APART: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// The exit status by which a job asks not to be restarted.
pub const STAY_DOWN: i32 = 33;

/// What happens after the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// Start again at once.
    AtOnce,
    /// Start again after this time.
    After(Duration),
    /// Stay down until the definition changes.
    Never,
}

/// What happens after a run of length `ran` that was not stopped.
pub fn after_end(once: bool, exit: Exit, ran: Duration) -> AfterEnd {
    if once || exit == Exit::Code(STAY_DOWN) {
        AfterEnd::Never
    } else if ran < QUICK {
        AfterEnd::After(QUICK)
    } else {
        AfterEnd::AtOnce
    }
}

/// The next pause between two attempts; `before` is the last one, if there was one.
pub fn next_pause(before: Option<Duration>) -> Duration {
    before.map_or(AGAIN, |before| before.saturating_mul(2).min(QUICK))
}

/// How long after a restart for a changed file the next one may come. `before` is the time since the last such restart
/// and the distance that applied then. The distance doubles until the file stays unchanged for a while.
pub fn next_distance(before: Option<(Duration, Duration)>) -> Duration {
    let [first, last] = APART;
    match before {
        Some((since, pause)) if since < pause.saturating_mul(2).max(QUICK) => {
            pause.saturating_mul(2).min(last)
        }
        Some(_) | None => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signal;

    #[test]
    fn restarts_for_changes_lie_ever_farther_apart_until_it_is_quiet() {
        let secs = Duration::from_secs;
        let mut distance = next_distance(None);
        let mut all = vec![distance];
        for _ in 0..7 {
            distance = next_distance(Some((distance, distance)));
            all.push(distance);
        }
        assert_eq!(all, [1, 2, 4, 8, 16, 32, 60, 60].map(secs));
        for (since, pause, next) in
            [(9, 1, 2), (10, 1, 1), (15, 8, 16), (16, 8, 1), (119, 60, 60), (120, 60, 1)]
        {
            assert_eq!(next_distance(Some((secs(since), secs(pause)))), secs(next), "{since} {pause}");
        }
    }

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
            (false, Exit::Code(0), secs(0), AfterEnd::After(QUICK)),
            (false, Exit::Code(1), Duration::from_millis(9_999), AfterEnd::After(QUICK)),
            (false, Exit::Signal(Signal(11)), secs(10), AfterEnd::AtOnce),
            (false, Exit::Code(33), secs(90), AfterEnd::Never),
            (false, Exit::Signal(Signal(33)), secs(90), AfterEnd::AtOnce),
            (true, Exit::Code(0), secs(0), AfterEnd::Never),
            (true, Exit::Signal(Signal(9)), secs(90), AfterEnd::Never),
        ] {
            assert_eq!(after_end(once, exit, ran), next, "{once} {exit:?} {ran:?}");
        }
    }
}

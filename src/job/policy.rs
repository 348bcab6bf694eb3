//! When a job that has ended starts again: pure functions of the rules, of what has happened, and of a drawn number.

use super::Outcome;
use crate::model::{Codes, Delay, Ending, Exit, GiveUp, Growth, Lasting, Policy, Restart};
use std::time::Duration;

/// Without rules, a run that is shorter than this is quick, and the next start waits as long.
pub const QUICK: Duration = Duration::from_secs(10);
/// No delay is longer.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);
/// When a start is tried again for the first time that failed for lack of a resource. The pause doubles with each
/// failure, up to [`QUICK`].
pub const AGAIN: Duration = Duration::from_secs(1);
/// The shortest and the longest time between two restarts for changed files of `depends`.
pub const APART: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// Two starts by rule lie at least this far apart.
pub const STARTS_APART: Duration = Duration::from_millis(100);

/// What becomes of a job after a run that nobody has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// It starts again at once.
    AtOnce,
    /// It starts again after the delay.
    Delayed,
    /// It is not started again by itself.
    Over(Outcome),
}

/// Whether this end counts as a success.
pub fn is_success(restart: &Restart, exit: Exit) -> bool {
    let codes = restart.success.unwrap_or_else(|| Codes::statuses([0, Codes::STAY_DOWN]));
    codes.contain(exit, false)
}

/// Whether a run was quick. A start that failed is.
pub fn is_quick(restart: &Restart, ending: Ending, ran: Duration) -> bool {
    match (ending, restart.steady.unwrap_or(Lasting::For(QUICK))) {
        (Ending::NeverStarted(_), _) | (_, Lasting::Never) => true,
        (Ending::Ran(_), Lasting::For(steady)) => ran < steady,
    }
}

/// What follows from an end. `quick` is the number of quick runs in a row and `ends` that of the ends within the time
/// of `give up`, both with this one.
pub fn after_end(policy: &Policy, ending: Ending, quick: u32, ends: usize) -> AfterEnd {
    let restart = &policy.restart;
    if let Ending::Ran(exit) = ending {
        let success = is_success(restart, exit);
        let stays = restart.stay_down.unwrap_or_else(|| Codes::statuses([Codes::STAY_DOWN]));
        let restarts = restart.on.map_or(!policy.fixed.once, |on| on.contain(exit, success));
        if stays.contain(exit, success) || !restarts {
            return AfterEnd::Over(if success { Outcome::Done } else { Outcome::Failed });
        }
    }
    let gives_up = restart.give_up.is_some_and(|GiveUp { after, within }| match within {
        None => quick >= u32::from(after),
        Some(_) => ends >= usize::from(after),
    });
    match quick {
        _ if gives_up => AfterEnd::Over(Outcome::GaveUp),
        0 => AfterEnd::AtOnce,
        _ => AfterEnd::Delayed,
    }
}

/// How long the restart waits after the n-th quick run in a row, or the first if there is none. `draw` is any number;
/// it decides which way and how far `jitter` moves the delay.
pub fn delay(restart: &Restart, nth: u32, draw: u32) -> Duration {
    let Some(Delay { first, growth, up_to, jitter }) = restart.delay else { return QUICK };
    let more = nth.saturating_sub(1);
    let grown = match growth {
        Growth::None => first,
        Growth::Plus(by) => first.saturating_add(by.saturating_mul(more)),
        Growth::Times(factor) => first.saturating_mul(factor.saturating_pow(more)),
    };
    let most = up_to.unwrap_or(LONGEST);
    let base = grown.min(most);
    let range = base.saturating_mul(u32::from(jitter)) / 100;
    let moved = range.as_nanos().saturating_mul(2 * u128::from(draw)) / u128::from(u32::MAX);
    let moved = Duration::from_nanos(u64::try_from(moved).unwrap_or(u64::MAX));
    (base + moved).saturating_sub(range).min(most)
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
    use crate::model::{Errno, Fixed, Signal, SpawnError, Stage};

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

    fn ran(exit: Exit) -> Ending {
        Ending::Ran(exit)
    }

    #[test]
    fn without_rules_ten_seconds_decide_unless_the_job_is_done() {
        use AfterEnd::*;
        let secs = Duration::from_secs;
        let over = |outcome| Over(outcome);
        for (once, exit, time, next) in [
            (false, Exit::Code(0), secs(0), Delayed),
            (false, Exit::Code(1), Duration::from_millis(9_999), Delayed),
            (false, Exit::Signal(Signal(11)), secs(10), AtOnce),
            (false, Exit::Code(33), secs(90), over(Outcome::Done)),
            (false, Exit::Signal(Signal(33)), secs(90), AtOnce),
            (true, Exit::Code(0), secs(0), over(Outcome::Done)),
            (true, Exit::Signal(Signal(9)), secs(90), over(Outcome::Failed)),
        ] {
            let policy = Policy::from(Fixed { once, ..Fixed::default() });
            let quick = is_quick(&policy.restart, ran(exit), time);
            assert_eq!(after_end(&policy, ran(exit), quick.into(), 1), next, "{once} {exit:?} {time:?}");
        }
        assert_eq!(delay(&Restart::default(), 7, 99), QUICK);
    }

    #[test]
    fn staying_down_wins_over_a_restart_and_a_task_is_repeated_until_it_is_done() {
        use AfterEnd::*;
        let failure = {
            let mut codes = Codes::NONE;
            codes.add_failure();
            codes
        };
        let rules = |on: Option<Codes>, stay_down: Option<Codes>, success: Option<Codes>| Restart {
            on,
            stay_down,
            success,
            ..Restart::default()
        };
        let three = Some(Codes::statuses([3]));
        let (done, failed) = (Over(Outcome::Done), Over(Outcome::Failed));
        for (once, restart, code, next) in [
            (false, rules(Some(failure), None, None), 0, done),
            (false, rules(Some(failure), None, None), 1, AtOnce),
            (false, rules(Some(failure), three, None), 3, failed),
            (false, rules(Some(failure), three, three), 3, done),
            (false, rules(Some(failure), Some(Codes::NONE), None), 33, done),
            (false, rules(None, Some(Codes::NONE), None), 33, AtOnce),
            (false, rules(Some(Codes::NONE), None, None), 1, failed),
            (true, rules(Some(failure), None, None), 1, AtOnce),
            (true, rules(Some(failure), None, None), 0, done),
            (true, rules(three, None, None), 4, failed),
            (false, rules(three, None, three), 3, AtOnce),
        ] {
            let fixed = Fixed { once, ..Fixed::default() };
            let policy = Policy { restart, fixed, ..Policy::default() };
            assert_eq!(after_end(&policy, ran(Exit::Code(code)), 0, 1), next, "{policy:?} {code}");
        }
        // A start that failed is no end that the rules judge.
        let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
        let policy = Policy { restart: rules(Some(Codes::NONE), None, None), ..Policy::default() };
        assert_eq!(after_end(&policy, Ending::NeverStarted(error), 1, 1), Delayed);
    }

    #[test]
    fn a_job_gives_up_after_so_many_quick_runs_in_a_row_or_ends_within_a_time() {
        use AfterEnd::*;
        let policy = |within| {
            let give_up = Some(GiveUp { after: 3, within });
            Policy { restart: Restart { give_up, ..Restart::default() }, ..Policy::default() }
        };
        let end = ran(Exit::Code(1));
        for (within, quick, ends, next) in [
            (None, 2, 9, Delayed),
            (None, 3, 0, Over(Outcome::GaveUp)),
            (Some(QUICK), 9, 2, Delayed),
            (Some(QUICK), 0, 3, Over(Outcome::GaveUp)),
            (Some(QUICK), 0, 2, AtOnce),
        ] {
            assert_eq!(after_end(&policy(within), end, quick, ends), next, "{within:?} {quick} {ends}");
        }
        // An end for good is one, however many there were.
        let quiet = ran(Exit::Code(33));
        assert_eq!(after_end(&policy(None), quiet, 3, 3), Over(Outcome::Done));
    }

    #[test]
    fn a_run_is_quick_below_the_steady_time_and_each_one_if_there_is_none() {
        let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
        let (end, secs) = (ran(Exit::Code(0)), Duration::from_secs);
        for (steady, ending, time, quick) in [
            (None, end, 9, true),
            (None, end, 10, false),
            (Some(Lasting::For(secs(60))), end, 59, true),
            (Some(Lasting::For(secs(60))), end, 60, false),
            (Some(Lasting::For(secs(0))), end, 0, false),
            (Some(Lasting::Never), end, 999, true),
            (Some(Lasting::For(secs(0))), Ending::NeverStarted(error), 99, true),
        ] {
            let restart = Restart { steady, ..Restart::default() };
            assert_eq!(is_quick(&restart, ending, secs(time)), quick, "{steady:?} {time}");
        }
    }

    #[test]
    fn a_delay_grows_up_to_its_limit_and_chance_moves_it_by_its_percentage_at_most() {
        let secs = Duration::from_secs;
        let rule = |growth, up_to, jitter| Restart {
            delay: Some(Delay { first: secs(2), growth, up_to, jitter }),
            ..Restart::default()
        };
        let plus = rule(Growth::Plus(secs(3)), None, 0);
        let times = rule(Growth::Times(3), Some(secs(40)), 0);
        for (nth, of_plus, of_times) in [(1, 2, 2), (2, 5, 6), (3, 8, 18), (4, 11, 40), (90, 269, 40)] {
            let delays = (delay(&plus, nth, 5), delay(&times, nth, 5));
            assert_eq!(delays, (secs(of_plus), secs(of_times)), "{nth}");
        }
        assert_eq!(delay(&rule(Growth::None, None, 0), 9, 5), secs(2));
        assert_eq!(delay(&rule(Growth::Times(u32::MAX), None, 0), u32::MAX, 0), LONGEST);
        let wild = |first, up_to| Restart {
            delay: Some(Delay { first: secs(first), growth: Growth::None, up_to, jitter: 50 }),
            ..Restart::default()
        };
        let free = wild(1_000, None);
        assert_eq!(delay(&free, 1, 0), secs(500));
        assert_eq!(delay(&free, 1, u32::MAX / 2).as_secs(), 999);
        assert_eq!(delay(&free, 1, u32::MAX), secs(1_500));
        assert_eq!(delay(&wild(1_000, Some(secs(1_000))), 1, u32::MAX), secs(1_000));
        // Chance moves what the limit has left.
        assert_eq!(delay(&wild(1_000, Some(secs(100))), 1, 0), secs(50));
    }
}

//! Ends of runs by rules: counters, delays, and what the log says.

use super::*;
use crate::job::past::Past;
use crate::model::{Codes, Delay, GiveUp, Growth, Lasting, Restart};

fn millis(millis: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_millis(millis)
}

fn restarts(restart: Restart) -> JobDraft {
    JobDraft { policy: Policy { restart, ..Policy::default() }, ..JobDraft::default() }
}

fn delayed(millis: u64) -> Restart {
    let first = Duration::from_millis(millis);
    Restart {
        delay: Some(Delay { first, growth: Growth::None, up_to: None, jitter: 0 }),
        ..Restart::default()
    }
}

fn gives_up(after: u16, within: Option<u64>) -> Restart {
    Restart { give_up: Some(GiveUp { after, within: within.map(Duration::from_secs) }), ..Restart::default() }
}

/// The job runs again as process 7, and ends by itself.
fn runs(job: &mut Job, from: MonoTime, to: MonoTime, ending: Ending) -> Vec<Wish> {
    let mut wishes = Vec::new();
    job.launch();
    let birth = match ending {
        Ending::Ran(_) => Birth::Executed(pid(7)),
        Ending::NeverStarted(_) => Birth::Underway(pid(7)),
    };
    job.spawned(from, Ok(birth), &mut Vec::new());
    job.exited(to, ending, &Survivors::None, u32::MAX, &mut wishes);
    wishes
}

fn code(status: i32) -> Ending {
    Ending::Ran(Exit::Code(status))
}

#[test]
fn the_log_says_how_long_a_restart_is_delayed_unless_that_is_no_time() {
    let steady = Some(Lasting::Never);
    let wait = Duration::from_millis;
    let told = |wait, runs| Notice::Delayed { job: spec(JobDraft::default()).name, wait, runs };
    for (restart, said) in [
        (Restart::default(), Some(Notice::TooFast)),
        (Restart { steady, ..Restart::default() }, Some(told(wait(10_000), 1))),
        (Restart { steady: Some(Lasting::For(wait(60_000))), ..Restart::default() }, Some(Notice::TooFast)),
        (delayed(0), None),
        (delayed(100), None),
        (delayed(101), Some(told(wait(101), 1))),
        (delayed(3_000), Some(told(wait(3_000), 1))),
    ] {
        let mut job = Job::new(spec(restarts(restart.clone())));
        let wishes = runs(&mut job, at(0), at(1), code(1));
        let said: Vec<Wish> = said.into_iter().map(Wish::Log).collect();
        assert_eq!(wishes[1..], said, "{restart:?}");
        assert!(matches!(wishes[0], Wish::Log(Notice::Exited { secs: 1, .. })), "{wishes:?}");
    }
}

#[test]
fn a_start_that_fails_for_the_same_reason_again_is_delayed_without_a_line() {
    let mut job = Job::new(spec(restarts(delayed(3_000))));
    let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
    let first = runs(&mut job, at(0), at(1), Ending::NeverStarted(error));
    assert_eq!(first.len(), 2);
    assert_eq!(runs(&mut job, at(4), at(5), Ending::NeverStarted(error)), []);
    assert_eq!((job.quick_runs(), job.not_before()), (2, at(8)));
}

#[test]
fn two_starts_lie_a_tenth_of_a_second_apart() {
    let quick = Restart { steady: Some(Lasting::For(Duration::ZERO)), ..Restart::default() };
    for restart in [quick, delayed(0)] {
        for (ran, next) in [(0, 100), (99, 100), (100, 100), (101, 101)] {
            let mut job = Job::new(spec(restarts(restart.clone())));
            runs(&mut job, millis(0), millis(ran), code(0));
            assert_eq!(job.not_before(), millis(next), "{restart:?} {ran}");
        }
    }
}

#[test]
fn a_stop_that_was_asked_for_counts_nothing_and_ends_nothing_for_good() {
    let mut job = running(restarts(gives_up(1, Some(100))), 0);
    job.restart(at(1), &mut Vec::new());
    ends(&mut job, 2, 33);
    assert_eq!((job.outcome(), job.quick_runs(), job.not_before()), (None, 0, at(2)));
    assert_eq!(job.state(), State::Queued);
}

#[test]
fn a_job_that_gives_up_says_after_how_many_quick_runs_or_ends_and_is_down() {
    for (restart, to, count, within) in
        [(gives_up(2, None), 1, 2, None), (gives_up(2, Some(50)), 20, 2, Some(Duration::from_secs(50)))]
    {
        let mut job = Job::new(spec(restarts(restart)));
        runs(&mut job, at(0), at(to), code(0));
        assert_eq!(job.outcome(), None);
        let wishes = runs(&mut job, at(30), at(30 + to), code(0));
        let said = Notice::GaveUp { job: job.spec().name.clone(), count, within };
        assert_eq!(wishes[1..], [Wish::Log(said)]);
        assert_eq!(
            (job.outcome(), job.goal(), job.state()),
            (Some(Outcome::GaveUp), Goal::Down, State::Down)
        );
        assert_eq!(job.phase(at(60)), Phase::GaveUp);
        job.switch(true, at(61), &mut Vec::new());
        assert_eq!((job.outcome(), job.quick_runs(), job.state()), (None, 0, State::Queued));
    }
}

#[test]
fn ends_count_up_to_the_time_of_the_rule_and_up_to_its_number() {
    let rule = gives_up(3, Some(10)).give_up;
    let mut past = Past::default();
    for (now, quick, runs, ends) in [
        (0, true, 1, 1),
        (10, true, 2, 2),
        // The first is now eleven seconds old, the second exactly one.
        (11, false, 0, 2),
        (20, true, 1, 3),
        (21, true, 2, 3),
        (22, true, 3, 3),
        (33, true, 4, 1),
    ] {
        assert_eq!(past.count(quick, rule, at(now)), (runs, ends), "{now}");
    }
    // Without a time there is nothing to remember of them.
    assert_eq!(Past::default().count(true, gives_up(3, None).give_up, at(1)), (1, 0));
    assert_eq!(Past::default().count(true, None, at(1)), (1, 0));
}

#[test]
fn after_a_long_run_nothing_is_remembered() {
    let mut job = Job::new(spec(JobDraft::default()));
    runs(&mut job, at(0), at(1), code(0));
    assert!(job.past.is_some());
    assert_eq!((job.quick_runs(), job.not_before()), (1, at(11)));
    runs(&mut job, at(11), at(21), code(0));
    assert!(job.past.is_none());
    assert_eq!((job.quick_runs(), job.not_before()), (0, at(21)));
}

#[test]
fn counters_that_are_set_back_leave_a_delay_that_has_begun() {
    let growing = |plus| Restart {
        delay: Some(Delay {
            first: Duration::from_secs(2),
            growth: Growth::Plus(Duration::from_secs(plus)),
            up_to: None,
            jitter: 0,
        }),
        ..Restart::default()
    };
    let mut job = Job::new(spec(restarts(growing(5))));
    runs(&mut job, at(0), at(1), code(1));
    runs(&mut job, at(3), at(4), code(1));
    assert_eq!((job.quick_runs(), job.not_before()), (2, at(11)));
    // Other rules apply to the delay, which is that of a first quick run again.
    let policy = Policy { restart: growing(6), ..Policy::default() };
    job.retune(Rc::new(policy.clone()), at(5), &mut Vec::new());
    assert_eq!((job.quick_runs(), job.not_before(), job.state()), (0, at(6), State::Waiting));
    // A later rule delays one that was about to start.
    job.expire(at(6), &mut Vec::new());
    assert_eq!(job.state(), State::Queued);
    job.retune(Rc::new(Policy { restart: delayed(60_000), ..policy }), at(6), &mut Vec::new());
    assert_eq!((job.state(), job.deadline()), (State::Waiting, Some(at(64))));
}

#[test]
fn a_restart_without_delay_forgets_the_delay_and_the_counters() {
    let mut job = Job::new(spec(restarts(gives_up(2, Some(100)))));
    runs(&mut job, at(0), at(1), code(1));
    job.restart(at(2), &mut Vec::new());
    assert_eq!((job.quick_runs(), job.not_before(), job.state()), (0, at(2), State::Queued));
    runs(&mut job, at(2), at(3), code(1));
    assert_eq!(job.outcome(), None);
}

#[test]
fn other_rules_let_a_job_try_again_that_failed_or_gave_up_and_none_that_is_done() {
    let never = Restart { on: Some(Codes::NONE), ..Restart::default() };
    for (restart, status, outcome, after) in [
        (never.clone(), 0, Outcome::Done, Some(Outcome::Done)),
        (never, 1, Outcome::Failed, None),
        (gives_up(1, None), 0, Outcome::GaveUp, None),
    ] {
        let mut job = running(restarts(restart.clone()), 0);
        ends(&mut job, 1, status);
        assert_eq!((job.outcome(), job.is_busy()), (Some(outcome), false));
        let same = Policy { restart: restart.clone(), order: 9, ..Policy::default() };
        job.retune(Rc::new(same), at(2), &mut Vec::new());
        assert_eq!(job.outcome(), Some(outcome));
        let other = Restart { essential: true, ..restart };
        job.retune(Rc::new(Policy { restart: other, ..Policy::default() }), at(2), &mut Vec::new());
        assert_eq!((job.outcome(), job.is_busy()), (after, after.is_none()));
    }
}

#[test]
fn a_new_definition_forgets_how_the_old_one_ended() {
    let mut job = running(restarts(gives_up(1, None)), 0);
    ends(&mut job, 1, 0);
    assert_eq!(job.outcome(), Some(Outcome::GaveUp));
    let cmd = ["/bin/b"].into();
    job.redefine(
        JobSpec::from(JobDraft { name: b"a".to_vec(), cmd, ..restarts(delayed(0)) }),
        at(2),
        &mut Vec::new(),
    );
    assert_eq!((job.outcome(), job.quick_runs(), job.state()), (None, 0, State::Queued));
    assert_eq!((job.not_before(), job.first_run()), (at(2), FirstRun::Pending));
}

#[test]
fn a_failed_start_of_the_machine_leaves_the_count_and_takes_the_place_of_the_delay() {
    let mut job = Job::new(spec(JobDraft::default()));
    runs(&mut job, at(0), at(1), code(1));
    let error = SpawnError { stage: Stage::Fork, errno: Errno(11) };
    job.launch();
    let mut wishes = Vec::new();
    job.spawned(at(5), Err(error), &mut wishes);
    assert!(
        matches!(wishes[..], [Wish::Log(Notice::CantStart { .. }), Wish::Log(Notice::TooFast)]),
        "{wishes:?}"
    );
    assert_eq!((job.quick_runs(), job.not_before()), (1, at(6)));
}

#[test]
fn a_job_is_busy_while_it_runs_or_is_to_run_or_something_is_left() {
    for (name, job) in in_every_state() {
        assert_eq!(job.is_busy(), name != "down", "{name}");
    }
    let mut job = running(rules(Fixed { disable: false, ..Fixed::default() }), 0);
    job.switch(false, at(1), &mut Vec::new());
    assert!(job.is_busy());
    ends(&mut job, 2, 0);
    assert!(!job.is_busy());
}

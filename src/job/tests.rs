mod ends;
mod stops;

use super::*;
use crate::model::{Detail, Ending, Errno, Exit, Fixed, JobDraft, Signal, Stage, Survivors};
use std::time::Duration;

fn at(secs: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_secs(secs)
}

fn pid(raw: i32) -> Pid {
    Pid::new(raw).unwrap()
}

fn spec(draft: JobDraft) -> JobSpec {
    JobSpec::from(JobDraft { name: b"a".to_vec(), cmd: ["/bin/a"].into(), ..draft })
}

/// A job with these rules.
fn rules(rules: Fixed) -> JobDraft {
    JobDraft { policy: rules.into(), ..JobDraft::default() }
}

/// Does one thing to the job and returns the signals that it wishes.
fn signals(job: &mut Job, act: impl FnOnce(&mut Job, &mut Vec<Wish>)) -> Vec<(Target, Signal)> {
    let mut wishes = Vec::new();
    act(job, &mut wishes);
    let signal = |wish| match wish {
        Wish::Signal(target, signal) => Some((target, signal)),
        Wish::Log(_) | Wish::Look(..) | Wish::Release(_) | Wish::Help(..) => None,
    };
    wishes.into_iter().filter_map(signal).collect()
}

/// A job that was started as process 7 at that time.
fn running(draft: JobDraft, since: u64) -> Job {
    let mut job = Job::new(spec(draft));
    job.reconcile(at(since), &mut Vec::new());
    assert_eq!(job.state(), State::Queued);
    job.launch();
    job.spawned(at(since), Ok(Birth::Executed(pid(7))), &mut Vec::new());
    job
}

fn ends(job: &mut Job, now: u64, status: i32) {
    job.exited(at(now), Ending::Ran(Exit::Code(status)), &Survivors::None, 0, &mut Vec::new());
}

fn some() -> Survivors {
    Survivors::Some(Box::new([]))
}

#[test]
fn goal_follows_from_file_commands_and_ends() {
    let mut job = running(rules(Fixed { once: true, ..Fixed::default() }), 0);
    assert_eq!((job.goal(), job.first_run()), (Goal::Up, FirstRun::Started));
    ends(&mut job, 1, 0);
    assert_eq!((job.goal(), job.first_run(), job.state()), (Goal::Down, FirstRun::Over, State::Down));
    assert!(job.is_switched_by(true) && job.is_switched_by(false));
    job.switch(true, at(2), &mut Vec::new());
    assert!(!job.is_switched_by(true));
    assert_eq!((job.goal(), job.state()), (Goal::Up, State::Queued));
    job.remove(at(3), &mut Vec::new());
    assert_eq!((job.goal(), job.state()), (Goal::Gone, State::Down));
    job.confirm(at(4), &mut Vec::new());
    assert_eq!((job.goal(), job.state()), (Goal::Up, State::Queued));
}

#[test]
fn every_state_has_the_deadline_that_follows_from_it() {
    let mut job =
        running(rules(Fixed { bounce_every: Some(Duration::from_secs(30)), ..Fixed::default() }), 5);
    assert_eq!(job.deadline(), Some(at(35)));
    ends(&mut job, 8, 0);
    assert_eq!((job.state(), job.deadline()), (State::Waiting, Some(at(18))));
    job.expire(at(18), &mut Vec::new());
    assert_eq!((job.state(), job.deadline()), (State::Queued, None));
    job.launch();
    job.spawned(at(18), Ok(Birth::Executed(pid(8))), &mut Vec::new());
    job.expire(at(48), &mut Vec::new());
    assert_eq!(job.deadline(), Some(at(58)));
    job.expire(at(58), &mut Vec::new());
    assert_eq!(job.deadline(), Some(at(68)));
    job.expire(at(68), &mut Vec::new());
    assert!(job.given_up() && job.deadline().is_none());
}

#[test]
fn a_stop_keeps_its_time_whatever_else_is_asked() {
    let mut job = running(JobDraft::default(), 0);
    let group = Target::Job(pid(7));
    let first = signals(&mut job, |job, wishes| job.redefine(spec(JobDraft::default()), at(1), wishes));
    assert_eq!(first, [(group, Signal::TERM), (group, Signal::CONT)]);
    let again = signals(&mut job, |job, wishes| {
        job.redefine(spec(JobDraft { dir: Some(b"/srv".to_vec()), ..JobDraft::default() }), at(5), wishes);
        job.restart(at(6), wishes);
        job.remove(at(7), wishes);
        job.redefine(spec(JobDraft::default()), at(8), wishes);
        job.expire(at(10), wishes);
    });
    assert_eq!(again, []);
    let last = signals(&mut job, |job, wishes| job.expire(at(11), wishes));
    assert_eq!(last, [(group, Signal::KILL)]);
}

#[test]
fn a_job_whose_stop_is_not_waited_for_any_more_is_killed_at_once() {
    let mut job = running(JobDraft::default(), 0);
    assert_eq!(signals(&mut job, |job, wishes| job.kill(at(1), wishes)), []);
    job.restart(at(1), &mut Vec::new());
    let killed = [(Target::Job(pid(7)), Signal::KILL)];
    assert_eq!(signals(&mut job, |job, wishes| job.kill(at(2), wishes)), killed);
    assert_eq!(signals(&mut job, |job, wishes| job.kill(at(3), wishes)), []);
    assert_eq!(job.deadline(), Some(at(12)));
}

#[test]
fn the_rest_of_a_group_keeps_the_escalation_of_a_stop_or_gets_its_own() {
    let (group, term) = (Target::Rest(pid(7)), Signal::TERM);
    let exit = Ending::Ran(Exit::Code(0));
    let mut job = running(JobDraft::default(), 0);
    let told = signals(&mut job, |job, wishes| job.exited(at(20), exit, &some(), 0, wishes));
    assert_eq!(told, [(group, term), (group, Signal::CONT)]);
    assert_eq!((job.sweeps(), job.deadline()), (Some(pid(7)), Some(at(20) + LOOK_EVERY[0])));
    let mut job = running(JobDraft::default(), 0);
    job.restart(at(4), &mut Vec::new());
    // The group has been told; who has the session and not the group has not.
    let (others, told) = (
        Target::Others(pid(7)),
        signals(&mut job, |job, wishes| job.exited(at(6), exit, &some(), 0, wishes)),
    );
    assert_eq!(told, [(others, term), (others, Signal::CONT)]);
    job.expire(at(13), &mut Vec::new());
    assert_eq!(signals(&mut job, |job, wishes| job.expire(at(14), wishes)), [(group, Signal::KILL)]);
    job.looked(at(15), &some(), &mut Vec::new());
    assert_eq!(job.sweeps(), Some(pid(7)));
    job.looked(at(15), &Survivors::None, &mut Vec::new());
    assert_eq!(job.state(), State::Queued);
    // One that did not end in time has others who are not asked any more.
    for late in [14, 24] {
        let mut job = running(JobDraft::default(), 0);
        job.restart(at(4), &mut Vec::new());
        (14..=late).for_each(|now| job.expire(at(now), &mut Vec::new()));
        let told = signals(&mut job, |job, wishes| job.exited(at(late), exit, &some(), 0, wishes));
        assert_eq!(told, [(others, Signal::KILL)]);
    }
}

#[test]
fn a_sigkill_brings_the_next_look_forward_and_never_puts_it_off() {
    let millis = |millis| MonoTime::ZERO + Duration::from_millis(millis);
    // Woken at this time at last, which plans a look a second later; SIGKILL is due after ten seconds.
    for (woken, look) in [(9_001, 10_001), (9_500, 10_020)] {
        let mut job = running(JobDraft::default(), 0);
        job.exited(at(0), Ending::Ran(Exit::Code(0)), &some(), 0, &mut Vec::new());
        job.expire(millis(woken), &mut Vec::new());
        let told = signals(&mut job, |job, wishes| job.expire(at(10), wishes));
        assert_eq!(told, [(Target::Rest(pid(7)), Signal::KILL)]);
        assert_eq!(job.deadline(), Some(millis(look)));
    }
}

#[test]
fn a_failed_start_is_over_for_the_gate_and_is_tried_again() {
    let mut job = Job::new(spec(rules(Fixed { once: true, ..Fixed::default() })));
    let error = SpawnError { stage: Stage::Fork, errno: Errno(11) };
    for (start, next) in [(0, 1), (1, 3), (3, 7), (7, 15), (15, 25), (25, 35)] {
        let mut wishes = Vec::new();
        job.expire(at(start), &mut wishes);
        job.launch();
        job.spawned(at(start), Err(error), &mut wishes);
        assert_eq!((job.state(), job.first_run(), job.finished()), (State::Waiting, FirstRun::Over, false));
        assert_eq!(job.deadline(), Some(at(next)));
        assert_eq!(wishes.is_empty(), start > 0, "the same reason is told once");
    }
}

#[test]
fn why_a_start_failed_and_how_often_is_forgotten_with_the_definition() {
    let mut job = Job::new(spec(JobDraft::default()));
    let error = SpawnError { stage: Stage::Fork, errno: Errno(11) };
    for tries in 1..4 {
        job.spawned(at(0), Err(error), &mut Vec::new());
        assert_eq!(job.failed_start().map(|start| start.tries), Some(tries));
    }
    job.redefine(
        spec(JobDraft { dir: Some(b"/srv".to_vec()), ..JobDraft::default() }),
        at(1),
        &mut Vec::new(),
    );
    assert_eq!(job.failed_start(), None);
    // It has not been told of this one, and does not wait for the other's pauses.
    let mut wishes = Vec::new();
    job.spawned(at(1), Err(error), &mut wishes);
    assert!(matches!(wishes[0], Wish::Log(Notice::CantStart { .. })), "{wishes:?}");
    assert_eq!(job.deadline(), Some(at(2)));
}

#[test]
fn a_job_that_was_stopped_stands_in_line_from_the_end_of_its_run_on() {
    let mut job = running(JobDraft::default(), 0);
    job.switch(false, at(3), &mut Vec::new());
    ends(&mut job, 5, 0);
    job.switch(true, at(9), &mut Vec::new());
    assert_eq!((job.state(), job.not_before()), (State::Queued, at(5)));
}

#[test]
fn an_expired_deadline_always_lies_in_the_future_afterwards() {
    // Long after everything was due, as when the machine has slept.
    for rest in [Survivors::None, some()] {
        let mut job =
            running(rules(Fixed { bounce_every: Some(Duration::from_secs(1)), ..Fixed::default() }), 0);
        for now in [5_000, 9_000, 12_000] {
            job.expire(at(now), &mut Vec::new());
            assert!(job.deadline().is_none_or(|due| due > at(now)), "{job:?}");
        }
        job.exited(at(20_000), Ending::Ran(Exit::Code(0)), &rest, 0, &mut Vec::new());
        job.expire(at(30_000), &mut Vec::new());
        assert!(job.deadline().is_none_or(|due| due > at(30_000)), "{job:?}");
    }
}

/// One job in each state, and the state's name.
fn in_every_state() -> Vec<(&'static str, Job)> {
    let plain = || running(JobDraft::default(), 0);
    let with = |act: &dyn Fn(&mut Job, &mut Vec<Wish>)| {
        let mut job = plain();
        act(&mut job, &mut Vec::new());
        job
    };
    let exit = Ending::Ran(Exit::Code(0));
    let mut queued = Job::new(spec(JobDraft::default()));
    queued.reconcile(at(0), &mut Vec::new());
    let mut launching = Job::new(spec(JobDraft::default()));
    launching.reconcile(at(0), &mut Vec::new());
    launching.launch();
    vec![
        ("down", Job::new(spec(rules(Fixed { disable: true, ..Fixed::default() })))),
        ("waiting", with(&|job, wishes| job.exited(at(0), exit, &Survivors::None, 0, wishes))),
        ("queued", queued),
        ("launching", launching),
        ("running", plain()),
        ("stopping", with(&|job, wishes| job.restart(at(0), wishes))),
        ("sweeping", with(&|job, wishes| job.exited(at(0), exit, &some(), 0, wishes))),
    ]
}

#[test]
fn what_concerns_a_process_that_it_does_not_have_leaves_a_job_alone() {
    let exit = Ending::Ran(Exit::Code(33));
    for (name, mut job) in in_every_state() {
        let (state, goal, mut wishes) = (job.state(), job.goal(), Vec::new());
        if !["running", "stopping"].contains(&name) {
            job.exited(at(5), exit, &Survivors::None, 0, &mut wishes);
        }
        if name != "sweeping" {
            job.looked(at(5), &Survivors::None, &mut wishes);
            job.look_soon(at(5));
        }
        if !["stopping", "sweeping"].contains(&name) {
            job.kill(at(5), &mut wishes);
        }
        assert_eq!((job.state(), job.goal(), wishes), (state, goal, vec![]), "{name}");
    }
}

#[test]
fn each_state_shows_its_phase_and_the_process_that_it_is_answerable_for() {
    let (of, none) = (Some(pid(7)), None);
    let (three, seven) = (Duration::from_secs(3), Duration::from_secs(7));
    let expected = [
        ("down", none, none, Phase::Disabled),
        ("waiting", none, none, Phase::Waiting(seven)),
        ("queued", none, none, Phase::Queued),
        ("launching", none, none, Phase::Queued),
        ("running", of, none, Phase::Running(pid(7), three)),
        ("stopping", of, none, Phase::Stopping(pid(7), three)),
        ("sweeping", of, of, Phase::Sweeping(pid(7))),
    ];
    for ((name, job), (expected, pid, swept, phase)) in in_every_state().into_iter().zip(expected) {
        assert_eq!((name, job.pid(), job.sweeps(), job.phase(at(3))), (expected, pid, swept, phase));
        assert!(!job.given_up(), "{name}");
    }
    let mut job = running(rules(Fixed { once: true, ..Fixed::default() }), 0);
    ends(&mut job, 9, 0);
    assert_eq!(job.phase(at(10)), Phase::Finished);
}

#[test]
fn a_process_is_given_up_only_after_sigkill_and_ten_seconds_and_a_swept_group_then_and_there() {
    let (mut stuck, mut wishes) = (running(JobDraft::default(), 0), Vec::new());
    stuck.restart(at(0), &mut wishes);
    for (now, given_up) in [(10, false), (19, false), (20, true)] {
        stuck.expire(at(now), &mut wishes);
        assert_eq!(stuck.given_up(), given_up, "{now}");
    }
    assert!(wishes.contains(&Wish::Log(Notice::Outlived { job: stuck.spec().name.clone(), pid: pid(7) })));
    let mut job = running(JobDraft::default(), 0);
    job.exited(at(0), Ending::Ran(Exit::Code(0)), &some(), 0, &mut wishes);
    for now in [10, 20] {
        wishes.clear();
        job.expire(at(now), &mut wishes);
    }
    // The last look asks for names, and what it finds is told once and let go of.
    assert_eq!(wishes, [Wish::Look(pid(7), Detail::Names)]);
    wishes.clear();
    job.looked(at(20), &some(), &mut wishes);
    let left = Notice::LeftOver { job: job.spec().name.clone(), group: pid(7), left: some() };
    assert_eq!(wishes, [Wish::Log(left), Wish::Release(pid(7))]);
    assert_eq!(job.state(), State::Queued);
}

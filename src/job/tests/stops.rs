//! Stops by rules, step by step, and reloads.

use super::*;
use crate::model::{Lasting, ReloadRules, Restart, Stop};

const INT: Signal = Signal(2);
const QUIT: Signal = Signal(3);

fn millis(millis: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_millis(millis)
}

fn stops(stop: Stop) -> JobDraft {
    JobDraft { policy: Policy { stop, ..Policy::default() }, ..JobDraft::default() }
}

fn listed(signals: &[Signal], timeout: Option<Lasting>) -> Stop {
    Stop { signals: signals.to_vec(), timeout, ..Stop::default() }
}

fn lasting(millis: u64) -> Option<Lasting> {
    Some(Lasting::For(Duration::from_millis(millis)))
}

fn with(timeout: Option<Lasting>) -> Stop {
    Stop { with: ["/bin/stop"].into(), timeout, ..Stop::default() }
}

/// The signals but for SIGCONT and when they are sent, from now on until nothing is due any more.
fn steps(job: &mut Job, from: u64) -> Vec<(u64, Target, Signal)> {
    let (mut now, mut all) = (from, Vec::new());
    loop {
        let sent = signals(job, |job, wishes| job.expire(millis(now), wishes));
        all.extend(
            sent.into_iter().filter(|(_, signal)| *signal != Signal::CONT).map(|(to, s)| (now, to, s)),
        );
        let Some(due) = job.deadline() else { return all };
        let due = u64::try_from(due.since(MonoTime::ZERO).as_millis()).unwrap();
        assert!(due > now, "{job:?}");
        now = due;
    }
}

/// The same of a whole stop that begins at second 0, without the targets.
fn stopped(stop: Stop) -> Vec<(u64, Signal)> {
    let mut job = running(stops(stop), 0);
    let first = signals(&mut job, |job, wishes| job.restart(at(0), wishes));
    let first = first.into_iter().filter(|(_, signal)| *signal != Signal::CONT).map(|(_, s)| (0, s));
    first.chain(steps(&mut job, 0).into_iter().map(|(at, _, signal)| (at, signal))).collect()
}

#[test]
fn the_steps_of_a_stop_follow_from_its_rules() {
    let (term, kill) = (Signal::TERM, Signal::KILL);
    for (stop, expected) in [
        (Stop::default(), vec![(0, term), (10_000, kill)]),
        (listed(&[INT, QUIT], lasting(2_000)), vec![(0, INT), (2_000, QUIT), (4_000, kill)]),
        (listed(&[INT, INT], None), vec![(0, INT), (10_000, INT), (20_000, kill)]),
        (listed(&[INT, QUIT], Some(Lasting::Never)), vec![(0, INT), (10_000, QUIT)]),
        (listed(&[], Some(Lasting::Never)), vec![(0, term)]),
        (listed(&[INT, QUIT], lasting(0)), vec![(0, INT), (0, QUIT), (0, kill)]),
        // A command has a second at least.
        (with(None), vec![(10_000, term), (20_000, kill)]),
        (with(lasting(3_000)), vec![(3_000, term), (6_000, kill)]),
        (with(lasting(1_001)), vec![(1_001, term), (2_002, kill)]),
        (with(lasting(999)), vec![(1_000, term), (1_999, kill)]),
        (with(lasting(0)), vec![(1_000, term), (1_000, kill)]),
        (with(Some(Lasting::Never)), vec![(10_000, term)]),
    ] {
        assert_eq!(stopped(stop.clone()), expected, "{stop:?}");
    }
}

#[test]
fn the_rules_name_their_signals_and_the_length_of_a_step() {
    assert_eq!(super::super::signals(&Stop::default()), [Signal::TERM]);
    assert_eq!(super::super::signals(&listed(&[INT, QUIT], None)), [INT, QUIT]);
    let seconds = |timeout| step_time(&listed(&[], timeout)).as_secs();
    assert_eq!([None, Some(Lasting::Never), lasting(3_000)].map(seconds), [10, 10, 3]);
}

#[test]
fn a_stop_with_a_command_asks_for_it_and_for_no_signal() {
    let (mut job, mut wishes) = (running(stops(with(None)), 0), Vec::new());
    let own = Box::new(job.spec().clone());
    job.restart(at(1), &mut wishes);
    assert_eq!(wishes, [Wish::Help(Purpose::Stop, pid(7), own)]);
    assert_eq!(job.deadline(), Some(at(11)));
}

#[test]
fn only_a_command_that_fails_while_nothing_was_sent_brings_the_signals_forward() {
    let told = [(Target::Job(pid(7)), Signal::TERM), (Target::Job(pid(7)), Signal::CONT)];
    let mut job = running(stops(with(None)), 0);
    assert_eq!(signals(&mut job, |job, wishes| job.stop_helped(false, at(1), wishes)), []);
    job.restart(at(1), &mut Vec::new());
    assert_eq!(signals(&mut job, |job, wishes| job.stop_helped(true, at(2), wishes)), []);
    assert_eq!(job.deadline(), Some(at(11)));
    assert_eq!(signals(&mut job, |job, wishes| job.stop_helped(false, at(3), wishes)), told);
    assert_eq!(job.deadline(), Some(at(13)));
    assert_eq!(signals(&mut job, |job, wishes| job.stop_helped(false, at(4), wishes)), []);
    assert_eq!(job.deadline(), Some(at(13)));
}

#[test]
fn a_stop_that_has_only_begun_with_a_command_is_killed_when_nobody_waits_any_longer() {
    let mut job = running(stops(with(None)), 0);
    job.restart(at(1), &mut Vec::new());
    let killed = [(Target::Job(pid(7)), Signal::KILL)];
    assert_eq!(signals(&mut job, |job, wishes| job.kill(at(2), wishes)), killed);
}

#[test]
fn with_main_only_the_main_process_is_told_then_the_rest_and_sigkill_is_for_all() {
    let rules = || Stop { main_only: true, ..listed(&[INT, QUIT], lasting(2_000)) };
    let (main, all, rest) = (Target::Main(pid(7)), Target::Job(pid(7)), Target::Rest(pid(7)));
    let mut job = running(stops(rules()), 0);
    let first = signals(&mut job, |job, wishes| job.restart(at(0), wishes));
    assert_eq!(first, [(main, INT), (main, Signal::CONT)]);
    assert_eq!(steps(&mut job, 0), [(2_000, main, QUIT), (4_000, all, Signal::KILL)]);
    let mut job = running(stops(rules()), 0);
    job.restart(at(0), &mut Vec::new());
    job.expire(at(2), &mut Vec::new());
    let exit = Ending::Ran(Exit::Code(0));
    let told = signals(&mut job, |job, wishes| job.exited(at(3), exit, &some(), 0, wishes));
    assert_eq!(told, [(rest, QUIT), (rest, Signal::CONT)]);
}

#[test]
fn the_rest_is_told_from_the_beginning_if_only_the_command_of_the_stop_has_begun() {
    let mut job = running(stops(Stop { signals: vec![INT], ..with(None) }), 0);
    job.restart(at(0), &mut Vec::new());
    let (rest, exit) = (Target::Rest(pid(7)), Ending::Ran(Exit::Code(0)));
    let told = signals(&mut job, |job, wishes| job.exited(at(3), exit, &some(), 0, wishes));
    assert_eq!(told, [(rest, INT), (rest, Signal::CONT)]);
    job.expire(at(12), &mut Vec::new());
    assert_eq!(signals(&mut job, |job, wishes| job.expire(at(13), wishes)), [(rest, Signal::KILL)]);
}

#[test]
fn a_list_that_has_become_shorter_goes_on_with_sigkill_and_what_is_left_hears_sigterm() {
    let shorter = || Rc::new(Policy { stop: listed(&[INT], None), ..Policy::default() });
    let mut job = running(stops(listed(&[INT, INT, QUIT], None)), 0);
    job.restart(at(0), &mut Vec::new());
    job.expire(at(10), &mut Vec::new());
    job.retune(shorter(), at(11), &mut Vec::new());
    // The step that has begun keeps its time.
    assert_eq!(job.deadline(), Some(at(20)));
    let (others, exit) = (Target::Others(pid(7)), Ending::Ran(Exit::Code(0)));
    let told = signals(&mut job, |job, wishes| job.exited(at(12), exit, &some(), 0, wishes));
    assert_eq!(told, [(others, Signal::TERM), (others, Signal::CONT)]);
    let last = signals(&mut job, |job, wishes| job.expire(at(20), wishes));
    assert_eq!(last, [(Target::Rest(pid(7)), Signal::KILL)]);
}

#[test]
fn a_process_is_ended_by_the_rules_of_its_own_definition_however_often_that_changes() {
    let mut job = running(stops(listed(&[INT], lasting(5_000))), 0);
    job.redefine(spec(stops(listed(&[QUIT], lasting(1_000)))), at(0), &mut Vec::new());
    job.redefine(spec(stops(listed(&[QUIT], lasting(60_000)))), at(1), &mut Vec::new());
    assert_eq!(steps(&mut job, 1_000), [(5_000, Target::Job(pid(7)), Signal::KILL)]);
    // The next process has rules of its own.
    ends(&mut job, 20, 0);
    job.launch();
    job.spawned(at(20), Ok(Birth::Executed(pid(8))), &mut Vec::new());
    let told = signals(&mut job, |job, wishes| job.switch(false, at(21), wishes));
    assert_eq!(told.first(), Some(&(Target::Job(pid(8)), QUIT)));
    assert_eq!(job.deadline(), Some(at(81)));
}

#[test]
fn what_was_left_behind_is_told_once_by_the_rules_of_the_file() {
    let mut job = Job::new(spec(JobDraft::default()));
    job.left_behind(pid(7), at(0));
    assert!(job.is_left_behind());
    assert_eq!((job.sweeps(), job.deadline(), job.goal()), (Some(pid(7)), Some(at(0)), Goal::Gone));
    let rules = || Rc::new(Policy { stop: listed(&[INT], lasting(3_000)), ..Policy::default() });
    let rest = Target::Rest(pid(7));
    let mut wishes = Vec::new();
    job.end_left_behind(rules(), at(0), &mut wishes);
    let name = job.spec().name.clone();
    let said = Notice::LeftBehind { signal: INT, job: name, pid: pid(7) };
    let [told, cont] = [INT, Signal::CONT].map(|signal| Wish::Signal(rest, signal));
    assert_eq!(wishes, [Wish::Log(said), told, cont]);
    assert!(!job.is_left_behind());
    assert_eq!(signals(&mut job, |job, wishes| job.end_left_behind(rules(), at(1), wishes)), []);
    assert_eq!(signals(&mut job, |job, wishes| job.expire(millis(2_999), wishes)), []);
    assert_eq!(signals(&mut job, |job, wishes| job.expire(at(3), wishes)), [(rest, Signal::KILL)]);
    // An ordinary job has nothing of the kind.
    let mut job = running(JobDraft::default(), 0);
    assert!(!job.is_left_behind());
    assert_eq!(signals(&mut job, |job, wishes| job.end_left_behind(rules(), at(1), wishes)), []);
}

#[test]
fn looks_come_soon_after_a_signal_then_after_a_quarter_of_the_time_since_and_at_least_each_second() {
    for (timeout, looks) in [
        (lasting(60_000), [(20, 40), (1_000, 1_250), (10_000, 11_000)]),
        (lasting(2_000), [(20, 40), (1_000, 1_250), (1_999, 2_000)]),
        (Some(Lasting::Never), [(20, 1_000), (1_000, 2_000), (10_000, 11_000)]),
    ] {
        let mut job = running(stops(listed(&[], timeout)), 0);
        job.exited(at(0), Ending::Ran(Exit::Code(0)), &some(), 0, &mut Vec::new());
        for (now, next) in looks {
            job.expire(millis(now), &mut Vec::new());
            assert_eq!(job.deadline(), Some(millis(next)), "{timeout:?} {now}");
        }
    }
}

#[test]
fn only_a_process_that_runs_its_command_hears_of_a_reload() {
    let reload = ReloadRules { signal: Some(Signal(1)), ..ReloadRules::default() };
    let draft =
        || JobDraft { policy: Policy { reload: reload.clone(), ..Policy::default() }, ..JobDraft::default() };
    let heard = |job: &mut Job| signals(job, |job, wishes| job.reload(wishes));
    let mut job = Job::new(spec(draft()));
    job.reconcile(at(0), &mut Vec::new());
    assert_eq!(heard(&mut job), []);
    job.launch();
    job.spawned(at(0), Ok(Birth::Underway(pid(7))), &mut Vec::new());
    assert_eq!(heard(&mut job), []);
    job.executed(&mut Vec::new());
    assert_eq!(heard(&mut job), [(Target::Main(pid(7)), Signal(1))]);
    job.restart(at(1), &mut Vec::new());
    assert_eq!(heard(&mut job), []);
}

#[test]
fn the_signal_of_a_reload_follows_the_success_of_its_command_for_the_same_process() {
    let reload = ReloadRules { signal: Some(Signal(1)), with: ["/bin/reload"].into() };
    let policy = Policy { reload, ..Policy::default() };
    let mut job = running(JobDraft { policy, ..JobDraft::default() }, 0);
    let (own, mut wishes) = (Box::new(job.spec().clone()), Vec::new());
    job.reload(&mut wishes);
    assert_eq!(wishes, [Wish::Help(Purpose::Reload, pid(7), own)]);
    for (of, success, sent) in [(7, false, 0), (6, true, 0), (7, true, 1)] {
        let told = signals(&mut job, |job, wishes| job.reload_helped(pid(of), success, wishes));
        assert_eq!(told, vec![(Target::Main(pid(7)), Signal(1)); sent], "{of} {success}");
    }
    job.restart(at(1), &mut Vec::new());
    assert_eq!(signals(&mut job, |job, wishes| job.reload_helped(pid(7), true, wishes)), []);
    // Without a signal the command is all.
    let mut job = running(JobDraft::default(), 0);
    let mut wishes = Vec::new();
    job.reload_helped(pid(7), true, &mut wishes);
    job.reload(&mut wishes);
    assert_eq!(wishes, []);
}

#[test]
fn rules_of_stops_are_none_of_restarts() {
    let mut job = running(JobDraft::default(), 0);
    ends(&mut job, 1, 0);
    assert_eq!(job.quick_runs(), 1);
    let policy = Policy { stop: with(None), order: 4, ..Policy::default() };
    job.retune(Rc::new(policy.clone()), at(2), &mut Vec::new());
    assert_eq!(job.quick_runs(), 1);
    let restart = Restart { essential: true, ..Restart::default() };
    job.retune(Rc::new(Policy { restart, ..policy }), at(2), &mut Vec::new());
    assert_eq!(job.quick_runs(), 0);
}

#[test]
fn what_a_stuck_process_leaves_is_looked_at_soon_and_what_is_never_killed_once_a_second() {
    let mut job = running(JobDraft::default(), 0);
    job.restart(at(0), &mut Vec::new());
    (10..=20).for_each(|now| job.expire(at(now), &mut Vec::new()));
    job.exited(at(30), Ending::Ran(Exit::Code(0)), &some(), 0, &mut Vec::new());
    assert_eq!(job.deadline(), Some(millis(30_250)));
    let mut job = running(stops(listed(&[], Some(Lasting::Never))), 0);
    job.exited(at(30), Ending::Ran(Exit::Code(0)), &some(), 0, &mut Vec::new());
    assert_eq!(job.deadline(), Some(at(31)));
}

//! The rules by which a job is stopped.

use crate::def::{Def, job};
use crate::plan::Plan;
use crate::processes::{DEAF, MEEK, Temper};
use crate::rules::Ended;
use crate::sim::{Sim, code};
use pmtr::model::{Ending, Errno, Pid, Signal, SpawnError, Stage, Target, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const INT: Signal = Signal(2);
const QUIT: Signal = Signal(3);
const TERM: Signal = Signal::TERM;
const KILL: Signal = Signal::KILL;
const CONT: Signal = Signal::CONT;

fn deaf() -> Plan {
    Plan { temper: DEAF, ..Plan::default() }
}

/// A command that ends after so many milliseconds.
fn command(after: u64, status: i32) -> Plan {
    Plan { life: Some((Duration::from_millis(after), code(status))), ..Plan::default() }
}

/// A command that does not end by itself.
fn hangs(temper: Temper) -> Plan {
    Plan { temper, ..command(3_600_000, 0) }
}

fn with() -> Ended {
    Ended { with: true, ..Ended::default() }
}

/// The job `a`, whose stop begins at one second.
fn stopped(ended: Ended, plan: Plan, helper: Option<Plan>) -> Sim {
    let mut sim = Sim::unborn(30_000);
    sim.plan("a", plan);
    helper.into_iter().for_each(|helper| sim.plan("a /bin/stop", helper));
    sim.begin(&[job("a").ended(ended)]);
    sim.run_until(1_000);
    sim.command(Verb::Disable, "a");
    sim
}

/// What was sent since the beginning, without SIGCONT: when, to whom, which.
fn sent(sim: &Sim) -> Vec<(u128, Target, Signal)> {
    let all = sim.world.signals.iter().filter(|(_, _, signal)| *signal != CONT);
    all.map(|(at, target, signal)| (crate::sim::millis(*at), *target, *signal)).collect()
}

/// When which signals were sent to anybody.
fn signals(sim: &Sim) -> Vec<(u128, Signal)> {
    sent(sim).into_iter().map(|(at, _, signal)| (at, signal)).collect()
}

fn saved(sim: &mut Sim, def: Def) {
    sim.save(&[def]);
}

#[test]
fn the_signals_of_a_stop_come_one_after_the_other_and_then_sigkill() {
    let ended = Ended { signals: &[2, 15, 3], timeout: Some(Some(2_000)), ..Ended::default() };
    let mut sim = stopped(ended, deaf(), None);
    sim.run_until(90_000);
    assert_eq!(signals(&sim), [(1_000, INT), (3_000, TERM), (5_000, QUIT), (7_000, KILL)]);
    // SIGCONT follows each but the last.
    assert_eq!(sim.sent(CONT), [1_000, 3_000, 5_000]);
}

#[test]
fn without_rules_a_stop_is_sigterm_and_sigkill_ten_seconds_later() {
    let mut sim = stopped(Ended::default(), deaf(), None);
    sim.run_until(90_000);
    assert_eq!(signals(&sim), [(1_000, TERM), (11_000, KILL)]);
}

#[test]
fn a_process_that_ends_gets_no_further_signal() {
    let slow = Temper { term: Some(Duration::from_millis(1_500)), ..MEEK };
    let ended = Ended { signals: &[1, 15, 3], timeout: Some(Some(2_000)), ..Ended::default() };
    let mut sim = stopped(ended, Plan { temper: slow, ..Plan::default() }, None);
    sim.run_until(90_000);
    assert_eq!(signals(&sim), [(1_000, Signal::HUP), (3_000, TERM)]);
}

#[test]
fn without_a_timeout_sigkill_is_never_sent_and_each_step_before_lasts_ten_seconds() {
    let ended = Ended { signals: &[2, 15], timeout: Some(None), ..Ended::default() };
    let mut sim = stopped(ended, deaf(), None);
    sim.run_until(3_600_000);
    assert_eq!(signals(&sim), [(1_000, INT), (11_000, TERM)]);
    // A second request to exit kills it all the same.
    sim.ask(Event::EndAsked(TERM));
    sim.ask(Event::EndAsked(TERM));
    sim.run_until(3_600_000);
    assert_eq!(sim.sent(KILL), [3_600_000]);
    assert!(sim.supervisor.ended());
}

#[test]
fn without_a_time_between_them_all_signals_are_sent_at_once() {
    let ended = Ended { signals: &[2, 15], timeout: Some(Some(0)), ..Ended::default() };
    let sim = stopped(ended, deaf(), None);
    assert_eq!(signals(&sim), [(1_000, INT), (1_000, TERM), (1_000, KILL)]);
}

#[test]
fn stop_with_runs_first_and_a_process_that_it_ends_gets_no_signal() {
    let mut sim = stopped(with(), deaf(), Some(command(3_000, 0)));
    assert_eq!(sim.logged("job a: running `stop with` ["), [1_000]);
    sim.run_until(3_500);
    sim.exits("a", code(0));
    sim.run_until(90_000);
    assert_eq!((signals(&sim), sim.pid("a")), (vec![], None));
}

#[test]
fn the_signals_follow_stop_with_when_its_time_is_over_even_if_it_has_succeeded() {
    // At the timeout of the job, which for a command is a second at least.
    for (timeout, first) in [(None, 11_000), (Some(Some(3_000)), 4_000), (Some(Some(200)), 2_000)] {
        let mut sim = stopped(Ended { timeout, ..with() }, deaf(), Some(command(100, 0)));
        sim.run_until(first - 1);
        assert_eq!(signals(&sim), []);
        sim.run_until(u64::from(u32::MAX));
        assert_eq!(sim.sent(TERM), [u128::from(first)], "{timeout:?}");
    }
}

#[test]
fn the_signals_follow_as_soon_as_stop_with_has_failed() {
    let cannot = SpawnError { stage: Stage::Exec, errno: Errno(2) };
    let unborn = Plan { fail: Some(cannot), ..Plan::default() };
    let no_command =
        Plan { life: Some((Duration::from_millis(5), Ending::NeverStarted(cannot))), ..command(0, 0) };
    for (helper, first, why) in [
        (command(2_500, 1), 3_500, "job a: `stop with` failed: exit status 1"),
        (no_command, 1_005, "job a: `stop with` failed: exec /bin/stop: No such file or directory"),
        (unborn, 1_000, "job a: `stop with` failed: exec /bin/stop: No such file or directory"),
    ] {
        let mut sim = stopped(with(), deaf(), Some(helper));
        sim.run_until(40_000);
        assert_eq!(signals(&sim), [(first, TERM), (first + 10_000, KILL)], "{why}");
        assert_eq!(sim.logged(why), [first]);
    }
}

#[test]
fn a_stop_with_that_hangs_is_told_to_end_when_the_signals_begin_and_killed_five_seconds_later() {
    let ended = Ended { timeout: Some(Some(3_000)), ..with() };
    let mut sim = stopped(ended, Plan::default(), Some(hangs(DEAF)));
    let main = sim.pid("a").unwrap();
    let helper = Pid::new(main.as_raw() + 1).unwrap();
    sim.run_until(90_000);
    let [main, helper] = [main, helper].map(Target::Job);
    assert_eq!(sent(&sim), [(4_000, main, TERM), (4_000, helper, TERM), (9_000, helper, KILL)]);
    assert_eq!(sim.logged("`stop with` failed: still running after 3 sec, sending SIGTERM"), [4_000]);
}

#[test]
fn a_job_does_not_start_before_its_command_has_ended() {
    let mut sim = Sim::unborn(30_000);
    sim.plan("a /bin/stop", command(4_000, 0));
    sim.begin(&[job("a").ended(with())]);
    sim.run_until(900);
    sim.save(&[job("a").ended(with()).version(1)]);
    sim.run_until(2_000);
    sim.exits("a", code(0));
    sim.run_until(90_000);
    assert_eq!((sim.starts("a"), signals(&sim)), (vec![0, 5_000], vec![]));
}

#[test]
fn pmtr_ends_only_when_a_stop_with_has_ended_and_a_second_signal_kills_it() {
    for hurry in [false, true] {
        let mut sim = Sim::unborn(30_000);
        sim.plan("a /bin/stop", hangs(MEEK));
        sim.begin(&[job("a").ended(with())]);
        sim.run_until(1_000);
        sim.ask(Event::EndAsked(TERM));
        sim.run_until(2_000);
        sim.exits("a", code(0));
        assert!(!sim.supervisor.ended());
        if hurry {
            sim.ask(Event::EndAsked(TERM));
            sim.run_until(2_000);
            assert_eq!(sim.sent(KILL), [2_000]);
        } else {
            sim.run_until(10_999);
            assert!(!sim.supervisor.ended());
            sim.run_until(11_000);
            assert_eq!(sim.sent(KILL), []);
        }
        assert!(sim.supervisor.ended(), "{hurry}");
    }
}

#[test]
fn with_stop_main_only_the_main_process_alone_is_told_and_sigkill_goes_to_all() {
    let ended = Ended { signals: &[2, 15], timeout: Some(Some(2_000)), main_only: true, ..Ended::default() };
    let mut sim = stopped(ended, deaf(), None);
    let pid = sim.pid("a").unwrap();
    sim.run_until(90_000);
    let (main, all) = (Target::Main(pid), Target::Job(pid));
    assert_eq!(sent(&sim), [(1_000, main, INT), (3_000, main, TERM), (5_000, all, KILL)]);
}

#[test]
fn with_stop_main_only_the_group_gets_the_same_signals_once_the_main_process_has_gone() {
    let ended = Ended { signals: &[2, 15], timeout: Some(Some(2_000)), main_only: true, ..Ended::default() };
    let slow = Temper { term: Some(Duration::from_millis(500)), ..MEEK };
    let plan = Plan { temper: slow, members: vec![(DEAF, None)], ..Plan::default() };
    let mut sim = stopped(ended, plan, None);
    let pid = sim.pid("a").unwrap();
    sim.run_until(90_000);
    let (main, rest) = (Target::Main(pid), Target::Rest(pid));
    let expected = [(1_000, main, INT), (1_500, rest, INT), (3_000, rest, TERM), (5_000, rest, KILL)];
    assert_eq!(sent(&sim), expected);
}

#[test]
fn what_is_left_of_a_job_that_ended_by_itself_is_ended_by_its_signals_without_its_command() {
    let ended = Ended { signals: &[2, 15], timeout: Some(Some(2_000)), main_only: true, ..with() };
    let mut sim = Sim::unborn(30_000);
    sim.plan("a", Plan { members: vec![(DEAF, None)], ..Plan::default() });
    sim.begin(&[job("a").ended(ended)]);
    sim.run_until(1_000);
    sim.exits("a", code(33));
    sim.run_until(90_000);
    assert_eq!(signals(&sim), [(1_000, INT), (3_000, TERM), (5_000, KILL)]);
    assert_eq!(sim.logged("stop with"), []);
}

#[test]
fn what_is_left_when_the_main_process_ends_during_stop_with_gets_the_signals_then() {
    let plan = Plan { temper: DEAF, members: vec![(DEAF, None)], ..Plan::default() };
    let mut sim = stopped(with(), plan, Some(command(5_000, 0)));
    sim.run_until(3_000);
    sim.exits("a", code(0));
    sim.run_until(90_000);
    assert_eq!(signals(&sim), [(3_000, TERM), (13_000, KILL)]);
}

#[test]
fn other_rules_of_stops_take_effect_without_restarting_what_runs() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", deaf())]);
    let pid = sim.pid("a");
    sim.run_until(900);
    saved(&mut sim, job("a").ended(Ended { signals: &[3], timeout: Some(Some(500)), ..Ended::default() }));
    sim.run_until(5_000);
    assert_eq!((sim.pid("a"), signals(&sim)), (pid, vec![]));
    sim.command(Verb::Disable, "a");
    sim.run_until(90_000);
    assert_eq!(signals(&sim), [(5_000, QUIT), (5_500, KILL)]);
}

#[test]
fn a_classic_option_that_changes_with_them_restarts_the_job_and_the_old_rules_end_it() {
    let ended = Ended { signals: &[2], timeout: Some(Some(500)), ..Ended::default() };
    let mut sim = Sim::with_plans(&[job("a").ended(ended)], &[("a", deaf())]);
    sim.run_until(900);
    saved(&mut sim, job("a").version(1));
    sim.run_until(90_000);
    assert_eq!((signals(&sim), sim.starts("a")), (vec![(1_000, INT), (1_500, KILL)], vec![0, 1_500]));
}

#[test]
fn a_stop_that_is_under_way_keeps_its_deadline_whatever_the_new_rules_are() {
    for timeout in [Some(None), Some(Some(500)), Some(Some(60_000))] {
        let mut sim = stopped(Ended { timeout: Some(Some(5_000)), ..Ended::default() }, deaf(), None);
        sim.run_until(2_000);
        saved(&mut sim, job("a").disable().ended(Ended { timeout, ..Ended::default() }));
        sim.run_until(90_000);
        assert_eq!(signals(&sim), [(1_000, TERM), (6_000, KILL)], "{timeout:?}");
    }
}

#[test]
fn what_a_killed_pmtr_has_left_is_ended_by_the_rules_of_the_present_file_without_its_command() {
    let mut sim = Sim::unborn(30_000);
    let pids = sim.after_kill(&[("database", DEAF), ("gone", DEAF)]);
    let ended = Ended { signals: &[2, 15], timeout: Some(Some(30_000)), main_only: true, ..with() };
    sim.begin(&[job("database").ended(ended)]);
    sim.run_until(90_000);
    let [database, gone] = [pids[0], pids[1]].map(Target::Rest);
    let expected = [
        (0, database, INT),
        (0, gone, TERM),
        (10_000, gone, KILL),
        (30_000, database, TERM),
        (60_000, database, KILL),
    ];
    assert_eq!(sent(&sim), expected);
    assert_eq!((sim.logged("stop with"), sim.starts("database").len()), (vec![], 1));
}

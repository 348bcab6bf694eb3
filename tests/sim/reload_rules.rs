//! How a job is told to read its configuration again.

use crate::def::job;
use crate::plan::Plan;
use crate::processes::DEAF;
use crate::rules::Ended;
use crate::sim::{Sim, code};
use pmtr::model::{Ending, Exit, Signal, Target, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const RUNNING: &str = "job a: running `reload with` [";

fn ask(sim: &mut Sim) {
    sim.ask(Event::JobReloadAsked((*b"a").into()));
}

/// The job `a` with these rules, whose first command to reload goes like this; asked at one second.
fn asked(with: bool, signal: Option<i32>, helper: Plan) -> Sim {
    let mut sim = Sim::unborn(30_000);
    sim.plan("a /bin/reload", helper);
    sim.begin(&[job("a").ended(Ended { reload_with: with, reload_signal: signal, ..Ended::default() })]);
    sim.run_until(1_000);
    ask(&mut sim);
    sim
}

fn ends(after: u64, ending: Ending) -> Plan {
    Plan { life: Some((Duration::from_millis(after), ending)), ..Plan::default() }
}

fn hangs() -> Plan {
    Plan { temper: DEAF, ..ends(3_600_000, code(0)) }
}

#[test]
fn reload_signal_alone_is_sent_at_once_to_the_main_process() {
    let mut sim = asked(false, Some(1), Plan::default());
    let main = Target::Main(sim.pid("a").unwrap());
    sim.run_until(60_000);
    assert_eq!(sim.sent(Signal::HUP), [1_000]);
    // It asks for no end, so SIGCONT does not follow.
    assert_eq!(sim.world.signals.len(), 1);
    assert_eq!(sim.world.signals[0].1, main);
    assert_eq!((sim.logged("sending SIGHUP to job a ["), sim.starts("a")), (vec![1_000], vec![0]));
}

#[test]
fn reload_with_alone_is_run_and_nothing_is_sent() {
    let mut sim = asked(true, None, ends(2_000, code(0)));
    sim.run_until(60_000);
    assert_eq!((sim.logged(RUNNING), sim.world.signals.len()), (vec![1_000], 0));
    assert_eq!(sim.starts("a"), [0]);
}

#[test]
fn with_both_the_command_comes_first_and_the_signal_when_it_has_succeeded() {
    let mut sim = asked(true, Some(1), ends(2_000, code(0)));
    sim.run_until(60_000);
    assert_eq!((sim.logged(RUNNING), sim.sent(Signal::HUP)), (vec![1_000], vec![3_000]));
}

#[test]
fn after_a_command_that_fails_no_signal_is_sent_and_the_log_says_why() {
    for (ending, why) in [(code(3), "exit status 3"), (Ending::Ran(Exit::Signal(Signal(11))), "signal 11")] {
        let mut sim = asked(true, Some(1), ends(2_000, ending));
        sim.run_until(60_000);
        assert_eq!(sim.sent(Signal::HUP), []);
        assert_eq!(sim.logged(&format!("job a: `reload with` failed: {why}")), [3_000]);
    }
}

#[test]
fn a_job_without_rules_for_it_hears_nothing() {
    let mut sim = asked(false, None, Plan::default());
    sim.run_until(60_000);
    assert_eq!((sim.world.signals.len(), sim.starts("a")), (0, vec![0]));
}

#[test]
fn a_job_that_does_not_run_its_command_hears_nothing() {
    let ended = Ended { reload_signal: Some(1), ..Ended::default() };
    let executes = Some(Duration::from_secs(5));
    let mut sim = Sim::unborn(30_000);
    sim.plan("a", Plan { executes, temper: DEAF, ..Plan::default() });
    sim.begin(&[job("a").ended(ended)]);
    sim.run_until(1_000);
    ask(&mut sim);
    assert_eq!(sim.sent(Signal::HUP), []);
    sim.run_until(6_000);
    ask(&mut sim);
    assert_eq!(sim.sent(Signal::HUP), [6_000]);
    sim.command(Verb::Disable, "a");
    ask(&mut sim);
    sim.run_until(60_000);
    ask(&mut sim);
    assert_eq!(sim.sent(Signal::HUP), [6_000]);
}

#[test]
fn a_command_that_still_runs_is_not_run_twice() {
    let mut sim = asked(true, Some(1), ends(4_000, code(0)));
    sim.run_until(2_000);
    ask(&mut sim);
    assert_eq!(sim.logged("job a: `reload with` failed: one is still running"), [2_000]);
    sim.run_until(6_000);
    ask(&mut sim);
    sim.run_until(60_000);
    assert_eq!((sim.logged(RUNNING), sim.sent(Signal::HUP)), (vec![1_000, 6_000], vec![5_000, 7_000]));
}

#[test]
fn a_command_that_hangs_is_told_to_end_after_a_minute_and_killed_five_seconds_later() {
    let mut sim = asked(true, Some(1), hangs());
    sim.run_until(120_000);
    assert_eq!((sim.sent(Signal::TERM), sim.sent(Signal::KILL)), (vec![61_000], vec![66_000]));
    assert_eq!(sim.logged("`reload with` failed: still running after 60 sec, sending SIGTERM"), [61_000]);
    assert_eq!((sim.sent(Signal::HUP), sim.starts("a")), (vec![], vec![0]));
}

#[test]
fn a_command_for_a_process_that_has_ended_is_killed_and_does_not_hold_up_the_next_run() {
    let mut sim = asked(true, Some(1), hangs());
    sim.run_until(20_000);
    sim.exits("a", code(0));
    sim.run_until(60_000);
    assert_eq!((sim.sent(Signal::KILL), sim.starts("a")), (vec![20_000], vec![0, 20_000]));
    assert_eq!(sim.sent(Signal::HUP), []);
}

#[test]
fn a_stop_with_ends_a_command_to_reload_and_runs_beside_it() {
    let mut sim = Sim::unborn(30_000);
    sim.plan("a /bin/reload", hangs());
    sim.begin(&[job("a").ended(Ended { reload_with: true, with: true, ..Ended::default() })]);
    sim.run_until(1_000);
    ask(&mut sim);
    sim.run_until(2_000);
    sim.command(Verb::Disable, "a");
    assert_eq!((sim.sent(Signal::KILL), sim.logged("running `stop with`")), (vec![2_000], vec![2_000]));
    sim.run_until(60_000);
    assert_eq!((sim.sent(Signal::TERM), sim.sent(Signal::HUP)), (vec![12_000], vec![]));
}

#[test]
fn other_rules_for_it_take_effect_without_restarting_what_runs() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(900);
    sim.save(&[job("a").ended(Ended { reload_signal: Some(10), ..Ended::default() })]);
    ask(&mut sim);
    assert_eq!((sim.sent(Signal(10)), sim.starts("a")), (vec![1_000], vec![0]));
}

//! When pmtr ends by itself, how long its end may take, and with which status.

use crate::def::{Def, job};
use crate::plan::Plan;
use crate::processes::DEAF;
use crate::rules::{Again, Ended, Ends};
use crate::sim::{Sim, code};
use pmtr::model::{EndRules, Ending, Errno, Exit, Signal, SpawnError, Stage, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const DONE: &str = "pmtr: exiting, for all jobs have ended";

fn essential(name: &'static str) -> Def {
    job(name).again(Again { on: Some(Ends::None), essential: true, ..Again::default() })
}

fn ends(after: u64, ending: Ending) -> Plan {
    Plan { life: Some((Duration::from_millis(after), ending)), ..Plan::default() }
}

fn deaf() -> Plan {
    Plan { temper: DEAF, ..Plan::default() }
}

fn when_done(defs: &[Def], plans: &[(&str, Plan)]) -> Sim {
    let mut sim = Sim::unborn(30_000);
    sim.world.end = EndRules { when_done: true, within: None };
    for (name, plan) in plans {
        sim.plan(name, plan.clone());
    }
    sim.begin(defs);
    sim.assert_kept();
    sim
}

fn within(secs: u64, defs: &[Def], plans: &[(&str, Plan)]) -> Sim {
    let mut sim = Sim::unborn(30_000);
    sim.world.end = EndRules { when_done: false, within: Some(Duration::from_secs(secs)) };
    for (name, plan) in plans {
        sim.plan(name, plan.clone());
    }
    sim.begin(defs);
    sim.assert_kept();
    sim
}

#[test]
fn when_an_essential_job_ends_for_good_all_others_are_stopped_and_its_status_is_that_of_pmtr() {
    for (ending, status) in [
        (code(0), 0),
        (code(7), 7),
        (code(255), 255),
        (Ending::Ran(Exit::Signal(Signal(9))), 137),
        (Ending::Ran(Exit::Signal(Signal(15))), 143),
    ] {
        let mut sim = Sim::with_plans(&[essential("a"), job("b")], &[("b", deaf())]);
        sim.run_until(5_000);
        sim.exits("a", ending);
        assert_eq!(sim.logged("pmtr: exiting, for the essential job a has ended"), [5_000]);
        assert_eq!((sim.sent(Signal::TERM), sim.supervisor.ended()), (vec![5_000], false));
        sim.run_until(15_000);
        assert!(sim.supervisor.ended());
        assert_eq!(sim.supervisor.exit_status(), status, "{ending:?}");
    }
}

#[test]
fn an_essential_job_that_never_started_and_gives_up_ends_pmtr_with_status_1() {
    let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
    let again = Again { give_up: Some((2, None)), essential: true, ..Again::default() };
    let fails = ends(1, Ending::NeverStarted(error));
    let mut sim = Sim::with_plans(&[job("a").again(again), job("b")], &[("a", fails.clone()), ("a", fails)]);
    sim.run_until(10_001);
    assert!(!sim.supervisor.ended());
    sim.run_until(11_000);
    assert!(sim.supervisor.ended());
    assert_eq!((sim.supervisor.exit_status(), sim.starts("a").len()), (1, 2));
}

#[test]
fn an_essential_job_that_restarts_or_is_stopped_does_not_end_pmtr() {
    let mut sim = Sim::with(&[
        job("a").again(Again { on: Some(Ends::Failure), essential: true, ..Again::default() }),
        essential("b"),
        essential("c").bounce(30),
        essential("d"),
    ]);
    sim.run_until(20_000);
    sim.exits("a", code(1));
    sim.command(Verb::Disable, "b");
    sim.run_until(40_000);
    sim.save(&[essential("a"), essential("c").bounce(30)]);
    sim.run_until(60_000);
    assert_eq!((sim.starts("a").len(), sim.starts("c").len()), (2, 3));
    assert!(sim.pid("a").is_some() && sim.pid("b").is_none() && sim.pid("d").is_none());
    assert_eq!(sim.logged("pmtr: exiting"), []);
}

#[test]
fn of_several_essential_jobs_the_first_to_end_decides() {
    let mut sim = Sim::with_plans(&[essential("a"), essential("b")], &[("b", deaf())]);
    sim.run_until(1_000);
    sim.exits("a", code(3));
    sim.run_until(2_000);
    sim.exits("b", code(4));
    assert!(sim.supervisor.ended());
    assert_eq!((sim.supervisor.exit_status(), sim.logged("pmtr: exiting").len()), (3, 1));
}

#[test]
fn after_a_signal_an_essential_job_changes_the_status_no_more() {
    let mut sim = Sim::with_plans(&[essential("a")], &[("a", deaf())]);
    sim.run_until(1_000);
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.exits("a", code(3));
    assert!(sim.supervisor.ended());
    assert_eq!(sim.supervisor.exit_status(), 0);
}

#[test]
fn a_first_signal_during_the_end_for_an_essential_job_does_not_kill_and_a_second_one_does() {
    let mut sim = Sim::with_plans(&[essential("a"), job("b")], &[("b", deaf())]);
    sim.run_until(1_000);
    sim.exits("a", code(3));
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.run_until(2_000);
    assert_eq!((sim.sent(Signal::KILL), sim.logged("exiting on signal 15")), (vec![], vec![1_000]));
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.run_until(2_000);
    assert!(sim.supervisor.ended());
    assert_eq!((sim.sent(Signal::KILL), sim.supervisor.exit_status()), (vec![2_000], 3));
}

#[test]
fn pmtr_ends_when_no_job_runs_and_none_will_with_0_if_each_last_end_was_a_success_else_1() {
    for (status, expected) in [(0, 0), (1, 1)] {
        let plans = [("a", ends(3_000, code(0))), ("b", ends(5_000, code(status)))];
        let mut sim = when_done(&[job("a").once(), job("b").once(), job("c").disable()], &plans);
        sim.run_until(4_999);
        assert_eq!(sim.logged("pmtr: exiting"), []);
        sim.run_until(5_000);
        assert_eq!(sim.logged(DONE), [5_000]);
        assert!(sim.supervisor.ended());
        assert_eq!(sim.supervisor.exit_status(), expected, "{status}");
    }
}

#[test]
fn a_job_that_gave_up_is_no_success_whatever_its_last_end_was() {
    let again = Again { give_up: Some((1, None)), ..Again::default() };
    let mut sim = when_done(&[job("a").again(again)], &[("a", ends(100, code(0)))]);
    sim.run_until(1_000);
    assert!(sim.supervisor.ended());
    assert_eq!(sim.supervisor.exit_status(), 1);
}

#[test]
fn a_failure_that_was_followed_by_a_success_is_none() {
    let again = Again { on: Some(Ends::Failure), ..Again::default() };
    let plans = [("a", ends(100, code(1))), ("a", ends(100, code(0)))];
    let mut sim = when_done(&[job("a").once().again(again)], &plans);
    sim.run_until(10_199);
    assert!(!sim.supervisor.ended());
    sim.run_until(10_200);
    assert!(sim.supervisor.ended());
    assert_eq!(sim.supervisor.exit_status(), 0);
}

#[test]
fn pmtr_does_not_end_while_a_job_waits_for_a_file_or_something_is_left_of_one() {
    let mut sim = Sim::unborn(30_000);
    sim.world.end = EndRules { when_done: true, within: None };
    sim.world.contents[0] = None;
    let life = ends(100, code(0)).life;
    sim.plan("a", Plan { life, members: vec![(DEAF, None)], ..Plan::default() });
    sim.plan("b", ends(100, code(0)));
    sim.begin(&[job("a").once(), job("b").once().depends(0)]);
    sim.run_until(5_000);
    sim.write(0, Some(1));
    sim.run_until(10_099);
    // Both have ended; what is left of the first has not.
    assert_eq!((sim.starts("b"), sim.supervisor.ended()), (vec![5_000], false));
    assert_eq!(sim.logged(DONE), []);
    sim.run_until(11_000);
    assert!(sim.supervisor.ended());
}

#[test]
fn pmtr_does_not_end_while_a_command_of_a_job_runs() {
    let mut sim = when_done(
        &[job("a").ended(Ended { with: true, ..Ended::default() })],
        &[("a /bin/stop", ends(4_000, code(0)))],
    );
    sim.run_until(1_000);
    sim.command(Verb::Disable, "a");
    sim.exits("a", code(0));
    sim.run_until(4_999);
    assert_eq!(sim.logged(DONE), []);
    sim.run_until(5_000);
    assert_eq!((sim.logged(DONE), sim.supervisor.exit_status()), (vec![5_000], 0));
}

#[test]
fn without_the_rule_pmtr_stays_and_a_file_that_says_it_later_ends_it() {
    let mut sim = Sim::with_plans(&[job("a").once()], &[("a", ends(100, code(0)))]);
    sim.run_until(60_000);
    assert!(!sim.supervisor.ended());
    sim.world.end = EndRules { when_done: true, within: None };
    sim.save(&[job("a").once()]);
    assert_eq!(sim.logged(DONE), [60_100]);
    assert!(sim.supervisor.ended());
}

#[test]
fn a_file_without_jobs_ends_pmtr_too_and_a_file_that_is_missing_does_not() {
    let sim = when_done(&[], &[]);
    assert!(sim.supervisor.ended());
    let mut sim = Sim::unborn(30_000);
    sim.world.end = EndRules { when_done: true, within: None };
    sim.begin_with();
    sim.run_until(60_000);
    assert!(!sim.supervisor.ended());
}

#[test]
fn what_is_left_after_end_within_is_killed_and_without_it_each_job_has_its_own_time() {
    let ended = Ended { timeout: Some(Some(60_000)), ..Ended::default() };
    let defs = [job("a").ended(ended), job("b"), job("c")];
    let member = Plan { members: vec![(DEAF, None)], ..Plan::default() };
    let plans = [("a", deaf()), ("b", deaf()), ("c", member)];
    let mut sim = within(4, &defs, &plans);
    sim.run_until(1_000);
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.run_until(4_999);
    assert_eq!((sim.sent(Signal::KILL), sim.supervisor.ended()), (vec![], false));
    sim.run_until(5_100);
    assert_eq!(sim.sent(Signal::KILL), [5_000; 3]);
    assert_eq!(sim.logged("the jobs have not ended within 4 sec, sending SIGKILL"), [5_000]);
    assert!(sim.supervisor.ended());
    let mut sim = Sim::with_plans(&defs, &plans);
    sim.run_until(1_000);
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.run_until(90_000);
    assert_eq!(sim.sent(Signal::KILL), [11_000, 11_000, 61_000]);
}

#[test]
fn end_within_ends_a_stop_without_a_timeout_and_commands_and_holds_for_every_reason_to_end() {
    let ended = Ended { timeout: Some(None), with: true, ..Ended::default() };
    let hangs = Plan { temper: DEAF, ..ends(3_600_000, code(0)) };
    let plans = [("a", deaf()), ("a /bin/stop", hangs)];
    let mut sim = within(30, &[job("a").ended(ended), essential("main")], &plans);
    sim.run_until(1_000);
    sim.exits("main", code(5));
    sim.run_until(30_999);
    assert!(!sim.supervisor.ended() && sim.sent(Signal::KILL).is_empty());
    sim.run_until(31_000);
    assert_eq!(sim.sent(Signal::KILL), [31_000, 31_000]);
    assert!(sim.supervisor.ended());
    assert_eq!(sim.supervisor.exit_status(), 5);
}

#[test]
fn a_job_that_is_disabled_does_not_count_for_the_status() {
    let mut sim = when_done(&[job("bad").once(), job("good").once()], &[("bad", ends(100, code(1)))]);
    sim.run_until(1_000);
    sim.command(Verb::Disable, "bad");
    sim.exits("good", code(0));
    assert!(sim.supervisor.ended());
    assert_eq!(sim.supervisor.exit_status(), 0);
}

#[test]
fn a_service_manager_is_told_of_the_start_before_an_end_that_comes_with_it() {
    let mut sim = Sim::unborn(30_000);
    sim.world.end = EndRules { when_done: true, within: None };
    sim.serve_manager(None);
    sim.begin(&[job("a").disable()]);
    let told = sim.notified().join(", ");
    let [ready, stopping] = ["READY=1", "STOPPING=1"].map(|word| told.find(word).unwrap_or(usize::MAX));
    assert!(ready < stopping && stopping < usize::MAX, "{told}");
    assert!(sim.supervisor.ended());
    // One that does not listen holds up nobody.
    let mut sim = Sim::unborn(30_000);
    sim.world.end = EndRules { when_done: true, within: None };
    sim.world.manager.away = true;
    sim.serve_manager(None);
    sim.begin(&[job("a").disable()]);
    sim.run_until(1_000);
    assert!(sim.supervisor.ended());
}

//! Stopping a job, and what is left of its group.

use crate::def::job;
use crate::plan::Plan;
use crate::processes::{DEAF, MEEK, Parent, Temper};
use crate::sim::{Sim, code};
use pmtr::model::{Signal, Target, Verb};
use std::time::Duration;

const STUCK: Temper = Temper { stuck: true, ..DEAF };

fn with_temper(temper: Temper) -> Plan {
    Plan { temper, ..Plan::default() }
}

fn with_member(temper: Temper) -> Plan {
    Plan { members: vec![(temper, None)], ..Plan::default() }
}

#[test]
fn a_stop_is_sigterm_then_sigcont_then_sigkill_ten_seconds_later_to_the_group() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_temper(DEAF))]);
    let pid = sim.pid("a").unwrap();
    sim.run_until(1_000);
    sim.command(Verb::Disable, "a");
    sim.run_until(90_000);
    let sent: Vec<_> = sim.world.signals.iter().map(|(_, target, signal)| (*target, *signal)).collect();
    let group = Target::Job(pid);
    assert_eq!(sent, [(group, Signal::TERM), (group, Signal::CONT), (group, Signal::KILL)]);
    assert_eq!(sim.sent(Signal::KILL), [11_000]);
    assert_eq!(sim.logged("sending SIGTERM to job a ["), [1_000]);
    assert_eq!(sim.logged("sending SIGKILL to job a ["), [11_000]);
    assert!(sim.world.processes.table.is_empty());
}

#[test]
fn the_rest_of_a_stopped_group_is_killed_within_the_same_ten_seconds() {
    let slow = Temper { term: Some(Duration::from_secs(4)), ..MEEK };
    let plan = Plan { temper: slow, ..with_member(DEAF) };
    let mut sim = Sim::with_plans(&[job("a")], &[("a", plan)]);
    sim.run_until(900);
    sim.save(&[job("a").version(1)]);
    sim.run_until(30_000);
    // When the main process has gone, those outside of its group would hear it, too.
    assert_eq!((sim.sent(Signal::TERM), sim.sent(Signal::KILL)), (vec![1_000, 5_000], vec![11_000]));
    // The new run waits for all of the old one, and has no delay.
    assert_eq!(sim.starts("a"), [0, 11_000]);
}

#[test]
fn the_rest_of_a_group_whose_leader_ended_by_itself_has_ten_seconds_of_its_own() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_member(DEAF))]);
    sim.run_until(20_000);
    sim.exits("a", code(0));
    assert_eq!(sim.logged("sending SIGTERM to the remaining processes of job a"), [20_000]);
    sim.run_until(40_000);
    assert_eq!((sim.sent(Signal::TERM), sim.sent(Signal::KILL)), (vec![20_000], vec![30_000]));
    assert_eq!(sim.starts("a"), [0, 30_000]);
}

fn with_other(leader: Temper, other: Temper) -> Plan {
    Plan { temper: leader, others: vec![other], ..Plan::default() }
}

#[test]
fn who_has_the_session_and_not_the_group_is_told_when_the_main_process_has_gone() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_other(MEEK, MEEK))]);
    let pid = sim.pid("a").unwrap();
    sim.run_until(900);
    sim.save(&[job("a").version(1)]);
    sim.run_until(2_000);
    let sent: Vec<_> = sim.world.signals.iter().map(|(_, target, signal)| (*target, *signal)).collect();
    let (group, others) = (Target::Job(pid), Target::Others(pid));
    let [term, cont] = [Signal::TERM, Signal::CONT];
    assert_eq!(sent, [(group, term), (group, cont), (others, term), (others, cont)]);
    assert_eq!(sim.logged("SIGTERM"), [1_000]);
    assert_eq!(sim.starts("a"), [0, 1_000]);
}

#[test]
fn who_has_the_session_of_a_killed_main_process_is_killed_at_once() {
    for (leader, killed) in [(DEAF, vec![11_000, 11_000]), (MEEK, vec![11_000])] {
        let mut sim = Sim::with_plans(&[job("a")], &[("a", with_other(leader, DEAF))]);
        sim.run_until(900);
        sim.save(&[job("a").version(1)]);
        sim.run_until(30_000);
        assert_eq!((sim.sent(Signal::KILL), sim.starts("a").len()), (killed, 2));
        assert!((11_000..=11_020).contains(&sim.starts("a")[1]), "{:?}", sim.starts("a"));
    }
}

#[test]
fn a_main_process_that_comes_out_of_the_kernel_late_leaves_nobody() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_other(STUCK, DEAF))]);
    sim.run_until(900);
    sim.save(&[job("a").version(1)]);
    sim.run_until(40_000);
    let serial = sim.world.processes.unstick()[0];
    sim.world.processes.end(serial, code(0));
    sim.wake();
    sim.run_until(42_000);
    assert_eq!((sim.sent(Signal::KILL), sim.starts("a").len()), (vec![11_000, 40_000], 2));
    assert_eq!(sim.world.processes.table.len(), 1);
}

#[test]
fn what_is_found_out_to_be_gone_is_not_waited_for() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_other(MEEK, DEAF))]);
    sim.run_until(20_000);
    sim.exits("a", code(0));
    sim.run_until(28_000);
    // It ends where nobody tells us, long before the next look.
    sim.world.processes.table.clear();
    sim.scan();
    assert_eq!(sim.starts("a"), [0, 28_000]);
    sim.run_until(60_000);
    assert_eq!((sim.sent(Signal::KILL), sim.world.kept.len()), (vec![], 0));
}

#[test]
fn a_meek_rest_is_gone_at_once_and_does_not_shorten_the_delay() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_member(MEEK))]);
    sim.run_until(2_000);
    sim.exits("a", code(0));
    sim.run_until(30_000);
    assert_eq!(sim.starts("a"), [0, 12_000]);
    assert_eq!(sim.sent(Signal::KILL), []);
}

#[test]
fn what_sigkill_does_not_end_is_given_up_after_ten_seconds_and_named() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_member(STUCK))]);
    sim.run_until(20_000);
    sim.exits("a", code(0));
    sim.run_until(60_000);
    assert_eq!(sim.starts("a"), [0, 40_000]);
    assert_eq!(
        sim.logged("giving up on the remaining processes of job a [2] 10 sec after SIGKILL: left [3]"),
        [40_000]
    );
}

#[test]
fn a_zombie_of_a_foreign_parent_is_given_up_too_and_its_end_noticed_within_a_second() {
    let plan = Plan { members: vec![(MEEK, Some(Parent::Foreign))], ..Plan::default() };
    let mut sim = Sim::with_plans(&[job("a")], &[("a", plan.clone())]);
    sim.plan("a", plan);
    sim.run_until(20_000);
    sim.exits("a", code(0));
    sim.run_until(45_000);
    assert_eq!((sim.starts("a"), sim.logged("giving up").len()), (vec![0, 40_000], 1));
    sim.run_until(55_000);
    sim.exits("a", code(0));
    sim.run_until(58_500);
    sim.world.processes.foreign_reap();
    sim.run_until(62_000);
    let starts = sim.starts("a");
    assert_eq!(starts[..2], [0, 40_000]);
    assert!((58_500..=59_500).contains(&starts[2]), "{starts:?}");
}

#[test]
fn a_main_process_that_sigkill_does_not_end_is_reported_and_waited_for() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_temper(STUCK))]);
    sim.run_until(900);
    sim.save(&[job("a").version(1)]);
    sim.run_until(100_000);
    assert_eq!(sim.logged("has not ended 10 sec after SIGKILL, still waiting"), [21_000]);
    assert_eq!(sim.starts("a"), [0]);
    let serial = sim.world.processes.unstick()[0];
    sim.world.processes.end(serial, code(0));
    sim.wake();
    assert_eq!(sim.starts("a"), [0, 100_000]);
}

#[test]
fn repeated_edits_never_postpone_sigkill() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", with_temper(DEAF))]);
    for version in 1..8 {
        sim.run_until(u64::from(version) * 2_000 - 100);
        sim.save(&[job("a").version(version)]);
    }
    assert_eq!((sim.sent(Signal::TERM), sim.sent(Signal::KILL)), (vec![2_000, 14_000], vec![12_000]));
    // What starts then is the definition that is in force by then.
    let versions: Vec<u32> = sim.world.starts.iter().map(|(_, _, version)| *version).collect();
    assert_eq!(versions, [0, 6, 7]);
}

#[test]
fn a_job_removed_and_added_again_while_it_stops_starts_when_the_old_run_has_gone() {
    for back in [job("a"), job("a").version(1)] {
        let mut sim = Sim::with_plans(&[job("a"), job("b")], &[("a", with_temper(DEAF))]);
        sim.run_until(900);
        sim.save(&[job("b")]);
        sim.run_until(5_000);
        sim.save(&[job("b"), back]);
        sim.run_until(30_000);
        assert_eq!(sim.starts("a"), [0, 11_000]);
        assert_eq!((sim.sent(Signal::TERM).len(), sim.sent(Signal::KILL)), (1, vec![11_000]));
    }
}

#[test]
fn the_exit_of_an_old_run_does_not_touch_the_new_definition() {
    let leaves = with_temper(Temper { status: Some(33), ..MEEK });
    let mut sim = Sim::with_plans(&[job("a"), job("b").once()], &[("a", leaves.clone()), ("b", leaves)]);
    sim.run_until(900);
    sim.save(&[job("a").once(), job("b").once().version(1)]);
    sim.run_until(30_000);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0, 1_000], vec![0, 1_000]));
    assert!(sim.pid("a").is_some() && sim.pid("b").is_some());
}

#[test]
fn a_number_that_comes_back_with_a_new_process_ends_the_sweep() {
    let mut sim = Sim::unborn(30_000);
    sim.plan("a", Plan { members: vec![(DEAF, Some(Parent::Foreign))], ..Plan::default() });
    sim.begin(&[job("a"), job("b").disable()]);
    sim.run_until(20_000);
    let group = sim.pid("a").unwrap();
    sim.exits("a", code(0));
    // The rest dies and is reaped where nobody tells us, and the numbers come round.
    sim.world.processes.table.clear();
    sim.world.processes.pids = group.as_raw() + 1;
    sim.command(Verb::Enable, "b");
    assert_eq!(sim.pid("b"), Some(group));
    assert_eq!(sim.world.kept.len(), 0);
    sim.world.processes.pids = 30_000;
    sim.run_until(50_000);
    assert_eq!((sim.starts("b"), sim.sent(Signal::KILL)), (vec![20_000], vec![]));
}

//! What a pmtr that was killed has left, and what the next one makes of it.

use crate::def::job;
use crate::processes::{DEAF, MEEK, Parent, Temper};
use crate::sim::{Sim, at, code};
use pmtr::model::{Phase, Signal, Target, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const SLOW: Temper = Temper { term: Some(Duration::from_secs(3)), ..MEEK };
const STUCK: Temper = Temper { stuck: true, ..DEAF };

fn left(processes: &[(&'static str, Temper)]) -> Sim {
    let mut sim = Sim::unborn(30_000);
    sim.after_kill(processes);
    sim
}

#[test]
fn a_job_starts_when_its_left_over_has_gone_and_the_others_at_once() {
    let mut sim = left(&[("slow", SLOW), ("meek", MEEK)]);
    sim.begin(&[job("slow"), job("fresh"), job("meek")]);
    sim.run_until(30_000);
    assert_eq!(sim.starts("fresh"), [0]);
    assert!(sim.starts("meek")[0] <= 20, "{:?}", sim.starts("meek"));
    let late = sim.starts("slow")[0];
    assert!((3_000..=3_750).contains(&late), "{late}");
    assert_eq!(sim.order(), "fresh meek slow");
    assert_eq!((sim.sent(Signal::TERM), sim.sent(Signal::KILL)), (vec![0, 0], vec![]));
    assert_eq!(sim.logged("was left by a pmtr that was killed, sending SIGTERM"), [0, 0]);
}

#[test]
fn a_left_over_that_is_deaf_is_killed_after_ten_seconds_and_its_job_starts_then() {
    let mut sim = Sim::unborn(30_000);
    let pids = sim.after_kill(&[("a", DEAF)]);
    sim.begin(&[job("a")]);
    sim.run_until(30_000);
    let group = Target::Rest(pids[0]);
    let sent: Vec<_> = sim.world.signals.iter().map(|(_, target, signal)| (*target, *signal)).collect();
    assert_eq!(sent, [(group, Signal::TERM), (group, Signal::CONT), (group, Signal::KILL)]);
    assert_eq!(sim.sent(Signal::KILL), [10_000]);
    assert_eq!(sim.starts("a"), [10_020]);
}

#[test]
fn one_whose_job_is_no_longer_in_the_file_is_ended_and_forgotten() {
    let mut sim = left(&[("old", SLOW)]);
    sim.begin(&[job("new")]);
    sim.run_until(2_000);
    assert_eq!(sim.supervisor.jobs().count(), 2);
    // No command reaches it.
    sim.command(Verb::Enable, "old");
    sim.run_until(10_000);
    assert_eq!((sim.supervisor.jobs().count(), sim.order().as_str()), (1, "new"));
    assert_eq!((sim.world.kept.len(), sim.world.processes.table.len()), (0, 1));
}

#[test]
fn without_a_file_a_left_over_is_ended_and_nothing_starts() {
    let mut sim = left(&[("a", MEEK)]);
    sim.run_until(20_000);
    assert_eq!((sim.supervisor.jobs().count(), sim.world.processes.table.len()), (0, 0));
}

#[test]
fn a_job_that_comes_back_into_the_file_meanwhile_waits_as_well() {
    let mut sim = left(&[("a", SLOW)]);
    sim.begin(&[]);
    sim.run_until(1_000);
    sim.save(&[job("a").version(3)]);
    sim.run_until(20_000);
    assert!((3_000..=3_750).contains(&sim.starts("a")[0]), "{:?}", sim.starts("a"));
}

#[test]
fn a_job_whose_left_over_is_being_ended_has_not_begun() {
    let mut sim = left(&[("setup", SLOW), ("off", SLOW), ("again", SLOW)]);
    sim.begin(&[job("setup").wait().once(), job("off").disable(), job("later"), job("again").once()]);
    sim.run_until(2_900);
    // Whoever waits for it waits on.
    assert_eq!(sim.order(), "");
    sim.run_until(5_000);
    assert_eq!(sim.order(), "setup");
    sim.exits("setup", code(0));
    sim.run_until(20_000);
    assert_eq!(sim.order(), "setup later again");
    let phases =
        [0, 1].map(|id| sim.supervisor.status_from(pmtr::model::JobId(id), at(20_000)).unwrap().1.phase);
    assert_eq!(phases, [Phase::Finished, Phase::Disabled]);
}

#[test]
fn an_end_waits_for_left_overs_and_a_second_one_kills_them() {
    for hurry in [false, true] {
        let mut sim = left(&[("a", DEAF), ("gone", DEAF)]);
        sim.begin(&[job("a")]);
        sim.run_until(1_000);
        sim.ask(Event::EndAsked(Signal::TERM));
        sim.run_until(2_000);
        assert!(!sim.supervisor.ended());
        if hurry {
            sim.ask(Event::EndAsked(Signal::TERM));
        }
        sim.run_until(30_000);
        assert!(sim.supervisor.ended());
        let killed = if hurry { 2_000 } else { 10_000 };
        assert_eq!((sim.sent(Signal::KILL), sim.order().as_str()), (vec![killed; 2], ""));
    }
}

#[test]
fn of_two_with_one_name_the_job_waits_for_one_and_both_are_ended() {
    let mut sim = left(&[("a", MEEK), ("a", SLOW)]);
    sim.begin(&[job("a")]);
    sim.run_until(1_000);
    assert!(sim.starts("a")[0] <= 20);
    assert_eq!(sim.logged("job a [2] was left"), [0]);
    assert_eq!(sim.logged("job a ?3? [3] was left").len() + sim.logged("job a [3] [3] was left").len(), 1);
    sim.run_until(9_000);
    assert_eq!((sim.world.processes.table.len(), sim.supervisor.jobs().count()), (1, 1));
}

#[test]
fn one_that_nothing_ends_is_given_up_and_named() {
    let mut sim = left(&[("a", STUCK)]);
    sim.begin(&[job("a")]);
    sim.run_until(60_000);
    assert_eq!(sim.logged("giving up on the remaining processes of job a [2]"), [20_000]);
    assert_eq!(sim.starts("a"), [20_000]);
}

#[test]
fn what_was_left_without_its_main_process_is_ended_before_its_job_runs() {
    let mut sim = Sim::unborn(30_000);
    let pids = sim.after_kill(&[("a", MEEK)]);
    let serial = sim.world.processes.table[0].serial;
    sim.world.processes.fork_outside(Parent::Foreign, (pids[0], serial), DEAF);
    sim.world.processes.table.retain(|process| process.outside);
    sim.begin(&[job("a"), job("b")]);
    sim.run_until(30_000);
    assert_eq!((sim.sent(Signal::KILL), sim.starts("b")), (vec![10_000], vec![0]));
    assert!((10_000..=10_020).contains(&sim.starts("a")[0]), "{:?}", sim.starts("a"));
}

#[test]
fn the_looks_at_a_left_over_become_rare() {
    let mut sim = left(&[("a", Temper { term: Some(Duration::from_millis(9_900)), ..MEEK })]);
    sim.begin(&[job("a")]);
    let wakes = sim.world.trace.len();
    sim.run_until(9_899);
    let ticks = sim.world.trace[wakes..].iter().filter(|line| line.ends_with("Tick")).count();
    assert!((20..60).contains(&ticks), "{ticks}");
    sim.run_until(11_000);
    assert!(sim.starts("a")[0] <= 10_900);
}

#[test]
fn a_sigkill_does_not_put_off_the_look_that_is_planned() {
    let mut sim = left(&[("a", Temper { term: Some(Duration::from_millis(9_002)), ..MEEK })]);
    sim.begin(&[job("a")]);
    // Woken late, it sees what is left, and means to look again a second later.
    sim.jump(Duration::from_millis(9_001));
    sim.run_until(20_000);
    assert_eq!((sim.sent(Signal::KILL), sim.starts("a")), (vec![10_000], vec![10_001]));
}

//! What a pmtr that was killed has left, and what the next one makes of it.

use crate::def::job;
use crate::kernel::{DEAF, MEEK, Parent, Temper};
use crate::world::{World, at, code};
use pmtr::model::{Phase, Signal, Target, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const SLOW: Temper = Temper { term: Some(Duration::from_secs(3)), ..MEEK };
const STUCK: Temper = Temper { stuck: true, ..DEAF };

fn left(processes: &[(&'static str, Temper)]) -> World {
    let mut world = World::unborn(30_000);
    world.after_kill(processes);
    world
}

#[test]
fn a_job_starts_when_its_left_over_has_gone_and_the_others_at_once() {
    let mut world = left(&[("slow", SLOW), ("meek", MEEK)]);
    world.begin(&[job("slow"), job("fresh"), job("meek")]);
    world.run_until(30_000);
    assert_eq!(world.starts("fresh"), [0]);
    assert!(world.starts("meek")[0] <= 20, "{:?}", world.starts("meek"));
    let late = world.starts("slow")[0];
    assert!((3_000..=3_750).contains(&late), "{late}");
    assert_eq!(world.order(), "fresh meek slow");
    assert_eq!((world.sent(Signal::TERM), world.sent(Signal::KILL)), (vec![0, 0], vec![]));
    assert_eq!(world.logged("was left by a pmtr that was killed, sending SIGTERM"), [0, 0]);
}

#[test]
fn a_left_over_that_is_deaf_is_killed_after_ten_seconds_and_its_job_starts_then() {
    let mut world = World::unborn(30_000);
    let pids = world.after_kill(&[("a", DEAF)]);
    world.begin(&[job("a")]);
    world.run_until(30_000);
    let group = Target::Rest(pids[0]);
    let sent: Vec<_> = world.sys.signals.iter().map(|(_, target, signal)| (*target, *signal)).collect();
    assert_eq!(sent, [(group, Signal::TERM), (group, Signal::CONT), (group, Signal::KILL)]);
    assert_eq!(world.sent(Signal::KILL), [10_000]);
    assert_eq!(world.starts("a"), [10_020]);
}

#[test]
fn one_whose_job_is_no_longer_in_the_file_is_ended_and_forgotten() {
    let mut world = left(&[("old", SLOW)]);
    world.begin(&[job("new")]);
    world.run_until(2_000);
    assert_eq!(world.supervisor.jobs().count(), 2);
    // No command reaches it.
    world.command(Verb::Enable, "old");
    world.run_until(10_000);
    assert_eq!((world.supervisor.jobs().count(), world.order().as_str()), (1, "new"));
    assert_eq!((world.sys.kept.len(), world.sys.kernel.processes.len()), (0, 1));
}

#[test]
fn without_a_file_a_left_over_is_ended_and_nothing_starts() {
    let mut world = left(&[("a", MEEK)]);
    world.run_until(20_000);
    assert_eq!((world.supervisor.jobs().count(), world.sys.kernel.processes.len()), (0, 0));
}

#[test]
fn a_job_that_comes_back_into_the_file_meanwhile_waits_as_well() {
    let mut world = left(&[("a", SLOW)]);
    world.begin(&[]);
    world.run_until(1_000);
    world.save(&[job("a").version(3)]);
    world.run_until(20_000);
    assert!((3_000..=3_750).contains(&world.starts("a")[0]), "{:?}", world.starts("a"));
}

#[test]
fn a_job_whose_left_over_is_being_ended_has_not_begun() {
    let mut world = left(&[("setup", SLOW), ("off", SLOW), ("again", SLOW)]);
    world.begin(&[job("setup").wait().once(), job("off").disable(), job("later"), job("again").once()]);
    world.run_until(2_900);
    // Whoever waits for it waits on.
    assert_eq!(world.order(), "");
    world.run_until(5_000);
    assert_eq!(world.order(), "setup");
    world.exits("setup", code(0));
    world.run_until(20_000);
    assert_eq!(world.order(), "setup later again");
    let phases =
        [0, 1].map(|id| world.supervisor.status_from(pmtr::model::JobId(id), at(20_000)).unwrap().1.phase);
    assert_eq!(phases, [Phase::Finished, Phase::Disabled]);
}

#[test]
fn an_end_waits_for_left_overs_and_a_second_one_kills_them() {
    for hurry in [false, true] {
        let mut world = left(&[("a", DEAF), ("gone", DEAF)]);
        world.begin(&[job("a")]);
        world.run_until(1_000);
        world.ask(Event::EndAsked(Signal::TERM));
        world.run_until(2_000);
        assert!(!world.supervisor.ended());
        if hurry {
            world.ask(Event::EndAsked(Signal::TERM));
        }
        world.run_until(30_000);
        assert!(world.supervisor.ended());
        let killed = if hurry { 2_000 } else { 10_000 };
        assert_eq!((world.sent(Signal::KILL), world.order().as_str()), (vec![killed; 2], ""));
    }
}

#[test]
fn of_two_with_one_name_the_job_waits_for_one_and_both_are_ended() {
    let mut world = left(&[("a", MEEK), ("a", SLOW)]);
    world.begin(&[job("a")]);
    world.run_until(1_000);
    assert!(world.starts("a")[0] <= 20);
    assert_eq!(world.logged("job a [2] was left"), [0]);
    assert_eq!(
        world.logged("job a ?3? [3] was left").len() + world.logged("job a [3] [3] was left").len(),
        1
    );
    world.run_until(9_000);
    assert_eq!((world.sys.kernel.processes.len(), world.supervisor.jobs().count()), (1, 1));
}

#[test]
fn one_that_nothing_ends_is_given_up_and_named() {
    let mut world = left(&[("a", STUCK)]);
    world.begin(&[job("a")]);
    world.run_until(60_000);
    assert_eq!(world.logged("giving up on the remaining processes of job a [2]"), [20_000]);
    assert_eq!(world.starts("a"), [20_000]);
}

#[test]
fn what_was_left_without_its_main_process_is_ended_before_its_job_runs() {
    let mut world = World::unborn(30_000);
    let pids = world.after_kill(&[("a", MEEK)]);
    let serial = world.sys.kernel.processes[0].serial;
    world.sys.kernel.fork_outside(Parent::Foreign, (pids[0], serial), DEAF);
    world.sys.kernel.processes.retain(|process| process.outside);
    world.begin(&[job("a"), job("b")]);
    world.run_until(30_000);
    assert_eq!((world.sent(Signal::KILL), world.starts("b")), (vec![10_000], vec![0]));
    assert!((10_000..=10_020).contains(&world.starts("a")[0]), "{:?}", world.starts("a"));
}

#[test]
fn the_looks_at_a_left_over_become_rare() {
    let mut world = left(&[("a", Temper { term: Some(Duration::from_millis(9_900)), ..MEEK })]);
    world.begin(&[job("a")]);
    let wakes = world.sys.trace.len();
    world.run_until(9_899);
    let ticks = world.sys.trace[wakes..].iter().filter(|line| line.ends_with("Tick")).count();
    assert!((20..60).contains(&ticks), "{ticks}");
    world.run_until(11_000);
    assert!(world.starts("a")[0] <= 10_900);
}

#[test]
fn a_sigkill_does_not_put_off_the_look_that_is_planned() {
    let mut world = left(&[("a", Temper { term: Some(Duration::from_millis(9_002)), ..MEEK })]);
    world.begin(&[job("a")]);
    // Woken late, it sees what is left, and means to look again a second later.
    world.jump(Duration::from_millis(9_001));
    world.run_until(20_000);
    assert_eq!((world.sent(Signal::KILL), world.starts("a")), (vec![10_000], vec![10_001]));
}

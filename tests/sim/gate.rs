//! Who may start when.

use crate::def::{Def, job};
use crate::plan::Plan;
use crate::sim::{Sim, code};
use pmtr::model::{Ending, Errno, SpawnError, Stage, Verb};
use pmtr::supervisor::STARTS_PER_TURN;
use std::time::Duration;

const MISSING: SpawnError = SpawnError { stage: Stage::Exec, errno: Errno(2) };

#[test]
fn jobs_start_by_order_then_by_place_and_without_pause() {
    let sim = Sim::with(&[job("c").order(2), job("a"), job("first").order(-7), job("b"), job("d").order(2)]);
    assert_eq!(sim.order(), "first a b c d");
    assert!(sim.world.starts.iter().all(|(at, _, _)| *at == crate::sim::at(0)));
}

#[test]
fn a_wait_job_holds_later_first_starts_until_it_has_ended_whatever_its_exit() {
    for exit in [code(0), code(1), code(33), Ending::Ran(pmtr::model::Exit::Signal(pmtr::model::Signal(9)))] {
        let mut sim = Sim::with(&[job("before"), job("setup").wait(), job("after"), job("too")]);
        sim.run_until(60_000);
        assert_eq!(sim.order(), "before setup");
        assert_eq!(sim.logged("pausing for job setup to finish"), [0]);
        let line = |text: &str| sim.world.log.iter().position(|(_, line)| line.to_string().starts_with(text));
        assert!(line("started job setup") < line("pausing for job setup"));
        sim.exits("setup", exit);
        assert!(sim.order().starts_with("before setup"));
        assert_eq!((sim.starts("after"), sim.starts("too")), (vec![60_000], vec![60_000]));
        // Its own next run holds nothing.
        sim.run_until(80_000);
        sim.exits("after", code(0));
        assert_eq!(sim.starts("after"), [60_000, 80_000]);
    }
}

#[test]
fn restarts_reloads_and_commands_go_on_while_a_wait_job_runs() {
    let mut sim = Sim::with(&[job("setup").order(1).wait(), job("a"), job("b"), job("late").order(2)]);
    sim.run_until(20_000);
    sim.exits("a", code(0));
    assert_eq!(sim.starts("a"), [0, 20_000]);
    sim.command(Verb::Disable, "b");
    sim.run_until(21_000);
    assert_eq!(sim.pid("b"), None);
    sim.command(Verb::Enable, "b");
    assert_eq!(sim.starts("b"), [0, 21_000]);
    sim.save(&[job("setup").order(1).wait(), job("a"), job("new"), job("late").order(2)]);
    assert_eq!(sim.starts("new"), [21_100]);
    assert_eq!(sim.starts("late"), []);
}

#[test]
fn a_restart_behind_a_new_wait_job_is_not_held() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(1_000);
    sim.exits("a", code(0));
    sim.save(&[job("setup").wait(), job("a")]);
    sim.run_until(12_000);
    assert_eq!(sim.starts("a"), [0, 11_000]);
}

/// What releases a later job from a `wait` job, other than that one's end.
fn released(wait: Def, plan: Plan, act: impl Fn(&mut Sim)) -> Vec<u128> {
    let mut sim = Sim::with_plans(&[wait, job("a")], &[("setup", plan)]);
    sim.run_until(1_000);
    act(&mut sim);
    sim.run_until(2_000);
    sim.starts("a")
}

#[test]
fn a_wait_job_that_is_disabled_deleted_failing_or_waiting_for_a_file_holds_nothing() {
    let (setup, runs) = (job("setup").wait(), Plan::default);
    assert_eq!(released(setup, runs(), |_| ()), []);
    assert_eq!(released(setup.disable(), runs(), |_| ()), [0]);
    assert_eq!(released(setup, runs(), |sim| sim.command(Verb::Disable, "setup")), [1_000]);
    assert_eq!(released(setup, runs(), |sim| sim.save(&[job("a")])), [1_100]);
    assert_eq!(released(setup, runs(), |sim| sim.save(&[setup.disable(), job("a")])), [1_100]);
    assert_eq!(released(setup, Plan { fail: Some(MISSING), ..runs() }, |_| ()), [0]);
    let life = Some((Duration::from_millis(5), Ending::NeverStarted(MISSING)));
    assert_eq!(released(setup, Plan { life, ..runs() }, |_| ()), [5]);
    let mut sim = Sim::unborn(30_000);
    sim.world.contents = [None; 3];
    sim.begin(&[setup.depends(1), job("a")]);
    sim.run_until(1_000);
    assert_eq!(sim.order(), "a");
}

#[test]
fn a_changed_order_alone_restarts_nothing_but_counts_for_the_gate() {
    let setup = job("setup").wait();
    let mut sim = Sim::with(&[setup, job("a"), job("b")]);
    sim.run_until(1_000);
    sim.save(&[setup, job("a"), job("b").order(-1)]);
    assert_eq!(sim.order(), "setup b");
    sim.save(&[job("a"), job("b"), setup]);
    assert_eq!(sim.order(), "setup b a");
    assert_eq!(sim.sent(pmtr::model::Signal::TERM), []);
}

#[test]
fn a_job_whose_definition_changed_is_held_like_a_new_one() {
    let setup = job("setup").wait();
    let mut sim = Sim::with(&[job("a")]);
    sim.save(&[setup, job("a").version(1)]);
    sim.run_until(1_000);
    assert_eq!(sim.order(), "a setup");
    sim.exits("setup", code(0));
    assert_eq!(sim.starts("a"), [0, 1_000]);
}

#[test]
fn a_turn_starts_64_jobs_and_the_next_goes_on_at_once() {
    let names: Vec<&'static str> = (0..150).map(|n| &*format!("job{n}").leak()).collect();
    // `World::turn` checks the number.
    let sim = Sim::with(&names.iter().map(|name| job(name)).collect::<Vec<_>>());
    assert_eq!(sim.world.starts.len(), 150);
    assert_eq!(sim.world.trace.iter().filter(|line| line.ends_with("Tick")).count(), 3);
    assert_eq!(STARTS_PER_TURN, 64);
}

#[test]
fn a_wait_job_whose_file_vanishes_while_it_runs_still_holds_later_jobs() {
    let mut sim = Sim::with(&[job("setup").wait().depends(0), job("a")]);
    sim.run_until(1_000);
    sim.write(0, None);
    sim.run_until(5_000);
    assert_eq!(sim.order(), "setup");
    sim.exits("setup", code(0));
    assert_eq!(sim.starts("a"), [5_000]);
}

#[test]
fn jobs_that_crash_again_and_again_do_not_keep_others_from_their_first_start() {
    let names: Vec<&'static str> = (0..2 * STARTS_PER_TURN).map(|n| &*format!("crashes{n}").leak()).collect();
    let mut defs: Vec<Def> = names.iter().copied().map(job).collect();
    let mut sim = Sim::with(&defs);
    sim.run_until(1_000);
    names.iter().for_each(|name| sim.exits(name, code(1)));
    sim.run_until(10_900);
    defs.push(job("new"));
    // Read when all the others are due.
    sim.save(&defs);
    let again = sim.order().split(' ').skip(names.len()).position(|name| name == "new");
    assert!(again.is_some_and(|place| place < STARTS_PER_TURN), "{again:?}");
}

#[test]
fn restarts_and_first_starts_that_are_due_together_go_by_turns() {
    let mut sim = Sim::with(&[job("old1"), job("old2"), job("old3")]);
    sim.run_until(1_000);
    ["old1", "old2", "old3"].into_iter().for_each(|name| sim.exits(name, code(1)));
    sim.run_until(10_900);
    // Read when all the others are due.
    sim.save(&["old1", "old2", "old3", "new1", "new2", "new3", "new4"].map(job));
    assert_eq!(sim.order(), "old1 old2 old3 old1 new1 old2 new2 old3 new3 new4");
    // Those that wait alone need no more turns for that.
    ["old1", "old2", "old3"].into_iter().for_each(|name| sim.exits(name, code(1)));
    sim.run_until(20_000);
    sim.world.trace.clear();
    sim.run_until(21_000);
    assert_eq!(sim.order().matches("old3").count(), 3);
    assert_eq!(sim.world.trace.iter().filter(|line| line.ends_with("Tick")).count(), 1);
}

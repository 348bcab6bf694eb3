//! What follows the end of a run.

use crate::def::job;
use crate::plan::Plan;
use crate::sim::{Sim, code};
use pmtr::model::{Ending, Errno, Exit, Signal, SpawnError, Stage, Verb};
use std::time::Duration;

fn cannot(stage: Stage, errno: i32) -> SpawnError {
    SpawnError { stage, errno: Errno(errno) }
}

#[test]
fn a_job_that_ran_ten_seconds_restarts_at_once_and_a_quicker_one_ten_seconds_after_its_end() {
    for (ends, restarts) in
        [(0, 10_000), (3_000, 13_000), (9_999, 19_999), (10_000, 10_000), (75_000, 75_000)]
    {
        let mut sim = Sim::with(&[job("a")]);
        sim.run_until(ends);
        sim.exits("a", Ending::Ran(Exit::Signal(Signal(11))));
        assert_eq!(sim.logged("restarting too fast").len(), usize::from(ends < 10_000));
        sim.run_until(restarts - u64::from(restarts > ends));
        assert_eq!(sim.starts("a").len(), 1 + usize::from(restarts == ends));
        sim.run_until(restarts);
        assert_eq!(sim.starts("a"), [0, u128::from(restarts)]);
    }
}

#[test]
fn a_failed_start_is_tried_again_and_is_reported_again_only_for_another_reason() {
    let mut sim = Sim::unborn(30_000);
    let dies = |error| Some((Duration::from_millis(1), Ending::NeverStarted(error)));
    for error in [cannot(Stage::Fork, 11), cannot(Stage::Fork, 11), cannot(Stage::Prepare, 24)] {
        sim.plan("a", Plan { fail: Some(error), ..Plan::default() });
    }
    sim.plan("a", Plan { life: dies(cannot(Stage::Exec, 2)), ..Plan::default() });
    sim.plan("a", Plan { life: dies(cannot(Stage::Exec, 2)), ..Plan::default() });
    sim.begin(&[job("a")]);
    sim.run_until(30_000);
    // What the machine had no room for soon, what could not become the command after ten seconds.
    assert_eq!(sim.starts("a"), [7_000, 17_001, 27_002]);
    assert_eq!(sim.logged("can't start job a"), [0, 3_000, 7_001]);
    assert_eq!(sim.logged("can't start job a: exec /bin/job: No such file or directory"), [7_001]);
    assert_eq!(sim.logged("exited after"), []);
    // A run in between makes the same reason news.
    sim.exits("a", code(0));
    sim.plan("a", Plan { life: dies(cannot(Stage::Exec, 2)), ..Plan::default() });
    sim.run_until(72_000);
    assert_eq!(sim.logged("can't start job a").len(), 4);
}

#[test]
fn starts_that_the_machine_has_no_room_for_come_ever_more_rarely_and_soon_again_after_one_that_went_well() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    sim.run_until(20_000);
    let full = Plan { fail: Some(cannot(Stage::Fork, 11)), ..Plan::default() };
    (0..7).for_each(|_| sim.plan("a", full.clone()));
    sim.exits("a", code(0));
    sim.run_until(64_999);
    assert_eq!(sim.starts("a"), [0]);
    assert_eq!(sim.logged("can't start job a"), [20_000]);
    sim.run_until(100_000);
    // After 1, 2, 4, 8 and three times 10 seconds.
    assert_eq!(sim.starts("a"), [0, 65_000]);
    sim.plan("a", full);
    sim.exits("a", code(0));
    sim.run_until(200_000);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0, 65_000, 101_000], vec![0]));
}

#[test]
fn status_33_and_once_stay_down_and_signal_33_does_not() {
    let mut sim = Sim::with(&[job("a"), job("b").once(), job("c")]);
    sim.run_until(20_000);
    sim.exits("a", code(33));
    sim.exits("b", code(1));
    sim.exits("c", Ending::Ran(Exit::Signal(Signal(33))));
    sim.run_until(200_000);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0], vec![0]));
    assert_eq!(sim.starts("c"), [0, 20_000]);
    // An unchanged definition leaves them down, another one brings them back.
    sim.save(&[job("a"), job("b").once(), job("c").order(3)]);
    assert_eq!((sim.pid("a"), sim.pid("b")), (None, None));
    sim.save(&[job("a").version(1), job("b").once().version(1)]);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0, 200_200], vec![0, 200_200]));
}

#[test]
fn a_failed_start_does_not_use_up_once() {
    let life = Some((Duration::from_millis(1), Ending::NeverStarted(cannot(Stage::Dir, 2))));
    let fails = Plan { fail: Some(cannot(Stage::Fork, 11)), ..Plan::default() };
    let mut sim = Sim::unborn(30_000);
    sim.plan("a", fails);
    sim.plan("a", Plan { life, ..Plan::default() });
    sim.begin(&[job("a").once()]);
    sim.run_until(25_000);
    assert_eq!(sim.starts("a"), [1_000, 11_001]);
    sim.exits("a", code(0));
    sim.run_until(90_000);
    assert_eq!(sim.starts("a").len(), 2);
}

#[test]
fn a_stop_that_was_asked_for_counts_neither_as_once_nor_as_33() {
    let leaves = Plan {
        temper: crate::processes::Temper { status: Some(33), ..crate::processes::MEEK },
        ..Plan::default()
    };
    let defs = [job("a").once().bounce(20), job("b").bounce(20), job("c").once().depends(0)];
    let plans = ["a", "b", "c"].map(|name| (name, leaves.clone()));
    let mut sim = Sim::with_plans(&defs, &plans);
    sim.run_until(10_000);
    sim.write(0, Some(5));
    sim.run_until(30_000);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0, 20_000], vec![0, 20_000]));
    assert_eq!(sim.starts("c"), [0, 10_000]);
}

#[test]
fn a_remote_enable_brings_back_a_finished_job_that_was_disabled() {
    let mut sim = Sim::with(&[job("a").once()]);
    sim.run_until(1_000);
    sim.exits("a", code(0));
    sim.run_until(2_000);
    sim.command(Verb::Disable, "a");
    sim.command(Verb::Enable, "a");
    assert_eq!(sim.starts("a"), [0, 2_000]);
}

#[test]
fn a_bounce_restarts_without_delay_at_its_time_and_once_after_a_long_sleep() {
    let mut sim = Sim::with(&[job("a").bounce(1)]);
    sim.run_until(3_500);
    assert_eq!(sim.starts("a"), [0, 1_000, 2_000, 3_000]);
    assert_eq!(sim.logged("time to bounce"), [1_000, 2_000, 3_000]);
    sim.jump(Duration::from_secs(3_600));
    sim.run_until(3_603_500);
    assert_eq!(sim.starts("a").len(), 5);
}

#[test]
fn a_disabled_job_does_not_start_and_a_delay_survives_disable_and_enable() {
    let mut sim = Sim::with(&[job("a"), job("b").disable()]);
    sim.run_until(1_000);
    sim.exits("a", code(0));
    sim.command(Verb::Disable, "a");
    sim.run_until(3_000);
    sim.command(Verb::Enable, "a");
    sim.command(Verb::Enable, "b");
    sim.run_until(12_000);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0, 11_000], vec![3_000]));
}

#[test]
fn of_those_that_are_to_be_restarted_the_one_that_has_waited_longest_is_the_first() {
    // As after a while in which others had the processor; with more due than can be started, the last job of the
    // file would else wait for ever.
    let mut sim = Sim::with(&[job("late"), job("early")]);
    sim.run_until(1_000);
    sim.exits("early", code(1));
    sim.run_until(2_000);
    sim.exits("late", code(1));
    sim.jump(Duration::from_secs(60));
    assert_eq!(sim.order(), "late early early late");
}

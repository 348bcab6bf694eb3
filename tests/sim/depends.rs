//! Files that jobs depend on.

use crate::def::job;
use crate::world::{World, code};
use pmtr::model::{Signal, Verb};
use std::time::Duration;

#[test]
fn nothing_is_said_to_be_there_before_that_is_known() {
    let mut world = World::unborn(30_000);
    world.sys.contents = [None; 3];
    world.sys.facts_after = Duration::from_secs(1);
    world.begin(&[job("a").depends(0)]);
    world.run_until(5_000);
    world.save(&[job("a").depends(1)]);
    world.run_until(9_000);
    assert_eq!(world.logged("are there"), []);
    assert_eq!(world.logged("waits for /etc/app.conf"), [1_000]);
    assert_eq!(world.logged("waits for /etc/keys"), [6_100]);
    world.write(1, Some(1));
    assert_eq!((world.starts("a"), world.logged("are there")), (vec![9_000], vec![9_000]));
}

#[test]
fn a_job_waits_for_a_file_that_is_missing_at_start() {
    let mut world = World::unborn(30_000);
    world.sys.contents = [None, Some(0), None];
    world.begin(&[job("a").depends(0).depends(1).depends(2), job("b")]);
    world.run_until(5_000);
    world.write(0, Some(1));
    assert_eq!(world.order(), "b");
    world.run_until(6_000);
    world.write(2, Some(1));
    assert_eq!(world.starts("a"), [6_000]);
    assert_eq!(world.logged("job a waits for /etc/app.conf"), [0]);
    // What was never there has not changed.
    assert_eq!(world.logged("has changed"), []);
}

#[test]
fn a_change_restarts_the_job_without_delay_and_the_same_content_does_not() {
    let mut world = World::with(&[job("a").depends(0), job("b").depends(1)]);
    world.run_until(3_000);
    world.write(0, Some(0));
    assert_eq!(world.sent(Signal::TERM), []);
    world.write(0, Some(1));
    assert_eq!((world.starts("a"), world.starts("b")), (vec![0, 3_000], vec![0]));
    assert_eq!(world.logged("job a: a file that it depends on has changed"), [3_000]);
}

#[test]
fn a_file_that_vanishes_changes_nothing_until_it_is_back() {
    for (back, starts) in [(0, vec![0]), (1, vec![0, 9_000])] {
        let mut world = World::with(&[job("a").depends(2)]);
        world.run_until(3_000);
        world.write(2, None);
        world.run_until(9_000);
        assert_eq!(world.starts("a"), [0]);
        world.write(2, Some(back));
        world.run_until(30_000);
        assert_eq!(world.starts("a"), starts);
    }
}

#[test]
fn a_change_starts_no_job_that_a_command_has_disabled() {
    let mut world = World::with(&[job("a").depends(0), job("b").depends(0).disable()]);
    world.run_until(3_000);
    world.command(Verb::Disable, "a");
    world.write(0, Some(1));
    world.run_until(30_000);
    assert_eq!(world.order(), "a");
    world.command(Verb::Enable, "a");
    assert_eq!(world.starts("a"), [0, 30_000]);
}

#[test]
fn a_change_runs_a_finished_job_again() {
    let mut world = World::with(&[job("a").once().depends(0)]);
    world.run_until(20_000);
    world.exits("a", code(0));
    world.run_until(30_000);
    world.write(0, Some(1));
    assert_eq!(world.starts("a"), [0, 30_000]);
}

//! Files that jobs depend on.

use crate::def::job;
use crate::sim::{Sim, code};
use pmtr::model::{Signal, Verb};
use std::time::Duration;

#[test]
fn nothing_is_said_to_be_there_before_that_is_known() {
    let mut sim = Sim::unborn(30_000);
    sim.world.contents = [None; 3];
    sim.world.facts_after = Duration::from_secs(1);
    sim.begin(&[job("a").depends(0)]);
    sim.run_until(5_000);
    sim.save(&[job("a").depends(1)]);
    sim.run_until(9_000);
    assert_eq!(sim.logged("all files that it depends on exist"), []);
    assert_eq!(sim.logged("waiting for /etc/app.conf"), [1_000]);
    assert_eq!(sim.logged("waiting for /etc/keys"), [6_100]);
    sim.write(1, Some(1));
    assert_eq!(
        (sim.starts("a"), sim.logged("all files that it depends on exist")),
        (vec![9_000], vec![9_000])
    );
}

#[test]
fn a_job_waits_for_a_file_that_is_missing_at_start() {
    let mut sim = Sim::unborn(30_000);
    sim.world.contents = [None, Some(0), None];
    sim.begin(&[job("a").depends(0).depends(1).depends(2), job("b")]);
    sim.run_until(5_000);
    sim.write(0, Some(1));
    assert_eq!(sim.order(), "b");
    sim.run_until(6_000);
    sim.write(2, Some(1));
    assert_eq!(sim.starts("a"), [6_000]);
    assert_eq!(sim.logged("job a is waiting for /etc/app.conf"), [0]);
    // What was never there has not changed.
    assert_eq!(sim.logged("has changed"), []);
}

#[test]
fn a_change_restarts_the_job_without_delay_and_the_same_content_does_not() {
    let mut sim = Sim::with(&[job("a").depends(0), job("b").depends(1)]);
    sim.run_until(3_000);
    sim.write(0, Some(0));
    assert_eq!(sim.sent(Signal::TERM), []);
    sim.write(0, Some(1));
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0, 3_000], vec![0]));
    assert_eq!(sim.logged("job a: a file that it depends on has changed"), [3_000]);
}

#[test]
fn a_job_that_writes_its_own_file_restarts_ever_more_rarely_and_the_log_says_why() {
    let mut sim = Sim::with(&[job("a").depends(0), job("b").depends(0)]);
    sim.run_until(3_000);
    sim.world.writers.insert("a", 0);
    sim.write(0, Some(9));
    sim.run_until(300_000);
    // The first change was somebody else's; then each start brings the next one.
    let apart = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60];
    let starts = apart.iter().scan(3_000, |at, secs| {
        *at += secs * 1_000;
        Some(*at)
    });
    let starts: Vec<u128> = std::iter::once(0).chain(starts).collect();
    assert_eq!(sim.starts("a"), starts);
    assert_eq!(sim.starts("b"), starts, "as rarely as the file tells");
    let why =
        "job a: /etc/app.conf, which it depends on, keeps changing (does the job write it?); restarting in";
    let told: Vec<u128> = starts[1..].iter().map(|at| at + 100).collect();
    assert_eq!(sim.logged(why), told);
    assert_eq!(sim.logged("restarting in 1 sec"), [3_100; 2]);
    // When that is over, a change counts at once again.
    sim.world.writers.clear();
    sim.run_until(500_000);
    sim.write(0, Some(1));
    assert_eq!(sim.starts("a").last(), Some(&500_000));
}

#[test]
fn changes_with_a_pause_between_them_restart_at_once_each() {
    let mut sim = Sim::with(&[job("a").depends(0)]);
    for (at, content) in [(3_000, 1), (4_000, 2), (14_000, 3), (24_000, 4), (25_000, 5)] {
        sim.run_until(at);
        sim.write(0, Some(content));
    }
    assert_eq!(sim.starts("a"), [0, 3_000, 4_000, 14_000, 24_000, 25_000]);
    assert_eq!(sim.logged("keeps changing"), []);
}

#[test]
fn several_changes_that_come_too_soon_are_one_restart() {
    let mut sim = Sim::with(&[job("a").depends(0).depends(1)]);
    for (at, file, content) in [(3_000, 0, 1), (3_100, 1, 1), (3_200, 0, 2), (3_300, 1, 2)] {
        sim.run_until(at);
        sim.write(file, Some(content));
    }
    sim.run_until(60_000);
    assert_eq!(sim.starts("a"), [0, 3_000, 4_000]);
    assert_eq!(sim.logged("job a: /etc/keys, which it depends on, keeps changing"), [3_100]);
    assert_eq!(sim.logged("has changed"), [3_000, 4_000]);
}

#[test]
fn a_restart_that_was_put_off_is_dropped_when_the_job_has_started_meanwhile_or_is_disabled() {
    for (verb, starts) in [(None, vec![0, 3_000, 3_500]), (Some(Verb::Disable), vec![0, 3_000])] {
        let mut sim = Sim::with(&[job("a").depends(0)]);
        sim.run_until(3_000);
        sim.write(0, Some(1));
        sim.run_until(3_200);
        sim.write(0, Some(2));
        sim.run_until(3_500);
        sim.command(Verb::Disable, "a");
        if verb.is_none() {
            sim.command(Verb::Enable, "a");
        }
        sim.run_until(60_000);
        assert_eq!(sim.starts("a"), starts);
        assert_eq!(sim.logged("has changed"), [3_000]);
    }
}

#[test]
fn a_file_that_vanishes_changes_nothing_until_it_is_back() {
    for (back, starts) in [(0, vec![0]), (1, vec![0, 9_000])] {
        let mut sim = Sim::with(&[job("a").depends(2)]);
        sim.run_until(3_000);
        sim.write(2, None);
        sim.run_until(9_000);
        assert_eq!(sim.starts("a"), [0]);
        sim.write(2, Some(back));
        sim.run_until(30_000);
        assert_eq!(sim.starts("a"), starts);
    }
}

#[test]
fn a_change_starts_no_job_that_a_command_has_disabled() {
    let mut sim = Sim::with(&[job("a").depends(0), job("b").depends(0).disable()]);
    sim.run_until(3_000);
    sim.command(Verb::Disable, "a");
    sim.write(0, Some(1));
    sim.run_until(30_000);
    assert_eq!(sim.order(), "a");
    sim.command(Verb::Enable, "a");
    assert_eq!(sim.starts("a"), [0, 30_000]);
}

#[test]
fn a_change_runs_a_finished_job_again() {
    let mut sim = Sim::with(&[job("a").once().depends(0)]);
    sim.run_until(20_000);
    sim.exits("a", code(0));
    sim.run_until(30_000);
    sim.write(0, Some(1));
    assert_eq!(sim.starts("a"), [0, 30_000]);
}

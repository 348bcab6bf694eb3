//! Tasks, as cron and at run them: once until they succeed, again after a pause, or a batch of them.

use crate::support::{Dir, Pmtr, wait_until};
use std::fs;

/// Fails until it has been run so many times.
fn flaky(dir: &Dir, times: u32) {
    let runs = dir.join("runs").display().to_string();
    dir.script("flaky", &format!("echo run >>{runs}; test $(wc -l <{runs}) -ge {times} || exit 75"));
}

fn lines(dir: &Dir, name: &str) -> Vec<String> {
    let text = fs::read_to_string(dir.join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

const UNTIL_IT_SUCCEEDS: &str =
    "job {\n name import\n cmd DIR/flaky\n once\n restart on failure\n restart delay 150ms\n}\n";

#[test]
fn a_task_that_fails_twice_and_then_succeeds_has_run_three_times() {
    let dir = Dir::new();
    flaky(&dir, 3);
    let mut pmtr = Pmtr::start_in(dir, UNTIL_IT_SUCCEEDS, |_| {});
    pmtr.wait("exit status 75");
    pmtr.wait("exit status 75");
    pmtr.wait("exit status 0");
    pmtr.settle();
    assert!(pmtr.has("job import: finished"), "{:#?}", pmtr.seen);
    assert_eq!(lines(&pmtr.dir, "runs").len(), 3);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_task_that_never_succeeds_gives_up() {
    let dir = Dir::new();
    flaky(&dir, 1000);
    let config = UNTIL_IT_SUCCEEDS.replace("once", "once\n give up after 3");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.wait("job import gave up after 3 quick runs");
    assert_eq!(lines(&pmtr.dir, "runs").len(), 3);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_task_runs_again_and_again_with_a_pause_after_each_run() {
    let dir = Dir::new();
    let times = dir.join("times").display().to_string();
    dir.script("poll", &format!("date +%s%3N >>{times}"));
    let config = "job {\n name poll\n cmd DIR/poll\n steady after never\n restart delay 300ms\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    wait_until("it has run four times", || lines(&pmtr.dir, "times").len() >= 4);
    assert_eq!(pmtr.stop().code(), Some(0));
    let times: Vec<u64> = lines(&pmtr.dir, "times").iter().map(|time| time.parse().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 300), "{times:?}");
}

#[test]
fn a_batch_ends_when_all_its_tasks_have_succeeded_the_flaky_one_too() {
    let dir = Dir::new();
    flaky(&dir, 3);
    let config =
        format!("end when done\njob {{\n name first\n cmd /bin/true\n wait\n once\n}}\n{UNTIL_IT_SUCCEEDS}");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    assert_eq!(pmtr.ends().code(), Some(0));
    assert_eq!(lines(&pmtr.dir, "runs").len(), 3);
}

#[test]
fn a_batch_with_a_failed_task_ends_with_1_after_the_others() {
    let dir = Dir::new();
    let done = dir.join("done").display().to_string();
    dir.script("slow", &format!("sleep 0.3; touch {done}"));
    let config = "end when done\njob {\n name bad\n cmd /bin/false\n once\n}\njob {\n name slow\n cmd DIR/slow\n once\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    assert_eq!(pmtr.ends().code(), Some(1));
    assert!(pmtr.dir.join("done").exists());
}

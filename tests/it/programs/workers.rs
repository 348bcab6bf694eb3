//! A worker in Python, in four copies that share one queue: a directory of tasks.

use crate::support::{Dir, Pmtr, kill, wait_until};
use crate::wrapped::tool_or_skip;
use std::fs;
use std::process::Command;

/// Takes a task by renaming it, so that it is done once; at SIGTERM it finishes the one that it has.
const WORKER: &str = r#"
import os, signal, sys, time

name, ended = sys.argv[1], False

def end(signum, frame):
    global ended
    ended = True

signal.signal(signal.SIGTERM, end)
open(f"ready/{name}", "w").close()
while not ended:
    for task in os.listdir("queue"):
        mine = f"taken/{task}.{name}"
        try:
            os.rename(f"queue/{task}", mine)
        except FileNotFoundError:
            continue
        with open(mine) as file:
            file.read()
        os.rename(mine, f"done/{task}")
        if ended:
            break
    time.sleep(0.01)
"#;

const JOB: &str = "job {\n name worker\n instances 4\n cmd python3 worker.py %{name}\n dir DIR\n \
    stop timeout 60s\n restart delay 200ms\n depends { worker.py }\n}\n";

/// Starts the four, and returns their processes when each looks for tasks.
fn start_or_skip() -> Option<(Pmtr, Vec<i32>)> {
    if !tool_or_skip("python3", "a worker in Python") {
        return None;
    }
    let dir = Dir::new();
    for name in ["queue", "taken", "done", "ready"] {
        fs::create_dir(dir.join(name)).unwrap();
    }
    dir.write("worker.py", WORKER);
    let mut pmtr = Pmtr::start_in(dir, JOB, |_| {});
    // They start side by side, and the log has them in any order.
    let pids = (1..5).map(|n| pmtr.rewind().started(&format!("worker-{n}"))).collect();
    pmtr.settle();
    wait_until("each is ready", || list(&pmtr.dir, "ready").len() == 4);
    Some((pmtr, pids))
}

fn list(dir: &Dir, name: &str) -> Vec<String> {
    let entries = fs::read_dir(dir.join(name)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn one_of_four_workers_that_is_killed_is_replaced_and_the_others_work_on() {
    let Some((mut pmtr, pids)) = start_or_skip() else { return };
    kill(pids[2], "KILL");
    assert_ne!(pmtr.started("worker-3"), pids[2]);
    for n in 0..100 {
        pmtr.dir.write(&format!("queue/{n}"), "");
    }
    wait_until("all is done", || list(&pmtr.dir, "done").len() == 100);
    pmtr.settle();
    for n in [1, 2, 4] {
        assert!(pmtr.has(&format!("job worker-{n}: running [{}]", pids[n - 1])));
    }
    super::stops_without_force(&mut pmtr);
}

#[test]
fn a_worker_finishes_the_task_that_it_has_before_it_ends() {
    let Some((mut pmtr, _)) = start_or_skip() else { return };
    assert!(Command::new("mkfifo").arg(pmtr.dir.join("task")).status().unwrap().success());
    fs::rename(pmtr.dir.join("task"), pmtr.dir.join("queue/task")).unwrap();
    wait_until("somebody has taken it", || list(&pmtr.dir, "taken").len() == 1);
    let task = pmtr.dir.join("taken").join(&list(&pmtr.dir, "taken")[0]);
    pmtr.signal("TERM");
    for _ in 0..4 {
        pmtr.wait("sending SIGTERM to job worker-");
    }
    // Whoever reads it has got the signal by now.
    fs::write(task, "the rest of the task").unwrap();
    assert_eq!(pmtr.ends().code(), Some(0));
    assert_eq!(list(&pmtr.dir, "done"), ["task"]);
    assert_eq!(pmtr.count(": exit status 0"), 4, "{:#?}", pmtr.seen);
    assert!(!pmtr.has("SIGKILL"));
}

#[test]
fn a_new_version_of_the_worker_restarts_all_four() {
    let Some((mut pmtr, pids)) = start_or_skip() else { return };
    for n in 1..5 {
        fs::remove_file(pmtr.dir.join(&format!("ready/worker-{n}"))).unwrap();
    }
    let part = pmtr.dir.write("worker.part", &format!("{WORKER}# the next version\n"));
    fs::rename(part, pmtr.dir.join("worker.py")).unwrap();
    wait_until("four have been started", || pmtr.count("started job worker-") == 8);
    wait_until("each is ready", || list(&pmtr.dir, "ready").len() == 4);
    for (n, pid) in (1..5).zip(pids) {
        assert!(pmtr.has(&format!("job worker-{n} {pid} exited after")));
    }
    assert_eq!(pmtr.count(": exit status 0"), 4);
    super::stops_without_force(&mut pmtr);
}

#[test]
fn fewer_workers_end_the_last_ones_and_more_workers_start_the_missing_ones() {
    let Some((mut pmtr, pids)) = start_or_skip() else { return };
    pmtr.save(&JOB.replace("instances 4", "instances 2"));
    for n in [3, 4] {
        pmtr.rewind().wait(&format!("job worker-{n} {} exited after", pids[n - 1]));
    }
    pmtr.save(&JOB.replace("instances 4", "instances 5"));
    wait_until("three have been started", || pmtr.count("started job worker-") == 7);
    pmtr.settle();
    for n in [1, 2] {
        assert!(pmtr.has(&format!("job worker-{n}: running [{}]", pids[n - 1])));
    }
    super::stops_without_force(&mut pmtr);
}

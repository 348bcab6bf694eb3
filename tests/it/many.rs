//! Ten thousand jobs.

use crate::support::{Dir, Pmtr, alive, pid_in};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

/// How many jobs fit here: ten thousand, or fewer where there is no room for so many processes.
fn jobs_that_fit() -> usize {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<usize>().ok();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB")?.parse().ok());
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let processes = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max processes")?.split_whitespace().next()?.parse().ok());
    let rooms = [
        number("/proc/sys/kernel/pid_max").map(|room| room / 3),
        number("/proc/sys/kernel/threads-max").map(|room| room / 3),
        number("/sys/fs/cgroup/pids.max").map(|room| room / 2),
        processes.map(|room: usize| room / 2),
        // A sleeping process takes about two hundred kilobytes, most of them page tables.
        available.map(|room: usize| room / 2 / 300),
    ];
    rooms.into_iter().flatten().min().unwrap_or(0).min(10_000)
}

fn config(jobs: usize, changed: Option<usize>) -> String {
    let mut text = String::new();
    for i in 0..jobs {
        let secs = if changed == Some(i) { 100_001 } else { 100_000 };
        let _ = write!(text, "job {{\n name j{i}\n cmd /bin/sleep {secs}\n}}\n");
    }
    text
}

/// A state dump: the pids of the jobs that run, and the number of those that wait.
fn state(pmtr: &mut Pmtr, jobs: usize) -> (BTreeMap<String, i32>, usize) {
    let from = pmtr.seen.len();
    pmtr.signal("USR1");
    pmtr.wait(&format!("that was the state of {jobs} jobs"));
    let (mut running, mut waiting) = (BTreeMap::new(), 0);
    for line in &pmtr.seen[from..] {
        let Some((name, state)) = line.split_once(": job ").and_then(|(_, rest)| rest.split_once(": "))
        else {
            continue;
        };
        if state.starts_with("running ") {
            running.insert(name.to_string(), pid_in(line));
        } else if state.starts_with("restarts in ") {
            waiting += 1;
        }
    }
    (running, waiting)
}

#[test]
fn thousands_of_jobs_start_reload_die_and_stop_as_one_would() {
    let jobs = jobs_that_fit();
    if jobs < 1_000 {
        eprintln!("skipped: thousands of jobs need room for as many processes");
        return;
    }
    let mut pmtr = Pmtr::start_in(Dir::new(), &config(jobs, None), |_| {});
    for _ in 0..jobs {
        pmtr.wait("started job j");
    }
    let (before, _) = state(&mut pmtr, jobs);
    assert_eq!(before.len(), jobs);
    // One of them is changed, and no other touched.
    let changed = jobs / 2;
    pmtr.save(&config(jobs, Some(changed)));
    pmtr.started(&format!("j{changed}"));
    let (after, _) = state(&mut pmtr, jobs);
    let differ: Vec<&String> = before.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert_eq!(differ, [&format!("j{changed}")]);
    // Five hundred die at once: none is overlooked, and each is back, or waits because it has died young.
    let victims: Vec<i32> = (0..500).map(|i| after[&format!("j{}", i * (jobs / 500))]).collect();
    let mut kill = std::process::Command::new("/bin/kill");
    kill.arg("-KILL").arg("--").args(victims.iter().map(i32::to_string));
    assert!(kill.status().unwrap().success());
    for _ in 0..500 {
        pmtr.wait(" exited after ");
    }
    let (running, waiting) = state(&mut pmtr, jobs);
    assert_eq!(running.len() + waiting, jobs);
    // By name: on a busy machine a number comes round while this runs, and another job may have it.
    assert_eq!(running.iter().filter(|(name, pid)| after.get(*name) == Some(pid)).count(), jobs - 500);
    assert!((waiting..=500).contains(&pmtr.count("too fast")));
    let from = pmtr.seen.len();
    assert_eq!(pmtr.stop().code(), Some(0));
    let left: Vec<i32> =
        after.into_values().chain(running.values().copied()).filter(|pid| leads(*pid)).collect();
    assert_eq!(left, []);
    assert!(!pmtr.has("SIGKILL"));
    // So many lines at once are more than the log keeps; what it had to drop is counted exactly.
    let (mut lines, mut started) = (0, 0);
    for line in &pmtr.seen[from..] {
        started += usize::from(line.contains(": started job "));
        lines += match line
            .strip_suffix(" messages were lost")
            .or_else(|| line.strip_suffix(" message was lost"))
            .and_then(|line| line.rsplit(' ').next())
        {
            Some(lost) => lost.parse().unwrap(),
            None => 1,
        };
    }
    // One for the end, and a signal and an exit for each.
    assert_eq!(lines, 1 + started + 2 * (running.len() + started));
}

/// Whether this pid is still a job: not a process of somebody else that has got the number since.
fn leads(pid: i32) -> bool {
    alive(pid)
        && fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.starts_with(b"/bin/sleep\x00100000"))
}

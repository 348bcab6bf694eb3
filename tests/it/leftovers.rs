//! pmtr is killed with SIGKILL, and the next one ends what is left before a job runs again.

use crate::state_file::{job, state_files};
use crate::support::{
    Dir, PATIENCE, PMTR, Pmtr, alive, daemon, kill, leads_session, output, pid_in, root_or_skip, wait_until,
};
use crate::wrapped::{behind, namespaces_or_skip};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Ends at the latest with the test what a killed pmtr has left.
pub struct Left(pub Vec<i32>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.iter().filter(|pid| alive(**pid)).for_each(|pid| kill(-pid, "KILL"));
    }
}

/// Kills the daemon; returns its directory and the processes that it has left.
pub fn killed(mut pmtr: Pmtr) -> (Dir, Left) {
    let pid = pmtr.pid();
    kill(pid, "KILL");
    // Not until its log ends: a job that is held up has it open.
    wait_until("it is dead", || !alive(pid));
    pmtr.has("started job ");
    let has_one = |line: &&String| line.contains("started job ") || line.contains("job hung: starting [");
    let mut pids: Vec<i32> = pmtr.seen.iter().filter(has_one).map(|line| pid_in(line)).collect();
    pids.sort_unstable();
    pids.dedup();
    (std::mem::replace(&mut pmtr.dir, Dir::new()), Left(pids))
}

/// The same daemon once more.
pub fn again(dir: Dir) -> Pmtr {
    let (config, mut command) = (dir.join("pmtr.conf"), daemon(dir.path()));
    command.arg("-Fc").arg(&config);
    Pmtr::run(dir, config, command, |_| {})
}

/// The main processes of this test's jobs that live, by their names, however they came to be. What a script starts
/// in between is no other copy of it.
fn copies(dir: &Path) -> BTreeMap<String, usize> {
    let mark = format!("MARK={}/", dir.display());
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name();
        let Some(pid) =
            name.to_str().and_then(|name| name.parse().ok()).filter(|pid| alive(*pid) && leads_session(*pid))
        else {
            continue;
        };
        let Ok(environ) = fs::read(format!("/proc/{pid}/environ")) else { continue };
        let texts = environ.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        for job in texts.filter_map(|text| text.strip_prefix(&mark).map(str::to_owned)) {
            *found.entry(job).or_insert(0) += 1;
        }
    }
    found
}

#[test]
fn what_a_killed_pmtr_has_left_is_ended_and_each_job_then_runs_once() {
    let dir = Dir::new();
    dir.script(
        "deaf",
        &format!("trap '' TERM; touch {}/deaf-now; while :; do sleep 1000; done", dir.path().display()),
    );
    assert!(Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
    let mut config: String = (0..40)
        .map(|i| job(&format!("plain-{i}"), "/bin/sleep 1000", if i % 2 == 0 { "" } else { " out syslog\n" }))
        .collect();
    config += &job("deaf", "DIR/deaf", "");
    config += &job("hung", "/bin/sleep 1000", " in DIR/fifo\n");
    let mut names: Vec<String> = (0..40).map(|i| format!("plain-{i}")).collect();
    names.push("deaf".into());
    if root_or_skip("a left-over of another user") {
        config += &job("other", "/bin/sleep 1000", " user nobody\n");
        names.push("other".into());
    }
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let all = names.len() + 1;
    let run = names.len();
    wait_until("all run", || pmtr.count("started job ") == run && pmtr.dir.join("deaf-now").exists());
    pmtr.begun(["hung"].into_iter());
    wait_until("all have come to their commands", || copies(pmtr.dir.path()).len() >= names.len());
    let (dir, left) = killed(pmtr);
    assert_eq!(left.0.len(), all);
    assert!(left.0.iter().all(|pid| alive(*pid)));
    let mut pmtr = again(dir);
    wait_until("each job runs again", || pmtr.count("started job ") == run);
    pmtr.begun(["hung"].into_iter());
    assert_eq!(pmtr.count("was left by a pmtr that was killed, sending SIGTERM"), all);
    assert!(left.0.iter().all(|pid| !alive(*pid)));
    // Only the one that heard nothing was killed.
    assert_eq!(pmtr.count("sending SIGKILL to the remaining processes of job deaf"), 1);
    assert_eq!(pmtr.count("SIGKILL"), 1);
    wait_until("all have come to their commands", || copies(pmtr.dir.path()).len() >= names.len());
    let found = copies(pmtr.dir.path());
    assert!(names.iter().all(|name| found[name] == 1), "{found:?}");
    assert_eq!(state_files(pmtr.dir.path()).len(), 1);
    pmtr.signal("TERM");
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(state_files(pmtr.dir.path()).len(), 0);
}

#[test]
fn a_left_over_ends_together_with_what_it_has_started() {
    let dir = Dir::new();
    dir.script(
        "family",
        &format!("sleep 1000 & echo $! >{0}/part; mv {0}/part {0}/child; wait", dir.path().display()),
    );
    let mut pmtr = Pmtr::start_in(dir, &job("family", "DIR/family", ""), |_| {});
    pmtr.started("family");
    let child: i32 = crate::support::read_when_there(&pmtr.dir.join("child")).trim().parse().unwrap();
    let (dir, _left) = killed(pmtr);
    assert!(alive(child));
    let mut pmtr = again(dir);
    pmtr.started("family");
    assert!(!alive(child));
}

#[test]
fn what_was_left_in_another_time_namespace_is_ended_all_the_same() {
    if !namespaces_or_skip("a time namespace") {
        return;
    }
    let day = ["unshare", "--time", "--boottime", "86400"];
    let uptime = output(Command::new(day[0]).args(&day[1..]).args(["cat", "/proc/uptime"])).1;
    if uptime.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0) < 86_400_u64 {
        eprintln!("skipped: a time namespace needs Linux 6.1 and util-linux 2.36");
        return;
    }
    let config = job("a", "/bin/sleep 1000", "");
    let hour = ["unshare", "--time", "--boottime", "3600"];
    let mut dir = Dir::new();
    let mut lefts = Vec::new();
    for wrapper in [&["env"][..], &day, &hour, &["env"]] {
        let mut pmtr = behind(dir, &config, wrapper, "exec PMTR -Fc CONF");
        let a = pmtr.started("a");
        assert_eq!(pmtr.count("was left by a pmtr that was killed"), usize::from(!lefts.is_empty()));
        assert!(!pmtr.has("time namespace"));
        assert_eq!(copies(pmtr.dir.path()).get("a"), Some(&1));
        let left;
        (dir, left) = killed(pmtr);
        assert_eq!(left.0, [a]);
        lefts.push(left);
    }
    let mut pmtr = again(dir);
    pmtr.started("a");
    assert_eq!(copies(pmtr.dir.path()).get("a"), Some(&1));
}

#[test]
fn a_hundred_kills_at_any_moment_never_make_two_of_a_job() {
    let dir = Dir::new();
    let path = dir.path().to_str().unwrap().to_owned();
    // A job finds out itself whether there is another of it.
    dir.script(
        "one",
        &format!("exec 9>{path}/lock-$1; flock -n 9 || echo $1 $$ >>{path}/twice; exec sleep 1000"),
    );
    dir.script("young", &format!("exec 9>{path}/lock-$1; flock -n 9 || echo $1 $$ >>{path}/twice"));
    assert!(Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
    let mut config = String::new();
    for i in 0..10 {
        let options = [" bounce every 1s\n", " out syslog\n", ""][i % 3];
        config += &job(&format!("one-{i}"), &format!("DIR/one one-{i}"), options);
        config += &job(&format!("young-{i}"), &format!("DIR/young young-{i}"), "");
    }
    config += &job("hung", "DIR/one hung", " in DIR/fifo\n");
    dir.write("pmtr.conf", &config.replace("DIR", &path));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = std::env::var("PMTR_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(u64::from(now.subsec_nanos()) << 32 | now.as_secs() | 1);
    eprintln!("PMTR_SEED={seed}");
    let mut random = seed;
    let twice = || fs::read_to_string(dir.join("twice")).unwrap_or_default();
    for round in 0..100 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut command = daemon(dir.path());
        command.arg("-Fc").arg(dir.join("pmtr.conf")).stdin(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Now and then long enough for bounces.
        let micros = if round % 25 == 24 { 1_000_000 + random % 300_000 } else { random % 60_000 };
        std::thread::sleep(Duration::from_micros(micros));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(twice(), "", "seed {seed} round {round}");
    }
    let mut last = again(dir);
    wait_until("all run again", || {
        copies(last.dir.path()).keys().filter(|name| name.starts_with("one-")).count() == 10
    });
    last.settle();
    let found = copies(last.dir.path());
    assert!(found.values().all(|count| *count == 1), "seed {seed}: {found:?}");
    assert!(!last.dir.join("twice").exists(), "seed {seed}");
    assert_eq!(last.stop().code(), Some(0));
}

/// Waits until processes that are born from now on are told from those that are there.
fn let_a_tick_pass() {
    let uptime =
        || fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse::<f64>().unwrap();
    let from = uptime();
    wait_until("a tick is over", || uptime() > from + 0.015);
}

#[test]
fn deaf_workers_without_their_main_process_are_not_forgotten_by_kills_while_they_are_ended() {
    let dir = Dir::new();
    // One in the group of the main process, one in a group of its own.
    let worker = "sh -c 'trap \"\" TERM; echo $$ >>DIR/workers; while :; do sleep 1000; done'";
    let body = format!("{worker} &\ntimeout 1000 {worker} &\nwait");
    dir.script("web", &body.replace("DIR", dir.path().to_str().unwrap()));
    let mut pmtr = Pmtr::start_in(dir, &job("web", "DIR/web", ""), |_| {});
    let main = pmtr.started("web");
    let workers = |dir: &Dir| -> Vec<i32> {
        let text = fs::read_to_string(dir.join("workers")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    };
    wait_until("the workers are there", || workers(&pmtr.dir).len() == 2);
    let first = workers(&pmtr.dir);
    let _left = Left(first.clone());
    let_a_tick_pass();
    kill(main, "KILL");
    pmtr.wait(&format!("sending SIGTERM to the remaining processes of job web [{main}]"));
    for _ in 0..3 {
        let_a_tick_pass();
        let pid = pmtr.pid();
        kill(pid, "KILL");
        wait_until("it is dead", || !alive(pid));
        pmtr = again(std::mem::replace(&mut pmtr.dir, Dir::new()));
        pmtr.wait(&format!("job web [{main}] was left by a pmtr that was killed, sending SIGTERM"));
        pmtr.settle();
        assert!(!pmtr.has("started job web"));
        assert_eq!(workers(&pmtr.dir), first);
        assert!(first.iter().all(|pid| alive(*pid)));
    }
    pmtr.wait(&format!("sending SIGKILL to the remaining processes of job web [{main}]"));
    pmtr.started("web");
    assert!(first.iter().all(|pid| !alive(*pid)));
    wait_until("the new workers are there", || workers(&pmtr.dir).len() == 4);
    let second = Left(workers(&pmtr.dir).split_off(2));
    // Twice: they are deaf, too.
    pmtr.signal("TERM");
    pmtr.wait("exiting on signal");
    pmtr.signal("TERM");
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(second.0.iter().all(|pid| !alive(*pid)));
    assert_eq!(state_files(pmtr.dir.path()).len(), 0);
}

#[test]
fn left_overs_of_one_configuration_are_no_business_of_another() {
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", ""));
    let a = pmtr.started("a");
    let (dir, _left) = killed(pmtr);
    let other = dir.write("other.conf", "job {\n name a\n cmd /bin/sleep 1000\n}\n");
    let state = dir.join("state");
    let mut pmtr = Pmtr::start_in(Dir::new(), "", |command| {
        *command = Command::new(PMTR);
        command.arg("-F").arg("-c").arg(&other).arg("--state").arg(&state);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
    });
    pmtr.started("a");
    assert!(alive(a) && !pmtr.has("was left"));
    assert_eq!(state_files(dir.path()).len(), 2);
    assert_eq!(pmtr.stop().code(), Some(0));
    let mut pmtr = again(dir);
    pmtr.wait(&format!("job a [{a}] was left by a pmtr that was killed"));
    pmtr.started("a");
    assert!(!alive(a));
}

#[test]
fn an_end_before_the_left_overs_are_gone_waits_for_them() {
    let dir = Dir::new();
    dir.script(
        "deaf",
        &format!("trap '' TERM; touch {}/deaf-now; while :; do sleep 1000; done", dir.path().display()),
    );
    let mut pmtr = Pmtr::start_in(dir, &job("deaf", "DIR/deaf", ""), |_| {});
    let deaf = pmtr.started("deaf");
    wait_until("it is deaf", || pmtr.dir.join("deaf-now").exists());
    let (dir, _left) = killed(pmtr);
    // Killed once more while it ends them: nothing is forgotten.
    let mut pmtr = again(dir);
    pmtr.wait("was left");
    let (dir, _) = killed(pmtr);
    let mut pmtr = again(dir);
    pmtr.wait(&format!("job deaf [{deaf}] was left"));
    pmtr.signal("TERM");
    pmtr.wait("exiting on signal");
    assert!(alive(deaf));
    pmtr.signal("TERM");
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(!alive(deaf) && !pmtr.has("started job"));
    assert_eq!(state_files(pmtr.dir.path()).len(), 0);
}

#[test]
fn records_of_another_boot_and_without_proc_are_left_alone() {
    if !namespaces_or_skip("another boot") {
        return;
    }
    for (mount, later) in [
        (
            "mount --bind DIR/boot /proc/sys/kernel/random/boot_id",
            "was written before this machine booted, ignored",
        ),
        ("mount -t tmpfs none /proc", "was written before this machine booted, ignored"),
    ] {
        let dir = Dir::new();
        dir.write("boot", "01234567-89ab-cdef-0123-456789abcdef\n");
        let config = job("a", "/bin/sleep 1000", "");
        let script = format!("mount --make-rprivate /; {mount}; exec PMTR -Fc CONF");
        let mut pmtr = behind(dir, &config, &["unshare", "--mount"], &script);
        let a = pmtr.started("a");
        assert_eq!(pmtr.has("/proc does not show our processes"), mount.contains("tmpfs"));
        let (dir, _left) = killed(pmtr);
        let mut pmtr = again(dir);
        pmtr.wait(later);
        pmtr.started("a");
        assert!(alive(a) && !pmtr.has("was left"));
        // And the other way round: what can't be verified is not ended.
        let (dir, _left) = killed(pmtr);
        let mut pmtr = behind(dir, &config, &["unshare", "--mount"], &script);
        pmtr.started("a");
        assert!(alive(a) && !pmtr.has("was left"));
    }
}

#[test]
fn a_start_right_after_the_kill_is_not_refused() {
    // The lock goes with the killed process, whatever its children are doing.
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", ""));
    pmtr.started("a");
    let end = Instant::now() + PATIENCE;
    for _ in 0..10 {
        let (dir, _left) = killed(pmtr);
        pmtr = again(dir);
        pmtr.started("a");
        assert!(Instant::now() < end);
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}

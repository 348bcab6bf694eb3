//! The rules for restarts, for stops and for the end of pmtr, with real processes.

use crate::leftovers::{again, killed};
use crate::support::{Dir, Pmtr, alive, kill, pid_in, read_when_there, wait_until};
use crate::wrapped::{AS_INIT, as_init, namespaces_or_skip};
use std::time::{Duration, Instant};

/// A job whose command is a script of this body, in which DIR is the directory, and with these options.
fn scripted(dir: &Dir, name: &str, body: &str, options: &str) -> String {
    dir.script(name, &body.replace("DIR", dir.path().to_str().unwrap()));
    job(name, &format!("DIR/{name}"), options)
}

fn job(name: &str, command: &str, options: &str) -> String {
    format!("job {{\n name {name}\n cmd {command}\n{options}}}\n")
}

/// A process that says when it is ready and hears none of these signals.
fn deaf_to(signals: &str, name: &str) -> String {
    format!("trap '' {signals}; touch DIR/{name}-ready; while :; do sleep 1000; done")
}

fn ready(pmtr: &Pmtr, name: &str) {
    let path = pmtr.dir.join(&format!("{name}-ready"));
    wait_until("the job is ready", || path.exists());
}

#[test]
fn a_stop_sends_its_signals_one_after_the_other_until_the_process_ends() {
    let dir = Dir::new();
    let config = scripted(&dir, "a", &deaf_to("INT", "a"), " stop signal INT USR1\n stop timeout 2s\n");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let a = pmtr.started("a");
    ready(&pmtr, "a");
    pmtr.signal("TERM");
    pmtr.wait(&format!("sending SIGINT to job a [{a}]"));
    pmtr.wait(&format!("sending SIGUSR1 to job a [{a}]"));
    assert!(pmtr.wait(&format!("job a {a} exited after")).contains("signal 10"));
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(!pmtr.has("SIGTERM"));
}

#[test]
fn sigkill_follows_after_the_time_that_the_job_has() {
    let dir = Dir::new();
    let mut config = scripted(&dir, "short", &deaf_to("TERM", "short"), " stop timeout 500ms\n");
    config += &scripted(&dir, "long", &deaf_to("TERM", "long"), "");
    config += &scripted(&dir, "never", &deaf_to("TERM", "never"), " stop timeout never\n");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    ["short", "long", "never"].into_iter().for_each(|name| ready(&pmtr, name));
    let before = Instant::now();
    pmtr.signal("TERM");
    assert!(pmtr.wait("sending SIGKILL to job").contains("job short ["));
    assert!(before.elapsed() >= Duration::from_millis(500));
    assert!(pmtr.wait("sending SIGKILL to job").contains("job long ["));
    pmtr.wait("job long ");
    assert!(!pmtr.has("sending SIGKILL to job never"));
    pmtr.signal("TERM");
    pmtr.wait("sending SIGKILL to job never");
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn with_stop_main_only_a_child_hears_nothing_until_its_parent_has_ended() {
    let dir = Dir::new();
    // A signal that comes between its fork and its command would be lost to the sleep.
    let child = "trap '[ -e DIR/gone ] && echo after >DIR/heard || echo before >DIR/heard; exit' TERM\n\
        sleep 1000 & while [ $(cat /proc/$!/comm) != sleep ]; do :; done\n\
        touch DIR/child-ready; wait";
    dir.script("child", &child.replace("DIR", dir.path().to_str().unwrap()));
    assert!(std::process::Command::new("mkfifo").arg(dir.join("gate")).status().unwrap().success());
    let parent = "trap 'touch DIR/told; read line <DIR/gate; touch DIR/gone; exit 0' TERM\n\
        DIR/child & touch DIR/parent-ready; wait; wait";
    let config = scripted(&dir, "parent", parent, " stop main only\n stop timeout never\n");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let pid = pmtr.started("parent");
    ready(&pmtr, "parent");
    ready(&pmtr, "child");
    pmtr.signal("TERM");
    pmtr.wait(&format!("sending SIGTERM to job parent [{pid}]"));
    read_when_there(&pmtr.dir.join("told"));
    pmtr.settle();
    assert!(!pmtr.dir.join("heard").exists());
    std::fs::write(pmtr.dir.join("gate"), "go\n").unwrap();
    assert!(pmtr.wait("job parent ").contains("exit status 0"));
    assert_eq!(pmtr.ends().code(), Some(0));
    assert_eq!(std::fs::read_to_string(pmtr.dir.join("heard")).unwrap(), "after\n");
}

#[test]
fn stop_with_finds_the_main_process_in_its_environment_and_ends_it_without_a_signal_of_pmtr() {
    let dir = Dir::new();
    let body = "echo $PMTR_PID $A >DIR/saw; kill -INT $PMTR_PID; echo done";
    dir.script("stopper", &body.replace("DIR", dir.path().to_str().unwrap()));
    let options = " env A=b\n out syslog\n stop with DIR/stopper\n stop timeout 1h\n";
    let mut pmtr = Pmtr::start_in(dir, &job("a", "/bin/sleep 1000", options), |_| {});
    let a = pmtr.started("a");
    pmtr.signal("TERM");
    let stopper = pid_in(&pmtr.wait("job a: running `stop with` ["));
    assert!(pmtr.wait(&format!("job a {a} exited after")).contains("signal 2"));
    assert_eq!(pmtr.ends().code(), Some(0));
    assert_eq!(std::fs::read_to_string(pmtr.dir.join("saw")).unwrap(), format!("{a} b\n"));
    assert!(pmtr.has(&format!("a[{stopper}]: done")));
    assert!(!pmtr.has("sending SIG") && !pmtr.has("failed"));
}

#[test]
fn the_signals_follow_at_once_when_stop_with_fails_or_cannot_be_executed() {
    let config = job("a", "/bin/sleep 1000", " stop with /bin/false\n stop timeout 1h\n")
        + &job("b", "/bin/sleep 1000", " stop with DIR/no-such-program\n stop timeout 1h\n");
    let mut pmtr = Pmtr::start(&config);
    let (a, b) = (pmtr.started("a"), pmtr.rewind().started("b"));
    pmtr.signal("TERM");
    pmtr.wait("job a: `stop with` failed: exit status 1");
    pmtr.wait(&format!("sending SIGTERM to job a [{a}]"));
    let why = pmtr.rewind().wait("job b: `stop with` failed: exec ");
    assert!(why.ends_with("/no-such-program: No such file or directory"), "{why}");
    pmtr.wait(&format!("sending SIGTERM to job b [{b}]"));
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn a_stop_with_that_hangs_is_ended_and_the_signals_follow() {
    let options = " stop with /bin/sleep 1000\n stop timeout 100ms\n";
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", options));
    pmtr.started("a");
    pmtr.signal("TERM");
    let helper = pid_in(&pmtr.wait("job a: running `stop with` ["));
    pmtr.wait("job a: `stop with` failed: still running after 1 sec, sending SIGTERM");
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(pmtr.has("sending SIGTERM to job a [") && !alive(helper));
}

#[test]
fn what_stop_with_leaves_behind_is_killed_with_its_group() {
    let dir = Dir::new();
    let body = "sleep 1000 & echo $! >DIR/left; kill $PMTR_PID";
    dir.script("stopper", &body.replace("DIR", dir.path().to_str().unwrap()));
    let mut pmtr = Pmtr::start_in(dir, &job("a", "/bin/sleep 1000", " stop with DIR/stopper\n"), |_| {});
    pmtr.started("a");
    assert_eq!(pmtr.stop().code(), Some(0));
    let left = std::fs::read_to_string(pmtr.dir.join("left")).unwrap().trim().parse().unwrap();
    assert!(!alive(left));
}

#[test]
fn a_job_gives_up_after_so_many_quick_runs_and_its_status_says_so() {
    let options = " restart delay 0\n give up after 3\n";
    let mut pmtr = Pmtr::start(&job("a", "/bin/false", options));
    pmtr.wait("job a gave up after 3 quick runs");
    pmtr.settle();
    assert!(pmtr.has("job a: gave up"));
    assert_eq!(pmtr.count("started job a ["), 3);
    // Another rule lets it try again.
    pmtr.save(&job("a", "/bin/false", " restart delay 0\n give up after 2\n"));
    pmtr.wait("job a gave up after 2 quick runs");
    assert_eq!(pmtr.count("started job a ["), 5);
}

#[test]
fn a_job_gives_up_after_so_many_ends_within_a_time_quick_or_not() {
    let options = " steady after 0\n give up after 3 in 1h\n";
    let mut pmtr = Pmtr::start(&job("a", "/bin/true", options));
    pmtr.wait("job a gave up after 3 ends in 3600 sec");
    assert_eq!((pmtr.count("started job a ["), pmtr.count("too fast")), (3, 0));
}

#[test]
fn starts_lie_a_tenth_of_a_second_apart_at_least() {
    for delay in ["100ms", "0"] {
        let before = Instant::now();
        let mut pmtr = Pmtr::start(&job("a", "/bin/true", &format!(" restart delay {delay}\n")));
        for _ in 0..6 {
            pmtr.started("a");
        }
        assert!(before.elapsed() >= Duration::from_millis(500), "{delay}");
        assert_eq!(pmtr.count("too fast"), 0);
    }
}

#[test]
fn restart_on_and_success_on_decide_which_end_is_the_last() {
    let dir = Dir::new();
    let body = "echo >>DIR/runs; [ $(wc -l <DIR/runs) -lt 3 ] && exit 3; exit 4";
    let config =
        scripted(&dir, "until", body, " once\n restart on failure\n success on 4\n restart delay 0\n")
            + &job("good", "/bin/true", " restart on failure\n")
            + &job("bad", "/bin/false", " stay down on failure\n");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    for what in ["until ", "good ", "bad "] {
        let status = if what == "until " { "exit status 4" } else { "exit status" };
        wait_until("it has ended", || {
            pmtr.has("job ") && pmtr.seen.iter().any(|line| line.contains(what) && line.contains(status))
        });
    }
    pmtr.settle();
    for name in ["until", "good", "bad"] {
        assert!(pmtr.has(&format!("job {name}: finished")), "{:#?}", pmtr.seen);
    }
    assert_eq!(pmtr.count("started job until"), 3);
}

#[test]
fn pmtr_ends_with_the_status_of_an_essential_job_and_stops_the_others() {
    let other = job("other", "/bin/sleep 1000", "");
    let dir = Dir::new();
    let config = scripted(&dir, "main", "exit 7", " essential\n restart on none\n") + &other;
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.wait("pmtr: exiting, for the essential job main has ended");
    assert_eq!(pmtr.ends().code(), Some(7));
    assert!(pmtr.has("sending SIGTERM to job other ["));
    let config = job("main", "/bin/sleep 1000", " essential\n once\n") + &other;
    let mut pmtr = Pmtr::start(&config);
    kill(pmtr.started("main"), "KILL");
    assert_eq!(pmtr.ends().code(), Some(137));
    let config =
        job("main", "DIR/no-such-program", " essential\n restart delay 0\n give up after 2\n") + &other;
    let mut pmtr = Pmtr::start(&config);
    pmtr.wait("job main gave up after 2 quick runs");
    assert_eq!(pmtr.ends().code(), Some(1));
}

#[test]
fn pmtr_ends_when_all_is_done_with_0_if_all_was_well_else_1() {
    for (command, status) in [("/bin/true", 0), ("/bin/false", 1)] {
        let config =
            format!("end when done\n{}{}", job("a", command, " once\n"), job("b", "/bin/true", " once\n"));
        let mut pmtr = Pmtr::start(&config);
        pmtr.wait("pmtr: exiting, for all jobs have ended");
        assert_eq!(pmtr.ends().code(), Some(status));
    }
}

#[test]
fn a_file_that_says_to_end_when_done_ends_a_pmtr_that_has_nothing_to_do() {
    let once = job("a", "/bin/true", " once\n");
    let mut pmtr = Pmtr::start(&once);
    pmtr.wait("exit status 0");
    pmtr.save(&format!("end when done\n{once}"));
    pmtr.wait("pmtr: exiting, for all jobs have ended");
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn what_has_not_ended_within_the_time_of_the_file_is_killed() {
    let dir = Dir::new();
    let config =
        "end within 500ms\n".to_owned() + &scripted(&dir, "a", &deaf_to("TERM", "a"), " stop timeout 1h\n");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.started("a");
    ready(&pmtr, "a");
    let before = Instant::now();
    pmtr.signal("TERM");
    pmtr.wait("the jobs have not ended within 500 ms, sending SIGKILL");
    assert!(before.elapsed() >= Duration::from_millis(500));
    pmtr.wait("sending SIGKILL to job a [");
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn a_policy_that_is_saved_applies_to_the_process_that_runs() {
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", ""));
    let a = pmtr.started("a");
    pmtr.save(&job("a", "/bin/sleep 1000", " stop signal INT\n restart delay 1s\n steady after 5s\n"));
    pmtr.wait("managing 1 job");
    pmtr.settle();
    assert!(pmtr.has(&format!("job a: running [{a}]")));
    pmtr.signal("TERM");
    pmtr.wait(&format!("sending SIGINT to job a [{a}]"));
    assert!(pmtr.wait(&format!("job a {a} exited after")).contains("signal 2"));
    assert_eq!((pmtr.ends().code(), pmtr.count("started job")), (Some(0), 1));
}

#[test]
fn what_a_killed_pmtr_has_left_is_ended_by_the_stop_signal_of_the_present_file() {
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", " stop with /bin/false\n"));
    let a = pmtr.started("a");
    let (dir, _left) = killed(pmtr);
    dir.write("pmtr.conf", &job("a", "/bin/sleep 1000", " stop signal INT\n stop with /bin/false\n"));
    let mut pmtr = again(dir);
    pmtr.wait(&format!("job a [{a}] was left by a pmtr that was killed, sending SIGINT"));
    pmtr.started("a");
    assert!(!alive(a) && !pmtr.has("SIGTERM") && !pmtr.has("`stop with`"));
}

#[test]
fn a_command_that_a_killed_pmtr_has_left_is_ended_with_its_job() {
    let options = " stop with /bin/sleep 1000\n stop timeout 1h\n";
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", options));
    let a = pmtr.started("a");
    pmtr.signal("TERM");
    let helper = pid_in(&pmtr.wait("job a: running `stop with` ["));
    let (dir, mut left) = killed(pmtr);
    left.0.push(helper);
    assert!(alive(a) && alive(helper));
    let mut pmtr = again(dir);
    pmtr.wait(&format!("[{helper}] was left by a pmtr that was killed, sending SIGTERM"));
    wait_until("both are gone", || !alive(a) && !alive(helper));
    pmtr.rewind().started("a");
}

#[test]
fn as_process_one_it_ends_with_its_essential_job_or_when_all_is_done() {
    if !namespaces_or_skip("process 1 and its exit status") {
        return;
    }
    let dir = Dir::new();
    let config = scripted(&dir, "main", "(setsid sleep 1000 &); exit 7", " essential\n once\n")
        + &job("other", "/bin/sleep 1000", "");
    let mut pmtr = as_init(dir, &config, &AS_INIT, "exec PMTR -c CONF");
    assert_eq!(pmtr.ends().code(), Some(7));
    assert!(pmtr.has("sending SIGTERM to job other ["));
    let config = "end when done\n".to_owned() + &job("a", "/bin/false", " once\n");
    let mut pmtr = as_init(Dir::new(), &config, &AS_INIT, "exec PMTR -c CONF");
    assert_eq!(pmtr.ends().code(), Some(1));
    assert!(pmtr.has("pmtr: exiting, for all jobs have ended"));
}

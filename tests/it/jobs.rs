//! How jobs live and end.

use crate::support::{Dir, Pmtr, alive, kill, wait_until};

#[test]
fn a_quick_exit_is_restarted_ten_seconds_later() {
    let mut pmtr = Pmtr::start("job {\n name q\n cmd /bin/false\n}\n");
    let first = pmtr.started("q");
    pmtr.wait(&format!("job q {first} exited after 0 sec: exit status 1"));
    let died = std::time::Instant::now();
    pmtr.wait("job restarting too fast, delaying restart");
    pmtr.started("q");
    let waited = died.elapsed().as_secs_f64();
    assert!(waited > 9.9, "restarted after {waited} s");
}

#[test]
fn status_33_and_once_stay_down_and_a_signal_is_told() {
    let dir = Dir::new();
    let script = dir.script("done", "exit 33");
    let config = format!(
        "job {{\n name a\n cmd {}\n}}\njob {{\n name b\n cmd /bin/true\n once\n}}\njob {{\n name c\n cmd /bin/sleep 100\n}}\n",
        script.display()
    );
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let c = pmtr.started("c");
    pmtr.rewind().wait("exited after 0 sec: exit status 33");
    pmtr.rewind().wait("exited after 0 sec: exit status 0");
    kill(c, "SEGV");
    pmtr.rewind().wait("exited after 0 sec: signal 11");
    pmtr.wait("too fast");
    pmtr.settle();
    assert!(pmtr.has("job a: finished") && pmtr.has("job b: finished"));
    assert_eq!(pmtr.count("too fast"), 1);
}

#[test]
fn a_stop_reaches_the_whole_group_and_kills_the_deaf_after_ten_seconds() {
    let dir = Dir::new();
    let script = dir.script(
        "deaf",
        "trap '' TERM; sleep 1000 & echo $! >DIR/child; wait; sleep 1000"
            .replace("DIR", dir.path().to_str().unwrap())
            .as_str(),
    );
    let config = format!("job {{\n name deaf\n cmd {}\n}}\n", script.display());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let pid = pmtr.started("deaf");
    wait_until("the child is there", || {
        std::fs::read_to_string(pmtr.dir.join("child")).is_ok_and(|t| t.ends_with('\n'))
    });
    let child: i32 = std::fs::read_to_string(pmtr.dir.join("child")).unwrap().trim().parse().unwrap();
    pmtr.save("# none\n");
    pmtr.signal("HUP");
    pmtr.wait(&format!("sending SIGTERM to job deaf [{pid}]"));
    let asked = std::time::Instant::now();
    pmtr.wait(&format!("sending SIGKILL to job deaf [{pid}]"));
    let waited = asked.elapsed().as_secs_f64();
    assert!(waited > 9.9, "killed after {waited} s");
    pmtr.wait("exited after");
    wait_until("the group is gone", || !alive(pid) && !alive(child));
}

#[test]
fn what_a_script_leaves_in_the_background_ends_with_it_before_the_next_run() {
    let dir = Dir::new();
    let script = dir.script(
        "leave",
        "sleep 1000 & echo $! >DIR/child.part; mv DIR/child.part DIR/child; exit 33"
            .replace("DIR", dir.path().to_str().unwrap())
            .as_str(),
    );
    let config = format!("job {{\n name leave\n cmd {}\n}}\n", script.display());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.wait("exit status 33");
    let child: i32 = std::fs::read_to_string(pmtr.dir.join("child")).unwrap().trim().parse().unwrap();
    pmtr.wait("sending SIGTERM to the remaining processes of job leave");
    wait_until("the background process is gone", || !alive(child));
    pmtr.settle();
    assert!(pmtr.has("job leave: finished"));
}

#[test]
fn a_stopped_process_hears_the_sigterm() {
    let mut pmtr = Pmtr::start("job {\n name s\n cmd /bin/sleep 100\n}\n");
    let pid = pmtr.started("s");
    kill(pid, "STOP");
    assert!(pmtr.stop().success());
    assert!(pmtr.has(&format!("job s {pid} exited after 0 sec: signal 15")));
    assert!(!pmtr.has("SIGKILL"));
}

#[test]
fn the_end_stops_every_job_in_reverse_order_and_leaves_nothing() {
    let mut pmtr =
        Pmtr::start("job {\n name a\n cmd /bin/sleep 100\n}\njob {\n name b\n cmd /bin/sleep 100\n}\n");
    let (a, b) = (pmtr.started("a"), pmtr.started("b"));
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(!alive(a) && !alive(b));
    let order: Vec<usize> = [
        "pmtr: exiting on signal 15".to_string(),
        format!("sending SIGTERM to job b [{b}]"),
        format!("sending SIGTERM to job a [{a}]"),
    ]
    .iter()
    .map(|text| pmtr.seen.iter().position(|line| line.contains(text)).unwrap())
    .collect();
    assert!(order.is_sorted());
}

#[test]
fn a_second_signal_kills_at_once_what_is_left() {
    let dir = Dir::new();
    let script = dir.script(
        "deaf",
        "trap '' TERM; echo ready >DIR/ready; while :; do sleep 1000; done"
            .replace("DIR", dir.path().to_str().unwrap())
            .as_str(),
    );
    let config = format!("job {{\n name deaf\n cmd {}\n}}\n", script.display());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.started("deaf");
    wait_until("it is deaf", || pmtr.dir.join("ready").exists());
    pmtr.signal("TERM");
    pmtr.wait("sending SIGTERM to job deaf");
    pmtr.signal("INT");
    pmtr.wait("sending SIGKILL to job deaf");
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn signals_that_pmtr_has_no_use_for_do_not_end_it() {
    let mut pmtr = Pmtr::start("job {\n name a\n cmd /bin/sleep 100\n}\n");
    let a = pmtr.started("a");
    for signal in ["IO", "USR2", "ALRM", "PIPE", "VTALRM", "PROF", "34", "64", "WINCH", "URG", "CHLD", "CONT"]
    {
        pmtr.signal(signal);
    }
    pmtr.settle();
    // The job is the same process, and pmtr does with it what it always does.
    assert!(pmtr.has(&format!("job a: running [{a}]")) && pmtr.count("started job") == 1, "{:?}", pmtr.seen);
    kill(a, "KILL");
    pmtr.wait(&format!("job a {a} exited after"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn output_that_goes_to_syslog_arrives_line_by_line_with_the_last_one_complete() {
    let dir = Dir::new();
    let script = dir.script("talk", "echo one; echo two >&2; printf three; exit 33");
    let config = format!("job {{\n name talk\n cmd {}\n out syslog\n err syslog\n}}\n", script.display());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let pid = pmtr.started("talk");
    for text in ["one", "two", "three"] {
        let line = pmtr.rewind().wait(&format!("talk[{pid}]: {text}"));
        assert_eq!(line, format!("talk[{pid}]: {text}"));
    }
    pmtr.rewind().wait("exit status 33");
}

#[test]
fn a_job_is_said_to_be_started_when_its_command_runs_and_never_when_it_could_not() {
    let dir = Dir::new();
    assert!(std::process::Command::new("mkfifo").arg(dir.join("gate")).status().unwrap().success());
    let config = "job {\n name held\n cmd /bin/sleep 1000\n in DIR/gate\n}\n\
                  job {\n name copy\n cmd DIR/no-such-command\n in DIR/gate\n}\n\
                  job {\n name missing\n cmd DIR/no-such-command\n}\n\
                  job {\n name short\n cmd /bin/false\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    pmtr.wait("can't start job missing: exec ");
    // A job that ends at once has both lines.
    let short = pmtr.rewind().started("short");
    pmtr.wait(&format!("job short {short} exited"));
    pmtr.settle();
    assert!(pmtr.has("job held: starting [") && pmtr.has("job missing: restarts in "));
    assert!(pmtr.has("; can't start: exec ") && !pmtr.has("started job held"));
    let gate = std::fs::OpenOptions::new().write(true).open(pmtr.dir.join("gate")).unwrap();
    let held = pmtr.rewind().started("held");
    pmtr.rewind().wait("can't start job copy: exec ");
    drop(gate);
    pmtr.settle();
    assert!(pmtr.has(&format!("job held: running [{held}]")));
    assert!(!pmtr.has("started job copy") && !pmtr.has("started job missing"));
}

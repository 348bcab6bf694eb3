//! The daemon where the world is unkind: without descriptors or processes. These need root and namespaces, or strace; without them they say that they are skipped.

use crate::log_daemon::{LogDaemon, OWN_RUN, OWN_RUN_SCRIPT};
use crate::support::{Dir, Pmtr, alive, kill, probe, root_or_skip, wait_until};
use crate::wrapped::{behind, inner, namespaces_or_skip, tool_or_skip};
use std::process::Command;
use std::time::Duration;

#[test]
fn without_descriptors_a_job_waits_and_everything_else_goes_on() {
    let dir = Dir::new();
    let talkers: String =
        (0..40).map(|i| format!("job {{\n name t{i}\n cmd /bin/sleep 1000\n out syslog\n}}\n")).collect();
    let config = format!("job {{\n name plain\n cmd /bin/sleep 1000\n}}\n{talkers}");
    let mut pmtr = behind(dir, &config, &["prlimit", "--nofile=24:24"], "exec PMTR -Fc CONF");
    let plain = pmtr.started("plain");
    let line = pmtr.wait("can't start job t");
    assert!(line.contains("Too many open files"), "{line}");
    // Reaping, restarting, reloading and stopping need none.
    kill(plain, "KILL");
    pmtr.wait(&format!("job plain {plain} exited"));
    pmtr.save("job {\n name other\n cmd /bin/sleep 1000\n}\n");
    pmtr.started("other");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_fork_that_fails_costs_one_start_and_is_tried_again() {
    if !tool_or_skip("strace", "a failing fork") {
        return;
    }
    let dir = Dir::new();
    let config = "job {\n name a\n cmd /bin/sleep 1000\n}\njob {\n name b\n cmd /bin/sleep 1000\n}\n";
    // The first start has come through by then.
    let mut pmtr = behind(
        dir,
        "job {\n name a\n cmd /bin/sleep 1000\n}\n",
        &[
            "strace",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=clone,clone3,fork,vfork",
            "-e",
            "inject=clone,clone3,fork,vfork:error=EAGAIN:when=4",
        ],
        "exec PMTR -Fc CONF",
    );
    pmtr.started("a");
    for round in 0..4 {
        pmtr.save(
            &config
                .replace("1000", &format!("100{round}"))
                .replace("name a\n cmd /bin/sleep 100", "name a\n cmd /bin/sleep 200"),
        );
        pmtr.wait("rescanning");
        if pmtr.has("fork: Resource temporarily unavailable") {
            break;
        }
        pmtr.started("b");
    }
    let failed = pmtr.rewind().wait("fork: Resource temporarily unavailable");
    // Ten seconds later it runs.
    let job = failed.split("start job ").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
    pmtr.started(job);
    kill(inner(&pmtr), "TERM");
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn a_fifo_that_nobody_reads_holds_up_its_own_job_alone() {
    let dir = Dir::new();
    assert!(Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
    let config = "job {\n name held\n cmd /bin/sleep 1000\n out DIR/fifo\n}\njob {\n name free\n cmd /bin/sleep 1000\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    let free = pmtr.started("free");
    let held = pmtr.begun(["held"].into_iter())[0];
    kill(free, "KILL");
    pmtr.wait(&format!("job free {free} exited"));
    assert!(alive(held));
    // The state of the jobs tells what it is held up by.
    wait_until("the step is told", || {
        pmtr.settle();
        pmtr.has(&format!("job held: starting [{held}], at the step: open out"))
    });
    assert_eq!(pmtr.stop().code(), Some(0));
    wait_until("both are gone", || !alive(held) && !alive(free));
}

#[test]
fn no_descriptor_of_pmtr_or_its_caller_reaches_a_job() {
    let dir = Dir::new();
    let opens: String = (3..60).map(|fd| format!("exec {fd}<CONF; ")).collect();
    let config = format!("job {{\n name probe\n cmd {} DIR/report\n out syslog\n}}\n", probe().display());
    let mut pmtr = behind(dir, &config, &["/usr/bin/env"], &format!("{opens} exec PMTR -Fc CONF"));
    pmtr.started("probe");
    let report = crate::support::Report::read(&pmtr.dir.join("report"));
    assert_eq!(report.get("fds"), "[0, 1, 2]");
}

#[test]
fn an_idle_pmtr_makes_no_system_call() {
    if !namespaces_or_skip("the idle daemon") || !tool_or_skip("strace", "the idle daemon") {
        return;
    }
    // With a log daemon that reads: one that is away would be looked for now and then.
    let dir = Dir::new();
    std::fs::create_dir(dir.join("run")).unwrap();
    let mut daemon = LogDaemon::at(&dir);
    let config = "job {\n name a\n cmd /bin/sleep 1000\n}\n";
    let mut pmtr = behind(dir, config, &OWN_RUN, OWN_RUN_SCRIPT);
    pmtr.started("a");
    daemon.wait("started job a");
    pmtr.settle();
    daemon.wait("that was the state");
    let trace = pmtr.dir.join("trace");
    let mut strace = Command::new("strace")
        .args(["-qq", "-o", trace.to_str().unwrap(), "-p", &pmtr.pid().to_string()])
        .spawn()
        .unwrap();
    // The start ends with one more look at the file; from then on the trace does not grow.
    wait_until("nothing is called for three seconds", || {
        let before = std::fs::read_to_string(&trace).unwrap_or_default();
        std::thread::sleep(Duration::from_secs(3));
        before.contains("epoll_wait") && std::fs::read_to_string(&trace).unwrap() == before
    });
    kill(i32::try_from(strace.id()).unwrap(), "INT");
    strace.wait().unwrap();
}

#[test]
fn the_user_of_a_job_cannot_trace_or_signal_pmtr() {
    if !root_or_skip("another user's job") {
        return;
    }
    let dir = Dir::new();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    dir.script(
        "attack",
        "kill -TERM $PPID 2>DIR/said; echo $? >>DIR/said; mv DIR/said DIR/result; exit 33"
            .replace("DIR", dir.path().to_str().unwrap())
            .as_str(),
    );
    let mut pmtr = Pmtr::start_in(dir, "job {\n name attack\n cmd DIR/attack\n user nobody\n}\n", |_| {});
    pmtr.wait("exit status 33");
    let result = std::fs::read_to_string(pmtr.dir.join("result")).unwrap();
    assert!(result.contains("not permitted"), "{result}");
    pmtr.settle();
}

#[test]
fn what_the_caller_has_left_open_is_closed() {
    // A lock on it would be held, and whoever reads from its pipe would wait, for as long as pmtr runs.
    let mut pmtr = behind(
        Dir::new(),
        "job {\n name a\n cmd /bin/sleep 1000\n}\n",
        &["env"],
        "exec 9>>DIR/lock 8>DIR/other; flock 9; exec PMTR -Fc CONF",
    );
    pmtr.started("a");
    let lock = pmtr.dir.join("lock");
    let taken = Command::new("flock").arg("-n").arg(&lock).arg("true").status().unwrap();
    assert!(taken.success());
    assert_eq!(pmtr.stop().code(), Some(0));
}

//! The daemon where the world is unkind: as process 1, without a log daemon, without descriptors or
//! processes. These need root and namespaces, or strace; without them they say that they are skipped.

use crate::support::{Dir, PMTR, Pmtr, alive, kill, output, probe, root_or_skip, wait_until};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

/// Starts the daemon behind a shell script, in which PMTR and CONF are the daemon and its file.
fn behind(dir: Dir, config: &str, wrapper: &[&str], script: &str) -> Pmtr {
    let path = dir.path().to_str().unwrap().to_string();
    let config = dir.write("pmtr.conf", &config.replace("DIR", &path));
    let script = script.replace("PMTR", PMTR).replace("CONF", config.to_str().unwrap()).replace("DIR", &path);
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).args(["/bin/bash", "-ec", &script]);
    Pmtr::run(dir, config, command, |_| {})
}

fn namespaces_or_skip(test: &str) -> bool {
    if !root_or_skip(test) {
        return false;
    }
    let works =
        output(Command::new("unshare").args(["--pid", "--mount", "--fork", "/bin/true"])).0 == Some(0);
    if !works {
        eprintln!("skipped: {test} needs namespaces");
    }
    works
}

fn tool_or_skip(tool: &str, test: &str) -> bool {
    let there = Command::new(tool).arg("-V").stdout(std::process::Stdio::null()).status().is_ok();
    if !there {
        eprintln!("skipped: {test} needs {tool}");
    }
    there
}

const AS_INIT: [&str; 5] = ["unshare", "--pid", "--mount", "--fork", "--kill-child=KILL"];

/// The daemon's pid as this namespace numbers it: the only child of the wrapper.
fn inner(pmtr: &Pmtr) -> i32 {
    let path = format!("/proc/{0}/task/{0}/children", pmtr.pid());
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

#[test]
fn as_process_one_it_reaps_orphans_and_ends_cleanly_without_proc_or_a_writable_root() {
    if !namespaces_or_skip("process 1") {
        return;
    }
    let dir = Dir::new();
    dir.script(
        "orphans",
        "i=0; while [ $i -lt 50 ]; do (setsid /bin/sleep 0.2 &) ; i=$((i+1)); done; exec /bin/sleep 1000",
    );
    let mut pmtr = behind(
        dir,
        "job {\n name orphans\n cmd DIR/orphans\n}\n",
        &AS_INIT,
        "mount --make-rprivate /; mount -t tmpfs none /proc; mount -o remount,bind,ro / 2>/dev/null || true; exec PMTR -vc CONF",
    );
    pmtr.started("orphans");
    pmtr.rewind();
    for _ in 0..50 {
        pmtr.wait("adopted process");
    }
    // No zombie is left among its children.
    let daemon = inner(&pmtr);
    let children = std::fs::read_to_string(format!("/proc/{daemon}/task/{daemon}/children")).unwrap();
    for child in children.split_whitespace() {
        assert!(alive(child.parse().unwrap()), "{child} is a zombie");
    }
    kill(daemon, "TERM");
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(pmtr.has("exiting on signal 15") && !pmtr.has("SIGKILL"));
}

/// A log daemon of our own, at a path that the daemon in its own mount namespace takes for /run/log.
struct LogDaemon {
    socket: UnixDatagram,
    lines: Vec<String>,
}

impl LogDaemon {
    fn at(dir: &Dir) -> LogDaemon {
        let path = dir.join("run/log");
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        LogDaemon { socket, lines: Vec::new() }
    }

    fn read_one(&mut self) -> String {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).unwrap();
        let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
        self.lines.push(line.clone());
        line
    }

    fn wait(&mut self, text: &str) -> String {
        loop {
            let line = self.read_one();
            if line.contains(text) {
                return line;
            }
        }
    }
}

const OWN_RUN: [&str; 2] = ["unshare", "--mount"];
const OWN_RUN_SCRIPT: &str = "mount --make-rprivate /; if [ -S /dev/log ]; then mount --bind /dev/null /dev/log; fi; mount --bind DIR/run /run; exec PMTR -Fc CONF";

#[test]
fn syslog_gets_each_line_with_facility_identity_and_local_time() {
    if !namespaces_or_skip("syslog") {
        return;
    }
    let dir = Dir::new();
    std::fs::create_dir(dir.join("run")).unwrap();
    dir.script("talk", "echo hello; echo trouble >&2; exit 33");
    let mut daemon = LogDaemon::at(&dir);
    let mut pmtr = behind(
        dir,
        "job {\n name talk\n cmd DIR/talk\n out syslog\n err syslog\n}\n",
        &OWN_RUN,
        OWN_RUN_SCRIPT,
    );
    let pid = pmtr.pid();
    let first = daemon.read_one();
    // local0 is 16, info is 6: 134.
    assert!(
        first.starts_with("<134>") && first.ends_with(&format!(" pmtr[{pid}]: pmtr: starting")),
        "{first}"
    );
    let job = pmtr.started("talk");
    let (mut out, mut err, mut exited) = (false, false, false);
    while !(out && err && exited) {
        let line = daemon.read_one();
        // daemon is 3: 30 for info, 27 for error.
        out |= line.starts_with("<30>") && line.ends_with(&format!("talk[{job}]: hello"));
        err |= line.starts_with("<27>") && line.ends_with(&format!("talk[{job}]: trouble"));
        exited |= line.contains(&format!("job talk {job} exited after 0 sec: exit status 33"));
    }
    assert_eq!(pmtr.stop().code(), Some(0));
    daemon.wait("pmtr: exiting on signal 15");
}

#[test]
fn lines_wait_for_a_log_daemon_that_stops_reading_or_goes_away_and_comes_back() {
    if !namespaces_or_skip("a log daemon that comes back") {
        return;
    }
    let dir = Dir::new();
    std::fs::create_dir(dir.join("run")).unwrap();
    let many: String = (0..300).map(|i| format!("job {{\n name j{i}\n cmd /bin/sleep 1000\n}}\n")).collect();
    // No daemon at the start.
    let mut pmtr = behind(dir, &many, &OWN_RUN, OWN_RUN_SCRIPT);
    pmtr.wait("started job j299 ");
    let mut daemon = LogDaemon::at(&pmtr.dir);
    daemon.wait("pmtr: starting");
    // It does not read while all jobs are replaced: the queue of the socket holds but a few.
    daemon.wait("started job j299 ");
    pmtr.save(&many.replace("sleep 1000", "sleep 1001"));
    for _ in 0..300 {
        pmtr.wait("started job j");
    }
    for _ in 0..300 {
        daemon.wait("started job j");
    }
    // It goes away, things happen, and it comes back.
    drop(daemon);
    pmtr.save(&many.replace("sleep 1000", "sleep 1002"));
    for _ in 0..300 {
        pmtr.wait("started job j");
    }
    let mut daemon = LogDaemon::at(&pmtr.dir);
    for _ in 0..300 {
        daemon.wait("started job j");
    }
    assert!(!daemon.lines.iter().any(|line| line.contains("lost")));
    assert_eq!(pmtr.stop().code(), Some(0));
}

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
    // The probes of the start come first; a later one is hit.
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
    let held = pmtr.started("held");
    let free = pmtr.started("free");
    kill(free, "KILL");
    pmtr.wait(&format!("job free {free} exited"));
    assert!(alive(held));
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

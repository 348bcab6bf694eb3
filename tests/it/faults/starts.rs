//! Starts that fail: told with the stage and the reason, once, and tried again.

use super::inject::Faults;
use super::{commands, job};
use crate::support::{Dir, PMTR, Pmtr, Report, alive, kill, output, probe, root_or_skip, wait_until};
use crate::wrapped::inner;
use std::process::Command;

/// A start of `a` with these options fails by this rule, over and over, with this text.
fn start_fails(rule: &str, options: &str, told: &str) {
    let mut pmtr = Pmtr::start(&format!("{}{}", job("a", options), job("b", "")));
    let (a, b) = (pmtr.started("a"), pmtr.started("b"));
    pmtr.settle();
    let Some(faults) = Faults::begin(&pmtr, &[rule]) else { return };
    pmtr.save(&format!("{}{}", job("a", &format!("{options}\n nice 19")), job("b", "")));
    pmtr.wait(&format!("job a {a} exited"));
    let line = pmtr.wait("can't start job a");
    assert!(line.contains(told), "{rule}: {line}");
    // Signals, children and the file are served all the same.
    pmtr.settle();
    // Ten seconds later it is tried again, and that is not told.
    let failed = faults.count();
    faults.wait(failed + 1);
    pmtr.settle();
    assert_eq!(pmtr.count("can't start job a"), 1, "{rule}");
    faults.end();
    pmtr.started("a");
    assert!(alive(b) && pmtr.count("started job b") == 1, "{rule}");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_start_that_fails_for_a_while_is_told_once_and_costs_nobody_else_anything() {
    std::thread::scope(|scope| {
        for (rule, options, told) in [
            ("clone,clone3,fork,vfork:error=EAGAIN", "", "a: fork: Resource temporarily"),
            ("clone,clone3,fork,vfork:error=ENOMEM", "", "a: fork: Cannot allocate"),
            ("pipe2:error=EMFILE", " out syslog", "a: prepare: Too many open files"),
            ("epoll_ctl:error=ENOSPC", " err syslog", "a: prepare: No space left"),
            ("dup3:error=EMFILE", " out syslog\n err syslog", "a: prepare: Too many open files"),
        ] {
            scope.spawn(move || start_fails(rule, options, told));
        }
    });
}

#[test]
fn a_kernel_without_newer_calls_starts_jobs_just_as_clean() {
    for call in ["close_range", "clone3", "openat2", "keyctl"] {
        let dir = Dir::new();
        let text = format!(
            "job {{\n name probe\n cmd {} DIR/report\n dir DIR\n in pmtr.conf\n out syslog\n}}\n",
            probe().display()
        );
        let text = text.replace("DIR", dir.path().to_str().unwrap());
        let config = dir.write("pmtr.conf", &text);
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
        command.args(["-e", &format!("inject={call}:error=ENOSYS")]);
        if output(Command::new("strace").args(["-qq", "-o", "/dev/null", "/bin/true"])).0 != Some(0) {
            eprintln!("skipped: a kernel without {call} needs strace");
            return;
        }
        command.args([PMTR, "--state"]).arg(dir.join("state")).args(["-F", "-c"]).arg(&config);
        let mut pmtr = Pmtr::run(dir, config, command, |_| {});
        pmtr.started("probe");
        assert_eq!(Report::read(&pmtr.dir.join("report")).get("fds"), "[0, 1, 2]", "{call}");
        kill(inner(&pmtr), "TERM");
        assert_eq!(pmtr.ends().code(), Some(0));
    }
}

/// How many processes pmtr makes to start one job, where the system calls of all of them are treated by this rule.
fn processes_made_for_one_job(rule: &str) -> Option<usize> {
    if output(Command::new("strace").args(["-qq", "-o", "/dev/null", "/bin/true"])).0 != Some(0) {
        eprintln!("skipped: to see the calls of a start needs strace");
        return None;
    }
    let dir = Dir::new();
    let (config, trace) = (dir.write("pmtr.conf", &job("a", "")), dir.join("trace"));
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-e", "trace=clone,clone3,fork,vfork,close_range", "-e", rule, "-o"])
        .arg(&trace);
    command.args([PMTR, "--state"]).arg(dir.join("state")).args(["-F", "-c"]).arg(&config);
    let mut pmtr = Pmtr::run(dir, config, command, |_| {});
    let pid = pmtr.started("a");
    wait_until("it runs", || std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"sleep\n"));
    kill(inner(&pmtr), "TERM");
    assert_eq!(pmtr.ends().code(), Some(0));
    let calls = std::fs::read_to_string(trace).unwrap();
    let makes = |line: &&str| ["clone(", "clone3(", "fork("].iter().any(|call| line.contains(call));
    Some(calls.lines().filter(makes).count())
}

#[test]
fn the_first_process_that_is_made_is_that_of_the_first_job() {
    assert_eq!(processes_made_for_one_job("signal=none").unwrap_or(1), 1);
}

#[test]
fn a_first_child_that_is_refused_what_was_granted_to_us_is_made_anew() {
    // Of each process the first one fails. Ours does without; a child can't until it is made in the third way.
    let rule = "inject=close_range:error=EPERM:when=1";
    assert_eq!(processes_made_for_one_job(rule).unwrap_or(5), 5);
}

#[test]
fn a_switch_of_user_that_fails_never_leaves_the_command_to_root() {
    if !root_or_skip("a failing switch of user") {
        return;
    }
    for (rule, told) in [
        ("setgroups:error=EPERM", "groups of user nobody: Operation not permitted"),
        ("setresgid:error=EPERM", "group id of user nobody: Operation not permitted"),
        ("setresuid:error=EAGAIN", "user id of user nobody: Resource temporarily unavailable"),
        // A call that lies.
        ("setresgid:retval=0", "group id of user nobody: Operation not permitted"),
        ("setresuid:retval=0", "user id of user nobody: Operation not permitted"),
    ] {
        let dir = Dir::new();
        dir.script("touch", &format!(": >{}/ran", dir.path().display()));
        let mut pmtr = Pmtr::start_in(dir, &job("a", ""), |_| {});
        pmtr.started("a");
        pmtr.settle();
        let Some(faults) = Faults::begin_with_children(&pmtr, &[rule]) else { return };
        pmtr.save("job {\n name touch\n cmd DIR/touch\n user nobody\n}\n");
        let line = pmtr.wait("can't start job touch");
        assert!(line.contains(told), "{rule}: {line}");
        faults.end();
        assert!(!pmtr.dir.join("ran").exists(), "{rule}");
    }
}

#[test]
fn a_right_that_can_not_be_given_up_or_kept_fails_the_start() {
    if !root_or_skip("rights of another user") {
        return;
    }
    for (rule, option, told) in [
        ("prctl:error=EINVAL", "no new privileges", "no new privileges: Invalid argument"),
        ("prctl:error=EPERM", "keep capability KILL", "keep capability CAP_KILL: Operation not permitted"),
        ("capset:error=EPERM", "keep capability KILL", "keep capability CAP_KILL: Operation not permitted"),
        ("setgroups:error=EPERM", "groups daemon", "groups daemon: Operation not permitted"),
        ("setresgid:retval=0", "group daemon", "group daemon: Operation not permitted"),
        ("mkdirat:error=EROFS", "make dir DIR/made", "make dir DIR/made: Read-only file system"),
        ("fchownat:error=EPERM", "make dir DIR/made", "make dir DIR/made: Operation not permitted"),
    ] {
        let dir = Dir::new();
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        dir.script("touch", &format!(": >{}/ran", dir.path().display()));
        let mut pmtr = Pmtr::start_in(dir, &job("a", ""), |_| {});
        pmtr.started("a");
        pmtr.settle();
        let Some(faults) = Faults::begin_with_children(&pmtr, &[rule]) else { return };
        pmtr.save(&format!("job {{\n name touch\n cmd DIR/touch\n user nobody\n {option}\n}}\n"));
        let line = pmtr.wait("can't start job touch");
        let here = pmtr.dir.path().to_str().unwrap();
        assert!(line.ends_with(&told.replace("DIR", here)), "{rule}: {line}");
        faults.end();
        // Nothing is left that the next start would take for granted.
        assert!(!pmtr.dir.join("ran").exists() && !pmtr.dir.join("made").exists(), "{rule}");
    }
}

#[test]
fn an_exec_that_fails_is_told_with_its_reason() {
    let dir = Dir::new();
    dir.script("fine", "exec /bin/sleep 1000");
    let mut pmtr = Pmtr::start_in(dir, &job("a", ""), |_| {});
    pmtr.started("a");
    pmtr.settle();
    for (errno, text) in [
        ("ENOMEM", "Cannot allocate memory"),
        ("EAGAIN", "Resource temporarily unavailable"),
        ("E2BIG", "Argument list too long"),
        ("ETXTBSY", "Text file busy"),
        ("ENOEXEC", "Exec format error"),
        ("EIO", "Input/output error"),
    ] {
        let rule = format!("execve:error={errno}");
        let Some(faults) = Faults::begin_with_children(&pmtr, &[&rule]) else { return };
        let name = errno.to_lowercase();
        pmtr.save(&format!("job {{\n name {name}\n cmd DIR/fine\n}}\n"));
        let line = pmtr.wait(&format!("can't start job {name}"));
        assert!(line.contains("exec ") && line.ends_with(&format!("/fine: {text}")), "{line}");
        faults.end();
    }
    // The last one is started when it can be.
    pmtr.started("eio");
}

#[test]
fn a_full_disk_costs_the_job_that_wants_a_file_there_its_start_and_no_more() {
    let works = root_or_skip("a full disk")
        && output(Command::new("unshare").args(["--mount", "/bin/true"])).0 == Some(0);
    if !works {
        eprintln!("skipped: a full disk needs a mount namespace");
        return;
    }
    let dir = Dir::new();
    std::fs::create_dir(dir.join("full")).unwrap();
    let path = dir.path().to_str().unwrap().to_string();
    let text = format!("{}{}", job("full", " out DIR/full/out"), job("free", ""));
    let config = dir.write("pmtr.conf", &text.replace("DIR", &path));
    let script = format!(
        "mount --make-rprivate /; mount -t tmpfs -o nr_inodes=2 none {path}/full; : >{path}/full/last; exec {PMTR} --state {path}/state -Fc {}",
        config.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-ec", &script]);
    let mut pmtr = Pmtr::run(dir, config, command, |_| {});
    let line = pmtr.wait("can't start job full");
    assert!(line.ends_with("/full/out: No space left on device"), "{line}");
    pmtr.rewind().started("free");
    std::fs::remove_file(format!("/proc/{}/root{path}/full/last", pmtr.pid())).unwrap();
    pmtr.started("full");
    wait_until("both run", || commands(&pmtr).len() == 2);
    assert_eq!(pmtr.stop().code(), Some(0));
}

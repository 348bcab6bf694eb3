//! Each option, seen from inside the job.

use crate::support::{Dir, Pmtr, Report, alive, copy_of, kill, probe, root_or_skip, wait_until};

/// Runs one probe with these options and returns what it saw of itself.
fn probed(options: &str) -> (Pmtr, i32, Report) {
    probed_in(Dir::new(), probe().to_str().unwrap(), options)
}

fn probed_in(dir: Dir, probe: &str, options: &str) -> (Pmtr, i32, Report) {
    let config = format!("job {{\n name probe\n cmd {probe} DIR/report a \"b c\"\n{options}\n}}\n");
    let mut pmtr = Pmtr::start_in(dir, &config, |command| {
        command.env("INHERITED", "yes").env("NOTIFY_SOCKET", "/nowhere");
    });
    let pid = pmtr.started("probe");
    let report = Report::read(&pmtr.dir.join("report"));
    (pmtr, pid, report)
}

#[test]
fn a_variable_of_the_configuration_is_one_of_the_environment_of_pmtr_or_its_text() {
    let options = " env A=%{INHERITED}\n env B=%{MISSING_HERE}\n env C=%{OTHER}\n}\n\
                   variable INHERITED no\nvariable MISSING_HERE text\n\
                   job {\n name other\n cmd /bin/true\n disable\n";
    let (_pmtr, _, report) = probed(options);
    for (key, value) in [("env A", "yes"), ("env B", "text"), ("env C", "%{OTHER}")] {
        assert_eq!(report.get(key), value, "{key}");
    }
}

#[test]
fn a_job_has_its_own_session_default_signals_and_no_descriptors_but_three() {
    let (pmtr, pid, report) = probed("");
    let pid = pid.to_string();
    for (key, value) in [
        ("pid", pid.as_str()),
        ("pgrp", &pid),
        ("session", &pid),
        ("tty", "0"),
        ("ppid", &pmtr.pid().to_string()),
        ("fds", "[0, 1, 2]"),
        ("fd0", "/dev/null"),
        ("fd1", "/dev/null"),
        ("fd2", "/dev/null"),
        ("cwd", "/"),
        ("Umask", "0022"),
        ("SigBlk", "0000000000000000"),
        ("arg2", "a"),
        ("arg3", "b c"),
        ("env INHERITED", "yes"),
    ] {
        assert_eq!(report.get(key), value, "{key}");
    }
    // The probe's own runtime ignores SIGPIPE (13); nothing else may be ignored.
    let ignored = u64::from_str_radix(report.get("SigIgn"), 16).unwrap();
    assert_eq!(ignored & !(1 << 12), 0);
    assert!(!report.has("env NOTIFY_SOCKET"));
}

#[test]
fn dispositions_are_the_defaults_even_when_pmtr_was_started_with_signals_ignored_and_blocked() {
    let dir = Dir::new();
    let config = "job {\n name status\n cmd /bin/cat /proc/self/status\n out DIR/out\n once\n}\n";
    let config_path = dir.write("pmtr.conf", &config.replace("DIR", dir.path().to_str().unwrap()));
    let mut command = std::process::Command::new("/bin/sh");
    let script = format!(
        "trap '' HUP INT USR2 PIPE; exec {} --state {} -F -c {}",
        crate::support::PMTR,
        dir.join("state").display(),
        config_path.display()
    );
    command.arg("-c").arg(script);
    let mut pmtr = Pmtr::run(dir, config_path, command, |_| {});
    pmtr.wait("exited after");
    let out = std::fs::read_to_string(pmtr.dir.join("out")).unwrap();
    for key in ["SigBlk", "SigIgn", "SigCgt"] {
        assert!(out.contains(&format!("{key}:\t0000000000000000")), "{out}");
    }
}

#[test]
fn dir_is_the_working_directory() {
    let (pmtr, _, report) = probed(" dir DIR");
    assert_eq!(report.get("cwd"), pmtr.dir.path().to_str().unwrap());
}

#[test]
fn env_adds_to_and_overrides_what_pmtr_has() {
    let (_pmtr, _, report) = probed(" env \"A=b c\"\n env INHERITED=no\n env EMPTY=\n env A=last");
    assert_eq!(report.get("env A"), "last");
    assert_eq!(report.get("env INHERITED"), "no");
    assert_eq!(report.get("env EMPTY"), "");
}

#[test]
fn nice_cpu_and_ulimit_hold_in_the_job() {
    let (_pmtr, _, report) =
        probed(" nice 19\n cpu 0\n ulimit -n 30\n ulimit {\n  -c infinity\n  RLIMIT_STACK 1048576\n }");
    assert_eq!(report.get("nice"), "19");
    assert_eq!(report.get("Cpus_allowed_list"), "0");
    assert_eq!(report.get("limit Max open files"), "30 30");
    assert_eq!(report.get("limit Max stack size"), "1048576 1048576");
    assert_eq!(report.get("limit Max core file size"), "unlimited unlimited");
}

#[test]
fn umask_holds_in_the_job_and_for_the_files_that_pmtr_opens_for_it() {
    use std::os::unix::fs::PermissionsExt;
    for (option, umask, mode) in
        [("", "0022", 0o644), (" umask 27\n", "0027", 0o640), (" umask 0\n", "0000", 0o644)]
    {
        let (pmtr, _, report) = probed(&format!("{option} dir DIR\n out log"));
        assert_eq!(report.get("Umask"), umask);
        let log = std::fs::metadata(pmtr.dir.join("log")).unwrap();
        assert_eq!(log.permissions().mode() & 0o777, mode, "{option}");
    }
}

#[test]
fn in_out_and_err_are_files_relative_to_dir() {
    let dir = Dir::new();
    dir.write("input", "hello\n");
    let (pmtr, _, report) =
        probed_in(dir, probe().to_str().unwrap(), " dir DIR\n in input\n out log\n err DIR/errors");
    let path = |name: &str| pmtr.dir.join(name).to_str().unwrap().to_string();
    assert_eq!(report.get("fd0"), path("input"));
    assert_eq!(report.get("fd1"), path("log"));
    assert_eq!(report.get("fd2"), path("errors"));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(pmtr.dir.join("log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn out_and_err_are_appended_to_and_one_file_for_both_keeps_the_order() {
    let dir = Dir::new();
    dir.write("log", "before\n");
    let script = dir.script("talk", "echo one; echo two >&2; echo three");
    let config =
        format!("job {{\n name talk\n cmd {}\n out DIR/log\n err DIR/log\n once\n}}\n", script.display());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.wait("exited after");
    assert_eq!(std::fs::read_to_string(pmtr.dir.join("log")).unwrap(), "before\none\ntwo\nthree\n");
}

#[test]
fn user_gives_its_ids_its_groups_and_its_home() {
    if !root_or_skip("user") {
        return;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with("nobody:")).unwrap();
    let fields: Vec<&str> = line.split(':').collect();
    let dir = Dir::new();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(dir.path(), open).unwrap();
    // Where the project lies may be closed to others, as /root is.
    copy_of(&probe(), &dir, "probe");
    let (_pmtr, _, report) = probed_in(dir, "DIR/probe", " user nobody\n env SHELL=/mine");
    let four = |id: &str| [id; 4].join(" ");
    assert_eq!(report.get("Uid"), four(fields[2]));
    assert_eq!(report.get("Gid"), four(fields[3]));
    assert_eq!(report.get("Groups"), fields[3]);
    assert_eq!(report.get("env HOME"), fields[5]);
    assert_eq!(report.get("env USER"), "nobody");
    assert_eq!(report.get("env LOGNAME"), "nobody");
    assert_eq!(report.get("env SHELL"), "/mine");
    assert_eq!(report.get("CapEff"), "0000000000000000");
    assert_eq!(report.get("fds"), "[0, 1, 2]");
    assert_eq!(report.get("SigBlk"), "0000000000000000");
}

#[test]
fn out_is_opened_as_the_jobs_user() {
    if !root_or_skip("out of another user") {
        return;
    }
    let dir = Dir::new();
    let config = "job {\n name probe\n cmd /bin/true\n user nobody\n out DIR/log\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    let line = pmtr.wait("can't start job probe");
    assert!(line.contains("open out") && line.contains("Permission denied"), "{line}");
}

#[test]
fn a_start_that_fails_says_at_which_step_on_what_and_why() {
    let dir = Dir::new();
    dir.write("plain", "not a program");
    for (options, message) in [
        ("cmd DIR/missing", "can't start job x: exec DIR/missing: No such file or directory"),
        ("cmd DIR/plain", "can't start job x: exec DIR/plain: Permission denied"),
        ("cmd DIR", "can't start job x: exec DIR: Permission denied"),
        ("cmd /bin/true\n dir DIR/none", "can't start job x: dir DIR/none: No such file or directory"),
        ("cmd /bin/true\n in DIR/none", "can't start job x: open in DIR/none: No such file or directory"),
        (
            "cmd /bin/true\n out DIR/none/x",
            "can't start job x: open out DIR/none/x: No such file or directory",
        ),
        ("cmd /bin/true\n err DIR", "can't start job x: open err DIR: Is a directory"),
        ("cmd /bin/true\n user no-such-user-here", "can't start job x: user no-such-user-here: no such user"),
        ("cmd /bin/true\n user 4242424", "can't start job x: user 4242424: no such user"),
    ] {
        let mut pmtr = Pmtr::start("");
        let here = |text: &str| text.replace("DIR", dir.path().to_str().unwrap());
        pmtr.save(&here(&format!("job {{\n name x\n {options}\n}}\n")));
        let line = pmtr.wait("can't start job");
        assert!(line.ends_with(&here(message)), "{line}");
        assert!(!pmtr.has("exited after"), "{:?}", pmtr.seen);
        pmtr.wait("job restarting too fast, delaying restart");
    }
}

#[test]
fn bounce_restarts_the_job_without_delay() {
    let mut pmtr = Pmtr::start("job {\n name b\n cmd /bin/sleep 100\n bounce every 1s\n}\n");
    let first = pmtr.started("b");
    pmtr.wait(&format!("sending SIGTERM to job b [{first}]"));
    pmtr.wait(&format!("job b {first} exited after 1 sec: signal 15"));
    let second = pmtr.started("b");
    assert_ne!(first, second);
    assert!(!pmtr.has("too fast"));
}

#[test]
fn a_disabled_job_is_not_started() {
    let mut pmtr = Pmtr::start(
        "job {\n name no\n cmd /bin/sleep 100\n disable\n}\njob {\n name yes\n cmd /bin/sleep 100\n}\n",
    );
    pmtr.started("yes");
    pmtr.settle();
    assert!(!pmtr.has("started job no"));
    assert!(pmtr.has("job no: disabled"));
}

#[test]
fn jobs_start_in_their_order_and_a_wait_job_holds_the_later_ones() {
    let dir = Dir::new();
    let script = dir.script(
        "setup",
        "cat DIR/gate >/dev/null; exit 7".replace("DIR", dir.path().to_str().unwrap()).as_str(),
    );
    let gate = dir.join("gate");
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let config = format!(
        "job {{\n name late\n cmd /bin/sleep 100\n}}\njob {{\n name early\n cmd /bin/sleep 100\n order -1\n}}\njob {{\n name setup\n cmd {}\n wait\n once\n order -1\n}}\n",
        script.display()
    );
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let early = pmtr.started("early");
    pmtr.started("setup");
    pmtr.wait("pausing for job setup to finish");
    // Restarts, reloads and signals go on meanwhile: nothing blocks.
    kill(early, "KILL");
    pmtr.wait(&format!("job early {early} exited"));
    pmtr.settle();
    assert!(!pmtr.has("started job late"));
    std::fs::write(gate, "go").unwrap();
    pmtr.wait("exited after 0 sec: exit status 7");
    pmtr.started("late");
}

#[test]
fn a_job_that_writes_its_own_depends_file_is_told_so_and_restarts_more_rarely() {
    let config = "job {\n name d\n cmd /bin/sh -c \"cat /proc/sys/kernel/random/uuid >file; exec sleep 100\"\n dir DIR\n depends { file }\n}\n";
    let dir = Dir::new();
    dir.write("file", "");
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    pmtr.wait("job d: a file that it depends on has changed");
    for secs in [1, 2] {
        let line = pmtr.wait("job d: ");
        let why = format!(
            "/file, which it depends on, keeps changing (does the job write it?); restarting in {secs} sec"
        );
        assert!(line.ends_with(&why), "{line}");
        pmtr.wait("job d: a file that it depends on has changed");
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_change_of_a_depends_file_restarts_the_job_and_a_missing_one_makes_it_wait() {
    let mut pmtr =
        Pmtr::start("job {\n name d\n cmd /bin/sleep 100\n dir DIR\n depends {\n  needed\n }\n}\n");
    pmtr.wait("job d is waiting for");
    pmtr.dir.write("needed", "Ab");
    let first = pmtr.started("d");
    std::fs::remove_file(pmtr.dir.join("needed")).unwrap();
    pmtr.settle();
    assert!(alive(first));
    pmtr.dir.write("needed", "bA");
    pmtr.wait("job d: a file that it depends on has changed");
    pmtr.wait(&format!("sending SIGTERM to job d [{first}]"));
    let second = pmtr.started("d");
    wait_until("the old run is gone", || !alive(first));
    assert!(alive(second));
}

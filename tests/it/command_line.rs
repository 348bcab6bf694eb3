//! What the program says and how it ends.

use crate::support::{Dir, PMTR, Pmtr, alive, daemon, output, read_when_there, wait_until};
use crate::wrapped::tool_or_skip;
use std::process::Command;

fn pmtr(arguments: &[&str]) -> (Option<i32>, String, String) {
    output(Command::new(PMTR).args(arguments))
}

#[test]
fn help_and_version_go_to_stdout() {
    for help in ["-h", "--help"] {
        let (status, out, err) = pmtr(&[help]);
        assert_eq!((status, err.as_str()), (Some(0), ""));
        assert!(out.contains("-c FILE") && out.contains("--check"), "{out}");
    }
    let (status, out, _) = pmtr(&["--version"]);
    assert_eq!(status, Some(0));
    assert_eq!(out.trim(), format!("pmtr {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_is_told_with_the_usage_and_status_two() {
    for arguments in [&["-x"][..], &["-c"], &["operand"], &["--chekc"], &["-tz"]] {
        let (status, out, err) = pmtr(arguments);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(err.lines().count() >= 2 && err.to_lowercase().contains("usage"), "{err}");
    }
}

#[test]
fn a_test_shows_every_mistake_and_always_ends_with_zero() {
    let dir = Dir::new();
    let bad = dir.write("bad.conf", "job {\n name a\n cmd \"\"\n uesr bob\n}\n");
    let bad = bad.to_str().unwrap();
    let (status, out, err) = pmtr(&["-tc", bad]);
    assert_eq!(status, Some(0));
    assert!(
        out.starts_with(&format!("{bad}: ")) && out.contains(": parse failed: 1 job, 2 errors, 0 warnings\n"),
        "{out}"
    );
    assert!(err.contains("did you mean") && err.contains('^') && err.contains(":4:"), "{err}");
    assert_eq!(pmtr(&["--check", "-c", bad]).0, Some(1));
    let good = dir.write("good.conf", "job {\n name a\n cmd /bin/true\n}\n");
    let (status, out, err) = pmtr(&["-t", "-c", good.to_str().unwrap()]);
    assert_eq!(
        (status, out, err),
        (Some(0), format!("{}: 1 job, 0 errors, 0 warnings\n", good.display()), String::new())
    );
    assert_eq!(pmtr(&["--check", "-c", good.to_str().unwrap()]).0, Some(0));
    let missing = dir.join("missing.conf");
    let (status, out, err) = pmtr(&["-tc", missing.to_str().unwrap()]);
    assert_eq!(status, Some(0));
    assert!(
        out.contains(": parse failed: 0 jobs, 1 error, 0 warnings\n") && err.contains("No such file"),
        "{out}{err}"
    );
    assert!(!missing.exists());
    assert_eq!(pmtr(&["--check", "-c", missing.to_str().unwrap()]).0, Some(1));
}

#[test]
fn what_looks_wrong_is_warned_of_but_is_no_mistake() {
    let dir = Dir::new();
    let conf = dir.write(
        "c.conf",
        "job {\n name a\n cmd /no/such/program\n user no-such-user-here\n dir /no/such/dir\n}\n",
    );
    let (status, out, err) = pmtr(&["--check", "-c", conf.to_str().unwrap()]);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains(": 1 job, 0 errors, 3 warnings\n"), "{out}");
    for part in [":3:6: warning: ", ":4:7: warning: ", ":5:6: warning: "] {
        assert!(err.contains(part), "{err}");
    }
    assert_eq!(pmtr(&["--check", "--strict", "-c", conf.to_str().unwrap()]), (Some(1), out, err));
    assert_eq!(pmtr(&["-t", "--strict", "-c", conf.to_str().unwrap()]).0, Some(2));
}

#[test]
fn a_test_reads_any_stream_and_the_daemon_only_files() {
    let dir = Dir::new();
    let text = "job {\n name a\n cmd /bin/true\n out syslog\n uesr b\n}\n";
    let conf = dir.write("c.conf", text);
    for (script, status) in [
        ("cat $1 | $0 --check -c /dev/stdin", 1),
        ("(head -n 2 $1; sleep 0.2; tail -n +3 $1) | $0 --check -c /dev/stdin", 1),
        ("$0 --check -c /dev/stdin <$1", 1),
        ("$0 --check -c <(cat $1)", 1),
        ("$0 -tvvc <(cat $1)", 0),
    ] {
        let (got, out, err) = output(Command::new("bash").args(["-c", script, PMTR]).arg(&conf));
        assert!(got == Some(status) && err.lines().count() == 3, "{script}: {out}{err}");
        assert!(err.contains(":5:2: error: unknown option"), "{err}");
        assert!(out.ends_with(": parse failed: 1 job, 1 error, 0 warnings\n"), "{out}");
    }
    let pipe = dir.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (status, _, err) = output(Command::new(PMTR).args(["--check", "-c"]).arg(&pipe));
    let told = format!("{}: error: not a regular file, and nobody writes to this FIFO\n", pipe.display());
    assert_eq!((status, err), (Some(1), told));
    let (status, _, err) = output(daemon(dir.path()).arg("-Fc").arg(&pipe));
    assert!(status == Some(1) && err.contains("not a regular file"), "{err}");
}

#[test]
fn a_start_that_fails_says_why_and_ends_with_one_also_without_foreground() {
    let dir = Dir::new();
    let bad = dir.write("bad.conf", "nonsense\n");
    for extra in [&["-F"][..], &[]] {
        let (status, _, err) = output(daemon(dir.path()).args(extra).arg("-c").arg(&bad));
        assert_eq!(status, Some(1));
        assert!(err.contains("bad.conf:1:1") && err.contains("FAILED to parse"), "{err}");
    }
    let (status, _, err) = output(daemon(dir.path()).arg("-Fc").arg(dir.path()));
    assert_eq!(status, Some(1));
    assert!(err.ends_with(": not a regular file\n"), "{err}");
    std::os::unix::fs::symlink("circle", dir.join("circle")).unwrap();
    let (status, _, err) = output(daemon(dir.path()).arg("-Fc").arg(dir.join("circle")));
    assert_eq!(status, Some(1));
    assert!(err.ends_with("circle: can't read it: Too many levels of symbolic links\n"), "{err}");
}

#[test]
fn a_log_file_that_is_shared_with_a_wrapper_keeps_the_lines_of_both() {
    let dir = Dir::new();
    let conf = dir.write(
        "pmtr.conf",
        "job {\n name end\n cmd /bin/sh -c \"kill -TERM $PPID; exec /bin/sleep 1000\"\n}\n",
    );
    let log = dir.join("log");
    let script = format!(
        "exec 2>{}; echo before >&2; {PMTR} --state {} -Fc {}; echo after >&2",
        log.display(),
        dir.join("state").display(),
        conf.display()
    );
    assert_eq!(output(Command::new("/bin/sh").args(["-c", &script])).0, Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[0], lines[lines.len() - 1]), ("before", "after"), "{log}");
    assert!(lines[1].starts_with("pmtr[") && lines[1].ends_with("]: pmtr: starting"), "{log}");
    assert!(lines[lines.len() - 2].contains("job end"), "{log}");
}

#[test]
fn a_missing_configuration_is_created_empty() {
    let dir = Dir::new();
    let file = dir.join("made.conf");
    let mut command = daemon(dir.path());
    command.arg("-F").arg("-c").arg(&file);
    let mut pmtr = Pmtr::run(dir, file.clone(), command, |_| {});
    pmtr.wait("pmtr: managing 0 jobs");
    assert_eq!(std::fs::read(&file).unwrap(), b"");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&file, "job {\n name a\n cmd /bin/sleep 100\n}\n").unwrap();
    pmtr.started("a");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn the_log_begins_and_ends_as_the_manual_says() {
    let mut pmtr =
        Pmtr::start("job {\n name a\n cmd /bin/sleep 100\n}\njob {\n name b\n cmd /bin/sleep 100\n}\n");
    let pid = pmtr.pid();
    pmtr.started("b");
    pmtr.stop();
    assert_eq!(pmtr.seen[0], format!("pmtr[{pid}]: pmtr: starting"));
    assert_eq!(pmtr.seen[1], format!("pmtr[{pid}]: pmtr: managing 2 jobs"));
    assert!(pmtr.seen.contains(&format!("pmtr[{pid}]: pmtr: exiting on signal 15")));
}

#[test]
fn in_the_background_the_parent_returns_when_the_pid_file_is_written() {
    let dir = Dir::new();
    dir.write("pmtr.conf", "job {\n name a\n cmd /bin/sleep 1000\n}\n");
    // Relative paths are made absolute: the daemon does not stay here.
    let mut command = daemon(dir.path());
    command.args(["-c", "pmtr.conf", "-p", "pid"]).current_dir(dir.path());
    let (status, out, err) = output(&mut command);
    assert_eq!((status, out.as_str(), err.as_str()), (Some(0), "", ""));
    let text = std::fs::read_to_string(dir.join("pid")).unwrap();
    let pid: i32 = text.trim().parse().unwrap();
    assert!(alive(pid) && text.ends_with('\n'));
    let cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    assert_eq!(cwd.to_str(), Some("/"));
    for fd in 0..3 {
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap();
        assert_eq!(target.to_str(), Some("/dev/null"));
    }
    // A second one is refused while this one runs, and disturbs nothing.
    let mut command = daemon(dir.path());
    command.args(["-F", "-c", "pmtr.conf", "-p", "pid"]).current_dir(dir.path());
    let (status, _, err) = output(&mut command);
    assert_eq!(status, Some(1));
    assert!(err.contains(&pid.to_string()) || err.contains("running"), "{err}");
    assert_eq!(std::fs::read_to_string(dir.join("pid")).unwrap(), text);
    crate::support::kill(pid, "TERM");
    wait_until("it is gone", || !alive(pid));
    assert!(!dir.join("pid").exists());
}

#[test]
fn a_pid_file_that_is_a_link_is_refused_and_its_target_left_alone() {
    let dir = Dir::new();
    let target = dir.write("precious", "precious");
    std::os::unix::fs::symlink(&target, dir.join("pid")).unwrap();
    let conf = dir.write("pmtr.conf", "");
    let (status, _, err) = output(daemon(dir.path()).arg("-Fc").arg(conf).arg("-p").arg(dir.join("pid")));
    assert_eq!(status, Some(1));
    assert!(err.contains("pid"), "{err}");
    assert_eq!(std::fs::read_to_string(target).unwrap(), "precious");
}

#[test]
fn the_foreground_has_a_pid_file_too() {
    let dir = Dir::new();
    let path = dir.join("pid");
    let mut pmtr = Pmtr::start_in(dir, "", |command| {
        command.arg("-p").arg(&path);
    });
    pmtr.wait("pmtr: managing 0 jobs");
    assert_eq!(read_when_there(&path), format!("{}\n", pmtr.pid()));
    pmtr.stop();
    assert!(!path.exists());
}

#[test]
fn make_says_which_rust_it_needs_when_there_is_none_or_an_old_one() {
    let dir = Dir::new();
    let wanted = "Install Rust 1.89 or later: https://rustup.rs";
    for (version, told) in [
        (None, Some(format!("make: CARGO is missing. {wanted}"))),
        (Some("1.63.0"), Some(format!("make: Rust 1.63.0 is too old. {wanted}"))),
        (Some("1.88.0-nightly"), Some(format!("make: Rust 1.88.0-nightly is too old. {wanted}"))),
        (Some("1.89.0"), None),
        (Some("1.100.0"), None),
    ] {
        let name = version.unwrap_or("none");
        let cargo = match version {
            Some(version) => dir.script(name, &format!("echo 'cargo {version} (0123abcd 2026-01-01)'")),
            None => dir.join(name),
        };
        let mut make = Command::new("make");
        make.args(["-s", "-C", env!("CARGO_MANIFEST_DIR"), "need-cargo"])
            .arg(format!("CARGO={}", cargo.display()));
        make.env_remove("MAKEFLAGS");
        let (status, out, err) = output(&mut make);
        let first = err.lines().next().map(|line| line.replace(cargo.to_str().unwrap(), "CARGO"));
        assert_eq!((status == Some(0), out.as_str(), first), (told.is_none(), "", told), "{name}");
    }
}

#[test]
fn on_a_terminal_each_line_has_its_time_and_elsewhere_none() {
    if !tool_or_skip("script", "a terminal") {
        return;
    }
    let dir = Dir::new();
    // It ends its pmtr.
    let config = dir.write("pmtr.conf", "job {\n name end\n cmd /bin/sh -c \"kill $PPID\"\n once\n}\n");
    let command = format!("exec {PMTR} --state {}/state -Fc {}", dir.path().display(), config.display());
    for (terminal, script) in [(true, "script -qec \"$0\" /dev/null"), (false, "eval \"$0\" 2>&1")] {
        let shell = Command::new("sh").args(["-c", script, &command]).env("TZ", "UTC").output().unwrap();
        let text = String::from_utf8(shell.stdout).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("pmtr[")).collect();
        assert!(lines.len() >= 4, "{text}");
        for line in lines {
            let (time, rest) = line.split_at(line.find("pmtr[").unwrap());
            let digits: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            assert_eq!(digits, if terminal { "00:00:00 " } else { "" }, "{line}");
            assert!(rest.contains("]: "), "{line}");
        }
    }
}

//! Groups, env files, directories and rights, seen from inside the job, and what the log says when they can't be had.

use crate::support::{Dir, Pmtr, Report, copy_of, output, probe, root_or_skip, wait_until};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

/// A directory that others may enter but not change, with the probe in it.
fn dir() -> Dir {
    let dir = Dir::new();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    copy_of(&probe(), &dir, "probe");
    dir
}

/// A job that writes its report to the file `report`, in a directory that any user may write to.
fn probed(dir: Dir, options: &str) -> (Pmtr, Report) {
    fs::create_dir(dir.join("open")).unwrap();
    fs::set_permissions(dir.join("open"), PermissionsExt::from_mode(0o777)).unwrap();
    let config = format!("job {{\n name probe\n cmd DIR/probe DIR/open/report\n{options}\n}}\n");
    let mut pmtr = Pmtr::start_in(dir, &config, |command| {
        command.env("INHERITED", "yes");
    });
    pmtr.started("probe");
    let report = Report::read(&pmtr.dir.join("open/report"));
    (pmtr, report)
}

#[test]
fn a_job_has_the_groups_rights_and_directories_that_it_asks_for() {
    if !root_or_skip("groups and capabilities of another user") {
        return;
    }
    let options = " user nobody\n group 4242\n groups 4343 4344\n umask 027\n env clear\n env A=b\n \
        no new privileges\n keep capability net_bind_service\n oom score 321\n \
        make dir DIR/made 0750\n dir DIR/made";
    let (mut pmtr, report) = probed(dir(), options);
    let made = pmtr.dir.join("made");
    for (key, value) in [
        ("Uid", "65534 65534 65534 65534"),
        ("Gid", "4242 4242 4242 4242"),
        ("Groups", "4343 4344"),
        ("Umask", "0027"),
        ("NoNewPrivs", "1"),
        ("CapAmb", "0000000000000400"),
        ("CapEff", "0000000000000400"),
        ("oom", "321"),
        ("fds", "[0, 1, 2]"),
        ("env A", "b"),
        ("env USER", "nobody"),
        ("env PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("cwd", made.to_str().unwrap()),
    ] {
        assert_eq!(report.get(key), value, "{key}");
    }
    assert!(!report.has("env INHERITED"));
    let there = fs::metadata(&made).unwrap();
    assert_eq!((there.mode() & 0o7777, there.uid(), there.gid()), (0o750, 65_534, 4242));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn an_ordinary_user_gets_what_needs_no_rights() {
    let own = output(Command::new("id").arg("-g")).1.trim().to_string();
    let options = format!(
        " group {own}\n env clear\n env file DIR/env\n no new privileges\n oom score 1000\n make dir DIR/made"
    );
    let dir = dir();
    dir.write("env", "FROM_FILE='1 2'\n");
    let (mut pmtr, report) = probed(dir, &options);
    assert_eq!(report.get("Gid"), [own.as_str(); 4].join(" "));
    assert_eq!(
        (report.get("NoNewPrivs"), report.get("oom"), report.get("env FROM_FILE")),
        ("1", "1000", "1 2")
    );
    assert!(!report.has("env INHERITED") && pmtr.dir.join("made").is_dir());
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn an_env_file_is_read_anew_at_each_start_and_a_change_of_it_restarts_nothing() {
    let dir = dir();
    dir.write("env", "A=first\nB=file\n");
    let (mut pmtr, report) = probed(dir, " env file DIR/env\n env B=job");
    assert_eq!((report.get("env A"), report.get("env B")), ("first", "job"));
    let pid = report.get("pid").to_owned();
    fs::remove_file(pmtr.dir.join("open/report")).unwrap();
    pmtr.dir.write("env", "A=second\n");
    pmtr.settle();
    assert!(!pmtr.has(&format!("job probe {pid} exited")));
    pmtr.save("job {\n name probe\n cmd DIR/probe DIR/open/report\n env file DIR/env\n}\n");
    wait_until("the second report", || pmtr.dir.join("open/report").exists());
    let report = Report::read(&pmtr.dir.join("open/report"));
    assert_eq!((report.get("env A"), report.has("env B")), ("second", false));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_changed_group_restarts_the_job() {
    let group = if root_or_skip("another group") { "4242" } else { return };
    let (mut pmtr, report) = probed(dir(), "");
    let pid = report.get("pid").to_owned();
    fs::remove_file(pmtr.dir.join("open/report")).unwrap();
    pmtr.save(&format!("job {{\n name probe\n cmd DIR/probe DIR/open/report\n group {group}\n}}\n"));
    pmtr.wait(&format!("job probe {pid} exited"));
    pmtr.started("probe");
    assert_eq!(Report::read(&pmtr.dir.join("open/report")).get("Gid"), "4242 4242 4242 4242");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_start_that_fails_names_the_file_the_line_and_the_group_but_no_value() {
    let dir = dir();
    dir.write("bad", "A=hidden-one\n\nhidden-two\n");
    dir.write("quote", "A=\"hidden-three\n");
    dir.write("path", "PATH=/hidden-four\n");
    fs::create_dir(dir.join("real")).unwrap();
    std::os::unix::fs::symlink("real", dir.join("link")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
    let cases = [
        ("cmd /bin/true\n env file DIR/none", "env file DIR/none: No such file or directory"),
        ("cmd /bin/true\n dir DIR\n env file bad", "env file bad, line 3: no VAR=VALUE"),
        (
            "cmd /bin/true\n env file DIR/quote optional",
            "env file DIR/quote, line 1: the quote is not closed",
        ),
        ("cmd /bin/true\n env file DIR/fifo", "env file DIR/fifo: not a regular file"),
        ("cmd /bin/true\n env file DIR optional", "env file DIR: not a regular file"),
        ("cmd /bin/true\n make dir DIR/link/x", "make dir DIR/link/x: a symbolic link is on the way"),
        ("cmd /bin/true\n make dir DIR/bad", "make dir DIR/bad: Not a directory"),
        ("cmd /bin/true\n make dir DIR/a/b", "make dir DIR/a/b: No such file or directory"),
        ("cmd /bin/true\n group no-such-group", "group no-such-group: no such group"),
        ("cmd /bin/true\n groups 0 no-such-group", "groups no-such-group: no such group"),
        ("cmd no-such\n env PATH=/usr/bin:/bin", "exec no-such: not found in PATH=/usr/bin:/bin"),
        ("cmd no-such\n env file DIR/path", "exec no-such: not found in the PATH of an env file"),
        ("cmd no-such", "exec no-such: not found in PATH=/own:/path"),
        ("cmd no/such\n dir DIR", "exec no/such: No such file or directory"),
    ];
    let here = dir.path().to_str().unwrap().to_owned();
    let mut config = String::new();
    for (number, (options, _)) in cases.iter().enumerate() {
        config += &format!("job {{\n name j{number}\n {options}\n}}\n");
    }
    let mut pmtr = Pmtr::start_in(dir, &config, |command| {
        command.env("PATH", "/own:/path").arg("-vv");
    });
    for (number, (options, message)) in cases.iter().enumerate() {
        let line = pmtr.rewind().wait(&format!("can't start job j{number}: "));
        assert!(line.ends_with(&format!(": {}", message.replace("DIR", &here))), "{options}: {line}");
    }
    pmtr.signal("USR1");
    pmtr.wait("job j13: ");
    assert!(pmtr.rewind().seen.iter().all(|line| !line.contains("hidden")), "{:?}", pmtr.seen);
    assert!(!pmtr.dir.join("real/x").exists());
    let check = Command::new(crate::support::PMTR)
        .args(["--check", "-vv", "-c"])
        .arg(pmtr.dir.join("pmtr.conf"))
        .output();
    let check = check.unwrap();
    let told = [check.stdout, check.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("line 3: no VAR=VALUE") && !told.contains("hidden"), "{told}");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_command_is_searched_in_the_path_of_pmtr_or_relative_to_dir() {
    let mut pmtr = Pmtr::start_in(
        dir(),
        "job {\n name searched\n cmd probe DIR/one\n}\njob {\n name relative\n cmd ./probe DIR/two\n dir DIR\n}\n",
        |command| {
            command.env("PATH", "/usr/bin:/bin");
        },
    );
    // The directory is not in PATH yet.
    pmtr.rewind().wait("can't start job searched: exec probe: not found in PATH=/usr/bin:/bin");
    assert_eq!(Report::read(&pmtr.dir.join("two")).get("arg0"), "./probe");
    pmtr.save("job {\n name searched\n cmd probe DIR/one\n env PATH=/none:DIR\n}\n");
    assert_eq!(Report::read(&pmtr.dir.join("one")).get("arg0"), "probe");
    assert_eq!(pmtr.stop().code(), Some(0));
}

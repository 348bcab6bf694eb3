//! Here the original started nothing, told nobody, or harmed what was not its own.

use crate::support::{Dir, PMTR, Pmtr, alive, daemon, output};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Any user but root, with an entry or without.
const SOMEBODY: u32 = 65534;

#[test]
fn an_ordinary_user_with_another_priority_can_start_jobs() {
    let dir = Dir::new();
    // Root becomes somebody else; who is no root already is.
    let root = std::fs::metadata(dir.path()).unwrap().uid() == 0;
    let ordinary = |command: &mut Command| {
        if root {
            command.uid(SOMEBODY).gid(SOMEBODY);
        }
    };
    let mut reach = Command::new("test");
    ordinary(reach.args(["-x", PMTR]));
    if output(&mut reach).0 != Some(0) {
        return eprintln!("skipped: an ordinary user can't reach {PMTR}");
    }
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    let config = "job {\n name tell\n cmd /bin/sh -c nice\n out DIR/out\n once\n}\n";
    let file = dir.write("pmtr.conf", &config.replace("DIR", dir.path().to_str().unwrap()));
    let mut command = Command::new("nice");
    command.args(["-n", "5", PMTR, "--state"]).arg(dir.join("state")).arg("-Fc").arg(&file);
    let mut pmtr = Pmtr::run(dir, file, command, ordinary);
    pmtr.wait("job tell");
    pmtr.wait("exit status 0");
    let own: i32 = output(&mut Command::new("nice")).1.trim().parse().unwrap();
    let said = std::fs::read_to_string(pmtr.dir.join("out")).unwrap();
    assert_eq!(said.trim(), (own + 5).min(19).to_string());
}

#[test]
fn a_test_makes_no_file_and_disturbs_no_running_pmtr() {
    let dir = Dir::new();
    let missing = dir.join("missing.conf");
    for how in ["-t", "--check"] {
        let (_, _, err) = output(Command::new(PMTR).arg(how).arg("-c").arg(&missing));
        assert!(err.contains("missing.conf: error: can't read it: No such file or directory"), "{err}");
        assert!(!missing.exists());
    }
    let pid_file = dir.join("pid");
    let mut pmtr = Pmtr::start_in(dir, "job {\n name a\n cmd /bin/sleep 600\n}\n", |command| {
        command.arg("-p").arg(&pid_file);
    });
    let a = pmtr.started("a");
    let held = std::fs::read_to_string(&pid_file).unwrap();
    let (status, out, _) = output(Command::new(PMTR).arg("-tc").arg(&pmtr.config).arg("-p").arg(&pid_file));
    assert_eq!((status, out.ends_with("pmtr.conf: 1 job, 0 errors, 0 warnings\n")), (Some(0), true));
    assert_eq!(std::fs::read_to_string(&pid_file).unwrap(), held);
    pmtr.settle();
    assert!(alive(a));
}

#[test]
fn a_fifo_is_no_empty_configuration() {
    let dir = Dir::new();
    let fifo = dir.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for (how, status) in [("-t", 0), ("--check", 1), ("-F", 1)] {
        let (code, _, err) = output(daemon(dir.path()).arg(how).arg("-c").arg(&fifo));
        assert_eq!(code, Some(status), "{err}");
        assert!(err.contains("not a regular file"), "{err}");
    }
}

#[test]
fn what_a_job_makes_is_not_for_everybody_to_write() {
    let dir = Dir::new();
    let made = dir.join("made");
    let script = dir.script("make", &format!("echo >{0}.part; mv {0}.part {0}; exit 33", made.display()));
    let mut pmtr =
        Pmtr::start_in(dir, &format!("job {{\n name make\n cmd {}\n}}\n", script.display()), |_| {});
    pmtr.wait("exit status 33");
    assert_eq!(std::fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o644);
}

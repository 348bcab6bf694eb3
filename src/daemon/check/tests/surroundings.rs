//! Warnings about groups, env files, directories to make, rights, and commands that are searched.

use super::{Scratch, effective_uid, warnings};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn what_a_start_would_not_get_is_warned_of_at_its_place() {
    let scratch = Scratch::new();
    let here = scratch.here();
    scratch.file("good.env", "A=1\nPATH=/none\n", 0o644);
    scratch.file("bad.env", "A=1\nsecret\n", 0o644);
    scratch.file("large.env", &format!("A={}", "x".repeat(1 << 20)), 0o644);
    fs::create_dir(scratch.0.join("dir")).unwrap();
    symlink("dir", scratch.0.join("link")).unwrap();
    let cases: &[(u32, &str, &str)] = &[
        (0, " group staff\n groups root us", ""),
        (0, " group wheel", "4:8: group wheel does not exist"),
        (0, " groups staff wheel", "4:15: group wheel does not exist"),
        (1000, " group us", ""),
        (1000, " group staff", "4:8: group staff is another group: pmtr must run as root to switch to it"),
        (1000, " groups us", "4:9: groups needs a pmtr that runs as root"),
        (1000, " env file HERE/good.env\n env file HERE/none optional", ""),
        (1000, " dir HERE\n env file good.env", ""),
        (1000, " env file HERE/none", "4:11: env file HERE/none does not exist"),
        (
            1000,
            " env file HERE/good.env optional\n env file HERE/bad.env optional",
            "5:11: env file HERE/bad.env, line 2: no VAR=VALUE",
        ),
        (1000, " env file HERE/dir", "4:11: env file HERE/dir is a directory: expected a regular file"),
        (
            1000,
            " env file HERE/large.env",
            "4:11: env file HERE/large.env: the env files of a job have at most 1 MiB together",
        ),
        (0, " make dir HERE/new 0700\n make dir HERE/new/er\n dir HERE/new/er\n out log", ""),
        (0, " make dir HERE/dir\n make dir HERE/cmd 0700", "5:11: make dir HERE/cmd is not a directory"),
        (0, " make dir HERE/no/dir", "4:11: make dir HERE/no/dir: its directory does not exist"),
        (0, " make dir HERE/cmd/dir", "4:11: make dir HERE/cmd/dir: its directory is no directory"),
        (0, " make dir HERE/link", "4:11: make dir HERE/link is a symbolic link"),
        (
            0,
            " make dir HERE/dir 0700\n make dir HERE/link/dir",
            "5:11: make dir HERE/link/dir: HERE/link is a symbolic link, and none is followed: write where it leads",
        ),
        (0, " user www\n keep capability net_bind_service", ""),
        (
            0,
            " user www\n keep capability NET_RAW KILL NET_BIND_SERVICE",
            "5:26: keep capability CAP_KILL: pmtr does not have it itself\n5:18: keep capability CAP_NET_RAW: pmtr does not have it itself",
        ),
        (1000, " keep capability KILL", "4:18: keep capability CAP_KILL: pmtr does not have it itself"),
        (
            0,
            " keep capability NET_BIND_SERVICE",
            "4:18: keep capability has no effect in a job that runs as root, which has them all",
        ),
        (0, " oom score -1000", ""),
        (1000, " oom score 0", ""),
        (1000, " oom score -1", "4:12: oom score -1 needs a pmtr that runs as root"),
    ];
    for (uid, lines, expected) in cases {
        let lines = format!(" cmd HERE/cmd\n{lines}").replace("HERE", &here);
        let expected = expected.replace("HERE", &here);
        assert_eq!(warnings(*uid, &lines).join("\n"), expected, "{lines}");
    }
}

#[test]
fn a_command_is_searched_where_the_job_would_search_it() {
    let scratch = Scratch::new();
    let here = scratch.here();
    scratch.file("here.env", &format!("PATH=/none:{here}\n"), 0o644);
    scratch.file("none.env", "PATH=/secret\n", 0o644);
    scratch.file("other.env", "A=1\n", 0o644);
    for (lines, expected) in [
        (" cmd ls\n env clear", ""),
        (
            " cmd no-such-command\n env PATH=/none:HERE",
            "3:6: cmd no-such-command is not found in PATH=/none:HERE",
        ),
        (" cmd plain\n env PATH=HERE", "3:6: cmd plain is not found in PATH=HERE"),
        (" cmd cmd\n env PATH=HERE", ""),
        (" cmd cmd\n env PATH=.\n dir HERE", ""),
        (" cmd cmd\n env PATH=\n dir HERE", "3:6: cmd cmd is not found in PATH="),
        (" cmd cmd\n env file HERE/here.env", ""),
        (" cmd cmd\n env file HERE/here.env\n env PATH=/no", "3:6: cmd cmd is not found in PATH=/no"),
        (
            " cmd cmd\n env file HERE/here.env\n env file HERE/none.env",
            "3:6: cmd cmd is not found in the PATH of an env file",
        ),
        (" cmd cmd\n env file HERE/here.env\n env file HERE/other.env", ""),
        (" cmd ./cmd\n dir HERE", ""),
        (" cmd no/cmd\n dir HERE", "3:6: cmd no/cmd does not exist"),
        (" cmd ./astray\n dir HERE", "3:6: cmd ./astray is a script for /no/sh, which does not exist"),
    ] {
        let (lines, expected) = (lines.replace("HERE", &here), expected.replace("HERE", &here));
        assert_eq!(warnings(1000, &lines).join("\n"), expected, "{lines}");
    }
}

#[test]
fn as_root_only_an_env_file_that_a_start_reads_as_root_is_read() {
    if effective_uid() != 0 {
        return eprintln!("skipped: needs a file of root");
    }
    let scratch = Scratch::new();
    let here = scratch.here();
    for (dir, mode) in [("safe", 0o755), ("sticky", 0o1777), ("open", 0o777)] {
        fs::create_dir(scratch.0.join(dir)).unwrap();
        scratch.file(&format!("{dir}/bad.env"), "secret\n", 0o600);
        symlink("/dev/null", scratch.0.join(dir).join("device")).unwrap();
        symlink("../safe/bad.env", scratch.0.join(dir).join("link")).unwrap();
        fs::set_permissions(scratch.0.join(dir), Permissions::from_mode(mode)).unwrap();
    }
    for (file, expected) in [
        ("safe/bad.env", ", line 1: no VAR=VALUE"),
        ("safe/device", " is a device: expected a regular file"),
        ("safe/none", " does not exist"),
        ("safe/link", ""),
        ("sticky/bad.env", ""),
        ("open/bad.env", ""),
        ("open/link", ""),
        ("open/none", " does not exist"),
        ("open/device", " is a device: expected a regular file"),
    ] {
        let lines = format!(" cmd {here}/cmd\n env file {here}/{file}");
        let told = Some(expected).filter(|text| !text.is_empty());
        let expected = told.map(|text| format!("4:11: env file {here}/{file}{text}"));
        assert_eq!(warnings(0, &lines), Vec::from_iter(expected), "{file}");
    }
}

#[test]
fn the_programs_of_stop_with_and_reload_with_are_looked_at_as_that_of_cmd() {
    let scratch = Scratch::new();
    let here = scratch.here();
    for option in ["stop with", "reload with"] {
        for (lines, expected) in [
            (" OPTION HERE/cmd no", ""),
            (" OPTION HERE/no x", "HERE/no does not exist"),
            (" OPTION ./plain\n dir HERE", "./plain is not executable"),
            (" OPTION HERE/astray", "HERE/astray is a script for /no/sh, which does not exist"),
            (" OPTION ls", ""),
            (" OPTION no-such-command\n env PATH=/none", "no-such-command is not found in PATH=/none"),
            (" OPTION cmd\n env PATH=HERE", ""),
        ] {
            let lines = format!(" cmd HERE/cmd\n{lines}").replace("OPTION", option).replace("HERE", &here);
            let told = Some(expected.replace("HERE", &here)).filter(|text| !text.is_empty());
            let expected = told.map(|text| format!("4:{}: {option} {text}", option.len() + 3));
            assert_eq!(warnings(1000, &lines), Vec::from_iter(expected), "{lines}");
        }
    }
}

//! Real programs, each with the options that it needs: started, reloaded, stopped and killed.
//! `make programs` asks for the servers by PMTR_PROGRAMS; without it their tests are skipped.

mod main_program;
mod nginx;
mod postgresql;
mod redis;
mod tasks;
mod workers;

use crate::support::{Dir, Pmtr, root_or_skip};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Where a server is, if its tests are asked for.
fn server_or_skip(name: &str) -> Option<PathBuf> {
    if std::env::var_os("PMTR_PROGRAMS").is_none() {
        eprintln!("skipped: the tests of {name} are run by `make programs`");
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.push("/usr/sbin".into());
    // Debian keeps each version of PostgreSQL in a directory of its own.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    places.extend(versions.map(|version| version.path().join("bin")));
    let found = places.iter().map(|place| place.join(name)).find(|path| path.exists());
    Some(found.unwrap_or_else(|| panic!("{name} is not installed")))
}

/// A directory with a place `own` in it that belongs to the user of the jobs, and the line that gives them that user.
fn own_place() -> (Dir, &'static str) {
    let dir = Dir::new();
    fs::create_dir(dir.join("own")).unwrap();
    if !root_or_skip("another user for the jobs") {
        return (dir, "");
    }
    assert!(Command::new("chown").arg("nobody").arg(dir.join("own")).status().unwrap().success());
    (dir, " user nobody\n")
}

/// The processes that a process has started and not reaped.
fn children(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Ends pmtr as an operator does: every job has ended by itself, in its own time.
fn stops_without_force(pmtr: &mut Pmtr) {
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(!pmtr.has("SIGKILL"), "{:#?}", pmtr.seen);
}

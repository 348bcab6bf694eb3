//! The daemon behind something else: a shell script, a tool that changes what it may do, namespaces.

use crate::support::{Dir, PMTR, Pmtr, output, root_or_skip};
use std::process::{Command, Stdio};

/// Starts the daemon behind a shell script, in which PMTR and CONF are the daemon and its file.
pub fn behind(dir: Dir, config: &str, wrapper: &[&str], script: &str) -> Pmtr {
    let path = dir.path().to_str().unwrap().to_string();
    let config = dir.write("pmtr.conf", &config.replace("DIR", &path));
    let daemon = format!("{PMTR} --state {path}/state");
    let script =
        script.replace("PMTR", &daemon).replace("CONF", config.to_str().unwrap()).replace("DIR", &path);
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).args(["/bin/bash", "-ec", &script]);
    Pmtr::run(dir, config, command, |_| {})
}

pub fn namespaces_or_skip(test: &str) -> bool {
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

pub fn tool_or_skip(tool: &str, test: &str) -> bool {
    let there = Command::new(tool).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        eprintln!("skipped: {test} needs {tool}");
    }
    there
}

pub const AS_INIT: [&str; 5] = ["unshare", "--pid", "--mount", "--fork", "--kill-child=KILL"];

/// The daemon's pid as this namespace numbers it: the only child of the wrapper.
pub fn inner(pmtr: &Pmtr) -> i32 {
    let path = format!("/proc/{0}/task/{0}/children", pmtr.pid());
    std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

/// The daemon as process 1 of its own namespaces, when it has begun to log.
pub fn as_init(dir: Dir, config: &str, wrapper: &[&str], script: &str) -> Pmtr {
    let mut pmtr = behind(dir, config, wrapper, script);
    pmtr.wait("pmtr: starting");
    pmtr.inner = Some(inner(&pmtr));
    pmtr
}

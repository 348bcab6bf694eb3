//! Whom the pid file keeps away, and whom it does not.

use crate::support::{Dir, Pmtr, alive, daemon, kill, output, root_or_skip, wait_until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const CONFIG: &str = "job {\n name a\n cmd /bin/sleep 1000\n}\n";

/// A process of another user that holds a lock on a file which it can only read.
struct Reader(Child);

impl Reader {
    fn of(path: &Path, shared: bool) -> Reader {
        let kind = if shared { "-s" } else { "-x" };
        let mut command = Command::new("setpriv");
        command.args(["--reuid=4242", "--regid=4242", "--clear-groups", "flock", "-n", kind]).arg(path);
        command.args(["sh", "-c", "echo locked; exec sleep 1000"]).process_group(0);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        Reader(child)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        kill(-i32::try_from(self.0.id()).unwrap(), "KILL");
        let _ = self.0.wait();
    }
}

/// Starts pmtr with a pid file and kills it.
fn crashed() -> Dir {
    let dir = Dir::new();
    crate::support::open_to_all(dir.path());
    let path = dir.join("pid");
    let mut pmtr = Pmtr::start_in(dir, CONFIG, |command| {
        command.arg("-p").arg(&path);
    });
    let a = pmtr.started("a");
    kill(pmtr.pid(), "KILL");
    pmtr.ends();
    kill(a, "KILL");
    wait_until("the job has ended", || !alive(a));
    assert!(path.exists());
    std::mem::replace(&mut pmtr.dir, Dir::new())
}

#[test]
fn a_reader_that_locks_the_pid_file_prevents_no_start_and_two_still_exclude_each_other() {
    if !root_or_skip("a lock of another user") {
        return;
    }
    for shared in [false, true] {
        let dir = crashed();
        let path = dir.join("pid");
        let reader = Reader::of(&path, shared);
        let mut pmtr = Pmtr::start_in(dir, CONFIG, |command| {
            command.arg("-p").arg(&path);
        });
        pmtr.started("a");
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", pmtr.pid()));
        // Neither of these has the state file of the first.
        for state in ["state", "state-2"] {
            let other = pmtr.dir.write("other.conf", "");
            let mut second = Command::new(crate::support::PMTR);
            second.arg("--state").arg(pmtr.dir.join(state)).arg("-Fc").arg(other).arg("-p").arg(&path);
            let (status, _, err) = output(&mut second);
            let told =
                format!("pmtr: pid file {}: held by a running pmtr [{}]\n", path.display(), pmtr.pid());
            assert_eq!((status, err), (Some(1), told));
        }
        // The lock file is for root alone.
        let lock = format!("{}.lock", path.display());
        let mut locks = Command::new("setpriv");
        locks.args(["--reuid=4242", "--regid=4242", "--clear-groups", "flock", "-n", &lock, "true"]);
        assert_ne!(output(&mut locks).0, Some(0));
        assert_eq!(pmtr.stop().code(), Some(0));
        assert!(!path.exists() && !Path::new(&lock).exists());
        drop(reader);
    }
}

#[test]
fn without_a_state_file_two_with_one_pid_file_exclude_each_other_from_the_first_moment() {
    let dir = Dir::new();
    let path = dir.join("pid");
    // Of many that start at once, one runs: the others are refused before it has written its number, or after.
    let mut starts = Starts(Vec::new());
    for i in 0..8 {
        let own = dir.join(&format!("{i}"));
        fs::create_dir(&own).unwrap();
        let config = dir.write(&format!("{i}/conf"), CONFIG);
        let mut command = daemon(&own);
        command.arg("-Fc").arg(config).arg("-p").arg(&path).stdin(Stdio::null());
        command.stderr(fs::File::create(own.join("log")).unwrap());
        starts.0.push(command.spawn().unwrap());
    }
    let refused = |child: &mut Child| child.try_wait().unwrap().is_some();
    wait_until("all but one are refused", || {
        starts.0.iter_mut().filter_map(|child| refused(child).then_some(())).count() == 7
    });
    for (i, child) in starts.0.iter_mut().enumerate() {
        let log = fs::read_to_string(dir.join(&format!("{i}/log"))).unwrap();
        assert_eq!(refused(child), log.contains("held by a running pmtr"), "{log}");
    }
    let running = starts.0.iter_mut().filter_map(|child| (!refused(child)).then_some(child.id()));
    running.for_each(|pid| kill(i32::try_from(pid).unwrap(), "TERM"));
    let ends: Vec<bool> = starts.0.iter_mut().map(|child| child.wait().unwrap().success()).collect();
    assert_eq!(ends.iter().filter(|well| **well).count(), 1);
    assert!(!path.exists());
}

/// Ends them with the test.
struct Starts(Vec<Child>);

impl Drop for Starts {
    fn drop(&mut self) {
        for child in &mut self.0 {
            if child.try_wait().is_ok_and(|status| status.is_none()) {
                kill(i32::try_from(child.id()).unwrap(), "TERM");
                let _ = child.wait();
            }
        }
    }
}

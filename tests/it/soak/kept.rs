//! A daemon that says more than one wants to keep: its lines are counted by their kinds.

use crate::support::{Dir, PATIENCE, alive, daemon, kill, wait_until};
use pmtr::model::{Pid, Signal};
use pmtr::sys::group::signal_job;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

/// The kinds of lines, by what they contain.
const KINDS: [&str; 13] = [
    ": started job ",
    " exited after ",
    "restarting too fast",
    "sending SIGTERM to job ",
    "sending SIGTERM to the remaining ",
    "sending SIGKILL ",
    "pmtr: managing ",
    "adopted process ",
    "can't start job ",
    "rescanning job",
    "listening on ",
    " messages were lost",
    " message was lost",
];
/// So many lines of no known kind are kept.
const OTHERS: usize = 100;

#[derive(Default)]
struct Tally {
    counts: [AtomicUsize; KINDS.len()],
    lost: AtomicUsize,
    others: Mutex<Vec<String>>,
}

pub struct Kept {
    pub dir: Dir,
    /// Where its state file is, if not in `dir`.
    state: Option<Dir>,
    child: Child,
    /// The daemon as this namespace numbers it.
    inner: Option<i32>,
    tally: Arc<Tally>,
    reader: Option<JoinHandle<()>>,
}

impl Kept {
    /// Starts the daemon on this configuration.
    pub fn start(dir: Dir, config: &str) -> Kept {
        let state = Dir::in_memory();
        let mut command = daemon(state.path());
        command.arg("-F").arg("-c").arg(dir.write("pmtr.conf", config));
        let mut kept = Kept::run(dir, command);
        kept.state = Some(state);
        kept
    }

    /// Runs what becomes the daemon.
    pub fn run(dir: Dir, mut command: Command) -> Kept {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let tally = Arc::new(Tally::default());
        let (mut log, counting) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&tally));
        let reader = std::thread::spawn(move || {
            let mut line = Vec::new();
            while log.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                counting.count(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Kept { dir, state: None, child, inner: None, tally, reader: Some(reader) }
    }

    pub fn pid(&self) -> i32 {
        self.inner.unwrap_or_else(|| self.child.id().cast_signed())
    }

    /// From now on it is the only child of the wrapper, in namespaces of its own.
    pub fn is_inside(&mut self) {
        self.inner = Some(children(self.pid())[0]);
    }

    /// How many lines of these kinds have come.
    pub fn count(&self, kind: &str) -> usize {
        let kinds = KINDS.iter().zip(&self.tally.counts).filter(|(known, _)| known.contains(kind));
        kinds.map(|(_, count)| count.load(Ordering::Relaxed)).sum()
    }

    /// How many lines the log had to drop.
    pub fn lost(&self) -> usize {
        self.tally.lost.load(Ordering::Relaxed)
    }

    /// Lines of other kinds, the first of them.
    pub fn others(&self) -> Vec<String> {
        self.tally.others.lock().unwrap().clone()
    }

    pub fn waits_for(&self, kind: &str, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.count(kind) < count {
            let now = Instant::now();
            assert!(now < end, "{} of {count} lines with {kind:?}: {:#?}", self.count(kind), self.others());
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Not by a program, whose own start would take as long as a job's.
    pub fn signal(&self, signal: Signal) {
        signal_job(Pid::new(self.pid()).unwrap(), signal);
    }

    /// Ends it as an operator does; all it has said is counted then.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        wait_until("pmtr has ended", || self.child.try_wait().unwrap().is_some());
        let _ = self.reader.take().map(JoinHandle::join);
        self.child.wait().unwrap()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Namespaces end with their process 1.
        if self.inner.is_none() {
            let _ = with_program(&self.dir.join("actor")).into_iter().map(|pid| kill(pid, "KILL")).count();
        }
    }
}

impl Tally {
    fn count(&self, line: &str) {
        let Some(kind) = KINDS.iter().position(|kind| line.contains(kind)) else {
            let mut others = self.others.lock().unwrap();
            if others.len() < OTHERS {
                others.push(line.trim_end().to_string());
            }
            return;
        };
        self.counts[kind].fetch_add(1, Ordering::Relaxed);
        if let Some(lost) = lost(line.trim_end()) {
            let lost = lost.rsplit(' ').next().unwrap().parse().unwrap();
            self.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }
}

/// The children of a process, zombies too.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Those of them that nobody has reaped yet.
pub fn zombies(pid: i32) -> usize {
    children(pid)
        .into_iter()
        .filter(|pid| !alive(*pid) && Path::new(&format!("/proc/{pid}")).exists())
        .count()
}

fn with_program(path: &Path) -> Vec<i32> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == path)).collect()
}

/// How many messages this line says were lost.
fn lost(line: &str) -> Option<&str> {
    line.strip_suffix(" messages were lost").or_else(|| line.strip_suffix(" message was lost"))
}

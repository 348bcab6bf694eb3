//! Runs the real daemon in a directory of its own and reads what it logs.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything that must happen may take on a busy machine. Nothing waits for so long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The daemon's program.
pub const PMTR: &str = env!("CARGO_BIN_EXE_pmtr");

/// The daemon with its state file in this directory: a test leaves no trace elsewhere.
pub fn daemon(dir: &Path) -> Command {
    let mut command = Command::new(PMTR);
    command.arg("--state").arg(dir.join("state")).env("XDG_RUNTIME_DIR", dir);
    command
}

/// A directory that goes away with its owner.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Dir {
        Dir::below(&std::env::temp_dir())
    }

    /// In memory where that can be had, as /run is: a disk that is busy with others holds up whoever writes.
    pub fn in_memory() -> Dir {
        let shared = Path::new("/dev/shm");
        if shared.is_dir() { Dir::below(shared) } else { Dir::new() }
    }

    fn below(parent: &Path) -> Dir {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pmtr-it-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Dir(path.canonicalize().unwrap())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file whole.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A shell script that can be the command of a job.
    pub fn script(&self, name: &str, body: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        // A script that is being written while another test forks would be busy: it is never opened for
        // writing under the name by which it is run.
        let part = self.write(&format!("{name}.part"), &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(part, self.join(name)).unwrap();
        self.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        remove_locks(&self.0);
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what a daemon that was killed has left where root keeps locks: those of configurations in `dir`.
fn remove_locks(dir: &Path) {
    const OF_ROOT: &str = "/run/pmtr";
    for entry in fs::read_dir(OF_ROOT).into_iter().flatten().flatten() {
        let note = fs::read_to_string(entry.path()).unwrap_or_default();
        let config = note.lines().nth(1).map(Path::new);
        if entry.path().extension().is_some_and(|kind| kind == "lock")
            && config.is_some_and(|config| config.starts_with(dir))
        {
            let _ = fs::remove_file(entry.path());
        }
    }
    // Unless somebody else is using it.
    let _ = fs::remove_dir(OF_ROOT);
}

/// The helper program that tells what a job sees of itself.
pub fn probe() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let probe = deps.parent().unwrap().parent().unwrap().join("examples/probe");
    assert!(probe.exists(), "the helper is not built: cargo build --example probe");
    probe
}

/// Whether the tests run as root; says what is left out when they don't.
pub fn root_or_skip(test: &str) -> bool {
    let root = fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    if !root {
        eprintln!("skipped: {test} needs root");
    }
    root
}

/// Whether a process is there and not a zombie.
pub fn alive(pid: i32) -> bool {
    state(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// Sends a signal by the kill command: tests have no unsafe code either.
pub fn kill(pid: i32, signal: &str) {
    let _ = Command::new("/bin/kill").arg(format!("-{signal}")).arg("--").arg(pid.to_string()).status();
}

/// Waits until `check` holds.
pub fn wait_until(what: &str, mut check: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for a file that is written whole, and reads it.
pub fn read_when_there(path: &Path) -> String {
    wait_until(&format!("{} is there", path.display()), || path.exists());
    fs::read_to_string(path).unwrap()
}

/// A running daemon in the foreground, with its log.
pub struct Pmtr {
    pub dir: Dir,
    pub config: PathBuf,
    child: Child,
    /// The daemon as this namespace numbers it, when it runs in another one; its log has other numbers then.
    pub inner: Option<i32>,
    lines: Receiver<String>,
    /// All lines so far.
    pub seen: Vec<String>,
    /// Lines up to here have been waited for.
    mark: usize,
}

impl Pmtr {
    /// Starts the daemon on this configuration, in which `DIR` stands for the test's directory.
    pub fn start(config: &str) -> Pmtr {
        Pmtr::start_in(Dir::new(), config, |_| {})
    }

    /// The same with a directory that has been prepared, and with changes to the command.
    pub fn start_in(dir: Dir, config: &str, change: impl FnOnce(&mut Command)) -> Pmtr {
        let config = dir.write("pmtr.conf", &config.replace("DIR", dir.path().to_str().unwrap()));
        let mut command = daemon(dir.path());
        command.arg("-F").arg("-c").arg(&config);
        Pmtr::run(dir, config, command, change)
    }

    /// Runs any command that becomes the daemon, or starts it.
    pub fn run(dir: Dir, config: PathBuf, mut command: Command, change: impl FnOnce(&mut Command)) -> Pmtr {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Out of the reach of a ^C at the prompt: the test ends it.
        command.process_group(0);
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stderr);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_string();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Pmtr { dir, config, child, inner: None, lines, seen: Vec::new(), mark: 0 }
    }

    pub fn pid(&self) -> i32 {
        self.inner.unwrap_or_else(|| i32::try_from(self.child.id()).unwrap())
    }

    /// Waits for the next line that contains `text`, and returns it.
    pub fn wait(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            while let Some(line) = self.seen.get(self.mark) {
                self.mark += 1;
                if line.contains(text) {
                    return line.clone();
                }
            }
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(why) => panic!("no line with {text:?} ({why:?}) in:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Goes back to the first line: what is waited for next may have been logged before.
    pub fn rewind(&mut self) -> &mut Pmtr {
        self.mark = 0;
        self
    }

    /// Waits for a job to be started and returns its pid.
    pub fn started(&mut self, job: &str) -> i32 {
        pid_in(&self.wait(&format!("started job {job} [")))
    }

    /// Waits until all these jobs have a process, be it on its way to the command, and returns the pids.
    pub fn begun<'a>(&mut self, jobs: impl Iterator<Item = &'a str> + Clone) -> Vec<i32> {
        let mut pids = Vec::new();
        wait_until("the jobs have processes", || {
            let from = self.seen.len();
            self.mark = from;
            self.settle();
            let states = &self.seen[from..];
            let state = |job: &str, what: &str| {
                let text = format!("job {job}: {what} [");
                states.iter().find_map(|line| Some(pid_in(&line[line.find(&text)? + text.len() - 1..])))
            };
            let found = jobs.clone().map(|job| state(job, "starting").or_else(|| state(job, "running")));
            pids = found.flatten().collect();
            pids.len() == jobs.clone().count()
        });
        pids
    }

    /// Whether such a line has come so far.
    pub fn has(&mut self, text: &str) -> bool {
        self.catch_up();
        self.seen.iter().any(|line| line.contains(text))
    }

    /// How many such lines have come so far.
    pub fn count(&mut self, text: &str) -> usize {
        self.catch_up();
        self.seen.iter().filter(|line| line.contains(text)).count()
    }

    fn catch_up(&mut self) {
        self.seen.extend(self.lines.try_iter());
    }

    /// Saves another configuration in one rename.
    pub fn save(&self, config: &str) {
        let text = config.replace("DIR", self.dir.path().to_str().unwrap());
        let part = self.dir.write("pmtr.conf.part", &text);
        fs::rename(part, &self.config).unwrap();
    }

    pub fn signal(&self, signal: &str) {
        kill(self.pid(), signal);
    }

    /// Waits for everything that was caused so far to be done: a status dump ends with its last job's line.
    pub fn settle(&mut self) {
        self.signal("USR1");
        self.wait("that was the state of ");
    }

    /// Waits for the end.
    pub fn ends(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                loop {
                    match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                        Ok(line) => self.seen.push(line),
                        Err(RecvTimeoutError::Disconnected) => return status,
                        Err(RecvTimeoutError::Timeout) => panic!("somebody holds the log open"),
                    }
                }
            }
            assert!(Instant::now() < end, "pmtr does not end:\n{}", self.seen.join("\n"));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it as an operator does and returns how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ends()
    }
}

impl Drop for Pmtr {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_some()) {
            return;
        }
        // Twice: what is left is killed at once.
        self.signal("TERM");
        self.signal("TERM");
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if self.inner.is_some() {
            // The numbers in the log are others' here, and the jobs have gone with their process 1.
            return;
        }
        self.catch_up();
        let pids: BTreeSet<i32> =
            self.seen.iter().filter(|line| line.contains("started job ")).map(|line| pid_in(line)).collect();
        for pid in pids.into_iter().filter(|pid| alive(*pid) && leads_session(*pid)) {
            kill(-pid, "KILL");
        }
    }
}

/// Whether it leads its session, as the main process of a job does.
pub fn leads_session(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    fields.get(3) == Some(&pid.to_string().as_str())
}

/// The number in the last brackets of a line.
pub fn pid_in(line: &str) -> i32 {
    let number = line.rsplit('[').next().and_then(|rest| rest.split(']').next());
    number.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no pid in {line:?}"))
}

/// What a probe has reported, by key.
pub struct Report(String);

impl Report {
    pub fn read(path: &Path) -> Report {
        Report(read_when_there(path))
    }

    pub fn get(&self, key: &str) -> &str {
        let line = self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key} in:\n{}", self.0))
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with('=')))
    }
}

/// A copy of a program that every user can run, wherever the project lies. Made by `cp`: a file that this process
/// writes would be busy for as long as another test's child has it open.
pub fn copy_of(program: &Path, dir: &Dir, name: &str) -> PathBuf {
    let copy = dir.join(name);
    assert!(Command::new("cp").arg(program).arg(&copy).status().unwrap().success());
    copy
}

/// Lets every user write in this directory.
pub fn open_to_all(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).unwrap();
}

/// Runs a program to its end and returns status, stdout and stderr. One that is not there has no status.
pub fn output(command: &mut Command) -> (Option<i32>, String, String) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return (None, String::new(), error.to_string()),
    };
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stdout.read_to_end(&mut text);
        text
    });
    let mut stderr = Vec::new();
    let _ = child.stderr.take().unwrap().read_to_end(&mut stderr);
    let status = child.wait().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(reader.join().unwrap()), text(stderr))
}

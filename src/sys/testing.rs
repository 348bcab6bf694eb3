//! What tests share, mostly those of this module. They wait for children by pid only, because all tests run in one
//! process.

use super::reap::{Peeked, Waited, wait_for};
use crate::model::{Exit, Pid, Signal};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Starts a program. `ended` waits for its end.
pub(crate) fn start(command: &mut Command) -> (Pid, Child) {
    let child = command.spawn().unwrap();
    (Pid::new(child.id().cast_signed()).unwrap(), child)
}

/// A zombie that leads its session, and another process of this session in a group of its own. The end of the output
/// means that nobody is left. The caller must be alone in its process, and adopts the other process.
pub(crate) fn orphaned_session() -> (Pid, Pid, Orphans) {
    super::process::become_subreaper().unwrap();
    // setsid does not lead a group, so it does not fork.
    let mut command = Command::new("setsid");
    command.args(["/bin/sh", "-c", "timeout 1000 sleep 1000 & echo $!"]).stdout(std::process::Stdio::piped());
    let (leader, mut child) = start(&mut command);
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    let other = Pid::new(line.trim().parse().unwrap()).unwrap();
    let sleeps = || std::fs::read_to_string(format!("/proc/{other}/stat")).unwrap().contains(") S ");
    // When it waits for its child, it passes signals on. Earlier it would only end.
    while !(super::session::names(leader).iter().any(|(_, name)| **name == *b"sleep") && sleeps()) {
        std::thread::yield_now();
    }
    while !super::reap::has_ended(leader) {
        std::thread::yield_now();
    }
    (leader, other, Orphans { leader, output })
}

/// The output of such processes. It ends them when it is dropped, even if the test fails.
pub(crate) struct Orphans {
    leader: Pid,
    output: std::io::BufReader<std::process::ChildStdout>,
}

impl std::io::Read for Orphans {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.output.read(buf)
    }
}

impl Drop for Orphans {
    fn drop(&mut self) {
        for (pid, _) in super::session::names(self.leader) {
            super::session::member(pid, self.leader).signal(&[Signal::KILL]);
        }
    }
}

/// Waits for the end of this child and reaps it.
pub(crate) fn ended(pid: Pid) -> Exit {
    let id = libc::id_t::from(pid.as_raw().unsigned_abs());
    loop {
        // SAFETY: all zeroes are a valid siginfo.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel fills in one siginfo; WNOWAIT leaves the child for the call under test.
        unsafe { libc::waitid(libc::P_PID, id, &mut info, libc::WEXITED | libc::WNOWAIT) };
        match wait_for(pid) {
            Waited::Ended(exit) => return exit,
            Waited::Running => {}
            Waited::NotOurs => panic!("{pid} is no child of this process"),
        }
    }
}

/// Reaps some child if one has ended. For a process of its own.
pub(crate) fn reap_any() {
    if let Ok(Some(Peeked::Ended(pid))) = super::reap::peek_any() {
        ended(pid);
    }
}

/// Runs `body` in a process that runs only this test. So it may change signals and limits, and wait for any child.
pub(crate) fn in_own_process(name: &str, body: impl FnOnce()) {
    const MARK: &str = "PMTR_TEST_IN_OWN_PROCESS";
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", name, "--test-threads=1", "--nocapture"];
    let output = Command::new(program).args(args).env(MARK, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "no test has this name: {name}");
}

/// Held while a test forks or looks up users: a fork during the look-up of another thread would inherit its lock.
pub(super) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a lease: who opens the file waits until it is given back, or for 45 seconds. False if there are none.
pub(crate) fn lease(file: &std::fs::File) -> bool {
    // From the kernel's fcntl.h. SIGURG is ignored by default.
    const F_SETSIG: libc::c_int = 10;
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(file.as_raw_fd(), F_SETSIG, libc::SIGURG) };
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_WRLCK) == 0 }
}

/// Makes the queue of connections as short as possible.
pub(crate) fn let_few_wait(listener: &UnixListener) {
    // SAFETY: takes numbers.
    let listens = unsafe { libc::listen(listener.as_raw_fd(), 0) };
    assert_eq!(listens, 0);
}

/// Raises the limit of descriptors as far as possible, and returns it. For a process of its own.
pub(crate) fn most_descriptors() -> u64 {
    let hard = super::calls::limit(super::limits::FILES).unwrap().hard;
    super::calls::set_limit(super::limits::FILES, &super::calls::Rlimit { soft: hard, hard }).unwrap();
    hard
}

/// Whether the test runs as root. If not, says that it is skipped.
pub(crate) fn as_root(what: &str) -> bool {
    let root = super::process::effective_uid() == 0;
    if !root {
        eprintln!("skipped: {what} needs root");
    }
    root
}

/// Whether there is Python. If not, says that the test is skipped.
pub(crate) fn with_python(what: &str) -> bool {
    let found = Command::new("python3").arg("-V").output().is_ok();
    if !found {
        eprintln!("skipped: {what} needs python3");
    }
    found
}

/// A directory that is removed after the test. Every user may enter it and write there.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Dir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pmtr-test-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Dir(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! Going to the background: only after a successful start, and with an answer for the process that started pmtr.
//!
//! The parent stays in the foreground until the child says over a pipe that it is ready, or why it is not.
//! A child that dies without an answer closes the pipe, which the parent notices as well.
#![forbid(unsafe_code)]

use crate::model::{Errno, Pid};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The child's byte for "ready". No reason begins with it.
const READY: u8 = 0;

/// The longest reason; a longer one is cut.
const LONGEST_REASON_BYTES: u64 = 64 * 1024;

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The process that forked, with its child.
    Parent(Pid),
    /// The new process.
    Child,
}

/// The system calls that going to the background takes.
pub trait BackgroundCalls {
    /// Makes a copy of this process.
    fn fork(&mut self) -> io::Result<Fork>;
    /// Makes this process the leader of a session without a terminal.
    fn setsid(&mut self) -> io::Result<()>;
    /// Makes `file` the standard descriptor with this number, in place of what that was.
    fn redirect(&mut self, file: BorrowedFd<'_>, standard: i32) -> io::Result<()>;
}

/// Where the caller finds itself after [`go`].
#[derive(Debug)]
pub enum Side {
    /// In the parent, which only waits for the answer.
    Parent(Waiting),
    /// In the child, which continues the start and then answers.
    Child(Starting),
}

/// The parent's end.
#[derive(Debug)]
pub struct Waiting(PipeReader);

/// The child's end. If it is dropped without an answer, the parent reports a failed start.
#[derive(Debug)]
#[must_use]
pub struct Starting(PipeWriter);

/// Why a start in the background failed: the whole text for stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path in a form that survives a change of directory.
pub fn absolute(path: &Path) -> Result<PathBuf, Failed> {
    std::path::absolute(path)
        .map_err(|e| Failed(format!("can't find the current directory: {}", Errno::of(&e))))
}

/// Forks. The child has its own session and its working directory is `/`; its standard descriptors are still those
/// of the parent, so that it can print an error. Every relative path must have been made absolute before.
pub fn go(process: &mut impl BackgroundCalls) -> Result<Side, Failed> {
    let (reader, writer) = io::pipe().map_err(|e| failed("make a pipe", &e))?;
    match process.fork().map_err(|e| failed("fork", &e))? {
        Fork::Parent(_) => {
            // The parent's copy of the child's end is closed; otherwise the death of the child would not end the pipe.
            drop(writer);
            Ok(Side::Parent(Waiting(reader)))
        }
        Fork::Child => {
            drop(reader);
            let starting = Starting(writer);
            if let Err(failed) = detach(process) {
                starting.failed(&failed);
                return Err(failed);
            }
            Ok(Side::Child(starting))
        }
    }
}

fn detach(process: &mut impl BackgroundCalls) -> Result<(), Failed> {
    process.setsid().map_err(|e| failed("make a session", &e))?;
    // A process in the current directory would keep its file system from being unmounted.
    std::env::set_current_dir("/").map_err(|e| failed("change to directory /", &e))
}

impl Waiting {
    /// Waits until the child is ready or has ended.
    pub fn wait(self) -> Result<(), Failed> {
        // Not up to the end of the pipe: the first byte may already be the whole answer.
        let mut answer = Vec::new();
        let read = (&self.0).take(1).read_to_end(&mut answer);
        if read.is_ok() && answer == [READY] {
            return Ok(());
        }
        match read.and_then(|_| (&self.0).take(LONGEST_REASON_BYTES).read_to_end(&mut answer)) {
            Ok(_) if answer.is_empty() => Err(Failed("exited before it was ready".to_owned())),
            Ok(_) => Err(Failed(String::from_utf8_lossy(&answer).into_owned())),
            Err(e) => Err(failed("read from the background process", &e)),
        }
    }
}

impl Starting {
    /// Detaches from the terminal and lets the parent return: the pid file is written.
    pub fn ready(mut self, process: &mut impl BackgroundCalls) -> Result<(), Failed> {
        if let Err(failed) = silence(process) {
            self.failed(&failed);
            return Err(failed);
        }
        // If the parent was killed meanwhile, the answer is not needed, but the jobs need pmtr.
        let _: io::Result<()> = self.0.write_all(&[READY]);
        Ok(())
    }

    /// Sends the parent the reason for a failed start; the parent prints it.
    pub fn failed(mut self, reason: &dyn fmt::Display) {
        // Without a parent nobody reads it; the log contains the reason as well.
        let _: io::Result<()> = self.0.write_all(reason.to_string().as_bytes());
    }
}

/// Redirects the standard descriptors to something harmless. They are never closed: the next socket would get
/// their numbers, and what a library writes to stderr would go over the network.
fn silence(process: &mut impl BackgroundCalls) -> Result<(), Failed> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let quiet = match null {
        Ok(null) => null,
        // A bare chroot has no /dev/null. A pipe without a writer is empty, and one without a reader can't be written
        // to.
        Err(_) => io::pipe().map_err(|e| failed("make a pipe", &e))?.0.into(),
    };
    (0..=2).try_for_each(|standard| {
        process.redirect(quiet.as_fd(), standard).map_err(|e| failed("detach from the terminal", &e))
    })
}

fn failed(what: &str, error: &io::Error) -> Failed {
    Failed(format!("can't {what}: {}", Errno::of(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One side of a fork that never happens, with a step that fails if it is so wanted.
    #[derive(Default)]
    struct Invented {
        child: bool,
        fails: &'static str,
        calls: Vec<String>,
    }

    impl Invented {
        fn call(&mut self, name: String) -> io::Result<()> {
            let fails = !self.fails.is_empty() && name.starts_with(self.fails);
            self.calls.push(name);
            if fails { Err(io::Error::from_raw_os_error(12)) } else { Ok(()) }
        }
    }

    impl BackgroundCalls for Invented {
        fn fork(&mut self) -> io::Result<Fork> {
            self.call("fork".into())?;
            Ok(if self.child { Fork::Child } else { Fork::Parent(Pid::new(7).unwrap()) })
        }
        fn setsid(&mut self) -> io::Result<()> {
            self.call("setsid".into())
        }
        fn redirect(&mut self, _: BorrowedFd<'_>, standard: i32) -> io::Result<()> {
            self.call(format!("redirect {standard}"))
        }
    }

    fn ends() -> (Waiting, Starting) {
        let (reader, writer) = io::pipe().unwrap();
        (Waiting(reader), Starting(writer))
    }

    #[test]
    fn the_parent_returns_when_the_child_is_ready() {
        let (waiting, starting) = ends();
        let mut process = Invented::default();
        starting.ready(&mut process).unwrap();
        assert_eq!(process.calls, ["redirect 0", "redirect 1", "redirect 2"]);
        assert_eq!(waiting.wait(), Ok(()));
    }

    #[test]
    fn the_parent_does_not_wait_for_others_that_hold_the_pipe() {
        let (waiting, starting) = ends();
        let _held = starting.0.try_clone().unwrap();
        starting.ready(&mut Invented::default()).unwrap();
        assert_eq!(waiting.wait(), Ok(()));
    }

    #[test]
    fn the_parent_hears_why_the_child_failed() {
        let (waiting, starting) = ends();
        starting.failed(&"pid file /run/x: is a directory");
        assert_eq!(waiting.wait(), Err(Failed("pid file /run/x: is a directory".into())));

        let (waiting, starting) = ends();
        let mut process = Invented { fails: "redirect 1", ..Invented::default() };
        let why = Failed("can't detach from the terminal: Cannot allocate memory".into());
        assert_eq!(starting.ready(&mut process), Err(why.clone()));
        assert_eq!(waiting.wait(), Err(why));
    }

    #[test]
    fn a_child_that_dies_without_a_word_is_a_failure() {
        let (waiting, starting) = ends();
        drop(starting);
        assert_eq!(waiting.wait().unwrap_err().to_string(), "exited before it was ready");
    }

    #[test]
    fn a_child_outlives_its_parent() {
        let (waiting, starting) = ends();
        drop(waiting);
        assert_eq!(starting.ready(&mut Invented::default()), Ok(()));
    }

    #[test]
    fn a_fork_that_fails_is_told_at_once() {
        let mut process = Invented { fails: "fork", ..Invented::default() };
        assert_eq!(go(&mut process).unwrap_err().to_string(), "can't fork: Cannot allocate memory");
    }

    #[test]
    fn the_parent_only_forks_and_the_child_leaves_the_session() {
        let mut process = Invented::default();
        assert!(matches!(go(&mut process), Ok(Side::Parent(_))));
        assert_eq!(process.calls, ["fork"]);

        let mut process = Invented { child: true, fails: "setsid", ..Invented::default() };
        assert!(go(&mut process).is_err());
        assert_eq!(process.calls, ["fork", "setsid"]);
    }
}

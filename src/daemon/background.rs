//! Going to the background: only when all is well, and with an answer for whoever started pmtr.
//!
//! The parent stays in the foreground until the child says over a pipe that it is ready, or why it is not.
//! A child that dies without a word closes the pipe, which is an answer too.
#![forbid(unsafe_code)]

use crate::model::{Errno, Pid};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Says that the child is ready. No reason begins with it.
const READY: u8 = 0;

/// A reason is never longer; a longer one is cut.
const LONGEST_REASON_BYTES: u64 = 64 * 1024;

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The process that forked, with its child.
    Parent(Pid),
    /// The new process.
    Child,
}

/// The system calls that this takes.
pub trait BackgroundCalls {
    /// Makes a copy of this process.
    fn fork(&mut self) -> io::Result<Fork>;
    /// Makes this process the leader of a session without a terminal.
    fn setsid(&mut self) -> io::Result<()>;
    /// Makes `file` the descriptor 0, 1 or 2 by its number `standard`, in place of what that was.
    fn redirect(&mut self, file: BorrowedFd<'_>, standard: i32) -> io::Result<()>;
}

/// Where the caller finds itself after [`go`].
#[derive(Debug)]
pub enum Side {
    /// In the parent, which has only to wait for the answer.
    Parent(Waiting),
    /// In the child, which is now to start what can fail, and to answer.
    Child(Starting),
}

/// The parent's end.
#[derive(Debug)]
pub struct Waiting(PipeReader);

/// The child's end. Dropped without an answer, it tells the parent that the start failed.
#[derive(Debug)]
#[must_use]
pub struct Starting(PipeWriter);

/// Why a start in the background came to nothing: a whole text for stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path as it will still be right after a change of directory.
pub fn absolute(path: &Path) -> Result<PathBuf, Failed> {
    std::path::absolute(path)
        .map_err(|e| Failed(format!("can't find the current directory: {}", Errno::of(&e))))
}

/// Forks. The child has its own session and stands in `/`; its standard descriptors are still those of the
/// parent, so that a last word can be seen. Every relative path must have been made absolute before.
pub fn go(process: &mut impl BackgroundCalls) -> Result<Side, Failed> {
    let (reader, writer) = io::pipe().map_err(|e| failed("make a pipe", &e))?;
    match process.fork().map_err(|e| failed("fork", &e))? {
        Fork::Parent(_) => {
            // Our copy of the child's end has to go, or its death would never be the end of the pipe.
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
    // The directory in which somebody happened to start us must not be kept from being unmounted.
    std::env::set_current_dir("/").map_err(|e| failed("change to directory /", &e))
}

impl Waiting {
    /// Waits until the child is ready, or gone.
    pub fn wait(self) -> Result<(), Failed> {
        // Not to the end of the pipe: the first byte already says that all is well.
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
    /// Lets go of the terminal and tells the parent that it may return: the pid file is written.
    pub fn ready(mut self, process: &mut impl BackgroundCalls) -> Result<(), Failed> {
        if let Err(failed) = silence(process) {
            self.failed(&failed);
            return Err(failed);
        }
        // A parent that was killed meanwhile needs no answer, and the jobs need pmtr all the same.
        let _: io::Result<()> = self.0.write_all(&[READY]);
        Ok(())
    }

    /// Tells the parent, which prints it, why the start came to nothing.
    pub fn failed(mut self, reason: &dyn fmt::Display) {
        // Without a parent there is nobody else to tell: the log has the reason as well.
        let _: io::Result<()> = self.0.write_all(reason.to_string().as_bytes());
    }
}

/// Puts something harmless on the standard descriptors. They are never just closed: the next socket would
/// take their numbers, and what a library writes to stderr would go over the network.
fn silence(process: &mut impl BackgroundCalls) -> Result<(), Failed> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let quiet = match null {
        Ok(null) => null,
        // In a bare chroot there is none. A pipe that nobody writes to is empty, and can't be written to.
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

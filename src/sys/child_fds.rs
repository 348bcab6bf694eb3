//! Descriptors at fixed numbers, where each child finds what it gets from us.
//!
//! Before a child is made, the pipes and outputs that it gets in place of files are put there. Afterwards these
//! numbers lead nowhere again.

use super::child_spec::Stdio;
use super::{calls, check, done};
use crate::model::{Errno, SpawnError, Stage};
use libc::c_int;
use std::cell::OnceCell;
use std::ffi::CStr;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// What a child gets in place of a file.
#[derive(Clone, Copy)]
pub(super) enum Substitute<'a> {
    Pipe(BorrowedFd<'a>),
    /// Our own output. If it were opened by its path, the job's user would need the right to do so.
    Own(Standard),
}

/// One of our own outputs.
#[derive(Clone, Copy)]
pub(super) enum Standard {
    Output,
    Error,
}

impl<'a> Substitute<'a> {
    pub(super) fn of(output: Stdio<'a>) -> Option<Substitute<'a>> {
        match output {
            Stdio::Null => None,
            Stdio::File(path) => own_output(path).map(Substitute::Own),
            Stdio::Pipe(pipe) => Some(Substitute::Pipe(pipe)),
        }
    }
}

/// The output of ours that this path of `out` or `err` means, if any. Opened in the job, it would be the very
/// descriptor that is about to be opened.
fn own_output(file: &CStr) -> Option<Standard> {
    match file.to_bytes() {
        b"/dev/stdout" => Some(Standard::Output),
        b"/dev/stderr" => Some(Standard::Error),
        _ => None,
    }
}

impl Standard {
    fn fd(self) -> BorrowedFd<'static> {
        let number = match self {
            Standard::Output => libc::STDOUT_FILENO,
            Standard::Error => libc::STDERR_FILENO,
        };
        // SAFETY: the standard descriptors are opened before main when they were closed, and only ever replaced.
        unsafe { BorrowedFd::borrow_raw(number) }
    }
}

/// Descriptors above 2 at numbers that do not change. Make it before anything else is opened: with low numbers, each
/// start copies less and closes the rest with a single call.
pub struct ChildFds {
    /// /dev/null, for streams without a file, if it existed when we started.
    null: Option<OwnedFd>,
    /// For descriptors 1 and 2 of the child. Between two starts they lead nowhere.
    places: [OwnedFd; 2],
    /// For the pipe that a copy closes when it runs its command. Between two starts it leads nowhere.
    exec_pipe: OwnedFd,
    nowhere: OwnedFd,
    /// Our own outputs as jobs get them, set when first needed: the terminal, opened for writing only, or none if it
    /// is no terminal.
    terminals: [OnceCell<Option<OwnedFd>>; 2],
}

impl ChildFds {
    /// Takes the lowest numbers that are free.
    pub fn new() -> io::Result<ChildFds> {
        let null = OpenOptions::new().read(true).write(true).open("/dev/null").ok().map(OwnedFd::from);
        let null = null.map(above_standard).transpose()?;
        let [one, other] = [place()?, place()?];
        let places = if one.as_raw_fd() < other.as_raw_fd() { [one, other] } else { [other, one] };
        Ok(ChildFds { null, places, exec_pipe: place()?, nowhere: place()?, terminals: Default::default() })
    }

    /// The number of /dev/null.
    pub(super) fn null(&self) -> Option<c_int> {
        self.null.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The numbers of the two outputs, of the exec pipe, and of the descriptor that always leads nowhere.
    pub(super) fn numbers(&self) -> ([c_int; 2], c_int, c_int) {
        (self.places.each_ref().map(AsRawFd::as_raw_fd), self.exec_pipe.as_raw_fd(), self.nowhere.as_raw_fd())
    }

    /// Puts the writing end of a pipe where a copy keeps it open until it executes its command.
    pub(super) fn place_exec_pipe(&self, fd: BorrowedFd) -> Result<(), Errno> {
        put(fd, &self.exec_pipe)
    }

    pub(super) fn clear_exec_pipe(&self) {
        // As in `clear_outputs`.
        let _ = put(self.nowhere.as_fd(), &self.exec_pipe);
    }

    /// Puts the outputs where a child that runs as `user` looks for them.
    pub(super) fn place_outputs(
        &self,
        instead: [Option<Substitute>; 2],
        user: Option<&CStr>,
    ) -> Result<(), SpawnError> {
        for ((place, instead), stage) in self.places.iter().zip(instead).zip([Stage::Out, Stage::Err]) {
            let fd = match instead {
                Some(Substitute::Pipe(fd)) => fd,
                Some(Substitute::Own(standard)) => match self.own(standard) {
                    Ok(fd) => fd,
                    // A child that runs as we do may read what we may read.
                    Err(_) if user.is_none() => standard.fd(),
                    Err(errno) => return Err(SpawnError { stage, errno }),
                },
                None => continue,
            };
            put(fd, place).map_err(|errno| SpawnError { stage: Stage::Prepare, errno })?;
        }
        Ok(())
    }

    /// Our own output as jobs get it. A terminal is also open for reading, and what is typed there is not for jobs.
    fn own(&self, standard: Standard) -> Result<BorrowedFd<'_>, Errno> {
        let [out, err] = &self.terminals;
        let cell = match standard {
            Standard::Output => out,
            Standard::Error => err,
        };
        let terminal = match cell.get() {
            Some(known) => known,
            None => {
                let fd = standard.fd();
                let opened = fd.is_terminal().then(|| reopened(fd)).transpose()?;
                cell.get_or_init(|| opened)
            }
        };
        Ok(terminal.as_ref().map_or(standard.fd(), AsFd::as_fd))
    }

    /// Closes our duplicates of the pipes. Otherwise their readers would never see the end.
    pub(super) fn clear_outputs(&self, instead: [Option<Substitute>; 2]) {
        for (place, _) in self.places.iter().zip(instead).filter(|(_, instead)| instead.is_some()) {
            // This cannot fail: both are open and the table does not grow.
            let _ = put(self.nowhere.as_fd(), place);
        }
    }
}

/// What a terminal's descriptor leads to, for writing only.
fn reopened(terminal: BorrowedFd) -> Result<OwnedFd, Errno> {
    // Opening a serial line may wait, so not here. Writing to it may wait as usual.
    let flags = libc::O_WRONLY | libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let fd = calls::reopen(terminal.as_raw_fd(), flags)?;
    // SAFETY: the kernel has just made it, so nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    calls::set_status(fd.as_raw_fd(), 0)?;
    Ok(fd)
}

/// A descriptor above 2 that leads nowhere and can be neither read nor written.
fn place() -> io::Result<OwnedFd> {
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: a C string that outlives the call.
    let fd = check(unsafe { libc::open(c"/".as_ptr(), flags) })?;
    // SAFETY: the kernel has just made it, so nobody else owns it.
    above_standard(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The same descriptor, by a number above 2.
fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 { Ok(fd) } else { duplicate_from(fd.as_fd(), 3) }
}

/// Makes another name of a descriptor, with the lowest free number from `lowest` on. It is closed on exec.
pub(super) fn duplicate_from(fd: BorrowedFd, lowest: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers.
    let made = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, lowest) })?;
    // SAFETY: the kernel has just made it, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

/// Makes `place` another name of `fd`.
fn put(fd: BorrowedFd, place: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: takes numbers. `place` stays open and with its owner; only where it leads changes.
    done(unsafe { libc::dup3(fd.as_raw_fd(), place.as_raw_fd(), libc::O_CLOEXEC) }).map(drop)
}

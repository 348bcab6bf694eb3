//! What a child gets in place of its job's files: it lies on a shelf where the child looks for it, from before its
//! birth until it has taken it.

use super::{check, done};
use crate::model::Errno;
use libc::c_int;
use std::ffi::CStr;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// What takes the place of a job's file.
#[derive(Clone, Copy)]
pub(super) enum Instead<'a> {
    Pipe(BorrowedFd<'a>),
    /// Where our own output leads: opened by its path it would have to be open to the job's user.
    Own(BorrowedFd<'a>),
}

impl<'a> Instead<'a> {
    pub(super) fn of(pipe: Option<BorrowedFd<'a>>, file: Option<&CStr>) -> Option<Instead<'a>> {
        pipe.map(Instead::Pipe).or_else(|| file.and_then(own_output).map(Instead::Own))
    }

    fn fd(self) -> BorrowedFd<'a> {
        match self {
            Instead::Pipe(fd) | Instead::Own(fd) => fd,
        }
    }
}

/// Our own descriptor that this path of `out` or `err` means, if it means one: in the job it would be the one that
/// is just to be opened.
pub fn own_output(file: &CStr) -> Option<BorrowedFd<'static>> {
    let standard = match file.to_bytes() {
        b"/dev/stdout" => libc::STDOUT_FILENO,
        b"/dev/stderr" => libc::STDERR_FILENO,
        _ => return None,
    };
    // SAFETY: the standard descriptors are opened before main when they were closed, and only ever replaced.
    Some(unsafe { BorrowedFd::borrow_raw(standard) })
}

/// Descriptors above 2 that children find where they look for them. Best made before anything else is opened: the
/// lower their numbers, the less is to be copied and to be closed for each start, at best by a single call.
pub struct Shelf {
    /// /dev/null, if there was one when we started: where what has no file leads.
    null: Option<OwnedFd>,
    /// For descriptors 1 and 2 of the child; they lead nowhere as long as nothing is lent.
    places: [OwnedFd; 2],
    nowhere: OwnedFd,
}

impl Shelf {
    /// Takes the lowest numbers that are free.
    pub fn new() -> io::Result<Shelf> {
        let null = OpenOptions::new().read(true).write(true).open("/dev/null").ok().map(OwnedFd::from);
        let null = null.map(above_standard).transpose()?;
        let [one, other] = [place()?, place()?];
        let places = if one.as_raw_fd() < other.as_raw_fd() { [one, other] } else { [other, one] };
        Ok(Shelf { null, places, nowhere: place()? })
    }

    /// The number of /dev/null.
    pub(super) fn null(&self) -> Option<c_int> {
        self.null.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The numbers of the two places, and of the descriptor that always leads nowhere.
    pub(super) fn numbers(&self) -> ([c_int; 2], c_int) {
        (self.places.each_ref().map(AsRawFd::as_raw_fd), self.nowhere.as_raw_fd())
    }

    /// Puts what takes the place of files where the child looks for it.
    pub(super) fn lend(&self, instead: [Option<Instead>; 2]) -> Result<(), Errno> {
        for (place, instead) in self.places.iter().zip(instead) {
            if let Some(instead) = instead {
                put(instead.fd(), place)?;
            }
        }
        Ok(())
    }

    /// Gives up our second names of the pipes: the reader would wait for their end for ever.
    pub(super) fn take_back(&self, instead: [Option<Instead>; 2]) {
        for (place, _) in self.places.iter().zip(instead).filter(|(_, instead)| instead.is_some()) {
            // Both are open and the table does not grow: this cannot fail.
            let _ = put(self.nowhere.as_fd(), place);
        }
    }
}

/// A descriptor above 2 that leads nowhere and can be neither read nor written.
fn place() -> io::Result<OwnedFd> {
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    // SAFETY: a C string that outlives the call.
    let fd = check(unsafe { libc::open(c"/".as_ptr(), flags) })?;
    // SAFETY: the kernel has just made it, so nobody else owns it.
    above_standard(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The same descriptor, by a number above 2 if it has none.
fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    // SAFETY: takes numbers.
    let higher = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made it, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(higher) })
}

/// Makes `place` another name of `fd`.
fn put(fd: BorrowedFd, place: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: takes numbers. `place` stays open and with its owner; only where it leads changes.
    done(unsafe { libc::dup3(fd.as_raw_fd(), place.as_raw_fd(), libc::O_CLOEXEC) }).map(drop)
}

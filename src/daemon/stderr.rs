//! Our own standard error: written to without ever waiting for whoever reads it.
#![forbid(unsafe_code)]

use super::log::Stderr;
use crate::sys::numbers::{ENOTSOCK, O_NOCTTY, O_NONBLOCK};
use crate::sys::process;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

const STDERR: &str = "/proc/self/fd/2";

/// Standard error may be anybody's, so the flag that makes it nonblocking is never set on it.
pub(super) enum OwnStderr {
    /// Opened once more, for ourselves alone, so that it can be nonblocking.
    Reopened(File),
    /// A regular file, a socket, or without /proc: asked for room before each write.
    Shared(io::Stderr),
}

impl OwnStderr {
    pub(super) fn open() -> OwnStderr {
        // A file never makes us wait, and its place in it is shared with whoever else writes there: opened once
        // more, our lines would be written over by what a wrapper says after us.
        if std::fs::metadata(STDERR).is_ok_and(|there| there.is_file()) {
            return OwnStderr::Shared(io::stderr());
        }
        let flags = O_NONBLOCK | O_NOCTTY;
        match OpenOptions::new().append(true).custom_flags(flags).open(STDERR) {
            Ok(file) => OwnStderr::Reopened(file),
            Err(_) => OwnStderr::Shared(io::stderr()),
        }
    }
}

impl AsRawFd for OwnStderr {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            OwnStderr::Reopened(file) => file.as_raw_fd(),
            OwnStderr::Shared(stderr) => stderr.as_raw_fd(),
        }
    }
}

impl Stderr for OwnStderr {
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            OwnStderr::Reopened(file) => file.write(bytes),
            OwnStderr::Shared(stderr) => match process::send(stderr.as_fd(), bytes) {
                Err(error) if error.raw_os_error() == Some(ENOTSOCK) => {
                    if process::poll_writable(stderr.as_fd()) {
                        stderr.lock().write(bytes)
                    } else {
                        Err(ErrorKind::WouldBlock.into())
                    }
                }
                answer => answer,
            },
        }
    }
}

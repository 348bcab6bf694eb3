//! pmtr's standard error: writing never waits for the reader.
#![forbid(unsafe_code)]

use super::log::Stderr;
use crate::sys::numbers::{ENOTSOCK, O_NOCTTY, O_NONBLOCK};
use crate::sys::ready;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

const STDERR: &str = "/proc/self/fd/2";

/// Device and inode of the journal's stream, as the program says that provides a stderr.
const JOURNAL: &str = "JOURNAL_STREAM";

/// Whether standard error goes to the journal. The variable alone proves nothing: a parent with another stderr may
/// have set it.
pub(super) fn is_journal() -> bool {
    let stream = std::env::var_os(JOURNAL);
    stream.is_some_and(|stream| is_stream(&stream, io::stderr().as_fd()))
}

/// Whether standard error is discarded: then no line need be formatted for it.
pub(super) fn is_null() -> bool {
    is_null_device(STDERR)
}

fn is_null_device(path: &str) -> bool {
    let device = |path: &str| {
        let there = std::fs::metadata(path).ok()?;
        there.file_type().is_char_device().then(|| there.rdev())
    };
    device(path).is_some_and(|there| device("/dev/null") == Some(there))
}

fn is_stream(stream: &OsStr, fd: BorrowedFd) -> bool {
    let number = |text: &str| text.parse::<u64>().ok();
    let stream = stream.to_str().and_then(|text| text.split_once(':'));
    let Some((device, inode)) = stream.and_then(|(device, inode)| Some((number(device)?, number(inode)?)))
    else {
        return false;
    };
    let there = fd.try_clone_to_owned().and_then(|fd| File::from(fd).metadata());
    there.is_ok_and(|there| (there.dev(), there.ino()) == (device, inode))
}

/// Others may share standard error, so the flag that makes it nonblocking is never set on it.
pub(super) enum OwnStderr {
    /// Opened again, for pmtr alone, so that it can be nonblocking.
    Reopened(File),
    /// A regular file, a socket, or any without /proc: asked for room before each write.
    Shared(io::Stderr),
}

impl OwnStderr {
    pub(super) fn open() -> OwnStderr {
        // A file never blocks, and its position is shared with others who write to it: if it were opened again, our
        // lines would be overwritten by what a wrapper writes after us.
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
    fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            OwnStderr::Reopened(file) => file.write(bytes),
            OwnStderr::Shared(stderr) => match ready::send(stderr.as_fd(), bytes) {
                Err(error) if error.raw_os_error() == Some(ENOTSOCK) => {
                    if ready::poll_writable(stderr.as_fd()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_the_null_device_is_told_from_others() {
        let told = ["/dev/null", "/dev/zero", "/", "/no/such"].map(is_null_device);
        assert_eq!(told, [true, false, false, false]);
    }

    #[test]
    fn a_stream_is_known_by_device_and_inode_and_by_nothing_less() {
        let (_reader, writer) = io::pipe().unwrap();
        let there = File::from(writer.as_fd().try_clone_to_owned().unwrap()).metadata().unwrap();
        let (device, inode) = (there.dev(), there.ino());
        for (stream, is) in [
            (format!("{device}:{inode}"), true),
            (format!("{device}:{}", inode + 1), false),
            (format!("{}:{inode}", device + 1), false),
            (format!("{device}:{inode}:"), false),
            (format!("{device}"), false),
            (format!(":{inode}"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_stream(OsStr::new(&stream), writer.as_fd()), is, "{stream}");
        }
    }
}

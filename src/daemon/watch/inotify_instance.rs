//! The kernel's notifications: an inotify instance and what it says.
//!
//! The package panics on event bits that it does not know. None can occur: the kernel masks events to
//! IN_ALL_EVENTS, IN_ISDIR, IN_UNMOUNT, IN_IGNORED and IN_Q_OVERFLOW, which the package knows.

use crate::sys::link::hold_exactly;
use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::ffi::OsStr;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How many reads one turn makes at most.
const READS: usize = 16;

/// What a watch is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchScope {
    /// The names in a directory, and the directory itself.
    Names,
    /// Only whether the directory goes away; nothing in it wakes the loop.
    Place,
    /// Writes to a file, under whatever name or path.
    File,
    /// The same, and each single write.
    Writes,
}

impl WatchScope {
    fn mask(self) -> WatchMask {
        let going = WatchMask::MOVE_SELF | WatchMask::DELETE_SELF | WatchMask::ONLYDIR;
        match self {
            WatchScope::Names => {
                let names =
                    WatchMask::CREATE | WatchMask::DELETE | WatchMask::MOVED_TO | WatchMask::MOVED_FROM;
                going | names | WatchMask::CLOSE_WRITE | WatchMask::ATTRIB
            }
            // The same directory may be watched for its names by another path: add, never replace.
            WatchScope::Place => going | WatchMask::MASK_ADD,
            WatchScope::File => WatchMask::CLOSE_WRITE | WatchMask::ATTRIB | WatchMask::MASK_ADD,
            WatchScope::Writes => WatchScope::File.mask() | WatchMask::MODIFY,
        }
    }
}

/// An inotify instance.
#[derive(Debug)]
pub(super) struct InotifyInstance {
    inotify: Inotify,
}

impl InotifyInstance {
    pub(super) fn open() -> io::Result<InotifyInstance> {
        #[cfg(test)]
        fault::at(fault::OPEN)?;
        Ok(InotifyInstance { inotify: Inotify::init()? })
    }

    pub(super) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.inotify.as_raw_fd()), token, Interest::READABLE)
    }

    /// Until it is registered again, no event wakes the loop; the kernel keeps them.
    pub(super) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.inotify.as_raw_fd()))
    }

    /// Watches what is at a path without links; a link that has replaced it meanwhile is not followed. The number is
    /// the same for the same object by another path.
    pub(super) fn add(&self, path: &[u8], scope: WatchScope) -> io::Result<(i32, WatchDescriptor)> {
        #[cfg(test)]
        fault::at(fault::ADD)?;
        let path = Path::new(OsStr::from_bytes(path));
        let held = hold_exactly(path)?;
        let mut watches = self.inotify.watches();
        let handle = match watches.add(format!("/proc/self/fd/{}", held.as_raw_fd()), scope.mask()) {
            // No /proc.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                watches.add(path, scope.mask() | WatchMask::DONT_FOLLOW)?
            }
            added => added?,
        };
        Ok((handle.get_watch_descriptor_id(), handle))
    }

    /// Removes a watch. It is no error if it is gone.
    pub(super) fn remove(&self, handle: WatchDescriptor) {
        let _ = self.inotify.watches().remove(handle);
    }

    /// The descriptor, for tests that count what the kernel keeps.
    #[cfg(test)]
    pub(super) fn number(&self) -> i32 {
        self.inotify.as_raw_fd()
    }

    /// Passes on the events, up to a limit. True if there may be more.
    pub(super) fn read(&mut self, mut each: impl FnMut(i32, EventMask, Option<&[u8]>)) -> io::Result<bool> {
        #[cfg(test)]
        fault::at(fault::READ)?;
        let mut buffer = [0; 4096];
        for _ in 0..READS {
            match self.inotify.read_events(&mut buffer) {
                Ok(events) => {
                    for event in events {
                        let number = event.wd.get_watch_descriptor_id();
                        each(number, event.mask, event.name.map(OsStr::as_bytes));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Makes steps fail for the tests of this thread.
#[cfg(test)]
pub(super) mod fault {
    use std::cell::Cell;
    use std::io;

    pub(in super::super) const OPEN: u8 = 1;
    pub(in super::super) const ADD: u8 = 2;
    pub(in super::super) const READ: u8 = 4;

    thread_local! {
        /// Which steps fail, and with which error number.
        pub(in super::super) static FAULTS: Cell<(u8, i32)> = const { Cell::new((0, 0)) };
    }

    pub(super) fn at(step: u8) -> io::Result<()> {
        let (steps, errno) = FAULTS.get();
        if steps & step == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
    }
}

//! System calls on files relative to a directory that is held open, one to a function.
//!
//! None allocates: a copy makes them even if it may have little memory.

use super::calls::Done;
use super::{done, last_errno};
use crate::model::Errno;
use libc::c_int;
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The kind, owner and permissions of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    uid: u32,
    mode: u32,
    has_one_name: bool,
}

impl Found {
    pub(super) fn is_link(self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFLNK
    }

    pub(super) fn is_of_root(self) -> bool {
        self.uid == 0
    }

    pub(super) fn is_regular(self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFREG
    }

    /// Whether it is a file that only root can write to, or put where it was found. With a second name it could be one
    /// that somebody has linked there.
    pub(super) fn is_file_of_root(self) -> bool {
        self.is_regular() && self.uid == 0 && self.mode & 0o022 == 0 && self.has_one_name
    }

    /// Whether this directory is one in which only root can put anything. A file of root in another can have come from
    /// anywhere: who may write to a directory may move what root has there.
    pub(super) fn is_filled_by_root(self) -> bool {
        self.uid == 0 && self.mode & 0o022 == 0
    }

    /// Whether only root can replace what root has in this directory.
    pub(super) fn keeps_what_is_roots(self) -> bool {
        self.is_filled_by_root() || self.uid == 0 && self.mode & libc::S_ISVTX != 0
    }
}

/// Opens an object without creating it, close-on-exec.
pub(super) fn open(dir: Option<BorrowedFd>, name: &CStr, flags: c_int) -> Result<OwnedFd, Errno> {
    let dir = dir.map_or(libc::AT_FDCWD, |dir| dir.as_raw_fd());
    // SAFETY: a C string that outlives the call; nothing is created, so the kernel wants no mode.
    let fd = done(unsafe { libc::openat(dir, name.as_ptr(), flags | libc::O_CLOEXEC | libc::O_LARGEFILE) })?;
    // SAFETY: just opened, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Looks at what a descriptor stands for.
pub(super) fn look(fd: BorrowedFd) -> Result<Found, Errno> {
    // SAFETY: all zeroes are a valid stat.
    let mut found: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in one stat.
    done(unsafe { libc::fstat(fd.as_raw_fd(), &mut found) })?;
    Ok(Found { uid: found.st_uid, mode: found.st_mode, has_one_name: found.st_nlink == 1 })
}

/// The numbers by which the kernel names these file systems.
const PROCFS: i128 = 0x9fa0;
const SYSFS: i128 = 0x6265_6572;

/// Whether it is on a file system where reading can have an effect, or wait: procfs or sysfs.
pub(super) fn is_of_the_kernel(fd: BorrowedFd) -> Result<bool, Errno> {
    // SAFETY: all zeroes are a valid statfs.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in one statfs.
    done(unsafe { libc::fstatfs(fd.as_raw_fd(), &mut found) })?;
    // Each C library has a type of its own for this number.
    Ok(matches!(i128::from(found.f_type), PROCFS | SYSFS))
}

/// Reads where a link leads that a descriptor names. Returns the length.
pub(super) fn read_link(link: BorrowedFd, room: &mut [u8]) -> Result<usize, Errno> {
    let (fd, name) = (link.as_raw_fd(), c"");
    // SAFETY: a C string that outlives the call; the kernel writes at most as many bytes as the slice has.
    let count = unsafe { libc::readlinkat(fd, name.as_ptr(), room.as_mut_ptr().cast(), room.len()) };
    usize::try_from(count).map_err(|_| last_errno())
}

/// Creates a directory with exactly these permissions.
pub(super) fn make_dir(dir: BorrowedFd, name: &CStr, mode: libc::mode_t) -> Done {
    // SAFETY: takes a number and cannot fail.
    let mask = unsafe { libc::umask(0) };
    // SAFETY: a C string that outlives the call.
    let made = done(unsafe { libc::mkdirat(dir.as_raw_fd(), name.as_ptr(), mode) });
    // SAFETY: as above.
    unsafe { libc::umask(mask) };
    made.map(drop)
}

/// Removes an empty directory.
pub(super) fn remove_dir(dir: BorrowedFd, name: &CStr) -> Done {
    // SAFETY: a C string that outlives the call.
    done(unsafe { libc::unlinkat(dir.as_raw_fd(), name.as_ptr(), libc::AT_REMOVEDIR) }).map(drop)
}

/// Changes the owner of an object, not of what a link leads to.
pub(super) fn give(dir: BorrowedFd, name: &CStr, uid: libc::uid_t, gid: libc::gid_t) -> Done {
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: a C string that outlives the call.
    done(unsafe { libc::fchownat(dir.as_raw_fd(), name.as_ptr(), uid, gid, flags) }).map(drop)
}

/// Reads some bytes. None at the end.
pub(super) fn read(fd: BorrowedFd, room: &mut [u8]) -> Result<usize, Errno> {
    loop {
        // SAFETY: the kernel writes at most as many bytes as the slice has.
        let count = unsafe { libc::read(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
        match usize::try_from(count) {
            Ok(count) => return Ok(count),
            Err(_) if last_errno().0 == libc::EINTR => {}
            Err(_) => return Err(last_errno()),
        }
    }
}

/// Writes a short text in one call.
pub(super) fn write(fd: BorrowedFd, text: &[u8]) -> Done {
    // SAFETY: the kernel reads as many bytes as the slice has.
    let count = unsafe { libc::write(fd.as_raw_fd(), text.as_ptr().cast(), text.len()) };
    if count == -1 { Err(last_errno()) } else { Ok(()) }
}

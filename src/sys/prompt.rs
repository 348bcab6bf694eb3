//! Opening for a child that shares our memory, for which we wait: nobody can make it wait.
//!
//! A path is followed as far as the kernel knows it already, so no server and no other process is asked on the way.
//! What is there is looked at before it is opened, and then that very object is opened, so it does not matter who
//! swaps what in between. Whatever could take a while is declined, and the job is started as a copy instead.

use super::calls::{self, Done, Statx};
use crate::model::Errno;
use libc::c_int;
use std::ffi::CStr;

/// The major number of /dev/null and its like, none of which waits.
const MEMORY_DEVICES: u32 = 1;

/// Whether this kernel can follow a path without waiting, and we may ask it to.
pub(super) fn works() -> bool {
    match calls::find(c"/", 0) {
        Ok(fd) => {
            calls::close(fd);
            true
        }
        Err(Errno(errno)) => !matches!(errno, libc::ENOSYS | libc::EINVAL | libc::EPERM),
    }
}

/// Enters a directory.
pub(super) fn enter(dir: &CStr, mounts: &[u64]) -> Done {
    let (fd, _) = find(dir, libc::O_DIRECTORY, mounts)?;
    calls::fchdir(fd)
}

/// Opens a file as exactly this descriptor.
pub(super) fn open_as(fd: c_int, path: &CStr, flags: c_int, mounts: &[u64]) -> Done {
    let (there, found) = find(path, 0, mounts)?;
    let kind = u32::from(found.mode) & libc::S_IFMT;
    if kind != libc::S_IFREG && (kind != libc::S_IFCHR || found.device_major != MEMORY_DEVICES) {
        return Err(Errno(libc::EAGAIN));
    }
    // The lowest free number is the one closed here.
    calls::close(fd);
    // A lease of somebody else would be waited for otherwise.
    let opened = calls::reopen(there, flags & !libc::O_CREAT | libc::O_NOCTTY | libc::O_NONBLOCK)?;
    if opened != fd {
        calls::duplicate(opened, fd)?;
    }
    calls::set_status(fd, flags & libc::O_APPEND)
}

/// Takes hold of what is at a path on one of these mounts, without opening it.
fn find(path: &CStr, flags: c_int, mounts: &[u64]) -> Result<(c_int, Statx), Errno> {
    let fd = calls::find(path, flags)?;
    let found = calls::look(fd)?;
    if mounts.contains(&found.mount) { Ok((fd, found)) } else { Err(Errno(libc::EAGAIN)) }
}

//! Opening files in a shared child. We wait for it, so nobody may be able to make it wait.
//!
//! A path is followed as far as the kernel has it cached, so no server and no other process is asked on the way. The
//! child looks at the object that it has found, then opens that very object, so exchanging it in between has no
//! effect. What may take long is declined, and the job is started as a copy.

use super::calls::{self, Done, Statx};
use crate::model::Errno;
use libc::c_int;
use std::ffi::CStr;

/// The major number of /dev/null and similar devices, none of which waits.
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
    // O_NONBLOCK: otherwise the call would wait for the lease of another process.
    let opened = calls::reopen(there, flags & !libc::O_CREAT | libc::O_NOCTTY | libc::O_NONBLOCK)?;
    if opened != fd {
        calls::duplicate(opened, fd)?;
    }
    calls::set_status(fd, flags & libc::O_APPEND)
}

/// Finds what is at a path on one of these mounts, without opening it.
fn find(path: &CStr, flags: c_int, mounts: &[u64]) -> Result<(c_int, Statx), Errno> {
    let fd = calls::find(path, flags)?;
    let found = calls::look(fd)?;
    if mounts.contains(&found.mount) { Ok((fd, found)) } else { Err(Errno(libc::EAGAIN)) }
}

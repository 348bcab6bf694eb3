//! The kernel behind safe signatures: the only unsafe code of pmtr.
//!
//! Promises: no function blocks, unless its name says that it waits; none panics; every descriptor is close-on-exec
//! from the start. Nothing here decides anything about jobs, or knows the configuration, the supervisor and the log.

mod address;
mod at;
mod calls;
mod child;
mod child_fds;
pub mod child_spec;
pub mod clock;
mod copy;
pub mod descriptors;
pub mod env_files;
mod environment;
pub mod group;
pub mod groups;
pub mod host;
mod ids;
pub mod limits;
pub mod link;
pub mod listing;
pub mod lock;
mod made;
mod make_dirs;
pub mod memory;
pub mod numbers;
mod passing;
mod privileges;
pub mod process;
mod prompt;
pub mod ready;
pub mod reap;
pub mod record;
mod search;
pub mod session;
mod sharing;
pub mod signals;
mod slots;
pub mod spawn;
mod stack;
pub mod stat;
pub mod udp;
pub mod users;
mod walk;

#[cfg(test)]
pub(crate) mod testing;

use crate::model::Errno;
use std::io;

// The standard library links an unwinder, which a program that aborts never runs. A shared library would cost 100 kB
// of memory and 0.1 ms of each start; the compiler's archive costs neither.
#[cfg(all(target_env = "gnu", panic = "abort"))]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

/// Why the last system call of this thread failed.
fn last_errno() -> Errno {
    let place = errno_place();
    // SAFETY: the place is this thread's own and valid for as long as the thread.
    Errno(unsafe { *place })
}

/// Restores errno at the end of a signal handler.
fn set_errno(errno: Errno) {
    let place = errno_place();
    // SAFETY: the place is this thread's own and valid for as long as the thread.
    unsafe { *place = errno.0 };
}

fn errno_place() -> *mut libc::c_int {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::__errno_location() }
}

/// What a system call returned, or why it failed. Does not allocate.
fn done(returned: libc::c_int) -> Result<libc::c_int, Errno> {
    if returned == -1 { Err(last_errno()) } else { Ok(returned) }
}

/// The same, with an `io::Error`.
fn check(returned: libc::c_int) -> io::Result<libc::c_int> {
    done(returned).map_err(|errno| io::Error::from_raw_os_error(errno.0))
}

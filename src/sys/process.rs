//! This process itself: its ids, and how it leaves what started it.

use super::{calls, check, privileges};
use crate::model::Pid;
use libc::c_int;
use std::io;

/// On which side of a fork we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// In the old process, with the pid of the new one.
    Parent(Pid),
    /// In the new process.
    Child,
}

/// Our pid. It changes when we go to the background.
pub fn own_pid() -> Option<Pid> {
    // SAFETY: takes nothing and cannot fail.
    Pid::new(unsafe { libc::getpid() })
}

/// Whether we are process 1.
pub fn is_init() -> bool {
    own_pid().is_some_and(|pid| pid.as_raw() == 1)
}

/// The user that we act as.
pub fn effective_uid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The capabilities that we may have, one bit for each.
pub fn capabilities() -> u64 {
    privileges::permitted()
}

/// From now on, orphans among our descendants become our children.
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: this option takes one number.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Stops the interval timers that the program before exec may have set.
pub fn stop_timers() {
    // At least as large as the kernel's itimerval on every architecture; all zeroes stop the timer.
    let none = [0_u64; 4];
    for timer in [ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF] {
        let old = std::ptr::null_mut::<u64>();
        // SAFETY: the kernel reads one itimerval, which has at most 32 bytes, and writes nothing.
        unsafe { libc::syscall(libc::SYS_setitimer, timer, none.as_ptr(), old) };
    }
}

/// From the kernel's time.h; the C libraries disagree about the type of these.
const ITIMER_REAL: c_int = 0;
const ITIMER_VIRTUAL: c_int = 1;
const ITIMER_PROF: c_int = 2;

/// Leaves the session keyring of our caller, which is not for our jobs.
pub fn leave_keyring() {
    calls::join_own_keyring();
}

/// Sets the mask for new files.
pub fn umask(mask: libc::mode_t) {
    calls::umask(mask);
}

/// Leaves the session and the terminal. Fails if we lead a process group.
pub fn new_session() -> io::Result<()> {
    calls::setsid().map(drop).map_err(|errno| io::Error::from_raw_os_error(errno.0))
}

/// Makes a second process that continues from here. Only for going to the background, before there are jobs.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: pmtr has one thread, so the new process has all of its parent and no lock is left held.
    let pid = check(unsafe { libc::fork() })?;
    Ok(Pid::new(pid).map_or(Forked::Child, Forked::Parent))
}

#[cfg(test)]
mod tests {
    use super::super::reap::{Peeked, Waited, peek_any, wait_for};
    use super::super::testing::{ended, in_own_process, start};
    use super::*;
    use crate::model::Exit;

    #[test]
    fn an_orphan_of_a_descendant_becomes_our_child() {
        in_own_process("sys::process::tests::an_orphan_of_a_descendant_becomes_our_child", || {
            become_subreaper().unwrap();
            let script = "/bin/sh -c 'exit 9' & exit 5";
            let (child, _) = start(std::process::Command::new("/bin/sh").args(["-c", script]));
            assert_eq!(ended(child), Exit::Code(5));
            let found = std::iter::repeat_with(peek_any).find_map(|found| found.unwrap());
            let Some(Peeked::Ended(orphan)) = found else { panic!("{found:?}") };
            assert_eq!(wait_for(orphan), Waited::Ended(Exit::Code(9)));
        });
    }

    #[test]
    fn no_timer_is_left_after_all_were_stopped() {
        in_own_process("sys::process::tests::no_timer_is_left_after_all_were_stopped", || {
            let hour = [3600_i64; 4];
            let is_set = |timer: c_int| {
                let mut left = [0_u64; 4];
                // SAFETY: the kernel writes one itimerval, which is no larger.
                unsafe { libc::syscall(libc::SYS_getitimer, timer, left.as_mut_ptr()) };
                left != [0; 4]
            };
            for timer in [ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF] {
                // SAFETY: the kernel reads one itimerval, which is no larger.
                unsafe {
                    libc::syscall(libc::SYS_setitimer, timer, hour.as_ptr(), std::ptr::null_mut::<u64>())
                };
                assert!(is_set(timer));
            }
            stop_timers();
            assert!(![ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF].into_iter().any(is_set));
        });
    }
}

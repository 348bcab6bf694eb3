//! This process itself: what it is, what it holds, and how it goes to the background.

use super::stat::{self, Stat};
use super::{calls, check, listing};
use crate::model::{Infinity, Pid, Resource};
use libc::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// On which side of a fork we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// In the one that was there before; with the pid of the new one.
    Parent(Pid),
    /// In the new one.
    Child,
}

/// Our pid. Changes when we go to the background.
pub fn own_pid() -> Option<Pid> {
    // SAFETY: takes nothing and cannot fail.
    Pid::new(unsafe { libc::getpid() })
}

/// Whether we are process 1.
pub fn is_init() -> bool {
    own_pid().is_some_and(|pid| pid.as_raw() == 1)
}

/// Whether the process with this number is there and has not ended.
pub fn runs(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::new) else { return false };
    match Stat::of(pid) {
        Some(stat) => !stat.zombie,
        // SAFETY: takes numbers; signal zero only asks.
        None => !stat::is_ours() && check(unsafe { libc::kill(pid.as_raw(), 0) }).is_ok(),
    }
}

/// The user as whom we act.
pub fn effective_uid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The name that this machine has at the moment; empty when it can't be told.
pub fn host_name() -> Vec<u8> {
    // SAFETY: all zeroes are valid names, each of them empty.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in one utsname. Names are left empty if it fails.
    unsafe { libc::uname(&raw mut names) };
    names.nodename.iter().take_while(|byte| **byte != 0).map(|byte| byte.to_ne_bytes()[0]).collect()
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

/// Leaves the session keyring of whoever started us: what is in it is not for our jobs.
pub fn leave_keyring() {
    calls::join_own_keyring();
}

/// Sets the mask for new files.
pub fn umask(mask: libc::mode_t) {
    calls::umask(mask);
}

/// Leaves the session and the terminal; fails when we lead a process group.
pub fn new_session() -> io::Result<()> {
    calls::setsid().map(drop).map_err(|errno| io::Error::from_raw_os_error(errno.0))
}

/// Makes a second process that goes on from here. Only for going to the background: before there are jobs.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: pmtr has one thread, so the new process has all of its parent and no lock is left held.
    let pid = check(unsafe { libc::fork() })?;
    Ok(Pid::new(pid).map_or(Forked::Child, Forked::Parent))
}

/// Closes every descriptor but 0, 1 and 2. What our caller left open is not for our jobs, and as long as we had it, a
/// lock would be held, the reader of a pipe would wait, and a file would be open for writing. Before anything is opened.
pub fn close_inherited() {
    if calls::close_range(3, u32::MAX, 0).is_err() {
        close_by_walking();
    }
}

fn close_by_walking() {
    open_descriptors().into_iter().filter(|fd| *fd > 2).for_each(calls::close);
}

/// The numbers of all open descriptors; without /proc, all that there might be.
pub(super) fn open_descriptors() -> Vec<c_int> {
    if let Ok(mut list) = listing::list("/proc/self/fd") {
        return std::iter::from_fn(|| list.next_number().ok().flatten()).collect();
    }
    const MANY: u64 = 65_536;
    let limit = calls::limit(super::spawn::FILES).map_or(MANY, |bounds| bounds.hard.min(MANY));
    (0..c_int::try_from(limit).unwrap_or(0)).collect()
}

/// Leads a standard descriptor, 0, 1 or 2, to where `to` leads.
pub fn redirect(to: BorrowedFd, standard: c_int) -> io::Result<()> {
    if to.as_raw_fd() == standard {
        return Ok(());
    }
    // SAFETY: takes numbers; nothing of ours owns 0, 1 or 2, and std takes them as they are.
    check(unsafe { libc::dup2(to.as_raw_fd(), standard) }).map(drop)
}

/// The hard limit of a resource: nobody but root can go beyond it.
pub fn hard_limit(resource: Resource) -> Option<Result<u64, Infinity>> {
    let hard = calls::limit(super::spawn::number(resource)).ok()?.hard;
    Some(if hard == u64::MAX { Err(Infinity) } else { Ok(hard) })
}

/// Whether a descriptor's number is in the lower half of those that our own limit allows.
pub fn is_in_lower_half(fd: BorrowedFd) -> bool {
    let Ok(bounds) = calls::limit(super::spawn::FILES) else { return true };
    u64::try_from(fd.as_raw_fd()).is_ok_and(|number| number < bounds.soft / 2)
}

/// Whether a descriptor's number is one of the last few that our own limit allows. They are for reading files, which
/// takes two at a time.
pub fn is_among_last(fd: BorrowedFd) -> bool {
    const LAST: u64 = 2;
    let Ok(bounds) = calls::limit(super::spawn::FILES) else { return false };
    u64::try_from(fd.as_raw_fd()).is_ok_and(|number| number.saturating_add(LAST) >= bounds.soft)
}

/// Has large blocks come from the kernel and go back to it one by one, whatever has been freed before: else the C
/// library learns from the first large block to keep the later ones.
pub fn return_large_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two numbers; there is one thread, and blocks that are in use stay where they are.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
    };
}

/// The C library's own first threshold.
#[cfg(target_env = "gnu")]
const LARGE_BLOCK_BYTES: c_int = 128 * 1024;

/// Gives memory that is free back to the kernel, where the C library would keep it.
pub fn trim_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only touches what is not in use.
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Whether a write of a short line would go through at once.
pub fn poll_writable(fd: BorrowedFd) -> bool {
    let mut one = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd, as told; with a timeout of zero the call does not wait.
    let ready = unsafe { libc::poll(&mut one, 1, 0) };
    ready == 1 && one.revents & (libc::POLLOUT | libc::POLLERR) == libc::POLLOUT
}

/// Waits until there is something to read, or nothing more to come.
pub fn wait_for_input(fd: BorrowedFd) {
    let mut one = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, as told.
    unsafe { libc::poll(&mut one, 1, -1) };
}

/// Sends one message on a connected socket; never waits, whatever the socket's own mode is.
pub fn send(fd: BorrowedFd, message: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: pointer and length belong to one slice, which is read only.
    let sent = unsafe { libc::send(fd.as_raw_fd(), message.as_ptr().cast(), message.len(), flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::super::reap::{Peeked, Waited, peek_any, wait_for};
    use super::super::testing::{ended, in_own_process, start};
    use super::*;
    use crate::model::Exit;
    use std::fs::File;
    use std::os::fd::{AsFd, IntoRawFd};

    fn is_close_on_exec(fd: c_int) -> bool {
        // SAFETY: takes numbers.
        unsafe { libc::fcntl(fd, libc::F_GETFD) == libc::FD_CLOEXEC }
    }

    fn leak() -> c_int {
        let fd = File::open("/").unwrap().into_raw_fd();
        // SAFETY: takes numbers.
        unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
        fd
    }

    #[test]
    fn the_host_has_the_name_that_the_kernel_tells_everybody() {
        let told = std::fs::read("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(host_name(), told.trim_ascii_end());
    }

    #[test]
    fn inherited_descriptors_are_closed_in_both_ways() {
        in_own_process("sys::process::tests::inherited_descriptors_are_closed_in_both_ways", || {
            // SAFETY: takes numbers.
            let is_open = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
            for way in [close_inherited, close_by_walking] {
                let fd = leak();
                way();
                assert!(!is_open(fd) && is_open(2));
            }
        });
    }

    #[test]
    fn standard_descriptors_can_be_led_away() {
        in_own_process("sys::process::tests::standard_descriptors_can_be_led_away", || {
            let null = File::open("/dev/null").unwrap();
            redirect(null.as_fd(), 0).unwrap();
            assert_eq!(std::fs::read_link("/proc/self/fd/0").unwrap().to_str(), Some("/dev/null"));
            assert!(!is_close_on_exec(0));
        });
    }

    #[test]
    fn the_lower_half_is_that_of_the_soft_limit() {
        in_own_process("sys::process::tests::the_lower_half_is_that_of_the_soft_limit", || {
            let hard = calls::limit(super::super::spawn::FILES).unwrap().hard;
            let files: Vec<File> = (0..20).map(|_| File::open("/").unwrap()).collect();
            let bounds = calls::Bounds { soft: 2 * u64::try_from(files[9].as_raw_fd()).unwrap(), hard };
            calls::set_limit(super::super::spawn::FILES, &bounds).unwrap();
            let lower = files.iter().filter(|file| is_in_lower_half(file.as_fd())).count();
            assert_eq!(lower, 9);
        });
    }

    #[test]
    fn the_last_numbers_are_two() {
        in_own_process("sys::process::tests::the_last_numbers_are_two", || {
            let hard = calls::limit(super::super::spawn::FILES).unwrap().hard;
            let files: Vec<File> = (0..9).map(|_| File::open("/").unwrap()).collect();
            let bounds = calls::Bounds { soft: u64::try_from(files[8].as_raw_fd()).unwrap() + 1, hard };
            calls::set_limit(super::super::spawn::FILES, &bounds).unwrap();
            let last: Vec<bool> = files.iter().map(|file| is_among_last(file.as_fd())).collect();
            assert_eq!(last, [false, false, false, false, false, false, false, true, true]);
        });
    }

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

    #[test]
    fn a_full_pipe_is_not_writable_and_an_empty_one_is() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(poll_writable(writer.as_fd()));
        // SAFETY: takes numbers.
        unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        let mut full = &writer;
        while io::Write::write(&mut full, &[0; 4096]).is_ok() {}
        assert!(!poll_writable(writer.as_fd()));
        drop(reader);
        assert!(!poll_writable(writer.as_fd()));
    }

    #[test]
    fn a_full_socket_refuses_rather_than_wait() {
        let (a, _b) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let refused = std::iter::repeat_with(|| send(a.as_fd(), b"x")).find_map(Result::err).unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
    }
}

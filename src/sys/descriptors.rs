//! The open descriptors of this process: those that it inherits, the standard ones, and how many it may have.

use super::limits::FILES;
use super::{calls, check, listing};
use libc::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Closes every descriptor but 0, 1 and 2. What our caller left open is not for our jobs. If we kept it, locks would
/// be held, readers of pipes would wait, and files would stay open for writing. Call this before anything is opened.
pub fn close_inherited() {
    if calls::close_range(3, u32::MAX, 0).is_err() {
        close_by_walking();
    }
}

fn close_by_walking() {
    all_open().into_iter().filter(|fd| *fd > 2).for_each(calls::close);
}

/// The numbers of all open descriptors. Without /proc, all numbers that may be open.
pub(super) fn all_open() -> Vec<c_int> {
    if let Ok(mut list) = listing::list("/proc/self/fd") {
        return std::iter::from_fn(|| list.next_number().ok().flatten()).collect();
    }
    const MANY: u64 = 65_536;
    let limit = calls::limit(FILES).map_or(MANY, |bounds| bounds.hard.min(MANY));
    (0..c_int::try_from(limit).unwrap_or(0)).collect()
}

/// Makes a standard descriptor, 0, 1 or 2, a duplicate of `to`.
pub fn redirect(to: BorrowedFd, standard: c_int) -> io::Result<()> {
    if to.as_raw_fd() == standard {
        return Ok(());
    }
    // SAFETY: takes numbers; nothing of ours owns 0, 1 or 2, and std takes them as they are.
    check(unsafe { libc::dup2(to.as_raw_fd(), standard) }).map(drop)
}

/// Whether a descriptor's number is in the lower half of those that our own limit allows.
pub fn is_in_lower_half(fd: BorrowedFd) -> bool {
    let Ok(bounds) = calls::limit(FILES) else { return true };
    u64::try_from(fd.as_raw_fd()).is_ok_and(|number| number < bounds.soft / 2)
}

/// Whether a descriptor's number is one of the last few that our own limit allows. They are reserved for reading
/// files, which takes two at a time.
pub fn is_among_last(fd: BorrowedFd) -> bool {
    const LAST: u64 = 2;
    let Ok(bounds) = calls::limit(FILES) else { return false };
    u64::try_from(fd.as_raw_fd()).is_ok_and(|number| number.saturating_add(LAST) >= bounds.soft)
}

#[cfg(test)]
mod tests {
    use super::super::testing::in_own_process;
    use super::*;
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
    fn inherited_descriptors_are_closed_in_both_ways() {
        in_own_process("sys::descriptors::tests::inherited_descriptors_are_closed_in_both_ways", || {
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
        in_own_process("sys::descriptors::tests::standard_descriptors_can_be_led_away", || {
            let null = File::open("/dev/null").unwrap();
            redirect(null.as_fd(), 0).unwrap();
            assert_eq!(std::fs::read_link("/proc/self/fd/0").unwrap().to_str(), Some("/dev/null"));
            assert!(!is_close_on_exec(0));
        });
    }

    #[test]
    fn the_lower_half_is_that_of_the_soft_limit() {
        in_own_process("sys::descriptors::tests::the_lower_half_is_that_of_the_soft_limit", || {
            let hard = calls::limit(FILES).unwrap().hard;
            let files: Vec<File> = (0..20).map(|_| File::open("/").unwrap()).collect();
            let bounds = calls::Rlimit { soft: 2 * u64::try_from(files[9].as_raw_fd()).unwrap(), hard };
            calls::set_limit(FILES, &bounds).unwrap();
            let lower = files.iter().filter(|file| is_in_lower_half(file.as_fd())).count();
            assert_eq!(lower, 9);
        });
    }

    #[test]
    fn the_last_numbers_are_two() {
        in_own_process("sys::descriptors::tests::the_last_numbers_are_two", || {
            let hard = calls::limit(FILES).unwrap().hard;
            let files: Vec<File> = (0..9).map(|_| File::open("/").unwrap()).collect();
            let bounds = calls::Rlimit { soft: u64::try_from(files[8].as_raw_fd()).unwrap() + 1, hard };
            calls::set_limit(FILES, &bounds).unwrap();
            let last: Vec<bool> = files.iter().map(|file| is_among_last(file.as_fd())).collect();
            assert_eq!(last, [false, false, false, false, false, false, false, true, true]);
        });
    }
}

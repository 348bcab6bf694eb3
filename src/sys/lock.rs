//! Leases on files: whether somebody is writing one.

use super::check;
use std::fs::File;
use std::os::fd::AsRawFd;

/// From the kernel's fcntl.h, the same on every architecture; not in the libc package.
const F_SETSIG: libc::c_int = 10;

/// Whether somebody has this file, which we have open for reading, open for writing.
/// None where that can't be told: not our file and no right to leases on it, or a file system without leases.
pub fn being_written(file: &File) -> Option<bool> {
    let fd = file.as_raw_fd();
    // Who opens the file during the lease makes the kernel send us a signal, SIGIO if nothing else is said. SIGURG
    // is ignored by default, so this is harmless in every program.
    // SAFETY: takes numbers.
    if check(unsafe { libc::fcntl(fd, F_SETSIG, libc::SIGURG) }).is_err() {
        return None;
    }
    // SAFETY: takes numbers.
    match check(unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) }) {
        Err(error) => (error.raw_os_error() == Some(libc::EAGAIN)).then_some(true),
        Ok(_) => {
            // SAFETY: takes numbers.
            let _ = check(unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK) });
            Some(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Dir;
    use super::*;

    #[test]
    fn a_writer_is_seen_until_it_closes_the_file() {
        let dir = Dir::new();
        let path = dir.path().join("file");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        let seen = being_written(&reader);
        drop(writer);
        match seen {
            None => eprintln!("skipped: {} is on a file system without leases", path.display()),
            Some(_) => assert_eq!((seen, being_written(&reader)), (Some(true), Some(false))),
        }
    }

    #[test]
    fn of_a_directory_nothing_can_be_told() {
        assert_eq!(being_written(&File::open("/").unwrap()), None);
    }
}

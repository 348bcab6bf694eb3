//! Leases on files, which show whether a file is being written.

use super::check;
use std::fs::File;
use std::os::fd::AsRawFd;

/// From the kernel's fcntl.h. The same on every architecture, but not in the libc package.
const F_SETSIG: libc::c_int = 10;

/// Whether this file, which we have open for reading, is open for writing. None if this is unknown: the file is not
/// ours and we have no right to leases on it, or the file system has no leases.
pub fn being_written(file: &File) -> Option<bool> {
    let fd = file.as_raw_fd();
    // If the file is opened during the lease, the kernel sends us a signal, by default SIGIO, which would end a
    // program. SIGURG is ignored by default. SAFETY: takes numbers.
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

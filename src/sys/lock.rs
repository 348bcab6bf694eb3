//! Leases on files: whether somebody is writing one.

use super::check;
use std::fs::File;
use std::os::fd::AsRawFd;

/// From the kernel's fcntl.h, the same on every architecture; not in the libc package.
const F_SETSIG: libc::c_int = 10;

/// Whether somebody has this file, which we have open for reading, open for writing.
/// False also where that can't be told: not our file, or a file system without leases.
pub fn being_written(file: &File) -> bool {
    let fd = file.as_raw_fd();
    // Who opens the file during the lease makes the kernel send us a signal, SIGIO if nothing else is said. SIGURG
    // is ignored by default, so this is harmless in every program.
    // SAFETY: takes numbers.
    if check(unsafe { libc::fcntl(fd, F_SETSIG, libc::SIGURG) }).is_err() {
        return false;
    }
    // SAFETY: takes numbers.
    match check(unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) }) {
        Err(error) => error.raw_os_error() == Some(libc::EAGAIN),
        Ok(_) => {
            // SAFETY: takes numbers.
            let _ = check(unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK) });
            false
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
        assert!(!being_written(&reader));
        if !seen {
            eprintln!("skipped: {} is on a file system without leases", path.display());
        }
    }

    #[test]
    fn a_directory_is_never_being_written() {
        assert!(!being_written(&File::open("/").unwrap()));
    }
}

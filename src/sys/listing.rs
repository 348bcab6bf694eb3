//! The names in a directory, read in portions. The standard library's iterator ends the program if the directory
//! cannot be closed.

use super::last_errno;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The size of one portion.
const BYTES: usize = 16 * 1024;
/// Where the kernel's `struct linux_dirent64` has its length, in two bytes, and its name.
const LENGTH: usize = 16;
const NAME: usize = 19;

/// A directory that is being read.
#[derive(Debug)]
pub struct Listing {
    dir: File,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
}

/// Begins to list a directory.
pub(super) fn list(path: &str) -> io::Result<Listing> {
    Ok(Listing::of(File::open(path)?))
}

impl Listing {
    /// Lists a directory that is open for reading.
    pub fn of(dir: File) -> Listing {
        Listing { dir, buffer: vec![0; BYTES].into(), at: 0, end: 0 }
    }

    /// The next name that is a number. Others are skipped. None at the end.
    pub(super) fn next_number(&mut self) -> io::Result<Option<i32>> {
        loop {
            let Some(name) = self.next_name()? else { return Ok(None) };
            let number = std::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
            if number.is_some() {
                return Ok(number);
            }
        }
    }

    /// The next name, of `.` and `..` as well. None at the end.
    pub fn next_name(&mut self) -> io::Result<Option<&[u8]>> {
        if self.at >= self.end {
            (self.at, self.end) = (0, entries(&self.dir, &mut self.buffer)?);
        }
        let Some(entry) = self.buffer.get(self.at..self.end).filter(|entry| !entry.is_empty()) else {
            return Ok(None);
        };
        let length = entry.get(LENGTH..LENGTH + 2).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok());
        let length = length.map_or(0, |bytes| usize::from(u16::from_ne_bytes(bytes)));
        // The kernel's entries are longer than that. A shorter one would make this loop endless.
        self.at += length.max(NAME);
        Ok(entry.get(NAME..length).unwrap_or_default().split(|byte| *byte == 0).next())
    }
}

/// Fills the buffer with the next entries, and returns how many bytes they have.
fn entries(dir: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let (fd, start) = (dir.as_raw_fd(), buffer.as_mut_ptr());
    // SAFETY: the kernel writes at most as many bytes as the buffer has.
    let bytes = unsafe { libc::syscall(libc::SYS_getdents64, fd, start, buffer.len()) };
    usize::try_from(bytes).map_err(|_| io::Error::from_raw_os_error(last_errno().0))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Dir;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_number_is_told_once_however_many_there_are_and_no_other_name() {
        let dir = Dir::new();
        let names = ["x", "1x", "self", "99999999999", "-", "a name that is longer than others"];
        names.iter().for_each(|name| std::fs::write(dir.join(name), "").unwrap());
        let numbers: BTreeSet<i32> = (1..3_000).collect();
        numbers.iter().for_each(|number| std::fs::write(dir.join(&number.to_string()), "").unwrap());
        let mut listing = list(dir.path().to_str().unwrap()).unwrap();
        let mut told = Vec::new();
        while let Some(number) = listing.next_number().unwrap() {
            told.push(number);
        }
        assert_eq!((told.len(), told.into_iter().collect()), (numbers.len(), numbers));
        assert!(listing.next_number().unwrap().is_none());
        let mut listing = Listing::of(File::open(dir.path()).unwrap());
        let mut all = 0;
        while listing.next_name().unwrap().is_some() {
            all += 1;
        }
        assert_eq!(all, 2_999 + names.len() + 2);
        assert!(list("/no/such/directory").is_err());
        let mut file = list("/proc/self/stat").unwrap();
        assert!(file.next_number().is_err());
    }
}

//! Symbolic links in directories where others may put theirs.

use super::{check, last_errno};
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A symbolic link as it was at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The user id of whoever made it.
    pub owner: u32,
    /// What it leads to.
    pub target: PathBuf,
}

/// Reads a symbolic link. It is held meanwhile, so that owner and target are those of one and the same link, whatever
/// is put in its place.
pub fn read(path: &Path) -> io::Result<Link> {
    let link = hold(path)?;
    let owner = link.metadata()?.uid();
    let mut text = vec![0_u8; libc::PATH_MAX.unsigned_abs() as usize];
    // SAFETY: the empty path, which means the link itself, is a C string that outlives the call, and the kernel writes
    // at most as many bytes as the buffer has, by the length that it is told.
    let length =
        unsafe { libc::readlinkat(link.as_raw_fd(), c"".as_ptr(), text.as_mut_ptr().cast(), text.len()) };
    // Only a negative number is none of bytes.
    let Ok(length) = usize::try_from(length) else {
        return Err(io::Error::from_raw_os_error(last_errno().0));
    };
    text.truncate(length);
    Ok(Link { owner, target: PathBuf::from(OsString::from_vec(text)) })
}

/// Opens what a path leads to, be it a link, for no more than to look at it.
fn hold(path: &Path) -> io::Result<File> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // Not by the standard library, which with musl takes O_PATH for one of the ways to read and write, and removes it.
    let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: a C string that outlives the call.
    let fd = check(unsafe { libc::open(path.as_ptr(), flags) })?;
    // SAFETY: the kernel has just made it, so nobody else owns it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::effective_uid;
    use crate::sys::testing::Dir;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_tells_its_owner_and_what_it_leads_to_and_nothing_else_is_one() {
        let dir = Dir::new();
        let long = "a/".repeat(2_000);
        for target in ["away", "../not/there", &long] {
            let path = dir.join("link");
            symlink(target, &path).unwrap();
            let expected = Link { owner: effective_uid(), target: PathBuf::from(target) };
            assert_eq!(read(&path).unwrap(), expected);
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::write(dir.join("file"), "").unwrap();
        for (name, why) in [("file", libc::ENOENT), ("none", libc::ENOENT), ("file/link", libc::ENOTDIR)] {
            assert_eq!(read(&dir.join(name)).unwrap_err().raw_os_error(), Some(why), "{name}");
        }
    }
}

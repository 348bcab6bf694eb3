//! Symbolic links in directories in which other users may make links.

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
    /// The user id of its owner.
    pub owner: u32,
    /// What it leads to.
    pub target: PathBuf,
}

/// Reads a symbolic link. It is held meanwhile, so owner and target belong to the same link, even if it is replaced.
pub fn read(path: &Path) -> io::Result<Link> {
    let link = hold(path)?;
    let owner = link.metadata()?.uid();
    Ok(Link { owner, target: PathBuf::from(OsString::from_vec(target(&link)?)) })
}

/// The target of a symbolic link that is held.
pub fn target(link: &File) -> io::Result<Vec<u8>> {
    let mut text = vec![0_u8; libc::PATH_MAX.unsigned_abs() as usize];
    // SAFETY: the empty path, which means the link itself, is a C string that outlives the call, and the kernel writes
    // at most as many bytes as the buffer has, by the length that it is told.
    let length =
        unsafe { libc::readlinkat(link.as_raw_fd(), c"".as_ptr(), text.as_mut_ptr().cast(), text.len()) };
    // A negative number is an error.
    let Ok(length) = usize::try_from(length) else {
        return Err(io::Error::from_raw_os_error(last_errno().0));
    };
    text.truncate(length);
    Ok(text)
}

/// Opens what is at a path, even a link, only to look at it. Follows no link on the way, and none that the kernel
/// makes up, as in /proc: that is ELOOP. Kernels before 5.6 follow the links on the way.
pub fn hold_exactly(path: &Path) -> io::Result<File> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    let flags = u64::from((libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC).cast_unsigned());
    let how = [flags, 0, libc::RESOLVE_NO_SYMLINKS];
    // SAFETY: a C string that outlives the call, and a struct open_how, three numbers, with its size.
    let fd = unsafe {
        libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, name.as_ptr(), how.as_ptr(), size_of_val(&how))
    };
    match libc::c_int::try_from(fd) {
        // SAFETY: the kernel has just made it, so nobody else owns it.
        Ok(fd) if fd >= 0 => Ok(unsafe { File::from_raw_fd(fd) }),
        Ok(_) | Err(_) => match last_errno().0 {
            // The call is missing, or a sandbox forbids it.
            libc::ENOSYS | libc::EPERM => hold(path),
            errno => Err(io::Error::from_raw_os_error(errno)),
        },
    }
}

/// Opens what is at a path, even a link, only to look at it.
fn hold(path: &Path) -> io::Result<File> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // Not by the standard library: with musl, it takes O_PATH for an access mode and removes it.
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

    #[test]
    fn what_is_held_exactly_is_reached_by_no_link() {
        let dir = Dir::new();
        std::fs::create_dir(dir.join("real")).unwrap();
        std::fs::write(dir.join("real/file"), "").unwrap();
        symlink("real", dir.join("link")).unwrap();
        let held = hold_exactly(&dir.join("link")).unwrap();
        assert!(held.metadata().unwrap().is_symlink());
        assert_eq!(target(&held).unwrap(), b"real");
        assert!(hold_exactly(&dir.join("real/file")).unwrap().metadata().unwrap().is_file());
        let magic = Path::new("/proc/self/root/etc").to_path_buf();
        for path in [dir.join("link/file"), dir.join("link/none"), magic] {
            assert_eq!(hold_exactly(&path).unwrap_err().raw_os_error(), Some(libc::ELOOP), "{path:?}");
        }
    }
}

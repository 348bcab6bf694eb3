//! Follows the paths of the configuration and of files that jobs depend on, through directories of others.
//!
//! Each name is looked at where it is, and the kernel never follows a link for pmtr: a link that somebody puts in
//! place meanwhile leads nowhere, and a link in /proc, which can lead into the mounts of another process, is taken for
//! its text. So everything that is looked at is on our own mounts, and of the mounts that can make pmtr wait, only
//! those are asked to which root or pmtr's user has led.
#![forbid(unsafe_code)]

use super::mounts::Mounts;
use super::trail::{Trail, TrailEnd, TrailStep, follow};
use crate::model::Errno;
use crate::sys::link;
use crate::sys::numbers::{EAGAIN, ELOOP, ENOENT, EREMOTE};
use crate::sys::process::effective_uid;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How often a path is followed that others change meanwhile.
const TRIES: usize = 8;

/// The way of an absolute path.
pub(super) fn of(path: &[u8], mounts: &Mounts) -> Trail {
    Walk::new(mounts).follow(path)
}

/// Opens what is at the end of an absolute path, without reading it.
pub(super) fn end(path: &[u8], mounts: &Mounts) -> io::Result<File> {
    let mut last = EAGAIN;
    for _ in 0..TRIES {
        let mut walk = Walk::new(mounts);
        last = match walk.follow(path).end {
            TrailEnd::Found(path, _) => match walk.held {
                Some((looked_at, held)) if looked_at == path => return Ok(held),
                Some(_) | None => return link::hold_exactly(as_path(&path)),
            },
            TrailEnd::Missing => ENOENT,
            TrailEnd::Loop => ELOOP,
            TrailEnd::Closed(Errno(EAGAIN)) => continue,
            TrailEnd::Closed(Errno(errno)) => errno,
        };
        break;
    }
    Err(io::Error::from_raw_os_error(last))
}

struct Walk<'a> {
    mounts: &'a Mounts,
    uid: u32,
    /// A link of another user than root and pmtr's own has been followed.
    misled: bool,
    /// The points of mounts that can make pmtr wait and were reached before such a link.
    trusted: BTreeSet<Vec<u8>>,
    /// The object that was looked at last.
    held: Option<(Vec<u8>, File)>,
}

impl Walk<'_> {
    fn new(mounts: &Mounts) -> Walk<'_> {
        Walk { mounts, uid: effective_uid(), misled: false, trusted: BTreeSet::new(), held: None }
    }

    fn follow(&mut self, path: &[u8]) -> Trail {
        follow(path, |here| self.look(here).unwrap_or_else(|error| refused(&error)))
    }

    fn look(&mut self, here: &[u8]) -> io::Result<TrailStep> {
        // One descriptor at a time.
        self.held = None;
        if let Some(point) = self.mounts.remote(here) {
            if !self.misled {
                self.trusted.insert(point.to_vec());
            } else if !self.trusted.contains(point) {
                return Err(io::Error::from_raw_os_error(EREMOTE));
            }
        }
        let held = link::hold_exactly(as_path(here))?;
        let meta = held.metadata()?;
        if meta.is_symlink() {
            self.misled |= meta.uid() != 0 && meta.uid() != self.uid;
            return Ok(TrailStep::Link(link::target(&held)?));
        }
        self.held = Some((here.to_vec(), held));
        Ok(if meta.is_dir() {
            TrailStep::Dir
        } else if meta.is_file() {
            TrailStep::File
        } else {
            TrailStep::Other
        })
    }
}

/// Whether nothing is there: not the file, or no directory on the way to it.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn refused(error: &io::Error) -> TrailStep {
    match Errno::of(error) {
        _ if is_missing(error) => TrailStep::Missing,
        // A directory on the way was replaced by a link.
        Errno(ELOOP) => TrailStep::Closed(Errno(EAGAIN)),
        errno => TrailStep::Closed(errno),
    }
}

fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::Dir;
    use std::fs;
    use std::os::unix::fs::{lchown, symlink};

    /// Opens this name below the directory; `remote` is one of its directories that is said to be on a server.
    fn held(dir: &Dir, path: &str, remote: &str) -> Result<Vec<u8>, i32> {
        let root = dir.path().canonicalize().unwrap();
        let text = format!(
            "1 0 0:1 / / rw - ext4 none rw\n2 1 0:2 / {} rw - nfs none rw\n",
            root.join(remote).display()
        );
        match end(root.join(path).as_os_str().as_bytes(), &Mounts::parse(text.as_bytes())) {
            Ok(file) => {
                Ok(fs::read(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file))).unwrap())
            }
            Err(error) => Err(error.raw_os_error().unwrap()),
        }
    }

    fn filled() -> Dir {
        let dir = Dir::new();
        for name in ["remote", "other"] {
            fs::create_dir(dir.join(name)).unwrap();
            fs::write(dir.join(name).join("file"), name).unwrap();
            symlink("file", dir.join(name).join("link")).unwrap();
            symlink(format!("{name}/link"), dir.join(&format!("to-{name}"))).unwrap();
        }
        dir
    }

    #[test]
    fn root_and_our_own_user_may_lead_to_a_server() {
        let dir = filled();
        for path in ["remote/file", "remote/link", "to-remote"] {
            assert_eq!(held(&dir, path, "remote"), Ok(b"remote".to_vec()), "{path}");
        }
        assert_eq!(held(&dir, "none", "remote"), Err(ENOENT));
    }

    #[test]
    fn a_link_of_another_user_leads_to_no_server_that_was_not_reached_before() {
        if effective_uid() != 0 {
            return eprintln!("skipped: links of other users need root");
        }
        let dir = filled();
        for link in ["to-remote", "to-other", "remote/link", "other/link"] {
            lchown(dir.join(link), Some(4_242), Some(4_242)).unwrap();
        }
        assert_eq!(held(&dir, "to-remote", "remote"), Err(EREMOTE));
        assert_eq!(held(&dir, "to-other", "remote"), Ok(b"other".to_vec()));
        // He has a directory there himself.
        assert_eq!(held(&dir, "remote/link", "remote"), Ok(b"remote".to_vec()));
    }

    #[test]
    fn links_of_the_kernel_are_taken_for_their_text() {
        let dir = filled();
        let root = dir.path().canonicalize().unwrap();
        let file = File::open(root.join("remote/file")).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        symlink(format!("/proc/self/fd/{number}"), root.join("magic")).unwrap();
        assert_eq!(held(&dir, "magic", "none"), Ok(b"remote".to_vec()));
        fs::remove_file(root.join("remote/file")).unwrap();
        assert_eq!(held(&dir, "magic", "none"), Err(ENOENT));
    }
}

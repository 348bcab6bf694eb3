//! Walking to a file without following a link, so that pmtr acts with rights of its own only where nobody but root can
//! lead it elsewhere.

use super::at;
use crate::model::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

/// The kernel takes no longer path, with its NUL.
pub(super) const PATH_BYTES: usize = 4096;

/// A path or a name with its NUL, in memory that is not allocated.
pub(super) struct PathText {
    bytes: [u8; PATH_BYTES],
    length: usize,
}

impl PathText {
    /// These pieces, one after the other.
    pub(super) fn of(pieces: &[&[u8]]) -> Result<PathText, Errno> {
        let (mut text, mut length) = (PathText { bytes: [0; PATH_BYTES], length: 0 }, 0_usize);
        for piece in pieces {
            let end = length.saturating_add(piece.len());
            // One byte stays zero.
            let room = text.bytes.get_mut(length..end).filter(|_| end < PATH_BYTES);
            room.ok_or(Errno(libc::ENAMETOOLONG))?.copy_from_slice(piece);
            length = end;
        }
        text.length = length;
        Ok(text)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(super) fn text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }

    /// This path; a relative one is in `dir`.
    pub(super) fn in_dir(dir: &CStr, path: &CStr) -> Result<PathText, Errno> {
        match path.to_bytes() {
            absolute @ [b'/', ..] => PathText::of(&[absolute]),
            relative => PathText::of(&[dir.to_bytes(), b"/", relative]),
        }
    }
}

/// Whose changes on the way a walk accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trusting {
    /// Those of root.
    Root,
    /// Those of everybody.
    All,
}

/// Where a walk ended.
pub(super) enum Walked {
    /// In the directory with the last name of the path.
    At(OwnedFd),
    /// At a directory in which others than root can replace what is on the way.
    Foreign,
    /// At a symbolic link.
    Link,
}

/// Walks along an absolute path to the directory that holds its last name.
pub(super) fn walk(path: &[u8], trusting: Trusting) -> Result<Walked, Errno> {
    let mut dir = at::open(None, c"/", libc::O_PATH | libc::O_DIRECTORY)?;
    let mut names = names(path).peekable();
    loop {
        if trusting == Trusting::Root && !at::look(dir.as_fd())?.keeps_what_is_roots() {
            return Ok(Walked::Foreign);
        }
        let name = names.next().unwrap_or_default();
        if names.peek().is_none() {
            return Ok(Walked::At(dir));
        }
        match enter(&dir, PathText::of(&[name])?.text())? {
            Some(next) => dir = next,
            None => return Ok(Walked::Link),
        }
    }
}

/// The last name of a path: what `walk` leads to. Empty for the root directory.
pub(super) fn last_name(path: &[u8]) -> Result<PathText, Errno> {
    PathText::of(&[names(path).last().unwrap_or_default()])
}

fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".")
}

/// The first name of a path and what follows it.
fn first_name(mut path: &[u8]) -> Option<(&[u8], &[u8])> {
    while !path.is_empty() {
        let end = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
        let (name, rest) = path.split_at_checked(end)?;
        if !name.is_empty() && name != b"." {
            return Some((name, rest));
        }
        path = rest.get(1..).unwrap_or_default();
    }
    None
}

/// The kernel follows no more links on a path.
const MOST_LINKS: usize = 40;

/// Finds what an absolute path names, without opening it, along links that root has made and nobody else can have put
/// there. Any other link is refused.
pub(super) fn follow_root(path: &[u8]) -> Result<OwnedFd, Errno> {
    let root = || at::open(None, c"/", libc::O_PATH | libc::O_DIRECTORY);
    let (mut dir, mut left, mut links, mut is_way_of_root) = (root()?, PathText::of(&[path])?, 0, true);
    while let Some((name, rest)) = first_name(left.bytes()) {
        let there = at::look(dir.as_fd())?;
        is_way_of_root &= there.keeps_what_is_roots();
        let next =
            at::open(Some(dir.as_fd()), PathText::of(&[name])?.text(), libc::O_PATH | libc::O_NOFOLLOW)?;
        let found = at::look(next.as_fd())?;
        if !found.is_link() {
            (dir, left) = (next, PathText::of(&[rest])?);
            continue;
        }
        if !(is_way_of_root && there.is_filled_by_root() && found.is_of_root()) {
            return Err(Errno(libc::EACCES));
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno(libc::ELOOP));
        }
        let mut room = [0; PATH_BYTES];
        let length = at::read_link(next.as_fd(), &mut room)?;
        let target = room.get(..length).unwrap_or_default();
        if target.starts_with(b"/") {
            dir = root()?;
        }
        left = PathText::of(&[target, b"/", rest])?;
    }
    Ok(dir)
}

/// Opens a directory; none if there is a link in its place.
pub(super) fn enter(dir: &OwnedFd, name: &CStr) -> Result<Option<OwnedFd>, Errno> {
    let flags = libc::O_PATH | libc::O_NOFOLLOW;
    match at::open(Some(dir.as_fd()), name, flags | libc::O_DIRECTORY) {
        Ok(next) => Ok(Some(next)),
        Err(Errno(libc::ENOTDIR)) => {
            let there = at::open(Some(dir.as_fd()), name, flags)?;
            if at::look(there.as_fd())?.is_link() { Ok(None) } else { Err(Errno(libc::ENOTDIR)) }
        }
        Err(errno) => Err(errno),
    }
}

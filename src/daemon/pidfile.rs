//! The pid file: claimed by a lock that lives as long as pmtr, and never somebody else's file.
//!
//! The lock is the claim and the number only a note: a file without a holder is stale whatever it says, so
//! that no start fails because a number was given to another process. The lock belongs to the open file, so
//! it survives the fork into the background.
#![forbid(unsafe_code)]

use crate::model::{Clean, Errno};
use crate::sys::numbers;
use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A pid file is never longer: twice the longest number with its line end.
const LONGEST_BYTES: usize = 32;

/// How often the file may be exchanged under our hands before we give up.
const ATTEMPTS: u32 = 20;

/// A claimed pid file. Dropping it in one of two processes leaves the claim of the other as it is.
#[derive(Debug)]
pub struct PidFile {
    file: File,
    /// Absolute, so that it outlives a change of directory.
    path: PathBuf,
    /// Device and inode of `file`.
    identity: (u64, u64),
}

/// Why the pid file can't be ours.
#[derive(Debug, PartialEq, Eq)]
pub struct PidFileError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug, PartialEq, Eq)]
enum Why {
    Held(Option<u32>),
    Link,
    Directory,
    NoFile(&'static str),
    Owner(u32),
    Foreign,
    Restless,
    Failed(&'static str, Errno),
}

impl fmt::Display for PidFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid file {}: ", Clean(self.path.as_os_str().as_bytes()))?;
        match &self.why {
            Why::Held(Some(pid)) => write!(f, "held by a running pmtr [{pid}]"),
            Why::Held(None) => f.write_str("held by a running pmtr"),
            Why::Link => f.write_str("is a symbolic link, which is never followed"),
            Why::Directory => f.write_str("is a directory"),
            Why::NoFile(kind) => write!(f, "is a {kind} and no regular file"),
            Why::Owner(uid) => write!(f, "belongs to another user (uid {uid})"),
            Why::Foreign => f.write_str("holds something else than a process id, left as it is"),
            Why::Restless => f.write_str("is being replaced all the time"),
            Why::Failed(what, errno) => write!(f, "can't {what}: {errno}"),
        }
    }
}

impl std::error::Error for PidFileError {}

impl PidFile {
    /// Claims the file at `path` for a pmtr that runs as `uid`, without writing to it yet.
    /// What is there stays as it is unless it is an old pid file that nobody holds.
    pub fn claim(path: &Path, uid: u32) -> Result<PidFile, PidFileError> {
        let absolute = std::path::absolute(path);
        let name = absolute.as_deref().unwrap_or(path).to_owned();
        let claimed = absolute.map_err(|e| failed("find the current directory", &e));
        claimed.and_then(|path| claim(path, uid)).map_err(|why| PidFileError { path: name, why })
    }

    /// Writes `pid` as the file's only line. At no moment is the file empty, if it was not before.
    pub fn write(&self, pid: u32) -> Result<(), PidFileError> {
        let line = format!("{pid}\n");
        let written = self.file.write_all_at(line.as_bytes(), 0);
        written.and_then(|()| self.file.set_len(line.len() as u64)).map_err(|e| self.error("write", &e))
    }

    /// Removes the file and gives up the claim. When the path leads to another file by now, that one stays.
    pub fn remove(self) -> Result<(), PidFileError> {
        match fs::symlink_metadata(&self.path) {
            Ok(there) if identity(&there) == self.identity => {}
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(self.error("remove", &e)),
        }
        fs::remove_file(&self.path).map_err(|e| self.error("remove", &e))
    }

    fn error(&self, what: &'static str, error: &io::Error) -> PidFileError {
        PidFileError { path: self.path.clone(), why: failed(what, error) }
    }
}

fn claim(path: PathBuf, uid: u32) -> Result<PidFile, Why> {
    for _ in 0..ATTEMPTS {
        // Looked at before it is opened: opening alone can set something off in a device or a FIFO.
        match fs::symlink_metadata(&path) {
            Ok(there) => inspect(&there, uid)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(failed("look at it", &e)),
        }
        let file = open(&path)?;
        let opened = file.metadata().map_err(|e| failed("look at it", &e))?;
        inspect(&opened, uid)?;
        let content = content(&file)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Why::Held(content.and_then(|text| number(&text)))),
            Err(TryLockError::Error(e)) => return Err(failed("lock it", &e)),
        }
        if content.is_none() {
            return Err(Why::Foreign);
        }
        // A pmtr that was just ending may have removed the file between our opening and locking it.
        let there = fs::symlink_metadata(&path).ok().map(|there| identity(&there));
        if there == Some(identity(&opened)) {
            return Ok(PidFile { file, path, identity: identity(&opened) });
        }
    }
    Err(Why::Restless)
}

fn open(path: &Path) -> Result<File, Why> {
    let flags = numbers::O_NOFOLLOW | numbers::O_NONBLOCK | numbers::O_NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o644).custom_flags(flags);
    options.open(path).map_err(|e| match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => Why::Link,
        _ => failed("open it", &e),
    })
}

/// Whether this can be a pid file of ours as far as its kind and owner go.
fn inspect(there: &Metadata, uid: u32) -> Result<(), Why> {
    let kind = there.file_type();
    match () {
        () if kind.is_symlink() => Err(Why::Link),
        () if kind.is_dir() => Err(Why::Directory),
        () if kind.is_fifo() => Err(Why::NoFile("FIFO")),
        () if kind.is_socket() => Err(Why::NoFile("socket")),
        () if !kind.is_file() => Err(Why::NoFile("device")),
        // Written by somebody else, it would let that user choose what our starts and stops act on.
        () if there.uid() != uid => Err(Why::Owner(there.uid())),
        () => Ok(()),
    }
}

/// What the file says, or `None` when that can't be the content of a pid file: `-p` was meant for something
/// else, and the file is worth more than our number. After a power failure some file systems leave NUL bytes.
fn content(file: &File) -> Result<Option<Vec<u8>>, Why> {
    let mut buffer = [0; LONGEST_BYTES + 1];
    let length = loop {
        match file.read_at(&mut buffer, 0) {
            Ok(length) => break length,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(failed("read it", &e)),
        }
    };
    let text = buffer.get(..length).unwrap_or_default();
    let fits = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace() || *byte == 0;
    Ok((text.len() <= LONGEST_BYTES && text.iter().all(fits)).then(|| text.to_vec()))
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.lines().next()?.trim().parse().ok()
}

fn identity(there: &Metadata) -> (u64, u64) {
    (there.dev(), there.ino())
}

fn failed(what: &'static str, error: &io::Error) -> Why {
    Why::Failed(what, Errno::of(error))
}

#[cfg(test)]
mod tests;

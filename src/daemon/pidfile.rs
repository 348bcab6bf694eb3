//! The pid file: claimed by a lock that lives as long as pmtr, and never somebody else's file.
//!
//! The number is only a note: a file without a holder is stale whatever it says, so that no start fails because a
//! number was given to another process.
#![forbid(unsafe_code)]

use super::claim::{Claim, Rules, Why, failed};
use crate::model::Clean;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A pid file is never longer: twice the longest number with its line end.
const LONGEST_BYTES: usize = 32;

/// A claimed pid file.
#[derive(Debug)]
pub struct PidFile(Claim);

/// Why the pid file can't be ours.
#[derive(Debug, PartialEq, Eq)]
pub struct PidFileError {
    path: PathBuf,
    why: Why,
}

impl fmt::Display for PidFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid file {}: {}", Clean(self.path.as_os_str().as_bytes()), self.why)
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
        let written = self.0.file.write_all_at(line.as_bytes(), 0);
        let written = written.and_then(|()| self.0.file.set_len(line.len() as u64));
        written.map_err(|e| PidFileError { path: self.0.path.clone(), why: failed("write", &e) })
    }

    /// Removes the file and gives up the claim. When the path leads to another file by now, that one stays.
    pub fn remove(self) -> Result<(), PidFileError> {
        let path = self.0.path.clone();
        self.0.remove().map_err(|why| PidFileError { path, why })
    }
}

fn claim(path: PathBuf, uid: u32) -> Result<PidFile, Why> {
    let holder = |file: &File| number(&content(file).ok()??);
    let claim = Claim::take(path, Rules { uid, mode: 0o644, strict: false }, holder)?;
    match content(&claim.file)? {
        Some(_) => Ok(PidFile(claim)),
        None => Err(Why::Foreign),
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

#[cfg(test)]
mod tests;

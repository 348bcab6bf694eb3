//! The pid file: ours for as long as pmtr lives, and never somebody else's file.
//!
//! The number is only a note: a file without a holder is stale whatever it says, so that no start fails because a
//! number was given to another process. Everybody may read the note, so everybody can lock it. The claim is the lock
//! on a second file beside it, which only its owner can open.
#![forbid(unsafe_code)]

use super::claim::{self, Claim, Rules, Why, failed};
use crate::model::Clean;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A pid file is never longer: twice the longest number with its line end.
const LONGEST_BYTES: usize = 32;

/// The claim is on a file of this name beside the pid file.
const LOCK_SUFFIX: &str = ".lock";

/// A claimed pid file.
#[derive(Debug)]
pub struct PidFile {
    note: Claim,
    /// Guards the note.
    lock: Claim,
}

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
        let absolute = std::path::absolute(path).map_err(|e| PidFileError {
            path: path.to_owned(),
            why: failed("find the current directory", &e),
        })?;
        let mut beside = absolute.clone().into_os_string();
        beside.push(LOCK_SUFFIX);
        claim(absolute, beside.into(), uid)
    }

    /// Writes `pid` as the file's only line. At no moment is the file empty, if it was not before.
    pub fn write(&self, pid: u32) -> Result<(), PidFileError> {
        let line = format!("{pid}\n");
        for Claim { file, path, .. } in [&self.lock, &self.note] {
            let written = file.write_all_at(line.as_bytes(), 0);
            let written = written.and_then(|()| file.set_len(line.len() as u64));
            written.map_err(|e| PidFileError { path: path.clone(), why: failed("write", &e) })?;
        }
        Ok(())
    }

    /// Removes the file and gives up the claim. When the path leads to another file by now, that one stays.
    pub fn remove(self) -> Result<(), PidFileError> {
        // The claim last: as long as it is there, nobody touches the note.
        [self.note, self.lock].map(remove).into_iter().collect()
    }
}

fn claim(path: PathBuf, beside: PathBuf, uid: u32) -> Result<PidFile, PidFileError> {
    let because = |path: &Path| {
        let path = path.to_owned();
        move |why| PidFileError { path, why }
    };
    let rules = Rules { uid, mode: 0o644, strict: false };
    // No lock file is made for what can't be a pid file.
    claim::look(&path, rules).map_err(because(&path))?;
    let holder = |file: &File| number(&content(file).ok()??);
    let lock = Claim::take(beside.clone(), Rules::for_a_claim(uid), holder).map_err(|why| {
        let held = matches!(why, Why::Held(_));
        PidFileError { path: if held { path.clone() } else { beside.clone() }, why }
    })?;
    must_be_number(&lock).map_err(because(&beside))?;
    let note = Claim::guarded(path.clone(), rules).and_then(|note| must_be_number(&note).map(|()| note));
    match note {
        Ok(note) => Ok(PidFile { note, lock }),
        Err(why) => {
            // The first error counts. A lock file that is left behind is stale.
            let _ = lock.remove();
            Err(because(&path)(why))
        }
    }
}

fn remove(claim: Claim) -> Result<(), PidFileError> {
    let path = claim.path.clone();
    claim.remove().map_err(|why| PidFileError { path, why })
}

fn must_be_number(claim: &Claim) -> Result<(), Why> {
    content(&claim.file)?.map(drop).ok_or(Why::Foreign)
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

/// The number in the first line.
pub(super) fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.lines().next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;

//! The pid file: ours as long as pmtr runs, and never another user's file.
//!
//! The number is only a note: without a holder the file is stale whatever it says, so no start fails because a pid was
//! reused. Every user can read the note and therefore lock it, so the claim is a lock on a second file next to it that
//! only its owner can open.
#![forbid(unsafe_code)]

use super::claim::{self, Claim, Rules, Why, failed};
use crate::model::Clean;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The length limit of a pid file: twice the longest number with its newline.
const LONGEST_BYTES: usize = 32;

/// Appended to the path of the pid file, this is the path of the claimed file.
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
    /// Refuses everything but a missing file and an old pid file that nobody holds.
    pub fn claim(path: &Path, uid: u32) -> Result<PidFile, PidFileError> {
        let absolute = std::path::absolute(path).map_err(|e| PidFileError {
            path: path.to_owned(),
            why: failed("find the current directory", &e),
        })?;
        let mut beside = absolute.clone().into_os_string();
        beside.push(LOCK_SUFFIX);
        claim(absolute, beside.into(), uid)
    }

    /// Writes `pid` as the only line. A file with contents is never empty in between.
    pub fn write(&self, pid: u32) -> Result<(), PidFileError> {
        let line = format!("{pid}\n");
        for Claim { file, path, .. } in [&self.lock, &self.note] {
            let written = file.write_all_at(line.as_bytes(), 0);
            let written = written.and_then(|()| file.set_len(line.len() as u64));
            written.map_err(|e| PidFileError { path: path.clone(), why: failed("write", &e) })?;
        }
        Ok(())
    }

    /// Removes the file and gives up the claim. If the path leads to another file by now, that file stays.
    pub fn remove(self) -> Result<(), PidFileError> {
        // The claim is removed last: as long as it exists, nobody touches the note.
        [self.note, self.lock].map(remove).into_iter().collect()
    }
}

fn claim(path: PathBuf, beside: PathBuf, uid: u32) -> Result<PidFile, PidFileError> {
    let because = |path: &Path| {
        let path = path.to_owned();
        move |why| PidFileError { path, why }
    };
    let rules = Rules { uid, mode: 0o644, strict: false };
    // Checked first, so that no lock file is created next to what can't be a pid file.
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
            // The first error is the one to report. A lock file that is left is stale.
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

/// The contents, or `None` if they can't be those of a pid file: then `-p` names a wrong file, which must not be
/// overwritten. NUL bytes are accepted because some file systems leave them after a power failure.
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

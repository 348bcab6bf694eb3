//! Whether a command is in nobody's hands but root's and our own: then nobody else can hold up who runs it.
//!
//! The kernel runs a command by its path, and waits as long as the path, the file and the interpreter that it names
//! want: for the lease of its owner, for a file system that a user has made. A user who can change none of them
//! can't have that happen at any time, so it does not matter how much later the command runs.
#![forbid(unsafe_code)]

use super::mounts::Mounts;
use super::trail::{TrailEnd, TrailStep, follow};
use crate::model::{Errno, MonoTime};
use crate::sys::numbers::EACCES;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Where others can make us wait.
const CLOSED: TrailStep = TrailStep::Closed(Errno(EACCES));

/// How long a verdict holds: so much later it is noticed that root has handed something over to a user.
const HOLDS: Duration = Duration::from_secs(60);

/// So many verdicts are kept at most.
const MOST: usize = 4_096;

/// As many interpreters of interpreters as the kernel goes through.
const INTERPRETERS: usize = 5;

/// What the kernel reads of a file to find its interpreter.
const HEAD_BYTES: u64 = 256;

/// Others than the owner can write, in the mode of a file.
const OTHERS_WRITE: u32 = 0o022;
/// Nobody but its owner can take a name out of a directory.
const STICKY: u32 = 0o1000;

/// The verdicts of the last minute.
#[derive(Debug)]
pub(super) struct Trust {
    /// As whom we act.
    uid: u32,
    since: MonoTime,
    verdicts: BTreeMap<Box<[u8]>, bool>,
}

impl Trust {
    pub(super) fn new(uid: u32) -> Trust {
        Trust { uid, since: MonoTime::ZERO, verdicts: BTreeMap::new() }
    }

    /// Whether nobody but root and ourselves can change what running this command does.
    pub(super) fn has(&mut self, command: &[u8], mounts: &Mounts, now: MonoTime) -> bool {
        if now.since(self.since) > HOLDS || self.verdicts.len() >= MOST {
            self.verdicts.clear();
            self.since = now;
        }
        if let Some(verdict) = self.verdicts.get(command) {
            return *verdict;
        }
        let verdict = is_safe(command, mounts, self.uid);
        self.verdicts.insert(command.into(), verdict);
        verdict
    }
}

/// Whether the way to a command, the command, and whatever interprets it are in safe hands.
fn is_safe(command: &[u8], mounts: &Mounts, uid: u32) -> bool {
    let mut path = command.to_vec();
    for _ in 0..=INTERPRETERS {
        let Some(file) = safe_file(&path, mounts, uid) else { return false };
        match interpreter(&file) {
            Ok(None) => return true,
            Ok(Some(next)) => path = next,
            Err(_) => return false,
        }
    }
    false
}

/// The file at an absolute path, without links, if it and each step of the way are in safe hands.
///
/// Each step is looked at only when those before it are found to be safe: so nobody makes us wait here either.
fn safe_file(path: &[u8], mounts: &Mounts, uid: u32) -> Option<Vec<u8>> {
    let look = |at: &[u8]| {
        if !mounts.is_prompt(at) {
            return CLOSED;
        }
        let path = Path::new(OsStr::from_bytes(at));
        match path.symlink_metadata() {
            Ok(there) if is_ours(&there, uid) => step(path, &there),
            Ok(_) | Err(_) => CLOSED,
        }
    };
    if !path.starts_with(b"/") || look(b"/") != TrailStep::Dir {
        return None;
    }
    match follow(path, look).end {
        TrailEnd::Found(file, TrailStep::File) => Some(file),
        TrailEnd::Found(..) | TrailEnd::Missing | TrailEnd::Closed(_) | TrailEnd::Loop => None,
    }
}

/// Whether nobody but root and this user can change what is here, or put something else in its place.
fn is_ours(there: &Metadata, uid: u32) -> bool {
    let kept = there.is_symlink()
        || there.mode() & OTHERS_WRITE == 0
        // Names of others may come; what root or we have there stays.
        || there.is_dir() && there.mode() & STICKY != 0;
    kept && (there.uid() == 0 || there.uid() == uid)
}

fn step(path: &Path, there: &Metadata) -> TrailStep {
    if there.is_dir() {
        TrailStep::Dir
    } else if there.is_file() {
        TrailStep::File
    } else if there.is_symlink() {
        path.read_link().map_or(CLOSED, |target| TrailStep::Link(target.as_os_str().as_bytes().to_vec()))
    } else {
        CLOSED
    }
}

/// What runs a script.
fn interpreter(file: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    File::open(OsStr::from_bytes(file))?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(named_in(&head))
}

/// The first word behind `#!`, as the kernel sees it: only a space and a tab are blanks.
fn named_in(head: &[u8]) -> Option<Vec<u8>> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | 0));
    words.find(|word| !word.is_empty()).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests;

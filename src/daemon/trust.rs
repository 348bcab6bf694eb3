//! Whether only root and pmtr's own user can change a command: then nobody else can delay its execution.
//!
//! The kernel runs a command by its path, and waits as long as the path, the file and its interpreter require: for
//! the lease of an owner, or for a file system of a user. A user who can change none of them can never cause this, so
//! it does not matter how much later the command runs.
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

/// Where others can make pmtr wait.
const CLOSED: TrailStep = TrailStep::Closed(Errno(EACCES));

/// How long a verdict is reused: a change of owner by root is noticed this much later.
const HOLDS: Duration = Duration::from_secs(60);

/// How many verdicts are kept at most.
const MOST: usize = 4_096;

/// As many nested interpreters as the kernel follows.
const INTERPRETERS: usize = 5;

/// What the kernel reads of a file to find its interpreter.
const HEAD_BYTES: u64 = 256;

/// The bits of a mode with which others than the owner can write.
const OTHERS_WRITE: u32 = 0o022;
/// The bit of a mode with which only the owner of an entry can remove it.
const STICKY: u32 = 0o1000;

/// The verdicts of the last minute.
#[derive(Debug)]
pub(super) struct Trust {
    /// The user that pmtr runs as.
    uid: u32,
    since: MonoTime,
    verdicts: BTreeMap<Box<[u8]>, bool>,
}

impl Trust {
    pub(super) fn new(uid: u32) -> Trust {
        Trust { uid, since: MonoTime::ZERO, verdicts: BTreeMap::new() }
    }

    /// Whether only root and pmtr's user can change what running this command does.
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

/// Whether the path to a command, the command, and its interpreters are safe.
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

/// The file at an absolute path, without links, if it and each step of the path are safe.
///
/// Each step is looked at only after those before it were found safe: so nobody can make pmtr wait here either.
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

/// Whether only root and this user can change this object or replace it.
fn is_ours(there: &Metadata, uid: u32) -> bool {
    let kept = there.is_symlink()
        || there.mode() & OTHERS_WRITE == 0
        // Others may add names; what root or pmtr's user has there stays.
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

/// The interpreter of a script.
fn interpreter(file: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    File::open(OsStr::from_bytes(file))?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(named_in(&head))
}

/// The first word after `#!`, as the kernel reads it: only a space and a tab are white space.
fn named_in(head: &[u8]) -> Option<Vec<u8>> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | 0));
    words.find(|word| !word.is_empty()).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests;

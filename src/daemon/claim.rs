//! A file that one pmtr holds as long as it runs: claimed by a lock, and never another user's file.
//!
//! The lock is the claim; the contents are only a note, and a file without a lock is stale. The lock belongs to the
//! open file, so it survives the fork into the background. Anyone who can open a file can lock it, so only its owner
//! may open the file of a claim.
#![forbid(unsafe_code)]

use crate::model::Errno;
use crate::sys::{numbers, stat};
use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often the file may be replaced while we claim it.
const ATTEMPTS: u32 = 20;
/// How many times the lock is tried again: a pmtr that was just killed takes a moment to end.
const DYING: u32 = 50;
/// How many times if that pmtr has ended: a child that it had just created holds the lock until it closes its
/// descriptors.
const ORPHANS: u32 = 400;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A file of ours, claimed by its own lock or guarded by the claim on another file. If two processes have it open,
/// dropping it in one leaves the claim of the other alone.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) file: File,
    /// Absolute, so that it stays valid after a change of directory.
    pub(super) path: PathBuf,
    /// Device and inode of `file`.
    identity: (u64, u64),
}

/// What the file must be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The user that we run as.
    pub(super) uid: u32,
    /// The mode of a new file.
    pub(super) mode: u32,
    /// Whether an existing file must have exactly this mode and no further hard link.
    pub(super) strict: bool,
}

impl Rules {
    /// For a file that no other user can open, and so no other user can lock.
    pub(super) fn for_a_claim(uid: u32) -> Rules {
        Rules { uid, mode: 0o600, strict: true }
    }
}

/// Why the file can't be ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    Held(Option<u32>),
    Link,
    Directory,
    NoFile(&'static str),
    Owner(u32),
    Mode(u32),
    Names(u64),
    Foreign,
    Restless,
    Failed(&'static str, Errno),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Held(Some(pid)) => write!(f, "held by a running pmtr [{pid}]"),
            Why::Held(None) => f.write_str("held by a running pmtr"),
            Why::Link => f.write_str("is a symbolic link, which is never followed"),
            Why::Directory => f.write_str("is a directory"),
            Why::NoFile(kind) => write!(f, "is a {kind}, not a regular file"),
            Why::Owner(uid) => write!(f, "belongs to another user (uid {uid})"),
            Why::Mode(mode) => write!(f, "has mode {mode:04o}, which other users could have used"),
            Why::Names(names) => write!(f, "has {names} names"),
            Why::Foreign => f.write_str("does not contain a process id; left unchanged"),
            Why::Restless => f.write_str("keeps being replaced"),
            Why::Failed(what, errno) => write!(f, "can't {what}: {errno}"),
        }
    }
}

impl Claim {
    /// Claims the file at this absolute path without writing to it; creates it if it is missing.
    /// `holder` reads the pid of the holder from it.
    pub(super) fn take(
        mut path: PathBuf,
        rules: Rules,
        holder: impl Fn(&File) -> Option<u32>,
    ) -> Result<Claim, Why> {
        let (mut attempts, mut looks) = (ATTEMPTS, 0);
        while attempts > 0 {
            let claim = Claim::guarded(path, rules)?;
            match claim.file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let pid = holder(&claim.file);
                    if looks >= if pid.is_none_or(stat::runs) { DYING } else { ORPHANS } {
                        return Err(Why::Held(pid));
                    }
                    looks += 1;
                    std::thread::sleep(LOOK_EVERY);
                    Claim { path, .. } = claim;
                    continue;
                }
                Err(TryLockError::Error(e)) => return Err(failed("lock it", &e)),
            }
            // Between our open and our lock, a pmtr that was exiting may have removed the file, and one that was
            // starting may have created another.
            if claim.is_there() {
                return Ok(claim);
            }
            Claim { path, .. } = claim;
            attempts -= 1;
        }
        Err(Why::Restless)
    }

    /// Opens the file at this absolute path without a lock: another claim guards it. Creates it if it is missing.
    pub(super) fn guarded(path: PathBuf, rules: Rules) -> Result<Claim, Why> {
        // Checked before the open: opening a device or a FIFO can have side effects.
        look(&path, rules)?;
        let file = open(&path, rules)?;
        let opened = file.metadata().map_err(|e| failed("stat it", &e))?;
        inspect(&opened, rules)?;
        Ok(Claim { file, path, identity: identity(&opened) })
    }

    /// Locks a new file and renames it over the claimed one.
    pub(super) fn replace(&mut self, file: File, from: &Path) -> Result<(), Why> {
        let made = file.metadata().map_err(|e| failed("stat the new one", &e))?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => Why::Held(None),
            TryLockError::Error(e) => failed("lock the new one", &e),
        })?;
        fs::rename(from, &self.path).map_err(|e| failed("rename the new one", &e))?;
        (self.file, self.identity) = (file, identity(&made));
        Ok(())
    }

    /// Removes the file and gives up the claim. If the path leads to another file by now, that file stays.
    pub(super) fn remove(self) -> Result<(), Why> {
        match fs::symlink_metadata(&self.path) {
            Ok(there) if identity(&there) == self.identity => {}
            Ok(_) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(failed("remove", &e)),
        }
        fs::remove_file(&self.path).map_err(|e| failed("remove", &e))
    }

    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|there| identity(&there) == self.identity)
    }
}

pub(super) fn open(path: &Path, rules: Rules) -> Result<File, Why> {
    let flags = numbers::O_NOFOLLOW | numbers::O_NONBLOCK | numbers::O_NOCTTY;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(rules.mode).custom_flags(flags);
    options.open(path).map_err(|e| match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => Why::Link,
        _ => failed("open it", &e),
    })
}

/// Whether what is at the path, if anything, can be a file of ours.
pub(super) fn look(path: &Path, rules: Rules) -> Result<(), Why> {
    match fs::symlink_metadata(path) {
        Ok(there) => inspect(&there, rules),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(failed("stat it", &e)),
    }
}

/// Whether this can be a file of ours, going by its kind, owner and mode.
pub(super) fn inspect(there: &Metadata, rules: Rules) -> Result<(), Why> {
    let kind = there.file_type();
    let mode = there.mode() & 0o7777;
    match () {
        () if kind.is_symlink() => Err(Why::Link),
        () if kind.is_dir() => Err(Why::Directory),
        () if kind.is_fifo() => Err(Why::NoFile("FIFO")),
        () if kind.is_socket() => Err(Why::NoFile("socket")),
        () if !kind.is_file() => Err(Why::NoFile("device")),
        // Another user who can write it could choose what our starts and stops act on.
        () if there.uid() != rules.uid => Err(Why::Owner(there.uid())),
        () if rules.strict && mode != rules.mode => Err(Why::Mode(mode)),
        // A file that is being removed has 0.
        () if rules.strict && there.nlink() > 1 => Err(Why::Names(there.nlink())),
        () => Ok(()),
    }
}

fn identity(there: &Metadata) -> (u64, u64) {
    (there.dev(), there.ino())
}

pub(super) fn failed(what: &'static str, error: &io::Error) -> Why {
    Why::Failed(what, Errno::of(error))
}

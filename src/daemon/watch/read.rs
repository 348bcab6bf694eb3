//! Reads files without being delayed by them: only regular files are opened, and they are read in portions.

use crate::daemon::exposure::Rights;
use crate::daemon::mounts::Mounts;
use crate::daemon::regular::{self, Refusal};
use crate::daemon::way;
use crate::model::{Errno, Fingerprint, LoadError, Mistake, Severity};
use crate::sys::link::hold_exactly;
use crate::sys::numbers::ENOMEM;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The longest configuration file.
pub(in crate::daemon) const LARGEST: u64 = 10 << 20;
/// Of a longer file, only size, inode and modification time are compared.
pub(super) const HASHED_AT_MOST: u64 = 64 << 20;
/// Whether a program has the file open for writing.
pub type BeingWritten = fn(&File) -> Option<bool>;

/// Distinguishes two states of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::daemon) struct FileStamp {
    file: (u64, u64),
    pub(super) bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    rights: Rights,
}

impl FileStamp {
    pub(in crate::daemon) fn of(meta: &Metadata) -> FileStamp {
        FileStamp {
            file: (meta.dev(), meta.ino()),
            bytes: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
            rights: Rights::of(meta),
        }
    }

    /// Whether the file has been written since that state, or replaced.
    pub(super) fn is_saved_since(&self, before: Option<FileStamp>) -> bool {
        let written = |stamp: &FileStamp| (stamp.file, stamp.bytes, stamp.modified);
        before.is_none_or(|before| written(&before) != written(self))
    }

    /// Whether its content is too long to be read.
    pub(super) fn is_long(&self) -> bool {
        self.bytes > HASHED_AT_MOST
    }

    /// Replaces the fingerprint of a content that is too long. The mode and the number of links are not part of the
    /// content.
    pub(super) fn print(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        (self.file.1, self.modified).hash(&mut hasher);
        Fingerprint { bytes: self.bytes, hash: hasher.finish() }
    }

    /// The owner and the mode.
    pub(in crate::daemon) fn rights(self) -> Rights {
        self.rights
    }

    /// The state of what is at the end of a path, if anything is.
    pub(super) fn at(path: &[u8], mounts: &Mounts) -> Option<FileStamp> {
        let held = way::end(path, mounts).ok()?;
        held.metadata().ok().map(|meta| FileStamp::of(&meta))
    }
}

/// Opens a regular file.
pub(super) fn open(path: &[u8], mounts: &Mounts) -> Result<(File, Metadata), Refusal> {
    let held = way::end(path, mounts).map_err(Refusal::Failed)?;
    regular::open_held(&held, Path::new(OsStr::from_bytes(path)))
}

pub(super) fn refusal(error: &io::Error) -> LoadError {
    match way::is_missing(error) {
        true => LoadError::Missing,
        false => LoadError::Unreadable(Errno::of(error)),
    }
}

/// A file that was read whole.
#[derive(Debug)]
pub(in crate::daemon) struct FileText {
    /// None if the file is too large.
    pub(in crate::daemon) bytes: Option<Vec<u8>>,
    pub(in crate::daemon) stamp: FileStamp,
    /// A program has it open for writing.
    pub(in crate::daemon) written: bool,
}

impl FileText {
    /// The state of the file.
    pub(in crate::daemon) fn state(&self) -> Fingerprint {
        state_of(&self.stamp, self.bytes.as_deref().unwrap_or_default())
    }
}

/// Why a file could not be read whole.
#[derive(Debug)]
pub(in crate::daemon) enum TextError {
    /// It is something else, for example `a directory`.
    NotAFile(&'static str),
    Failed(io::Error),
    /// It changed while it was read; this is its state now.
    Torn(Fingerprint),
}

impl TextError {
    pub(super) fn as_load_error(&self) -> LoadError {
        match self {
            TextError::NotAFile(_) => LoadError::NotAFile,
            TextError::Failed(error) => refusal(error),
            TextError::Torn(state) => LoadError::Busy(*state),
        }
    }
}

/// Reads a regular file of at most this size. An error comes with the state of the file, if there is one.
pub(in crate::daemon) fn text(
    path: &[u8],
    mounts: &Mounts,
    largest: u64,
    is_written: impl FnOnce(&File) -> bool,
) -> Result<FileText, (TextError, Option<FileStamp>)> {
    // Before the open, so that a later change is seen as another state.
    let held = way::end(path, mounts).map_err(|error| (TextError::Failed(error), None))?;
    let found = held.metadata().ok().map(|meta| FileStamp::of(&meta));
    let opened = regular::open_held(&held, Path::new(OsStr::from_bytes(path)));
    let (mut file, meta) = opened.map_err(|refusal| match refusal {
        Refusal::Other(kind) => (TextError::NotAFile(kind), found),
        Refusal::Failed(error) => (TextError::Failed(error), found),
    })?;
    let stamp = FileStamp::of(&meta);
    drop(held);
    let fail = |error| (TextError::Failed(error), Some(stamp));
    let written = is_written(&file);
    if stamp.bytes > largest {
        return Ok(FileText { bytes: None, stamp, written });
    }
    let mut bytes = Vec::new();
    // Room for the size that the file reports; a file of /proc reports none.
    let room = usize::try_from(stamp.bytes).unwrap_or(0).saturating_add(1);
    bytes.try_reserve_exact(room).map_err(|_| fail(io::Error::from_raw_os_error(ENOMEM)))?;
    (&mut file).take(largest + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > largest {
        return Ok(FileText { bytes: None, stamp, written: false });
    }
    let after = file.metadata().map_err(fail)?;
    let after = FileStamp::of(&after);
    if after != stamp {
        return Err((TextError::Torn(state_of(&after, &bytes)), Some(stamp)));
    }
    Ok(FileText { bytes: Some(bytes), stamp, written })
}

/// The fingerprint of a text.
pub fn fingerprint(bytes: &[u8]) -> Fingerprint {
    print_of(bytes, DefaultHasher::new())
}

fn print_of(bytes: &[u8], mut hasher: DefaultHasher) -> Fingerprint {
    hasher.write(bytes);
    Fingerprint { bytes: bytes.len() as u64, hash: hasher.finish() }
}

/// Identifies a file in a state. Times alone would not do: writing through memory leaves them unchanged.
pub(super) fn state_of(stamp: &FileStamp, bytes: &[u8]) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    stamp.hash(&mut hasher);
    Fingerprint { bytes: stamp.bytes, ..print_of(bytes, hasher) }
}

pub(super) fn too_large(path: &[u8]) -> LoadError {
    let what = format!("the file is larger than {} MiB", LARGEST >> 20);
    LoadError::Mistakes(vec![Mistake::of_file(path, Severity::Error, what)])
}

/// Whether a file that has just been created is worth reading. A plain new file is not until it is closed; a link,
/// or a file that was complete when it got its name, is.
pub(super) fn born_whole(path: &[u8], being_written: BeingWritten) -> bool {
    let path = Path::new(OsStr::from_bytes(path));
    let Ok(held) = hold_exactly(path) else { return true };
    let Ok(meta) = held.metadata() else { return true };
    if !meta.is_file() || meta.nlink() > 1 {
        return true;
    }
    meta.size() > 0
        && !regular::open_held(&held, path).is_ok_and(|(file, _)| being_written(&file) == Some(true))
}

/// A file whose fingerprint is being taken, a portion at a time.
#[derive(Debug)]
pub(super) struct Hashing {
    file: File,
    stamp: FileStamp,
    hasher: DefaultHasher,
    bytes: u64,
}

/// The progress of a fingerprint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Done(Fingerprint, FileStamp),
    /// It changed meanwhile; this was read, but of no single state.
    Torn(Fingerprint, FileStamp),
    /// It is longer than it reported.
    Long(FileStamp),
    Failed,
}

impl Hashing {
    pub(super) fn new(file: File, stamp: FileStamp) -> Hashing {
        Hashing { file, stamp, hasher: DefaultHasher::new(), bytes: 0 }
    }

    /// Continues to read for at most `budget` bytes, which is lowered by what was read.
    pub(super) fn go_on(&mut self, budget: &mut usize) -> Progress {
        let mut buffer = [0; 16 << 10];
        while *budget > 0 {
            let read = match self.file.read(&mut buffer) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Progress::Failed,
            };
            self.hasher.write(buffer.get(..read).unwrap_or_default());
            self.bytes += read as u64;
            *budget = budget.saturating_sub(read.max(1));
            let print = Fingerprint { bytes: self.bytes, hash: self.hasher.finish() };
            // A file that grows faster than it is read has no end, and one of /proc does not report its size.
            let outgrown =
                self.bytes > self.stamp.bytes && self.stamp.bytes > 0 || self.bytes > HASHED_AT_MOST;
            if read == 0 || outgrown {
                let after = self.file.metadata().map(|meta| FileStamp::of(&meta));
                return match after {
                    Ok(stamp) if self.bytes > HASHED_AT_MOST => Progress::Long(stamp),
                    Ok(stamp) if stamp == self.stamp && !outgrown => Progress::Done(print, stamp),
                    Ok(stamp) => Progress::Torn(print, stamp),
                    Err(_) => Progress::Failed,
                };
            }
        }
        Progress::More
    }
}

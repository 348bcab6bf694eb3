//! Reads files without being delayed by them: only regular files are opened, and they are read in portions.

use super::Content;
use crate::daemon::exposure::Rights;
use crate::daemon::mounts::Mounts;
use crate::daemon::regular::{self, Refusal};
use crate::daemon::way;
use crate::model::{Errno, Fingerprint, LoadError, Mistake, Severity};
use crate::supervisor::Reading;
use crate::sys::link::hold_exactly;
use crate::sys::numbers::ENOMEM;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The longest configuration.
const LARGEST: u64 = 10 << 20;
/// Of a longer file, only size, inode and modification time are compared.
pub(super) const HASHED_AT_MOST: u64 = 64 << 20;
/// How often a file that changes while it is read is read again at once, if it must be read.
const TRIES: usize = 3;
/// Whether a program has the file open for writing.
pub type BeingWritten = fn(&File) -> Option<bool>;

/// Distinguishes two states of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileStamp {
    file: (u64, u64),
    pub(super) bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    rights: Rights,
}

impl FileStamp {
    pub(super) fn of(meta: &Metadata) -> FileStamp {
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
    pub(super) fn rights(self) -> Rights {
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

fn open_config(held: &File, path: &[u8]) -> Result<(File, FileStamp), LoadError> {
    match regular::open_held(held, Path::new(OsStr::from_bytes(path))) {
        Ok((file, meta)) => Ok((file, FileStamp::of(&meta))),
        Err(Refusal::Other(_)) => Err(LoadError::NotAFile),
        Err(Refusal::Failed(error)) => Err(refusal(&error)),
    }
}

pub(super) fn refusal(error: &io::Error) -> LoadError {
    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
        return LoadError::Missing;
    }
    LoadError::Unreadable(Errno::of(error))
}

/// Reads the configuration, and returns its state too if there was a file. `unclosed` means that inotify has
/// reported a write and no close since; it replaces a lease where pmtr can't have one.
pub(super) fn config(
    path: &[u8],
    mounts: &Mounts,
    reading: Reading,
    being_written: BeingWritten,
    unclosed: bool,
) -> (Result<Content, LoadError>, Option<FileStamp>) {
    let mut tries = 1..TRIES;
    loop {
        let (answer, stamp) = match whole(path, mounts, reading, (being_written, unclosed)) {
            Ok((content, stamp)) => (Ok(content), Some(stamp)),
            Err((error, stamp)) => (Err(error), stamp),
        };
        let torn = matches!((&answer, reading), (Err(LoadError::Busy(_)), Reading::Always));
        if !torn || tries.next().is_none() {
            return (answer, stamp);
        }
    }
}

fn whole(
    path: &[u8],
    mounts: &Mounts,
    reading: Reading,
    (being_written, unclosed): (BeingWritten, bool),
) -> Result<(Content, FileStamp), (LoadError, Option<FileStamp>)> {
    // Before the open, so that a later change is seen as another state.
    let held = way::end(path, mounts).map_err(|error| (refusal(&error), None))?;
    let found = held.metadata().ok().map(|meta| FileStamp::of(&meta));
    let (mut file, stamp) = open_config(&held, path).map_err(|error| (error, found))?;
    drop(held);
    let fail = |error| (error, Some(stamp));
    let written = reading != Reading::Always && being_written(&file).unwrap_or(unclosed);
    // Whether the writer has left the file unchanged for long enough.
    let rests = |state| matches!(reading, Reading::IfUnwritten(_, wanted) if wanted == state);
    if stamp.bytes > LARGEST {
        let state = state_of(&stamp, &[]);
        return Err(fail(if written && !rests(state) { LoadError::Busy(state) } else { too_large(path) }));
    }
    let mut bytes = Vec::new();
    // Room for the size that the file reports; a file of /proc reports none.
    let room = usize::try_from(stamp.bytes).unwrap_or(0).saturating_add(1);
    bytes.try_reserve_exact(room).map_err(|_| fail(LoadError::Unreadable(Errno(ENOMEM))))?;
    let read = (&mut file).take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| fail(LoadError::Unreadable(Errno::of(&error))))?;
    if bytes.len() as u64 > LARGEST {
        return Err(fail(too_large(path)));
    }
    let after = file.metadata().map_err(|error| fail(LoadError::Unreadable(Errno::of(&error))))?;
    let after = FileStamp::of(&after);
    if after != stamp {
        return Err(fail(LoadError::Busy(state_of(&after, &bytes))));
    }
    let print = fingerprint(&bytes);
    // In that case no writer can have left anything half done, and inotify reports what it does next.
    if matches!(reading, Reading::IfChanged(than) | Reading::IfUnwritten(than, _) if than == Some(print)) {
        return Ok((Content::Same, stamp));
    }
    if written {
        let state = state_of(&stamp, &bytes);
        if !rests(state) {
            return Err(fail(LoadError::Busy(state)));
        }
    }
    Ok((Content::New(print, bytes), stamp))
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

fn too_large(path: &[u8]) -> LoadError {
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

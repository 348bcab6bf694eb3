//! A file that is replaced as a whole: a reader sees the old content or the new content, never a part.

use crate::model::{Clean, Errno};
use crate::sys::{link, numbers, process};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The most symbolic links to follow: the kernel's own limit.
const LINKS: usize = 40;
/// How many names are tried besides the usual one. The first is almost always free.
const OTHER_NAMES: usize = 16;

/// Why a file can't be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileError {
    path: PathBuf,
    why: FileErrorKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum FileErrorKind {
    /// The name belongs to something other than a file, which must not be replaced.
    NotAFile,
    /// The path leads over this link, which any user may have created.
    StrangersLink(PathBuf),
    /// The directory that contains it can't be used.
    Directory(PathBuf, Errno),
    /// The error as the kernel reports it.
    Failed(Errno),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't write {}: ", Clean(self.path.as_os_str().as_bytes()))?;
        match &self.why {
            FileErrorKind::NotAFile => f.write_str("not a regular file"),
            FileErrorKind::StrangersLink(link) => {
                let link = Clean(link.as_os_str().as_bytes());
                write!(f, "{link} is a symbolic link of another user in a world-writable directory")
            }
            FileErrorKind::Directory(directory, errno) => {
                write!(f, "directory {}: {errno}", Clean(directory.as_os_str().as_bytes()))
            }
            FileErrorKind::Failed(errno) => errno.fmt(f),
        }
    }
}

/// A file as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TargetFile(PathBuf);

impl TargetFile {
    /// A file that can be written, as far as this can be known in advance.
    pub(super) fn new(path: &Path) -> Result<TargetFile, FileError> {
        let target = TargetFile(path.to_owned());
        // Only creating it shows whether it can be created.
        Draft::new(&target).map(drop)?;
        Ok(target)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Whether both lead to the same file.
    pub(super) fn is_same(&self, other: &TargetFile) -> bool {
        let whole = |target: &TargetFile| {
            let place = target.place().ok()?;
            Some((fs::canonicalize(directory_of(&place)).ok()?, place.file_name()?.to_owned()))
        };
        whole(self).is_some_and(|this| whole(other) == Some(this))
    }

    fn because(&self, why: FileErrorKind) -> FileError {
        FileError { path: self.0.clone(), why }
    }

    fn failed(&self, error: &io::Error) -> FileError {
        self.because(FileErrorKind::Failed(Errno::of(error)))
    }

    fn refused(&self, directory: &Path, error: &io::Error) -> FileError {
        self.because(FileErrorKind::Directory(directory.to_owned(), Errno::of(error)))
    }

    /// The path of the file itself: a symbolic link stays, and its target is replaced.
    /// Looked up each time, because a link may change while pmtr-rptserver runs.
    ///
    /// The kernel follows none of these links, so its own protection does not help: without this check, a user who may
    /// create a link in a directory could make pmtr-rptserver replace any file that it may write.
    fn place(&self) -> Result<PathBuf, FileError> {
        let mut place = self.0.clone();
        for _ in 0..LINKS {
            // The path ends at what is not a link or does not exist; the first write reports any other problem.
            // If it becomes a link later, the link is replaced like a file: rename follows none.
            if !fs::symlink_metadata(&place).is_ok_and(|there| there.is_symlink()) {
                return Ok(place);
            }
            let next = link::read(&place).map_err(|error| self.failed(&error))?;
            let directory = directory_of(&place);
            if is_strangers(next.owner, &directory).map_err(|error| self.refused(&directory, &error))? {
                return Err(self.because(FileErrorKind::StrangersLink(place)));
            }
            place = directory.join(next.target);
        }
        Err(self.because(FileErrorKind::Failed(Errno(numbers::ELOOP))))
    }
}

/// Whether this user may have created something in the directory without the consent of the directory's owner.
fn is_strangers(owner: u32, directory: &Path) -> io::Result<bool> {
    let known = owner == 0 || owner == process::effective_uid();
    Ok(!known && fs::metadata(directory)?.permissions().mode() & 0o002 != 0)
}

/// The directory that contains a file.
fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    }
}

/// The next content of a file, written under another name. Dropping it removes it.
pub(super) struct Draft {
    target: TargetFile,
    place: PathBuf,
    temporary: PathBuf,
    file: File,
}

impl Draft {
    /// An empty draft, next to the file that it will replace.
    pub(super) fn new(target: &TargetFile) -> Result<Draft, FileError> {
        let place = target.place()?;
        match fs::symlink_metadata(&place) {
            // A file must not replace a device or a pipe.
            Ok(there) if !there.is_file() => return Err(target.because(FileErrorKind::NotAFile)),
            Ok(_) | Err(_) => {}
        }
        let Some(name) = place.file_name() else { return Err(target.because(FileErrorKind::NotAFile)) };
        let directory = directory_of(&place);
        let (temporary, file) =
            create(&directory, name).map_err(|error| target.refused(&directory, &error))?;
        Ok(Draft { target: target.clone(), place, temporary, file })
    }

    /// Appends as much as the kernel takes at once, and returns how much that was.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize, FileError> {
        loop {
            match self.file.write(bytes) {
                Ok(0) => return Err(self.target.failed(&ErrorKind::WriteZero.into())),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                written => return written.map_err(|error| self.target.failed(&error)),
            }
        }
    }

    /// Replaces the file with the draft, without fsync: what a crash of the machine might lose is out of date by the
    /// time the machine is back, and is written again within seconds of the start.
    pub(super) fn publish(self) -> Result<(), FileError> {
        // Everybody may read these files, whatever the caller's umask. On a file system without such modes, any file is
        // better than none.
        let _ = self.file.set_permissions(Permissions::from_mode(0o644));
        fs::rename(&self.temporary, &self.place).map_err(|error| self.target.failed(&error))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing under this name.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Creates a file under a name that is free.
///
/// The usual name is the same in every run, so that the next run removes what a killed one left, and there is never
/// more than one such file. But the name is predictable, and in a directory with the sticky bit another user who
/// creates it first can keep it forever. Then unpredictable names are used.
fn create(directory: &Path, name: &OsStr) -> io::Result<(PathBuf, File)> {
    let mut temporary = beside(directory, name, ".tmp");
    let mut made = make(&temporary);
    if is_taken(&made) {
        // If this fails, there are other names.
        let _ = take_away(&temporary, directory);
        made = make(&temporary);
    }
    for _ in 0..OTHER_NAMES {
        if !is_taken(&made) {
            break;
        }
        // The keys of a hasher come from the kernel's random numbers.
        let number = RandomState::new().build_hasher().finish() >> 32;
        temporary = beside(directory, name, &format!(".{number:08x}.tmp"));
        made = make(&temporary);
    }
    made.map(|file| (temporary, file))
}

fn beside(directory: &Path, name: &OsStr, end: &str) -> PathBuf {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(end);
    directory.join(hidden)
}

/// O_EXCL follows no symbolic link, wherever it leads. No other user can read the file before it is complete.
fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn is_taken(made: &io::Result<File>) -> bool {
    made.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists)
}

/// Removes what an earlier run left, but nothing that may belong to another user.
fn take_away(path: &Path, directory: &Path) -> io::Result<()> {
    let owner = fs::symlink_metadata(path)?.uid();
    if is_strangers(owner, directory)? { Ok(()) } else { fs::remove_file(path) }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

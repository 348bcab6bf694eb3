//! Finds and reads the files that a configuration includes, for the daemon and for `--check`.
//!
//! Only directories and regular files are opened, and none of it waits for another process. Everything is limited:
//! whoever may put files into a directory of a pattern can cost pmtr only so much.
#![forbid(unsafe_code)]

use super::mounts::Mounts;
use super::regular;
use super::watch::read::{self, FileStamp, LARGEST, TextError};
use super::way::{self, is_missing};
use crate::config::Environment;
use crate::config::pattern::{NamePattern, Pattern};
use crate::model::{Clean, Errno, Fingerprint};
use crate::supervisor::IncludedText;
use crate::sys::numbers::ENOENT;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How many files are included at most.
const FILES: usize = 1024;
/// How many directories are listed for all patterns.
const DIRECTORIES: usize = 256;
/// How many names these directories have at most.
const NAMES: usize = 1 << 16;
/// How long all texts are at most, with that of the main file.
const BYTES: u64 = 64 << 20;
/// The longest pattern.
const PATTERN_BYTES: usize = 4096;

/// What a configuration depends on besides its main file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// A file that is included if it exists.
    File(Rc<[u8]>),
    /// A directory, for the names in it that match.
    Directory(Rc<[u8]>, NamePattern),
}

/// Who wants to know what is read.
pub(super) trait Reader {
    fn mounts(&self) -> &Mounts;
    /// This is read next.
    fn begin(&mut self, part: &Part);
    /// It was found in this state, or could not be read for this reason.
    fn end(&mut self, part: &Part, stamp: Option<FileStamp>, error: Option<Errno>);
    /// Whether this file may not be read because somebody is writing to it.
    fn is_written(&self, file: &File, path: &[u8]) -> bool;
}

/// Why there is no text to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The pattern is wrong, or what it leads to.
    Mistake(String),
    /// It may be readable later.
    Unreadable(Rc<[u8]>, Errno),
    /// A file changed while it was read; this is its state.
    Torn(Fingerprint),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Mistake(what) => f.write_str(what),
            Refused::Unreadable(path, errno) => write!(f, "can't read {}: {errno}", Clean(path)),
            Refused::Torn(_) => f.write_str("an included file is being written"),
        }
    }
}

/// What one pattern leads to.
#[derive(Debug)]
pub(super) struct Inclusion {
    pub(super) files: Result<Vec<IncludedText>, Refused>,
    /// The states of those files that are being written.
    pub(super) written: Vec<Fingerprint>,
}

/// What is left of the limits.
struct Budget {
    files: usize,
    directories: usize,
    names: usize,
    bytes: u64,
}

/// Reads what these patterns of the file at `path` lead to. A pattern without files is fine, a path without a file is
/// a mistake. `length` is that of the text in which the patterns are.
pub(super) fn read_all(
    path: &[u8],
    length: usize,
    patterns: &[Vec<u8>],
    reader: &mut dyn Reader,
) -> Vec<Inclusion> {
    let bytes = BYTES.saturating_sub(length as u64);
    let mut budget = Budget { files: FILES, directories: DIRECTORIES, names: NAMES, bytes };
    patterns.iter().map(|pattern| budget.read(dir_of(path), pattern, reader)).collect()
}

/// The directory of a file, empty for the current one. A stream has none: what it says is relative to the current one.
fn dir_of(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|b| *b == b'/') {
        Some(0) => b"/",
        Some(at) => path.get(..at).unwrap_or_default(),
        None => b"",
    }
}

impl Budget {
    fn read(&mut self, dir: &[u8], text: &[u8], reader: &mut dyn Reader) -> Inclusion {
        let mut written = Vec::new();
        let files = self.texts(dir, text, reader, &mut written);
        Inclusion { files, written }
    }

    fn texts(
        &mut self,
        dir: &[u8],
        text: &[u8],
        reader: &mut dyn Reader,
        written: &mut Vec<Fingerprint>,
    ) -> Result<Vec<IncludedText>, Refused> {
        if text.len() > PATTERN_BYTES {
            return Err(Refused::Mistake(format!("a path has at most {PATTERN_BYTES} bytes")));
        }
        let pattern = Pattern::new(text);
        let paths = pattern.expand(dir, |dir, name| self.list(dir, name, reader))?;
        let said: Rc<[u8]> = text.into();
        let mut texts = Vec::new();
        for path in paths {
            let Some(bytes) = self.text(path.as_slice().into(), &pattern, reader, written)? else { continue };
            texts.push(IncludedText { pattern: said.clone(), path: path.into(), text: Rc::new(bytes) });
        }
        Ok(texts)
    }

    /// The text of a file; None if there is none to include.
    fn text(
        &mut self,
        path: Rc<[u8]>,
        pattern: &Pattern,
        reader: &mut dyn Reader,
        written: &mut Vec<Fingerprint>,
    ) -> Result<Option<Vec<u8>>, Refused> {
        take(&mut self.files, 1)
            .ok_or_else(|| Refused::Mistake(format!("more than {FILES} included files")))?;
        let part = Part::File(path.clone());
        reader.begin(&part);
        let is_written = |file: &File| reader.is_written(file, &path);
        let found = read::text(&absolute(&path), reader.mounts(), LARGEST.min(self.bytes), is_written);
        let shown = Clean(&path);
        let (error, stamp) = match found {
            Ok(found) => {
                reader.end(&part, Some(found.stamp), None);
                let state = found.state();
                let Some(bytes) = found.bytes else {
                    let (what, most) = match self.bytes < LARGEST {
                        true => ("the files of the configuration are", BYTES),
                        false => ("the file is", LARGEST),
                    };
                    return Err(Refused::Mistake(format!("{shown}: {what} larger than {} MiB", most >> 20)));
                };
                written.extend(found.written.then_some(state));
                self.bytes = self.bytes.saturating_sub(bytes.len() as u64);
                return Ok(Some(bytes));
            }
            Err(failed) => failed,
        };
        let errno = match &error {
            TextError::Failed(error) => Some(Errno::of(error)),
            TextError::NotAFile(_) | TextError::Torn(_) => None,
        };
        reader.end(&part, stamp, errno);
        match error {
            TextError::NotAFile("a directory") if !pattern.is_plain() => Ok(None),
            TextError::NotAFile(kind) => {
                Err(Refused::Mistake(format!("{shown} is {kind}, not a regular file")))
            }
            TextError::Failed(error) if is_missing(&error) && !pattern.is_plain() => Ok(None),
            TextError::Failed(error) if is_missing(&error) => {
                Err(Refused::Mistake(format!("can't read {shown}: {}", Errno(ENOENT))))
            }
            TextError::Failed(error) => Err(Refused::Unreadable(path.clone(), Errno::of(&error))),
            TextError::Torn(state) => Err(Refused::Torn(state)),
        }
    }

    /// The names in a directory that match, in order. None are in a directory that is missing.
    fn list(
        &mut self,
        dir: &[u8],
        name: &NamePattern,
        reader: &mut dyn Reader,
    ) -> Result<Vec<Vec<u8>>, Refused> {
        take(&mut self.directories, 1).ok_or_else(|| {
            Refused::Mistake(format!("the patterns lead to more than {DIRECTORIES} directories"))
        })?;
        let part = Part::Directory(dir.into(), name.clone());
        reader.begin(&part);
        let mut stamp = None;
        let listed = self.names(&absolute(dir), name, reader.mounts(), &mut stamp);
        let error = listed.as_ref().err().map(Errno::of);
        reader.end(&part, stamp, error.filter(|errno| *errno != Errno(ENOENT)));
        match listed {
            Ok(Some(mut names)) => {
                names.sort_unstable();
                Ok(names)
            }
            Ok(None) => {
                let shown = Clean(dir);
                Err(Refused::Mistake(format!("{shown}: the directories have more than {NAMES} names")))
            }
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(Refused::Unreadable(dir.into(), Errno::of(&error))),
        }
    }

    /// None if there are too many.
    fn names(
        &mut self,
        dir: &[u8],
        pattern: &NamePattern,
        mounts: &Mounts,
        stamp: &mut Option<FileStamp>,
    ) -> io::Result<Option<Vec<Vec<u8>>>> {
        let held = way::end(dir, mounts)?;
        let there = held.metadata()?;
        *stamp = Some(FileStamp::of(&there));
        if !there.is_dir() {
            return Ok(Some(Vec::new()));
        }
        let mut listing = regular::list_held(&held, &there, Path::new(OsStr::from_bytes(dir)))?;
        drop(held);
        let mut names = Vec::new();
        while let Some(name) = listing.next_name()? {
            if take(&mut self.names, 1).is_none() {
                return Ok(None);
            }
            if pattern.matches(name) {
                names.push(name.to_vec());
            }
        }
        Ok(Some(names))
    }
}

/// Takes so much of what is left, if there is so much.
fn take(left: &mut usize, much: usize) -> Option<()> {
    *left = left.checked_sub(much)?;
    Some(())
}

/// The environment of pmtr, at which a configuration can look.
pub(super) fn environment() -> Rc<Environment> {
    let variables = std::env::vars_os();
    Rc::new(variables.map(|(name, value)| (name.into_vec(), value.into_vec())).collect())
}

/// The path from the root.
pub(super) fn absolute(path: &[u8]) -> Vec<u8> {
    let path = Path::new(OsStr::from_bytes(path));
    let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(here).unwrap_or_else(|_| PathBuf::from(here)).into_os_string().as_bytes().to_vec()
}

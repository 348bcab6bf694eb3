//! Reads the configuration: its main file and what that includes, as one.

use super::parts::WatchingReader;
use super::read::{self, FileStamp, LARGEST, fingerprint};
use super::table::CONFIG;
use super::{Watch, not_permitted};
use crate::config::{self, Included, SourceFile, Sources};
use crate::daemon::exposure;
use crate::daemon::include::{Inclusion, Part, Refused, read_all};
use crate::model::{Fingerprint, LoadError, Losses, Mistake};
use crate::supervisor::{IncludedText, Reading, compare};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// How often a file that changes while it is read is read again at once, if it must be read.
const TRIES: usize = 3;

/// The content of the configuration.
#[derive(Debug)]
pub enum Content {
    /// The content that was asked about.
    Same,
    /// Another content.
    New(Fingerprint, Texts),
}

/// The texts of a configuration.
#[derive(Debug)]
pub struct Texts {
    /// All files.
    pub sources: Sources,
    /// How long they are together.
    pub bytes: usize,
    /// What has become of included files.
    pub losses: Losses,
}

impl Watch {
    /// Reads the configuration, after watching its paths as they are now.
    pub fn load(&mut self, reading: Reading) -> Result<Content, LoadError> {
        self.read_mounts();
        self.arm(CONFIG);
        let mut tries = 1..TRIES;
        loop {
            let answer = self.load_once(reading);
            let torn = matches!((&answer, reading), (Err(LoadError::Busy(_)), Reading::Always));
            if !torn || tries.next().is_none() {
                return answer;
            }
        }
    }

    fn load_once(&mut self, reading: Reading) -> Result<Content, LoadError> {
        let path = self.config();
        let is_written = |file: &File| reading != Reading::Always && self.is_written(file, &path);
        let main = match read::text(&path, &self.mounts, LARGEST, is_written) {
            Ok(main) => main,
            Err((error, stamp)) => {
                let error = error.as_load_error();
                // What was not read is asked for again by the core.
                if !matches!(error, LoadError::Busy(_)) {
                    self.note(stamp, Some(&error));
                }
                return Err(error);
            }
        };
        // Whether the writers have left the files unchanged for long enough.
        let rests = |state| matches!(reading, Reading::IfUnwritten(_, wanted) if wanted == state);
        let (state, stamp) = (main.state(), main.stamp);
        let mut written: Vec<Fingerprint> = main.written.then_some(state).into_iter().collect();
        let Some(bytes) = main.bytes else {
            if main.written && !rests(state) {
                return Err(LoadError::Busy(state));
            }
            self.note(Some(stamp), None);
            return Err(read::too_large(&path));
        };
        let patterns = config::includes(&bytes);
        let mut inclusions = self.read_included(&path, bytes.len(), &patterns, reading)?;
        let print = print_of(&bytes, &inclusions);
        // In that case no writer can have left anything half done, and inotify reports what it does next.
        if matches!(reading, Reading::IfChanged(than) | Reading::IfUnwritten(than, _) if than == Some(print))
        {
            self.note(Some(stamp), None);
            return Ok(Content::Same);
        }
        inclusions.iter_mut().for_each(|inclusion| written.append(&mut inclusion.written));
        if let Some(state) = state_of_all(&written)
            && !rests(state)
        {
            return Err(LoadError::Busy(state));
        }
        self.note(Some(stamp), None);
        Ok(Content::New(print, self.texts(bytes, print, &patterns, inclusions, reading)))
    }

    /// Reads what these patterns lead to.
    fn read_included(
        &mut self,
        path: &[u8],
        length: usize,
        patterns: &[Vec<u8>],
        reading: Reading,
    ) -> Result<Vec<Inclusion>, LoadError> {
        let mut reader = WatchingReader::new(self, reading);
        let inclusions = read_all(path, length, patterns, &mut reader);
        for inclusion in &inclusions {
            match &inclusion.files {
                Ok(_) | Err(Refused::Mistake(_)) => {}
                Err(Refused::Unreadable(part, errno)) => {
                    return Err(LoadError::PartUnreadable(part.clone(), *errno));
                }
                Err(Refused::Torn(state)) => return Err(LoadError::Busy(*state)),
            }
        }
        reader.finish();
        Ok(inclusions)
    }

    /// The texts of files that were read to the end. Remembers those that are included, until they are in force.
    fn texts(
        &mut self,
        main: Vec<u8>,
        print: Fingerprint,
        patterns: &[Vec<u8>],
        inclusions: Vec<Inclusion>,
        reading: Reading,
    ) -> Texts {
        let (mut all, mut included) = (Vec::new(), Vec::new());
        let mut losses = Losses::default();
        for inclusion in inclusions {
            let files = inclusion.files.map(|files| {
                let first = all.len();
                all.extend(files);
                first..all.len()
            });
            included.push(files);
        }
        if !self.parts.in_force.is_empty() {
            losses = compare(patterns, &mut all, &self.parts.in_force, reading);
        }
        let source = |text: &IncludedText| SourceFile::new(text.path.clone(), text.text.clone());
        let included = included.into_iter().map(|files| match files {
            Ok(range) => {
                Included { files: Ok(all.get(range).unwrap_or_default().iter().map(source).collect()) }
            }
            Err(refused) => Included { files: Err(refused.to_string()) },
        });
        let included = included.collect();
        let bytes = all.iter().fold(main.len(), |bytes, file| bytes.saturating_add(file.text.len()));
        self.parts.loaded = Some((print, all));
        let main = SourceFile::new(self.config(), main);
        let environment = self.environment.clone();
        Texts { sources: Sources { main, included, environment }, bytes, losses }
    }

    /// Remembers the state of the main file as it was read.
    fn note(&mut self, stamp: Option<FileStamp>, error: Option<&LoadError>) {
        if let Some(entry) = self.entries.get_mut(&CONFIG) {
            entry.stamp = stamp;
            entry.denied = matches!(error, Some(LoadError::Unreadable(errno)) if not_permitted(*errno));
        }
    }

    /// Whether a program has this file of the configuration open for writing. That inotify has reported a write and no
    /// close since replaces a lease where pmtr can't have one.
    pub(super) fn is_written(&self, file: &File, path: &[u8]) -> bool {
        (self.being_written)(file).unwrap_or_else(|| self.news.is_open(path))
    }

    /// Warnings about the configuration as it was read last.
    pub fn exposures(&self, uid: u32) -> Vec<Mistake> {
        let config = self.entries.get(&CONFIG);
        let Some((path, stamp)) = config.and_then(|entry| Some((&entry.path, entry.stamp?))) else {
            return Vec::new();
        };
        let main = (Part::File(path.clone()), Some(stamp));
        let parts = std::iter::once((&main.0, main.1)).chain(self.parts());
        exposure::of_all(parts.map(|(part, stamp)| (part, stamp.map(FileStamp::rights))), uid, &self.mounts)
    }

    /// The path of the configuration, as messages name it.
    pub fn config(&self) -> Rc<[u8]> {
        self.entries.get(&CONFIG).map(|entry| entry.path.clone()).unwrap_or_default()
    }
}

/// The fingerprint of a configuration: that of its main file, if it includes nothing.
fn print_of(main: &[u8], inclusions: &[Inclusion]) -> Fingerprint {
    let print = fingerprint(main);
    if inclusions.is_empty() {
        return print;
    }
    let mut hasher = DefaultHasher::new();
    print.hash.hash(&mut hasher);
    let mut bytes = print.bytes;
    for inclusion in inclusions {
        match &inclusion.files {
            Ok(files) => {
                files.len().hash(&mut hasher);
                for file in files {
                    (&file.path, &*file.text).hash(&mut hasher);
                    bytes = bytes.saturating_add(file.text.len() as u64);
                }
            }
            Err(refused) => refused.to_string().hash(&mut hasher),
        }
    }
    Fingerprint { bytes, hash: hasher.finish() }
}

/// The state of all files that are being written, if there are any. It has no bytes if one of them is empty: that one
/// has just been emptied in order to be written.
fn state_of_all(written: &[Fingerprint]) -> Option<Fingerprint> {
    if let [only] = written {
        return Some(*only);
    }
    let bytes = written.iter().map(|state| state.bytes).min()?;
    let mut hasher = DefaultHasher::new();
    written.iter().for_each(|state| (state.bytes, state.hash).hash(&mut hasher));
    Some(Fingerprint { bytes, hash: hasher.finish() })
}

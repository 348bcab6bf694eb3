//! The files that the configuration includes, and the directories of its patterns: which are watched, and what was
//! read when the configuration in force was.

use super::Watch;
use super::entry::Entry;
use super::read::FileStamp;
use super::table::{FIRST_PART, FileId};
use crate::daemon::include::{Part, Reader};
use crate::daemon::mounts::Mounts;
use crate::model::{Errno, Fingerprint};
use crate::supervisor::{IncludedText, Reading};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

/// The parts of the configuration besides its main file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    ids: BTreeMap<Part, FileId>,
    /// How many have ever been watched.
    count: u64,
    /// What the configuration includes that was read last, and the fingerprint of that.
    pub(super) loaded: Option<(Fingerprint, Vec<IncludedText>)>,
    /// What the configuration in force includes.
    pub(super) in_force: Vec<IncludedText>,
}

/// Watches each part before it is read.
pub(super) struct WatchingReader<'a> {
    pub(super) watch: &'a mut Watch,
    pub(super) reading: Reading,
    /// The parts that were read.
    used: BTreeSet<FileId>,
}

impl Watch {
    /// This content is in force.
    pub fn applied(&mut self, content: Fingerprint) {
        if let Some((_, texts)) = self.parts.loaded.take_if(|(loaded, _)| *loaded == content) {
            self.parts.in_force = texts;
        }
    }

    /// The parts with their rights, as they were read last.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Part, Option<FileStamp>)> {
        self.parts.ids.iter().map(|(part, id)| (part, self.entries.get(id).and_then(|entry| entry.stamp)))
    }

    /// No longer watches other parts than these.
    fn keep_parts(&mut self, used: &BTreeSet<FileId>) {
        let unused: Vec<FileId> = self.parts.ids.values().filter(|id| !used.contains(id)).copied().collect();
        self.parts.ids.retain(|_, id| used.contains(id));
        unused.into_iter().for_each(|id| self.forget(id));
        let (ids, main) = (&self.parts.ids, self.config());
        self.news.keep_open(|path| *path == *main || ids.contains_key(&Part::File(path.into())));
    }

    /// The number of a part, which is watched from now on.
    fn watched(&mut self, part: &Part) -> FileId {
        if let Some(id) = self.parts.ids.get(part).copied() {
            // Otherwise something has happened there that leads it elsewhere.
            if self.arm.contains(id) {
                self.arm(id);
            }
            return id;
        }
        let id = FileId(FIRST_PART.0.saturating_add(self.parts.count));
        self.parts.count += 1;
        let entry = match part {
            Part::File(path) => Entry::new(path.clone()),
            Part::Directory(path, name) => Entry { inside: Some(name.clone()), ..Entry::new(path.clone()) },
        };
        self.parts.ids.insert(part.clone(), id);
        self.entries.insert(id, entry);
        self.arm(id);
        id
    }
}

impl WatchingReader<'_> {
    pub(super) fn new(watch: &mut Watch, reading: Reading) -> WatchingReader<'_> {
        WatchingReader { watch, reading, used: BTreeSet::new() }
    }

    /// All patterns have been followed. What was not read is no longer watched.
    pub(super) fn finish(self) {
        self.watch.keep_parts(&self.used);
    }
}

impl Reader for WatchingReader<'_> {
    fn mounts(&self) -> &Mounts {
        &self.watch.mounts
    }

    fn begin(&mut self, part: &Part) {
        let id = self.watch.watched(part);
        self.used.insert(id);
    }

    fn end(&mut self, part: &Part, stamp: Option<FileStamp>, error: Option<Errno>) {
        let Some(entry) = self.watch.parts.ids.get(part).and_then(|id| self.watch.entries.get_mut(id)) else {
            return;
        };
        entry.stamp = stamp;
        entry.denied = error.is_some_and(super::not_permitted);
    }

    fn is_written(&self, file: &File, path: &[u8]) -> bool {
        self.reading != Reading::Always && self.watch.is_written(file, path)
    }
}

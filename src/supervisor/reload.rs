//! When the file is read: after a quiet time, when its writer has closed it or has left it unchanged. A file that has
//! just lost its jobs is applied only if it stays so. A long file is read in portions, and none of it takes effect
//! until all of it has been read.

use super::Reading;
use crate::model::{Errno, Fingerprint, KeptText, Mistake, MonoTime};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// A save counts as complete when nothing has happened for this long.
pub const QUIET: Duration = Duration::from_millis(100);
/// The file is read this long after the first event, even if more events come.
pub const QUIET_AT_MOST: Duration = Duration::from_secs(2);
/// A file that has lost all its jobs is applied if it stays so for this long.
pub const EMPTY_FOR: Duration = Duration::from_secs(2);
/// When a file is tried again that could not be read or is being written.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// After this long the log says that pmtr waits for a writer.
pub const WRITER_TOLD_AFTER: Duration = Duration::from_secs(2);
/// A file that its writer keeps open is read if it has not changed for this long.
pub const UNWRITTEN_FOR: Duration = Duration::from_secs(10);

/// What keeps the file from being applied, as far as it has been logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Missing,
    Unreadable(Errno),
    /// An included file, or the directory of a pattern.
    PartUnreadable(Rc<[u8]>, Errno),
    NotAFile,
    /// It is empty: not a single byte.
    Empty,
}

impl Trouble {
    /// The file or directory, if it is not the main file.
    pub(super) fn part(self) -> Option<Rc<[u8]>> {
        match self {
            Trouble::PartUnreadable(part, _) => Some(part),
            Trouble::Missing | Trouble::Unreadable(_) | Trouble::NotAFile | Trouble::Empty => None,
        }
    }
}

/// A writer that has the file open.
#[derive(Clone, Copy, Debug)]
struct OpenWriter {
    /// When there was first something to read.
    since: MonoTime,
    /// The state of the file, and since when it has been in that state.
    state: Fingerprint,
    resting: MonoTime,
    /// This has been logged.
    told: bool,
}

/// The state of the reload.
#[derive(Debug, Default)]
pub(super) struct Reload {
    /// The content in force.
    applied: Option<Fingerprint>,
    /// The content of the file when it was last read, if it could be parsed.
    read: Option<Fingerprint>,
    /// The file was saved and has not been read since.
    unread: bool,
    /// When the first event came, and when to read.
    settling: Option<(MonoTime, MonoTime)>,
    /// Some while the file is not read because a program is writing it.
    writer: Option<OpenWriter>,
    /// The reading that has more portions to come.
    reading: Option<Reading>,
    /// When an empty file is applied.
    empty_until: Option<MonoTime>,
    /// The included files that have vanished with their jobs, and since when.
    vanished: BTreeMap<Rc<[u8]>, MonoTime>,
    /// The included files that have become empty, as far as they have been logged.
    emptied: Vec<Rc<[u8]>>,
    trouble: Option<Trouble>,
    /// Some while the last good text is in force instead of the file.
    last_good: Option<Rc<KeptText>>,
    /// When there was first something to read, at the time of the last reading.
    begun: Option<MonoTime>,
    /// The mistakes that have been logged: the first of them, and how many there are.
    mistakes: (Vec<Mistake>, usize),
}

impl Reload {
    pub(super) fn applied(&self) -> Option<Fingerprint> {
        self.applied
    }

    /// The file was saved.
    pub(super) fn saved(&mut self, now: MonoTime) {
        self.unread = true;
        self.touched(now);
    }

    /// Something happened to the file.
    pub(super) fn touched(&mut self, now: MonoTime) {
        let since = self.settling.map_or(now, |(since, _)| since);
        self.settling = Some((since, (now + QUIET).min(since + QUIET_AT_MOST)));
    }

    /// The file is being written. Some writers never close it, so it is looked at before.
    pub(super) fn written(&mut self, now: MonoTime) {
        self.settling = self.settling.or(Some((now, now + AGAIN)));
    }

    /// The operator wants the file to be read now.
    pub(super) fn asked(&mut self) {
        self.settling = None;
    }

    /// A portion has been read. `more` is the reading if it has more portions to come.
    pub(super) fn portion(&mut self, more: Option<Reading>) {
        self.reading = more;
    }

    /// The reading that has more portions to come.
    pub(super) fn reading(&self) -> Option<Reading> {
        self.reading
    }

    /// Look at the file again later, even if no event comes.
    pub(super) fn retry(&mut self, now: MonoTime) {
        self.settling = Some((now, now + AGAIN));
    }

    /// When to read. A save that is under way is completed first, even if the file had lost its jobs before it.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        let vanished = self.vanished.values().max().map(|since| *since + EMPTY_FOR);
        self.settling.map(|(_, due)| due).or(self.empty_until.max(vanished))
    }

    /// How to read the file, if it is due.
    pub(super) fn due(&mut self, now: MonoTime) -> Option<Reading> {
        self.deadline().filter(|at| *at <= now)?;
        // The first look at a file that is being written only finds out since when.
        self.begun = self.settling.take().map(|(since, _)| since);
        let rests = |writer: &OpenWriter| now >= writer.resting + UNWRITTEN_FOR && writer.state.bytes > 0;
        Some(match self.writer.filter(rests) {
            Some(writer) => Reading::IfUnwritten(self.applied, writer.state),
            None => Reading::IfChanged(self.applied),
        })
    }

    /// A program is writing the file, which is in this state. True if the log is to say that pmtr waits for it.
    /// An empty file has just been emptied in order to be written: pmtr waits for it without a limit.
    pub(super) fn busy(&mut self, now: MonoTime, state: Fingerprint) -> bool {
        let since = self.begun.take().unwrap_or(now);
        let writer = self.writer.get_or_insert(OpenWriter { since, state, resting: now, told: false });
        if writer.state != state {
            (writer.state, writer.resting) = (state, now);
        }
        let news = !writer.told && now >= writer.since + WRITER_TOLD_AFTER;
        writer.told |= news;
        self.retry(now);
        news
    }

    /// Nobody is writing the file now, or it was read in any case. True if the log has mentioned a writer.
    pub(super) fn no_longer_busy(&mut self) -> bool {
        self.begun = None;
        self.writer.take().is_some_and(|writer| writer.told)
    }

    /// The file was read to its end and has this content, if it could be parsed. True if the log is to say so: after
    /// each save, after a request of the operator, and if the content is new.
    pub(super) fn rescanned(&mut self, reading: Reading, content: Option<Fingerprint>) -> bool {
        let saved = std::mem::take(&mut self.unread);
        let news = content.is_some() && self.read != content;
        self.read = content;
        saved || news || reading == Reading::Always
    }

    /// The file has no jobs where there were some. The first value says whether to believe this by now, the second
    /// whether it is new.
    pub(super) fn emptied(&mut self, now: MonoTime) -> (bool, bool) {
        let news = self.empty_until.is_none();
        let until = *self.empty_until.get_or_insert(now + EMPTY_FOR);
        (until <= now, news)
    }

    /// These included files have vanished with their jobs. Returns whether to believe this by now, and those that are
    /// new.
    pub(super) fn vanished(&mut self, now: MonoTime, files: &[Rc<[u8]>]) -> (bool, Vec<Rc<[u8]>>) {
        self.empty_until = None;
        let before = std::mem::take(&mut self.vanished);
        self.vanished =
            files.iter().map(|file| (file.clone(), before.get(file).copied().unwrap_or(now))).collect();
        let believed = self.vanished.values().all(|since| *since + EMPTY_FOR <= now);
        (believed, files.iter().filter(|file| !before.contains_key(*file)).cloned().collect())
    }

    /// All files whose jobs are missing have been found again, or their jobs elsewhere.
    pub(super) fn none_vanished(&mut self) {
        self.vanished.clear();
    }

    /// These included files have become empty and keep what they held. Returns those that are new.
    pub(super) fn parts_emptied(&mut self, files: Vec<Rc<[u8]>>) -> Vec<Rc<[u8]>> {
        let before = std::mem::replace(&mut self.emptied, files);
        self.emptied.iter().filter(|file| !before.contains(file)).cloned().collect()
    }

    /// Remembers the mistakes in the file, none if it is good. True if they are new.
    pub(super) fn mistaken(&mut self, first: &[Mistake], count: usize) -> bool {
        let news = self.mistakes.1 != count || self.mistakes.0 != first;
        if news {
            self.mistakes = (first.to_vec(), count);
        }
        news
    }

    /// Whether the file had mistakes when it was last read.
    pub(super) fn has_mistakes(&self) -> bool {
        self.mistakes.1 > 0
    }

    /// This content is in force.
    pub(super) fn apply(&mut self, content: Fingerprint) {
        self.applied = Some(content);
        self.empty_until = None;
        self.vanished.clear();
        self.last_good = None;
    }

    /// The file was read and has lost no jobs, or is not to be applied. True if it had lost some before.
    pub(super) fn no_longer_empty(&mut self) -> bool {
        let vanished = !std::mem::take(&mut self.vanished).is_empty();
        self.empty_until.take().is_some() || vanished
    }

    /// The last good text is in force instead of the file.
    pub(super) fn recovered(&mut self, kept: Rc<KeptText>) {
        self.last_good = Some(kept);
    }

    /// Where that text is kept, while it is in force.
    pub(super) fn last_good(&self) -> Option<&Rc<KeptText>> {
        self.last_good.as_ref()
    }

    /// The file itself is in force. True if it was not before.
    pub(super) fn no_longer_recovered(&mut self) -> bool {
        self.last_good.take().is_some()
    }

    /// Remembers what keeps the file from being applied. Returns what did before, if that has changed.
    pub(super) fn trouble(&mut self, trouble: Option<Trouble>) -> Option<Option<Trouble>> {
        let before = std::mem::replace(&mut self.trouble, trouble);
        (before != self.trouble).then_some(before)
    }
}

//! When the file is read: after a quiet time, and a file that has just lost its jobs only when it stays so.

use crate::model::{Fingerprint, Mistake, MonoTime};
use std::time::Duration;

/// A save is taken to be over when nothing has happened for this long.
pub const QUIET: Duration = Duration::from_millis(100);
/// The file is read this long after the first event, whatever goes on.
pub const QUIET_AT_MOST: Duration = Duration::from_secs(2);
/// A file that has lost all its jobs is applied when it has stayed so for this long.
pub const EMPTY_FOR: Duration = Duration::from_secs(2);
/// When a file that could not be read, or is being written, is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// What keeps the file from being read, as far as the log has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Missing,
    Unreadable(crate::model::Errno),
    NotAFile,
}

/// The state of the reload.
#[derive(Debug, Default)]
pub(super) struct Reload {
    /// The content in force.
    applied: Option<Fingerprint>,
    /// Since the first event, and when to read.
    settling: Option<(MonoTime, MonoTime)>,
    /// When an empty file counts.
    empty_until: Option<MonoTime>,
    trouble: Option<Trouble>,
    /// The mistakes that the log has been told, the first of them and their number.
    mistakes: (Vec<Mistake>, usize),
}

impl Reload {
    pub(super) fn applied(&self) -> Option<Fingerprint> {
        self.applied
    }

    /// Something happened to the file.
    pub(super) fn touched(&mut self, now: MonoTime) {
        let since = self.settling.map_or(now, |(since, _)| since);
        self.settling = Some((since, (now + QUIET).min(since + QUIET_AT_MOST)));
    }

    /// The operator wants it now.
    pub(super) fn asked(&mut self) {
        self.settling = None;
    }

    /// Look again later although nothing may happen until then.
    pub(super) fn retry(&mut self, now: MonoTime) {
        self.settling = Some((now, now + AGAIN));
    }

    /// When to read: a save that is under way is let finish, even if the file had lost its jobs before.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.settling.map(|(_, due)| due).or(self.empty_until)
    }

    /// Whether the file is to be read now.
    pub(super) fn due(&mut self, now: MonoTime) -> bool {
        let due = self.deadline().is_some_and(|at| at <= now);
        if due {
            self.settling = None;
        }
        due
    }

    /// The file has no jobs where there were some: whether that is to be believed by now.
    /// The second value tells whether it is news.
    pub(super) fn emptied(&mut self, now: MonoTime) -> (bool, bool) {
        let news = self.empty_until.is_none();
        let until = *self.empty_until.get_or_insert(now + EMPTY_FOR);
        (until <= now, news)
    }

    /// Takes note of the mistakes in the file, none if it is good; true when they are news.
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
    }

    /// The file was read, and is not empty or was not to be applied; true when it had been empty before.
    pub(super) fn no_longer_empty(&mut self) -> bool {
        self.empty_until.take().is_some()
    }

    /// Takes note of what keeps the file from being read; true when it is news.
    pub(super) fn trouble(&mut self, trouble: Option<Trouble>) -> bool {
        std::mem::replace(&mut self.trouble, trouble) != trouble
    }
}

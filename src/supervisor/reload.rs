//! When the file is read: after a quiet time, when its writer has closed it or let it rest, and a file that has just
//! lost its jobs only when it stays so. A long one is read in portions, and until the last of them nothing of it
//! counts.

use super::Reading;
use crate::model::{Fingerprint, KeptText, Mistake, MonoTime};
use std::rc::Rc;
use std::time::Duration;

/// A save is taken to be over when nothing has happened for this long.
pub const QUIET: Duration = Duration::from_millis(100);
/// The file is read this long after the first event, whatever goes on.
pub const QUIET_AT_MOST: Duration = Duration::from_secs(2);
/// A file that has lost all its jobs is applied when it has stayed so for this long.
pub const EMPTY_FOR: Duration = Duration::from_secs(2);
/// When a file that could not be read, or is being written, is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// After this long the log says that a writer is waited for.
pub const WRITER_TOLD_AFTER: Duration = Duration::from_secs(2);
/// A file that its writer keeps open is read when it has not changed for this long.
pub const UNWRITTEN_FOR: Duration = Duration::from_secs(10);

/// What keeps the file from being applied, as far as the log has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Missing,
    Unreadable(crate::model::Errno),
    NotAFile,
    /// It has not a single byte.
    Empty,
}

/// A writer that has the file open.
#[derive(Clone, Copy, Debug)]
struct OpenWriter {
    /// Since when there is something to read.
    since: MonoTime,
    /// The state of the file, and since when it is in that.
    state: Fingerprint,
    resting: MonoTime,
    /// The log has told of it.
    told: bool,
}

/// The state of the reload.
#[derive(Debug, Default)]
pub(super) struct Reload {
    /// The content in force.
    applied: Option<Fingerprint>,
    /// What the file held when it was last read, if that could be parsed.
    read: Option<Fingerprint>,
    /// The file was saved and has not been read since.
    unread: bool,
    /// Since the first event, and when to read.
    settling: Option<(MonoTime, MonoTime)>,
    /// Some while the file is not read because somebody is writing it.
    writer: Option<OpenWriter>,
    /// The reading of which there are portions to come.
    reading: Option<Reading>,
    /// When an empty file counts.
    empty_until: Option<MonoTime>,
    trouble: Option<Trouble>,
    /// Some while not the file is in force, but what was applied last.
    last_good: Option<Rc<KeptText>>,
    /// Since when there was something to read when it was last read.
    begun: Option<MonoTime>,
    /// The mistakes that the log has been told, the first of them and their number.
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

    /// The file is being written. It is worth a look before it is closed, for those who never close it.
    pub(super) fn written(&mut self, now: MonoTime) {
        self.settling = self.settling.or(Some((now, now + AGAIN)));
    }

    /// The operator wants it now.
    pub(super) fn asked(&mut self) {
        self.settling = None;
    }

    /// A portion has been read: of a reading with more to come, or the last one.
    pub(super) fn portion(&mut self, more: Option<Reading>) {
        self.reading = more;
    }

    /// The reading of which there are portions to come.
    pub(super) fn reading(&self) -> Option<Reading> {
        self.reading
    }

    /// Look again later although nothing may happen until then.
    pub(super) fn retry(&mut self, now: MonoTime) {
        self.settling = Some((now, now + AGAIN));
    }

    /// When to read: a save that is under way is let finish, even if the file had lost its jobs before.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.settling.map(|(_, due)| due).or(self.empty_until)
    }

    /// How the file is to be read, if it is to be read now.
    pub(super) fn due(&mut self, now: MonoTime) -> Option<Reading> {
        self.deadline().filter(|at| *at <= now)?;
        // The first look at a file that is being written still has to learn since when.
        self.begun = self.settling.take().map(|(since, _)| since);
        let rests = |writer: &OpenWriter| now >= writer.resting + UNWRITTEN_FOR && writer.state.bytes > 0;
        Some(match self.writer.filter(rests) {
            Some(writer) => Reading::IfUnwritten(self.applied, writer.state),
            None => Reading::IfChanged(self.applied),
        })
    }

    /// Somebody is writing the file, which is in this state; true when the log is to tell that he is waited for.
    /// One without a byte has just been emptied in order to be written: that is waited for without a limit.
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

    /// Nobody is writing the file any more, or it was read all the same; true when the log has told of a writer.
    pub(super) fn no_longer_busy(&mut self) -> bool {
        self.begun = None;
        self.writer.take().is_some_and(|writer| writer.told)
    }

    /// The file was read to its end and held this, if it could be parsed; true when the log is to say so: after each
    /// save, when the operator has asked, and when it is news.
    pub(super) fn rescanned(&mut self, reading: Reading, content: Option<Fingerprint>) -> bool {
        let saved = std::mem::take(&mut self.unread);
        let news = content.is_some() && self.read != content;
        self.read = content;
        saved || news || reading == Reading::Always
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
        self.last_good = None;
    }

    /// The file was read, and is not empty or was not to be applied; true when it had been empty before.
    pub(super) fn no_longer_empty(&mut self) -> bool {
        self.empty_until.take().is_some()
    }

    /// The text that was applied last is in force instead of the file.
    pub(super) fn recovered(&mut self, kept: Rc<KeptText>) {
        self.last_good = Some(kept);
    }

    /// Where that text was kept, as long as it is in force.
    pub(super) fn last_good(&self) -> Option<&Rc<KeptText>> {
        self.last_good.as_ref()
    }

    /// The file itself is in force; true when it was not before.
    pub(super) fn no_longer_recovered(&mut self) -> bool {
        self.last_good.take().is_some()
    }

    /// Takes note of what keeps the file from being applied; tells what did before when that is news.
    pub(super) fn trouble(&mut self, trouble: Option<Trouble>) -> Option<Option<Trouble>> {
        Some(std::mem::replace(&mut self.trouble, trouble)).filter(|before| *before != trouble)
    }
}

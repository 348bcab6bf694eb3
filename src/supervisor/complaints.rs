//! What is said of messages that are of no use: at most one line a second, however many there are,
//! and ever fewer as long as they keep coming. Nothing here makes a message be obeyed or not.

use crate::model::{MonoTime, Notice, Origin};
use std::net::SocketAddr;
use std::time::Duration;

/// From the first line to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// While messages keep coming the pause doubles up to this.
const PAUSE_AT_MOST: Duration = Duration::from_secs(64);
/// So many messages within a second are a flood.
pub const FLOOD: u64 = 1_000;
/// A flood is said to be a new one when there was none for so long.
const FLOOD_AGAIN: Duration = Duration::from_secs(60);
/// How many names one line shows.
const NAMES: usize = 8;

/// The messages that were complained of, and those that are still to be.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    /// No line before this time. Some while there was one not long ago.
    quiet_until: Option<MonoTime>,
    pause: Duration,
    /// When those that are held back began to be counted.
    counted_from: MonoTime,
    invalid: u64,
    unknown: u64,
    last: Option<SocketAddr>,
    rate: Rate,
}

/// How fast messages come.
#[derive(Debug, Default)]
struct Rate {
    /// The second that is being counted began here.
    since: Option<MonoTime>,
    messages: u64,
    /// When there were last too many.
    flooded: Option<MonoTime>,
    /// Who sent the message that made it a flood that nobody has been told of yet.
    untold: Option<SocketAddr>,
}

impl Complaints {
    /// A message of whatever kind has come.
    pub(super) fn message(&mut self, now: MonoTime, from: Origin) -> Option<Notice> {
        let rate = &mut self.rate;
        if rate.since.is_none_or(|since| now.since(since) >= PAUSE) {
            rate.since = Some(now);
            rate.messages = 0;
        }
        rate.messages += 1;
        if rate.messages < FLOOD {
            return None;
        }
        if rate.flooded.is_none_or(|before| now.since(before) >= FLOOD_AGAIN) {
            rate.untold = Some(from.address);
        }
        rate.flooded = Some(now);
        if self.rate.untold.is_some() && self.may_speak(now) { self.flood() } else { None }
    }

    fn flood(&mut self) -> Option<Notice> {
        self.rate.untold.take().map(|from| Notice::Flood { from })
    }

    /// A message was no command.
    pub(super) fn invalid(&mut self, now: MonoTime, from: Origin) -> Option<Notice> {
        self.last = Some(from.address);
        if self.may_speak(now) {
            return Some(Notice::InvalidControl { from: from.address });
        }
        self.invalid = self.invalid.saturating_add(1);
        None
    }

    /// A command named jobs that are not there.
    pub(super) fn unknown(&mut self, now: MonoTime, from: Origin, names: &[&[u8]]) -> Option<Notice> {
        self.last = Some(from.address);
        if self.may_speak(now) {
            let shown = names.iter().take(NAMES).map(|name| Box::from(*name)).collect();
            return Some(Notice::UnknownJobs { names: shown, more: names.len().saturating_sub(NAMES) });
        }
        self.unknown = self.unknown.saturating_add(1);
        None
    }

    /// When there is something to say that was held back.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.quiet_until
    }

    /// Says what was held back, once its time has come.
    pub(super) fn tick(&mut self, now: MonoTime) -> Option<Notice> {
        self.quiet_until.filter(|until| *until <= now)?;
        if let Some(flood) = self.flood() {
            // What was held back has waited its pause: were it longer, one flood after another could keep it back.
            self.quiet_until = Some(now + PAUSE);
            return Some(flood);
        }
        let (invalid, unknown) = (std::mem::take(&mut self.invalid), std::mem::take(&mut self.unknown));
        let (true, Some(last)) = (invalid + unknown > 0, self.last) else {
            // A quiet pause: the next message is news.
            self.quiet_until = None;
            self.last = None;
            return None;
        };
        // A flood may have been told of in the meantime, or the machine have slept.
        let secs = now.since(self.counted_from).as_secs();
        self.counted_from = now;
        self.pause = (self.pause * 2).min(PAUSE_AT_MOST);
        self.quiet_until = Some(now + self.pause);
        Some(Notice::MoreComplaints { invalid, unknown, secs, last })
    }

    /// Whether there was no line just now. The asker speaks then, and the others are quiet for a while.
    fn may_speak(&mut self, now: MonoTime) -> bool {
        if self.quiet_until.is_some() {
            return false;
        }
        self.pause = PAUSE;
        self.counted_from = now;
        self.quiet_until = Some(now + PAUSE);
        true
    }
}

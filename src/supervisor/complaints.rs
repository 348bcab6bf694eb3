//! Log lines about useless messages: at most one a second, and fewer the longer they keep coming.
//! Nothing here decides whether a message is obeyed.

use crate::model::{MonoTime, Notice, Origin};
use std::net::SocketAddr;
use std::time::Duration;

/// The time between two lines.
const PAUSE: Duration = Duration::from_secs(1);
/// While messages keep coming, the pause doubles up to this.
const PAUSE_AT_MOST: Duration = Duration::from_secs(64);
/// This many messages within a second are a flood.
pub const FLOOD: u64 = 1_000;
/// After this long without a flood, the next one is logged as a new one.
const FLOOD_AGAIN: Duration = Duration::from_secs(60);
/// How many names one line contains.
const NAMES: usize = 8;

/// The messages that were reported, and those that still have to be.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    /// No line before this time; None if there was none recently.
    quiet_until: Option<MonoTime>,
    pause: Duration,
    /// When counting of the unreported messages began.
    counted_from: MonoTime,
    invalid: u64,
    unknown: u64,
    last: Option<SocketAddr>,
    rate: Rate,
}

/// The rate of messages.
#[derive(Debug, Default)]
struct Rate {
    /// When the second that is being counted began.
    since: Option<MonoTime>,
    messages: u64,
    /// When the rate was last too high.
    flooded: Option<MonoTime>,
    /// The sender of the message that started a flood, until that is logged.
    untold: Option<SocketAddr>,
}

impl Complaints {
    /// A message has arrived, of any kind.
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

    /// A message was not a command.
    pub(super) fn invalid(&mut self, now: MonoTime, from: Origin) -> Option<Notice> {
        self.last = Some(from.address);
        if self.may_speak(now) {
            return Some(Notice::InvalidControl { from: from.address });
        }
        self.invalid = self.invalid.saturating_add(1);
        None
    }

    /// A command named jobs that do not exist.
    pub(super) fn unknown(&mut self, now: MonoTime, from: Origin, names: &[&[u8]]) -> Option<Notice> {
        self.last = Some(from.address);
        if self.may_speak(now) {
            let shown = names.iter().take(NAMES).map(|name| Box::from(*name)).collect();
            return Some(Notice::UnknownJobs { names: shown, more: names.len().saturating_sub(NAMES) });
        }
        self.unknown = self.unknown.saturating_add(1);
        None
    }

    /// When a line about unreported messages is due.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.quiet_until
    }

    /// Returns the line about unreported messages, if it is due.
    pub(super) fn tick(&mut self, now: MonoTime) -> Option<Notice> {
        self.quiet_until.filter(|until| *until <= now)?;
        if let Some(flood) = self.flood() {
            // The unreported messages have waited for their pause. With a longer one, repeated floods could delay
            // them forever.
            self.quiet_until = Some(now + PAUSE);
            return Some(flood);
        }
        let (invalid, unknown) = (std::mem::take(&mut self.invalid), std::mem::take(&mut self.unknown));
        let (true, Some(last)) = (invalid + unknown > 0, self.last) else {
            // Nothing came during the pause: the next message is news.
            self.quiet_until = None;
            self.last = None;
            return None;
        };
        // A flood may have been logged meanwhile, or the machine may have slept.
        let secs = now.since(self.counted_from).as_secs();
        self.counted_from = now;
        self.pause = (self.pause * 2).min(PAUSE_AT_MOST);
        self.quiet_until = Some(now + self.pause);
        Some(Notice::MoreComplaints { invalid, unknown, secs, last })
    }

    /// Whether there was no line recently. If so, the caller may log now, and all others wait for the pause.
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

//! Log lines about jobs that commands enable or disable: one for each, unless they are so many that they would push
//! all other lines out. Nothing here decides whether a command is obeyed.

use crate::model::{MonoTime, Notice, Origin};
use std::net::SocketAddr;
use std::time::Duration;

/// How many lines may come at once: more than an operator's commands cause in a minute.
pub const SWITCHES_TOLD: u64 = 1_000;
/// How many lines a second may come in the long run.
const LINES_PER_SECOND: u64 = 10;
/// How long jobs without a line of their own are counted before the log mentions them.
const PAUSE: Duration = Duration::from_secs(1);

/// How many lines may still come, and what had none.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// Lines that count against the limit.
    told: u64,
    /// One after another stops to count; the last one did so at this moment.
    forgotten_at: Option<MonoTime>,
    /// How many jobs had no line, who sent the last of these commands, and when the log mentions them.
    held: Option<(u64, SocketAddr, MonoTime)>,
}

impl Switches {
    /// A job is being enabled or disabled. Whether this has a line of its own.
    pub(super) fn may_be_told(&mut self, now: MonoTime, from: Origin) -> bool {
        let since = *self.forgotten_at.get_or_insert(now);
        let forgotten = now.since(since).as_secs().saturating_mul(LINES_PER_SECOND);
        if forgotten > 0 {
            self.forgotten_at = Some(now);
            self.told = self.told.saturating_sub(forgotten);
        }
        if self.told < SWITCHES_TOLD {
            self.told += 1;
            return true;
        }
        let (held, _, tell_at) = self.held.unwrap_or((0, from.address, now + PAUSE));
        self.held = Some((held.saturating_add(1), from.address, tell_at));
        false
    }

    /// When a line about the others is due.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.held.map(|(.., tell_at)| tell_at)
    }

    /// Returns that line, if it is due.
    pub(super) fn tick(&mut self, now: MonoTime) -> Option<Notice> {
        let (switches, last, _) = self.held.take_if(|(.., tell_at)| *tell_at <= now)?;
        Some(Notice::MoreSwitches { switches, last })
    }
}

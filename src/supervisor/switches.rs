//! What is said of jobs that commands switch: a line for each, unless they are so many that these lines would push
//! out all others. Nothing here makes a command be obeyed or not.

use crate::model::{MonoTime, Notice, Origin};
use std::net::SocketAddr;
use std::time::Duration;

/// So many lines at once: more than an operator's commands have in one minute.
pub const SWITCHES_TOLD: u64 = 1_000;
/// So many lines a second when it goes on for long.
const LINES_PER_SECOND: u64 = 10;
/// How long those that have no line of their own are counted before they are told of.
const PAUSE: Duration = Duration::from_secs(1);

/// The lines that may still be written, and what had none.
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// Lines that were written and are not forgotten yet.
    told: u64,
    /// They are forgotten one by one, and the last one was at this moment.
    forgotten_at: Option<MonoTime>,
    /// Those without a line, who sent the last of them, and when that is told.
    held: Option<(u64, SocketAddr, MonoTime)>,
}

impl Switches {
    /// A job is being switched: whether that has a line of its own.
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

    /// When there is something to say.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.held.map(|(.., tell_at)| tell_at)
    }

    /// Says it, once its time has come.
    pub(super) fn tick(&mut self, now: MonoTime) -> Option<Notice> {
        let (switches, last, _) = self.held.take_if(|(.., tell_at)| *tell_at <= now)?;
        Some(Notice::MoreSwitches { switches, last })
    }
}

//! Starts that fail: the log has the reason when it is news, and once an hour while it stays the same.

use super::{Job, Wish};
use crate::model::{FailedStart, MonoTime, Notice, SpawnError};
use std::time::Duration;

/// From one line about a job that keeps failing for the same reason to the next.
pub const REMIND_EVERY: Duration = Duration::from_secs(3_600);

/// Starts that failed in a row for the same reason.
#[derive(Debug)]
pub(super) struct FailureStreak {
    error: SpawnError,
    tries: u32,
    /// When the log last had a line about it.
    logged: MonoTime,
}

impl Job {
    /// Why it could not be started the last time, if it could not.
    pub fn failed_start(&self) -> Option<FailedStart> {
        let FailureStreak { error, tries, .. } = **self.failure.as_ref()?;
        Some(FailedStart { error, subject: self.spec.launch.subject(error.stage).into(), tries })
    }

    /// Logs why a start failed, unless that is known already.
    pub(super) fn failed(&mut self, error: SpawnError, now: MonoTime, wishes: &mut Vec<Wish>) {
        let (tries, logged) = match self.failure.as_deref() {
            Some(before) if before.error == error => (before.tries.saturating_add(1), Some(before.logged)),
            Some(_) | None => (1, None),
        };
        let due = logged.is_none_or(|at| now >= at + REMIND_EVERY);
        let at = logged.filter(|_| !due).unwrap_or(now);
        self.failure = Some(Box::new(FailureStreak { error, tries, logged: at }));
        let Some(start) = self.failed_start().filter(|_| due) else { return };
        let job = self.spec.name.clone();
        if logged.is_some() {
            wishes.push(Wish::Log(Notice::StillCantStart { job, start }));
        } else {
            wishes.push(Wish::Log(Notice::CantStart { job, start }));
            wishes.push(Wish::Log(Notice::TooFast));
        }
    }
}

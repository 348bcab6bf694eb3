//! Failed starts: the log gets the reason when it is new, and once an hour while it stays the same.

use super::{Job, Wish};
use crate::model::{FailedStart, MonoTime, Notice, SpawnError};
use std::time::Duration;

/// The time between two log lines about a job that keeps failing for the same reason.
pub const REMIND_EVERY: Duration = Duration::from_secs(3_600);

/// Starts that failed in a row for the same reason.
#[derive(Debug)]
pub(super) struct FailureStreak {
    error: SpawnError,
    tries: u32,
    /// When the last line about it was logged.
    logged: MonoTime,
}

impl Job {
    /// Why the last start failed, if it did.
    pub fn failed_start(&self) -> Option<FailedStart> {
        let FailureStreak { error, tries, .. } = **self.failure.as_ref()?;
        let launch = &self.spec.launch;
        let (subject, searched) = (launch.subject(error.stage).into(), launch.searched(error));
        Some(FailedStart { error, subject, searched, tries })
    }

    /// Logs why a start failed, unless the log has this reason already.
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

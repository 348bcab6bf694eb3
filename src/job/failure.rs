//! Failed starts: the log gets the reason when it is new, and once an hour while it stays the same.

use super::{Job, Wish};
use crate::model::{FailedStart, MonoTime, Notice, SpawnError};
use std::time::Duration;

/// The time between two log lines about a job that keeps failing for the same reason.
pub const REMIND_EVERY: Duration = Duration::from_secs(3_600);

/// Starts that failed in a row for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FailureStreak {
    error: SpawnError,
    tries: u32,
    /// When the last line about it was logged.
    logged: MonoTime,
}

impl Job {
    /// Why the last start failed, if it did.
    pub fn failed_start(&self) -> Option<FailedStart> {
        let FailureStreak { error, tries, .. } = self.past.as_ref()?.failure?;
        let launch = &self.spec.launch;
        let (subject, searched) = (launch.subject(error.stage).into(), launch.searched(error));
        Some(FailedStart { error, subject, searched, tries })
    }

    /// Logs why a start failed, unless the log has this reason already. True if the reason is new.
    pub(super) fn failed(&mut self, error: SpawnError, now: MonoTime, wishes: &mut Vec<Wish>) -> bool {
        let (due, again) = self.remember(|past| {
            let (tries, logged) = match past.failure {
                Some(before) if before.error == error => {
                    (before.tries.saturating_add(1), Some(before.logged))
                }
                Some(_) | None => (1, None),
            };
            let due = logged.is_none_or(|at| now >= at + REMIND_EVERY);
            let at = logged.filter(|_| !due).unwrap_or(now);
            past.failure = Some(FailureStreak { error, tries, logged: at });
            (due, logged.is_some())
        });
        let Some(start) = self.failed_start().filter(|_| due) else { return false };
        let job = self.spec.name.clone();
        wishes.push(Wish::Log(match again {
            true => Notice::StillCantStart { job, start },
            false => Notice::CantStart { job, start },
        }));
        !again
    }
}

//! Restarts for changed files of `depends`: at once, unless the changes keep coming. Without a limit, a job that
//! writes such a file itself would restart ten times a second forever.

use super::policy;
use crate::model::MonoTime;
use std::time::Duration;

/// What is known of the changes of a job's files.
#[derive(Debug, Default)]
pub(super) struct FileChanges {
    /// When the job last restarted for a change, and how long after that the next such restart may come.
    last: Option<(MonoTime, Duration)>,
    /// When the restart that came too soon is due.
    due: Option<MonoTime>,
}

/// What a change leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeOutcome {
    /// The job restarts now.
    Restart,
    /// The job restarts at this time.
    Later(MonoTime),
    /// A postponed restart is still pending.
    Pending,
}

impl FileChanges {
    /// A file has changed.
    pub(super) fn changed(&mut self, now: MonoTime) -> ChangeOutcome {
        if self.due.is_some() {
            return ChangeOutcome::Pending;
        }
        if let Some((at, pause)) = self.last
            && now < at + pause
        {
            self.due = Some(at + pause);
            return ChangeOutcome::Later(at + pause);
        }
        self.restarted(now);
        ChangeOutcome::Restart
    }

    /// When the postponed restart is due.
    pub(super) fn due(&self) -> Option<MonoTime> {
        self.due
    }

    /// Whether the postponed restart has become due. True once.
    pub(super) fn expire(&mut self, now: MonoTime) -> bool {
        let due = self.due.take_if(|at| *at <= now).is_some();
        if due {
            self.restarted(now);
        }
        due
    }

    /// The postponed restart is no longer needed.
    pub(super) fn forget(&mut self) {
        self.due = None;
    }

    fn restarted(&mut self, now: MonoTime) {
        let before = self.last.map(|(at, pause)| (now.since(at), pause));
        self.last = Some((now, policy::next_distance(before)));
    }
}

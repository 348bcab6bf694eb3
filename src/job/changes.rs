//! Restarts for changed files of `depends`: at once, unless the changes keep coming. A job that writes such a file
//! itself would otherwise restart ten times a second for ever.

use super::policy;
use crate::model::MonoTime;
use std::time::Duration;

/// What is known of the changes of a job's files.
#[derive(Debug, Default)]
pub(super) struct FileChanges {
    /// The last restart for a change, and how long after it the next may come.
    last: Option<(MonoTime, Duration)>,
    /// When the job is restarted for a change that came too soon.
    due: Option<MonoTime>,
}

/// What follows a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeOutcome {
    /// The job is restarted now.
    Restart,
    /// It is restarted at this time.
    Later(MonoTime),
    /// A restart that was put off is still to come.
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

    /// When the restart that was put off is due.
    pub(super) fn due(&self) -> Option<MonoTime> {
        self.due
    }

    /// Whether the restart that was put off has become due. True once.
    pub(super) fn expire(&mut self, now: MonoTime) -> bool {
        let due = self.due.take_if(|at| *at <= now).is_some();
        if due {
            self.restarted(now);
        }
        due
    }

    /// A restart that was put off is not needed any more.
    pub(super) fn forget(&mut self) {
        self.due = None;
    }

    fn restarted(&mut self, now: MonoTime) {
        let before = self.last.map(|(at, pause)| (now.since(at), pause));
        self.last = Some((now, policy::next_distance(before)));
    }
}

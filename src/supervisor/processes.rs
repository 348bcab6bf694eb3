//! Whose process it is that was made or has ended.

use super::{Actions, Supervisor};
use crate::job::Job;
use crate::model::{Birth, Ending, JobId, MonoTime, Notice, Pid, SpawnError, Survivors};

impl Supervisor {
    pub(super) fn exited(
        &mut self,
        now: MonoTime,
        pid: Pid,
        ending: Ending,
        rest: &Survivors,
        actions: &mut Actions,
    ) {
        if let Some(id) = self.pids.remove(&pid) {
            return self.with(id, actions, |job, wishes| job.exited(now, ending, rest, wishes));
        }
        actions.log(Notice::AdoptedEnded { pid });
        // It may have been the last of a group that is being swept; the tick looks once for all.
        let sweeping: Vec<JobId> = self.groups.values().copied().collect();
        for id in sweeping {
            self.with(id, actions, |job, _| job.look_soon(now));
        }
    }

    pub(super) fn spawned(
        &mut self,
        now: MonoTime,
        id: JobId,
        answer: Result<Birth, SpawnError>,
        actions: &mut Actions,
    ) {
        if let Ok(pid) = answer.map(Birth::pid) {
            // The kernel gives a number away only when no process and no group has it any more.
            if let Some(swept) = self.groups.get(&pid).copied() {
                self.with(swept, actions, |job, wishes| job.looked(now, &Survivors::None, wishes));
            }
            self.pids.insert(pid, id);
        }
        self.with(id, actions, |job, wishes| job.spawned(now, answer, wishes));
    }

    /// It runs the command of its job.
    pub(super) fn executed(&mut self, pid: Pid, actions: &mut Actions) {
        if let Some(id) = self.pids.get(&pid).copied() {
            self.with(id, actions, Job::executed);
        }
    }
}

//! Who owns which process: those that were made, and those that have ended.

use super::{Actions, Supervisor};
use crate::job::Job;
use crate::model::{Birth, Ending, JobId, MonoTime, Notice, Pid, SpawnError, Survivors};
use std::collections::BTreeMap;

/// The owner of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// It is the main process of this job.
    Main(JobId),
    /// It runs a command of a job beside that. A helper has a number from the same range as jobs.
    Helper(JobId),
}

/// All processes and groups that have an owner. Each has one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Processes {
    /// Children that have not been reaped.
    unreaped: BTreeMap<Pid, Owner>,
    /// Groups of which something is left, and whose leader has been reaped or is not our child. The kernel does not
    /// reuse the number of such a group, so between turns no number is in both maps.
    groups: BTreeMap<Pid, Owner>,
}

impl Processes {
    /// Adds a new process.
    pub(super) fn add(&mut self, pid: Pid, owner: Owner) {
        self.unreaped.insert(pid, owner);
    }

    /// Removes a reaped process and returns its owner. An adopted orphan has none.
    fn remove(&mut self, pid: Pid) -> Option<Owner> {
        self.unreaped.remove(&pid)
    }

    /// This owner waits for the end of the second group, and no longer for that of the first.
    pub(super) fn regroup(&mut self, owner: Owner, before: Option<Pid>, after: Option<Pid>) {
        before.map(|group| self.groups.remove(&group));
        after.map(|group| self.groups.insert(group, owner));
    }

    pub(super) fn owner_of(&self, pid: Pid) -> Option<Owner> {
        self.unreaped.get(&pid).copied()
    }

    pub(super) fn owner_of_group(&self, group: Pid) -> Option<Owner> {
        self.groups.get(&group).copied()
    }

    /// How many children have not been reaped.
    pub(super) fn count(&self) -> usize {
        self.unreaped.len()
    }

    /// The children that have not been reaped, in the order of their owners.
    pub(super) fn pids(&self) -> Vec<Pid> {
        let mut owned: Vec<(Owner, Pid)> = self.unreaped.iter().map(|(pid, owner)| (*owner, *pid)).collect();
        owned.sort_unstable();
        owned.into_iter().map(|(_, pid)| pid).collect()
    }

    /// All owners; one with several processes appears several times.
    pub(super) fn owners(&self) -> impl Iterator<Item = Owner> {
        self.unreaped.values().chain(self.groups.values()).copied()
    }
}

impl Supervisor {
    pub(super) fn exited(
        &mut self,
        now: MonoTime,
        pid: Pid,
        ending: Ending,
        rest: &Survivors,
        actions: &mut Actions,
    ) {
        match self.processes.remove(pid) {
            Some(Owner::Main(id)) => {
                let (draw, over) = (self.chance.draw(), self.is_over(id));
                self.with(id, actions, |job, wishes| job.exited(now, ending, rest, draw, wishes));
                self.end_reload(id, actions);
                if !over && self.is_over(id) {
                    self.over(now, id, ending, actions);
                }
            }
            Some(Owner::Helper(id)) => self.helper_exited(now, id, ending, rest, actions),
            None => self.adopted_ended(now, pid, actions),
        }
    }

    /// Whether the job has ended for good.
    fn is_over(&self, id: JobId) -> bool {
        self.slot(id).is_some_and(|slot| slot.job.finished())
    }

    /// An orphan has ended. It may have been the last process of a group that is being swept; the tick looks at all of
    /// them once.
    fn adopted_ended(&mut self, now: MonoTime, pid: Pid, actions: &mut Actions) {
        actions.log(Notice::AdoptedEnded { pid });
        let sweeping: Vec<Owner> = self.processes.groups.values().copied().collect();
        for owner in sweeping {
            match owner {
                Owner::Main(id) => self.with(id, actions, |job, _| job.look_soon(now)),
                Owner::Helper(id) => self.helpers.look_soon(id, now),
            }
        }
    }

    /// Something is known about what is left of a group.
    pub(super) fn looked(&mut self, now: MonoTime, group: Pid, left: &Survivors, actions: &mut Actions) {
        match self.processes.owner_of_group(group) {
            Some(Owner::Main(id)) => self.with(id, actions, |job, wishes| job.looked(now, left, wishes)),
            Some(Owner::Helper(id)) => self.helper_looked(now, id, left, actions),
            None => {}
        }
    }

    pub(super) fn spawned(
        &mut self,
        now: MonoTime,
        id: JobId,
        answer: Result<Birth, SpawnError>,
        actions: &mut Actions,
    ) {
        self.born(now, Owner::Main(id), answer, actions);
        self.with(id, actions, |job, wishes| job.spawned(now, answer, wishes));
    }

    /// A process was made, or not.
    pub(super) fn born(
        &mut self,
        now: MonoTime,
        owner: Owner,
        answer: Result<Birth, SpawnError>,
        actions: &mut Actions,
    ) {
        if let Ok(pid) = answer.map(Birth::pid) {
            // The kernel reuses a number only when no process and no group has it.
            self.looked(now, pid, &Survivors::None, actions);
            self.processes.add(pid, owner);
        }
    }

    /// The process has executed its command.
    pub(super) fn executed(&mut self, pid: Pid, actions: &mut Actions) {
        match self.processes.owner_of(pid) {
            Some(Owner::Main(id)) => self.with(id, actions, Job::executed),
            Some(Owner::Helper(_)) | None => {}
        }
    }

    /// Whether an exit of pmtr no longer waits for the processes of this owner.
    pub(super) fn has_given_up(&self, owner: Owner) -> bool {
        match owner {
            Owner::Main(id) => self.slot(id).is_none_or(|slot| slot.job.given_up()),
            Owner::Helper(id) => self.helpers.has_given_up(id),
        }
    }
}

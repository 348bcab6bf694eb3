//! What an applied file and the files of `depends` do to a job.

use super::{ChangeOutcome, FirstRun, Job, Outcome, State, Wish};
use crate::model::{JobSpec, MonoTime, Notice, Policy};
use std::rc::Rc;

impl Job {
    /// Takes another definition. A running process is stopped, and the new one starts without delay.
    /// The exit of the old run does not affect the new definition.
    pub fn redefine(&mut self, spec: JobSpec, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.obey_file(!spec.policy.fixed.disable, wishes);
        if let State::Starting { pid, since } | State::Running { pid, since } = self.state {
            self.stop(pid, since, now, wishes);
        }
        let before = std::mem::replace(&mut self.spec, spec);
        if self.pid().is_some() {
            // What runs is ended as its own definition says.
            self.ends_by.get_or_insert(before.policy);
        }
        self.first_run = FirstRun::Pending;
        self.removed = false;
        self.past = None;
        self.changes = None;
        self.restart(now, wishes);
    }

    /// Takes other rules, under which a process runs on.
    pub fn retune(&mut self, policy: Rc<Policy>, now: MonoTime, wishes: &mut Vec<Wish>) {
        let restart = std::mem::replace(&mut self.spec.policy, policy).restart != self.spec.policy.restart;
        if restart {
            self.forgive();
            self.outcome = self.outcome.filter(|outcome| *outcome == Outcome::Done);
        }
        self.confirm(now, wishes);
    }

    /// An applied file keeps this definition. Only the effect of a remote command ends.
    pub fn confirm(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.obey_file(!self.spec.policy.fixed.disable, wishes);
        self.removed = false;
        self.reconcile(now, wishes);
    }

    /// A file that it depends on has changed: it restarts without delay, unless such changes keep coming.
    pub fn depends_changed(&mut self, file: &Rc<[u8]>, now: MonoTime, wishes: &mut Vec<Wish>) {
        match self.changes.get_or_insert_default().changed(now) {
            ChangeOutcome::Restart => self.restart_for_change(now, wishes),
            ChangeOutcome::Later(at) => {
                let (job, file) = (self.spec.name.clone(), file.clone());
                wishes.push(Wish::Log(Notice::DependsRestless { job, file, wait: at.since(now) }));
            }
            ChangeOutcome::Pending => {}
        }
    }

    pub(super) fn restart_for_change(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::Log(Notice::DependsChanged { job: self.spec.name.clone() }));
        self.restart(now, wishes);
    }

    pub(super) fn forget_change(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.forget();
        }
    }

    /// Restarts without delay, whatever its state.
    pub fn restart(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.outcome = None;
        self.floor = now;
        if self.past.is_some() {
            self.remember(|past| past.delayed = None);
            self.forgive();
        }
        if let State::Starting { pid, since } | State::Running { pid, since } = self.state {
            self.stop(pid, since, now, wishes);
        }
        self.reconcile(now, wishes);
    }

    /// Removes it: it is forgotten once nothing of it runs.
    pub fn remove(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.removed = true;
        self.reconcile(now, wishes);
    }
}

//! Whether a job is to run as far as the file and remote commands go: the last word counts.

use super::{Job, Wish};
use crate::model::{MonoTime, Notice};

impl Job {
    /// Whether such a remote command changes anything.
    pub fn is_switched_by(&self, enabled: bool) -> bool {
        self.enabled != enabled || enabled && self.finished
    }

    /// A remote command: enabling brings a job back, even one that has ended for good.
    /// The supervisor asks for it where it changes something, and logs it: it knows how many there are.
    pub fn switch(&mut self, enabled: bool, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.enabled = enabled;
        if enabled {
            self.finished = false;
        }
        self.reconcile(now, wishes);
    }

    /// What the file says takes the place of a remote command, which is logged where that makes a difference.
    pub(super) fn obey_file(&mut self, enabled: bool, wishes: &mut Vec<Wish>) {
        let switched = self.enabled == self.spec.policy.fixed.disable;
        if switched && enabled != self.enabled && !self.removed {
            wishes.push(Wish::Log(Notice::SwitchedBack { job: self.spec.name.clone(), enabled }));
        }
        self.enabled = enabled;
    }
}

//! Whether a job is enabled: the file or the last remote command decides.

use super::{Job, Wish};
use crate::model::{MonoTime, Notice};

impl Job {
    /// Whether this remote command changes anything.
    pub fn is_switched_by(&self, enabled: bool) -> bool {
        self.enabled != enabled || enabled && self.finished()
    }

    /// A remote command. `enable` also brings back a job that has ended for good. The supervisor calls this only if the
    /// command changes something, and logs it, because it knows how many there are.
    pub fn switch(&mut self, enabled: bool, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.enabled = enabled;
        if enabled {
            self.outcome = None;
            self.forgive();
        }
        self.reconcile(now, wishes);
    }

    /// The file replaces a remote command. This is logged if it makes a difference.
    pub(super) fn obey_file(&mut self, enabled: bool, wishes: &mut Vec<Wish>) {
        let switched = self.enabled == self.spec.policy.fixed.disable;
        if switched && enabled != self.enabled && !self.removed {
            wishes.push(Wish::Log(Notice::SwitchedBack { job: self.spec.name.clone(), enabled }));
        }
        self.enabled = enabled;
    }
}

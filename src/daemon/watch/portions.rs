//! What is done of the queues in one turn.

use super::read::Stamp;
use super::table::Id;
use super::{CONFIG, LOOKS_PER_TURN, PATHS_PER_TURN, Seen, Watch};
use crate::model::MonoTime;

impl Watch {
    /// Follows and looks at the configuration, as far as that waits.
    pub(super) fn work_on_config(&mut self, now: MonoTime) {
        if self.arm.contains(CONFIG) {
            self.arm(CONFIG);
        }
        if self.look.contains(CONFIG) {
            self.look.remove(&CONFIG);
            self.look(CONFIG, now);
        }
    }

    /// Does a portion of what is queued for the files of jobs.
    pub(super) fn work_on(&mut self, now: MonoTime, seen: &mut Vec<Seen>) {
        for _ in 0..PATHS_PER_TURN {
            let Some(id) = self.arm.next_but(CONFIG) else { break };
            self.arm(id);
        }
        for _ in 0..LOOKS_PER_TURN {
            let Some(id) = self.look.next_but(CONFIG) else { break };
            self.look.remove(&id);
            self.look(id, now);
        }
        self.hash_some(now, seen);
    }

    /// Whether the configuration is to be followed or looked at.
    pub(super) fn config_queued(&self) -> bool {
        self.arm.contains(CONFIG) || self.look.contains(CONFIG)
    }

    /// Whether there is work to do for the files of jobs.
    pub(super) fn has_queued(&self) -> bool {
        let mut waiting = self.arm.iter().chain(self.look.iter()).chain(self.hash.iter());
        !self.hashing.is_empty() || waiting.any(|id| *id != CONFIG)
    }

    /// Compares a file's state with the one that was read.
    fn look(&mut self, id: Id, now: MonoTime) {
        let Some(entry) = self.entries.get(&id) else { return };
        if Stamp::at(&entry.path, &self.mounts) != entry.stamp {
            self.touch(id, now);
        }
    }
}

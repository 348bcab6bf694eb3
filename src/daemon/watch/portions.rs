//! What one turn does of the queues.

use super::read::FileStamp;
use super::table::{CONFIG, FileId};
use super::{LOOKS_PER_TURN, PATHS_PER_TURN, Seen, Watch};
use crate::model::MonoTime;

impl Watch {
    /// Follows and looks at the configuration, if that is queued.
    pub(super) fn work_on_config(&mut self, now: MonoTime) {
        if self.arm.contains(CONFIG) {
            self.arm(CONFIG);
        }
        if self.look.contains(CONFIG) {
            self.look.remove(&CONFIG);
            self.look(CONFIG, now);
        }
    }

    /// Does a portion of what is queued for the files of jobs; it ends one path after this time at the latest. The
    /// queues take turns at being the first, so that none waits until the others are empty.
    pub(super) fn work_on(&mut self, now: MonoTime, end: MonoTime, seen: &mut Vec<Seen>) {
        self.sweep_on();
        self.first = (self.first + 1) % 3;
        for queue in 0..3 {
            let time_is_left = match (self.first + queue) % 3 {
                0 => self.arm_some(end),
                1 => self.look_at_some(now, end),
                _ => self.hash_some(now, end, seen),
            };
            if !time_is_left {
                return;
            }
        }
    }

    fn arm_some(&mut self, end: MonoTime) -> bool {
        for _ in 0..PATHS_PER_TURN {
            let Some(id) = self.arm.next_but(CONFIG) else { break };
            self.arm(id);
            if self.is_over(end) {
                return false;
            }
        }
        true
    }

    fn look_at_some(&mut self, now: MonoTime, end: MonoTime) -> bool {
        for _ in 0..LOOKS_PER_TURN {
            let Some(id) = self.look.next_but(CONFIG) else { break };
            self.look.remove(&id);
            self.look(id, now);
            if self.is_over(end) {
                return false;
            }
        }
        true
    }

    /// Whether a portion has lasted long enough. Checked after each path: one can lead through 256 directories.
    pub(super) fn is_over(&self, end: MonoTime) -> bool {
        (self.clock)() >= end
    }

    /// Whether the configuration is to be followed or looked at.
    pub(super) fn config_queued(&self) -> bool {
        self.arm.contains(CONFIG) || self.look.contains(CONFIG)
    }

    /// Whether there is work to do for the files of jobs.
    pub(super) fn has_queued(&self) -> bool {
        let mut waiting = self.arm.iter().chain(self.look.iter()).chain(self.hash.iter());
        !self.hashing.is_empty() || !self.sweep.is_over() || waiting.any(|id| *id != CONFIG)
    }

    /// Compares a file's state with the one that was read.
    fn look(&mut self, id: FileId, now: MonoTime) {
        let Some(entry) = self.entries.get(&id) else { return };
        let found = FileStamp::at(&entry.path, &self.mounts);
        if found != entry.stamp {
            let saved = found.is_some_and(|found| found.is_saved_since(entry.stamp));
            self.news.saved |= saved && id.is_config() && entry.inside.is_none();
            self.touch(id, now);
        }
    }
}

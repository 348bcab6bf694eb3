//! Handles changes of mounts, which some users can cause without pause: `fusermount3` mounts for them.

use super::{CONFIG, Watch};
use crate::daemon::mounts::Mounts;
use crate::model::MonoTime;
use std::io::Seek;
use std::time::Duration;

/// The shortest time between two changes of mounts that are handled.
pub(super) const REST: Duration = Duration::from_millis(20);

impl Watch {
    /// Mounts have changed. The next [`Watch::work`] handles that.
    pub fn mounts_change(&mut self) {
        (self.remounted, self.mounts_unread) = (true, true);
    }

    /// The present mounts.
    pub fn mounts(&mut self) -> &Mounts {
        self.read_mounts();
        &self.mounts
    }

    /// Reads the list of mounts if it has changed. To be called before any path is followed: otherwise pmtr might ask a
    /// new mount that can make it wait.
    pub(super) fn read_mounts(&mut self) {
        if !std::mem::take(&mut self.mounts_unread) {
            return;
        }
        // Through the open descriptor: there may be no other available.
        if let Some(file) = &mut self.mountinfo {
            let read = file.rewind().and_then(|()| Mounts::read_from(file));
            self.mounts_outdated = read.is_err();
            if let Ok(mounts) = read {
                self.mounts = mounts;
            }
        }
    }

    /// Handles a change of mounts: the first one at once, further ones after a rest. The last one is never lost.
    pub(super) fn follow_up_mounts(&mut self, now: MonoTime) {
        if !self.remounted || !self.remounting.allows(now) {
            return;
        }
        self.remounted = false;
        let begun = (self.clock)();
        self.read_mounts();
        self.news.touched = true;
        self.doubt_all();
        let took = (self.clock)().since(begun);
        self.remounting.spend(now, took);
    }

    /// Any path may lead elsewhere, and any file may be another one. The configuration does not wait for its turn.
    pub(super) fn doubt_all(&mut self) {
        self.arm.insert(CONFIG);
        self.look.insert(CONFIG);
        self.sweep.begin();
    }

    /// Queues the next portion of those paths.
    pub(super) fn sweep_on(&mut self) {
        let portion = self.sweep.portion(&self.entries);
        self.arm.extend(&portion);
        self.look.extend(&portion);
    }
}

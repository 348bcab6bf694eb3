//! What is done when mounts change, which some users can have them do without pause: `fusermount3` mounts for them.

use super::{CONFIG, Watch};
use crate::daemon::mounts::Mounts;
use crate::model::MonoTime;
use std::io::Seek;
use std::time::Duration;

/// The shortest time between two changes of mounts that are followed up.
pub(super) const REST: Duration = Duration::from_millis(20);

impl Watch {
    /// Mounts have changed. The next [`Watch::work`] follows that up.
    pub fn mounts_change(&mut self) {
        (self.remounted, self.mounts_unread) = (true, true);
    }

    /// The mounts of this moment.
    pub fn mounts(&mut self) -> &Mounts {
        self.read_mounts();
        &self.mounts
    }

    /// Reads the list of mounts if it has changed. To be called before any path is followed: what is not known to be
    /// a mount by which others can make us wait would be asked.
    pub(super) fn read_mounts(&mut self) {
        if !std::mem::take(&mut self.mounts_unread) {
            return;
        }
        // By the descriptor that we have: there may be no other to be had.
        if let Some(file) = &mut self.mountinfo {
            let read = file.rewind().and_then(|()| Mounts::read_from(file));
            self.mounts_outdated = read.is_err();
            if let Ok(mounts) = read {
                self.mounts = mounts;
            }
        }
    }

    /// Follows up a change of mounts: the first one at once, further ones after a rest. The last one is never lost.
    pub(super) fn follow_up_mounts(&mut self, now: MonoTime) {
        if !self.remounted || !self.remounting.allows(now) {
            return;
        }
        self.remounted = false;
        let begun = (self.clock)();
        self.read_mounts();
        self.config_touched = true;
        self.doubt_all();
        let took = (self.clock)().since(begun);
        self.remounting.spend(now, took);
    }

    /// Any path can lead elsewhere, and any file can be another one. The configuration need not wait for its turn.
    pub(super) fn doubt_all(&mut self) {
        self.arm.insert(CONFIG);
        self.look.insert(CONFIG);
        self.sweep.begin();
    }

    /// Queues the next ones of those that are in doubt.
    pub(super) fn sweep_on(&mut self) {
        let portion = self.sweep.portion(&self.entries);
        self.arm.extend(&portion);
        self.look.extend(&portion);
    }
}

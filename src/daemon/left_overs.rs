//! Processes that another pmtr has left. They are no children of ours: nobody tells of their end, and what they
//! leave as zombies is for others to reap, so it counts as gone.
#![forbid(unsafe_code)]

use crate::model::{MonoTime, Pid};
use crate::sys::clock;
use crate::sys::stat::{self, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A look at all processes serves all questions of so long a time.
const CENSUS_LASTS: Duration = Duration::from_millis(20);
/// Or for so many times as long as it took: with many processes on the machine the loop has other things to do. A
/// group that lived then is only asked about again, and one in which nobody lived stays so.
const CENSUS_SHARE: u32 = 10;

/// The leaders that are left, and a look at the groups of the machine.
#[derive(Debug, Default)]
pub(super) struct LeftOvers {
    /// When each was born.
    leaders: BTreeMap<Pid, u64>,
    /// Until when it serves, and the groups in which somebody lived.
    census: Option<(MonoTime, BTreeSet<i32>)>,
}

impl LeftOvers {
    pub(super) fn add(&mut self, leader: Pid, born_ticks: u64) {
        self.leaders.insert(leader, born_ticks);
    }

    pub(super) fn forget(&mut self, leader: Pid) {
        self.leaders.remove(&leader);
        if self.leaders.is_empty() {
            self.census = None;
        }
    }

    /// Whether all of this group have ended, as far as it was left by another pmtr.
    pub(super) fn are_gone(&mut self, leader: Pid) -> bool {
        let Some(born) = self.leaders.get(&leader).copied() else { return false };
        match Stat::of(leader) {
            // The number is another's by now.
            Some(stat) if stat.born_ticks != born => return true,
            Some(stat) if !stat.zombie => return false,
            Some(_) | None => {}
        }
        let now = clock::now();
        let fresh = self.census.as_ref().is_some_and(|(until, _)| now < *until);
        if !fresh {
            // Who can't see them must not take them for gone.
            self.census = stat::is_ours().then(|| {
                let groups = stat::living_groups();
                (holds_until(now, clock::now()), groups)
            });
        }
        self.census.as_ref().is_some_and(|(_, groups)| !groups.contains(&leader.as_raw()))
    }
}

/// Until when a look serves that lasted from one time to another.
fn holds_until(began: MonoTime, ended: MonoTime) -> MonoTime {
    ended + CENSUS_LASTS.max(ended.since(began) * CENSUS_SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_takes_long_serves_for_longer() {
        let began = MonoTime::ZERO + Duration::from_secs(7);
        for (took, holds) in [(0, 20), (1, 20), (30, 300), (400, 4_000)] {
            let ended = began + Duration::from_millis(took);
            assert_eq!(holds_until(began, ended), ended + Duration::from_millis(holds));
        }
    }

    #[test]
    fn all_questions_of_a_moment_are_answered_by_one_look() {
        let mut gone = std::process::Command::new("/bin/true").spawn().unwrap();
        let leader = Pid::new(gone.id().cast_signed()).unwrap();
        gone.wait().unwrap();
        let mut left = LeftOvers::default();
        left.add(leader, 0);
        // No look of its own, though the group has long been gone.
        left.census = Some((clock::now() + Duration::from_secs(3600), BTreeSet::from([leader.as_raw()])));
        assert!(!left.are_gone(leader));
        left.census = Some((MonoTime::ZERO, BTreeSet::from([leader.as_raw()])));
        assert!(left.are_gone(leader));
    }
}

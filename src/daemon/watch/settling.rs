//! Files to which something has happened: they are read when nothing more does, or when it has gone on for too long.

use super::table::FileId;
use crate::model::MonoTime;
use crate::supervisor::{QUIET, QUIET_AT_MOST};
use std::collections::{BTreeMap, BTreeSet};

/// The waiting files, each with the time of the first event, if there was one, and the time when it is due.
#[derive(Debug, Default)]
pub(super) struct Settling {
    by_id: BTreeMap<FileId, (Option<MonoTime>, MonoTime)>,
    by_time: BTreeSet<(MonoTime, FileId)>,
}

impl Settling {
    /// Something happened to the file.
    pub(super) fn touched(&mut self, id: FileId, now: MonoTime) {
        let since = self.by_id.get(&id).and_then(|(since, _)| *since).unwrap_or(now);
        self.set(id, Some(since), (now + QUIET).min(since + QUIET_AT_MOST));
    }

    /// Nothing happened, but the file is to be read at this time.
    pub(super) fn again(&mut self, id: FileId, at: MonoTime) {
        self.set(id, None, at);
    }

    pub(super) fn forget(&mut self, id: FileId) {
        if let Some((_, due)) = self.by_id.remove(&id) {
            self.by_time.remove(&(due, id));
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<MonoTime> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// Removes one that is due.
    pub(super) fn due(&mut self, now: MonoTime) -> Option<FileId> {
        let (_, id) = self.by_time.first().copied().filter(|(due, _)| *due <= now)?;
        self.forget(id);
        Some(id)
    }

    fn set(&mut self, id: FileId, since: Option<MonoTime>, due: MonoTime) {
        self.forget(id);
        self.by_id.insert(id, (since, due));
        self.by_time.insert((due, id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(millis: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn each_event_puts_the_reading_off_but_not_for_ever() {
        let mut settling = Settling::default();
        for millis in (0..1990).step_by(50) {
            settling.touched(FileId(1), at(millis));
            assert_eq!(settling.due(at(millis + 9)), None);
        }
        assert_eq!(settling.next(), Some(at(2000)));
        assert_eq!((settling.due(at(2000)), settling.next()), (Some(FileId(1)), None));
    }

    #[test]
    fn an_event_after_a_long_wait_has_its_own_quiet_time() {
        let mut settling = Settling::default();
        settling.again(FileId(1), at(30_000));
        settling.touched(FileId(2), at(0));
        settling.touched(FileId(1), at(20_000));
        assert_eq!((settling.due(at(20_000)), settling.due(at(20_000))), (Some(FileId(2)), None));
        assert_eq!(settling.next(), Some(at(20_100)));
        settling.forget(FileId(1));
        assert_eq!(settling.next(), None);
    }
}

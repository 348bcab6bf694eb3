//! The contents of the files that jobs depend on.

use super::read::{self, FileStamp, HASHED_AT_MOST, Hashing, Progress};
use super::table::FileId;
use super::{Seen, Watch, not_permitted};
use crate::daemon::regular::Refusal;
use crate::model::{Clean, Errno, Fingerprint, Level, LoadError, MonoTime};
use crate::sys::numbers::{ELOOP, ENAMETOOLONG, EREMOTE};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// How much is read in one turn.
const BYTES_PER_TURN: usize = 1 << 20;
/// What opening a file counts for, so that many small files cost no more than a large one.
const OPENING: usize = 16 << 10;
/// How many files are read side by side, so that a small one does not wait for a large one.
const SIDE_BY_SIDE: usize = 8;
/// How much of one of them is read before the next one has its turn.
const SHARE: usize = 128 << 10;
/// When a file that could not be opened is tried again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);
/// A file that has never been reported is taken as it is after it was found busy this often: some files are always
/// open for writing, and a job waits for its start.
const PATIENCE: u32 = 2;

impl Watch {
    /// Continues to read the files whose fingerprint is wanted. Returns whether time is left after the paths of those
    /// that were opened.
    pub(super) fn hash_some(&mut self, now: MonoTime, end: MonoTime, seen: &mut Vec<Seen>) -> bool {
        let mut budget = BYTES_PER_TURN;
        // A file that is partly read continues first: otherwise, starting new ones could use up every turn.
        let mut begins = self.hashing.is_empty();
        while budget > 0 {
            if let Some(id) = self.next_to_begin().filter(|_| begins) {
                self.hash.remove(&id);
                budget = budget.saturating_sub(OPENING);
                self.begin(id, now, seen);
                if self.is_over(end) {
                    return false;
                }
                continue;
            }
            begins = true;
            let Some((id, mut hashing)) = self.hashing.pop_front() else { return true };
            let share = budget.min(SHARE);
            let mut left = share;
            let progress = hashing.go_on(&mut left);
            budget = budget.saturating_sub(share.saturating_sub(left));
            match progress {
                Progress::More => self.hashing.push_back((id, hashing)),
                Progress::Done(print, stamp) => self.tell(id, Some(print), Some(stamp), seen),
                Progress::Torn(print, stamp) => {
                    if !self.patient(id) {
                        self.tell(id, Some(print), Some(stamp), seen);
                    }
                    self.later(id, now);
                }
                Progress::Long(stamp) => self.tell_long(id, stamp, seen),
                Progress::Failed => self.failed(id, now, seen),
            }
        }
        true
    }

    /// The next file to open, unless too many are open.
    fn next_to_begin(&self) -> Option<FileId> {
        if self.hashing.len() >= SIDE_BY_SIDE {
            return None;
        }
        let begun = |id: &FileId| self.hashing.iter().any(|(other, _)| other == id);
        self.hash.iter().find(|id| !begun(id)).copied()
    }

    fn begin(&mut self, id: FileId, now: MonoTime, seen: &mut Vec<Seen>) {
        self.arm(id);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let path = entry.path.clone();
        let found = FileStamp::at(&path, &self.mounts);
        let opened = read::open(&path, &self.mounts);
        let error = match &opened {
            Err(Refusal::Failed(error)) => Some(read::refusal(error)),
            Err(Refusal::Other(_)) | Ok(_) => None,
        };
        entry.denied = matches!(error, Some(LoadError::Unreadable(errno)) if not_permitted(errno));
        match (opened, error) {
            (Ok((file, _)), _) if (self.being_written)(&file) == Some(true) && self.patient(id) => {
                self.later(id, now)
            }
            (Ok((file, meta)), _) => {
                let stamp = FileStamp::of(&meta);
                if self.mounts.leads_to_kernel(&path, meta.dev()) {
                    let how = ", reached by a link; it counts as missing";
                    self.remark(id, "a file of the kernel", Level::Warning, how);
                    return self.tell(id, None, Some(stamp), seen);
                }
                if stamp.is_long() {
                    return self.tell_long(id, stamp, seen);
                }
                self.remark(id, "", Level::Info, "");
                self.hashing.push_back((id, Hashing::new(file, stamp)));
            }
            (Err(Refusal::Other(what)), _) => {
                self.remark(id, what, Level::Warning, ", not a regular file; it counts as missing");
                self.tell(id, None, found, seen);
            }
            (_, Some(LoadError::Unreadable(errno))) if not_permitted(errno) => {
                self.forbidden(id, found, now, seen)
            }
            (_, Some(LoadError::Unreadable(errno))) if !lasts(errno) => self.unopened(id, now, seen),
            (_, Some(LoadError::Unreadable(Errno(EREMOTE)))) => {
                let what = "on a file system that can delay pmtr";
                self.remark(
                    id,
                    what,
                    Level::Warning,
                    ", reached by a link of another user; it counts as missing",
                );
                self.tell(id, None, None, seen);
            }
            (_, Some(LoadError::Unreadable(Errno(ENAMETOOLONG)))) => {
                let how = ", more than 256 directories and links; it counts as missing";
                self.remark(id, "reached by a path that is too long", Level::Warning, how);
                self.tell(id, None, None, seen);
            }
            (Err(_), _) => self.tell(id, None, found, seen),
        }
    }

    /// A file is too long to be read each time.
    fn tell_long(&mut self, id: FileId, stamp: FileStamp, seen: &mut Vec<Seen>) {
        const _: () = assert!(HASHED_AT_MOST == 64 << 20);
        let how = "; changes are detected by size, inode and modification time only";
        self.remark(id, "larger than 64 MiB", Level::Info, how);
        self.tell(id, Some(stamp.print()), Some(stamp), seen);
    }

    /// Logs once what a file is.
    fn remark(&mut self, id: FileId, what: &'static str, level: Level, and: &str) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if std::mem::replace(&mut entry.remark, what) != what && !what.is_empty() {
            let text = format!("{}, which jobs depend on, is {what}{and}", Clean(&entry.path));
            self.say(level, text);
        }
    }

    /// A file could not be opened, for example for lack of descriptors. Another attempt costs nothing.
    fn unopened(&mut self, id: FileId, now: MonoTime, seen: &mut Vec<Seen>) {
        self.failed(id, now, seen);
        self.settling.again(id, now + REOPEN_AFTER);
    }

    /// A file may not be opened, which is reported at once. Usually a change of its mode ends this, but the servers of
    /// some file systems admit us again without one.
    fn forbidden(&mut self, id: FileId, found: Option<FileStamp>, now: MonoTime, seen: &mut Vec<Seen>) {
        let tries = self.entries.get(&id).map(|entry| entry.tries);
        self.tell(id, None, found, seen);
        if let (Some(entry), Some(tries)) = (self.entries.get_mut(&id), tries) {
            entry.tries = tries;
        }
        self.later(id, now);
    }

    /// A file could not be read for a reason that may pass without a change of the file.
    fn failed(&mut self, id: FileId, now: MonoTime, seen: &mut Vec<Seen>) {
        if !self.patient(id) {
            self.tell(id, None, None, seen);
        }
        self.later(id, now);
    }

    /// Reports the content of a file if it is new.
    fn tell(
        &mut self,
        id: FileId,
        content: Option<Fingerprint>,
        stamp: Option<FileStamp>,
        seen: &mut Vec<Seen>,
    ) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.stamp = stamp;
        entry.tries = 0;
        if entry.told.replace(content) != Some(content) {
            seen.push(Seen::File(entry.path.clone(), content));
        }
    }

    /// Whether to wait for a file that is being written or can't be read now.
    fn patient(&self, id: FileId) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.told.is_some() || entry.tries < PATIENCE)
    }

    /// Reads a file again when the obstacle may have gone; less often the longer it takes.
    fn later(&mut self, id: FileId, now: MonoTime) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let secs = 1 << entry.tries.min(5);
        entry.tries = entry.tries.saturating_add(1);
        self.settling.again(id, now + Duration::from_secs(secs.min(30)));
    }
}

/// Whether only a change of the path can end this.
fn lasts(errno: Errno) -> bool {
    matches!(errno, Errno(ENAMETOOLONG | ELOOP | EREMOTE))
}

//! Sets the watches that a path needs, and does without them.

use super::inotify_instance::{InotifyInstance, WatchScope};
use super::table::{ANY, CONFIG, FileId, Name, Table};
use super::{LOOK_EVERY, PATHS_PER_TURN, Watch};
use crate::daemon::tokens::Descriptor;
use crate::daemon::trail::{Trail, TrailEnd, TrailStep};
use crate::daemon::way;
use crate::model::{Errno, Level, MonoTime};
use crate::sys::numbers;
use mio::Registry;
use std::collections::BTreeSet;
use std::io;

const EMFILE: Errno = Errno(numbers::EMFILE);
const ENFILE: Errno = Errno(numbers::ENFILE);
const ENOSPC: Errno = Errno(numbers::ENOSPC);

/// How often a path is followed again if it changes while its watches are set.
const ROUNDS: usize = 4;

/// The result of setting the watches of a path.
#[derive(Debug, Default)]
struct Sight {
    interests: BTreeSet<(i32, Name)>,
    closed: bool,
    short: Option<io::Error>,
}

impl Watch {
    /// Follows a path and watches each component. If something changes meanwhile, it is followed again.
    pub(super) fn arm(&mut self, id: FileId) {
        self.arm.remove(&id);
        let Some(path) = self.entries.get(&id).map(|entry| entry.path.clone()) else { return };
        if self.inotify.is_none() {
            self.short.insert(id);
            return;
        }
        let mut trail = way::of(&path, &self.mounts);
        for _ in 0..ROUNDS {
            self.set(id, &trail);
            let again = way::of(&path, &self.mounts);
            if again == trail {
                return;
            }
            trail = again;
        }
        self.arm.insert(id);
    }

    /// Sets the watches for a trail and removes those that it no longer needs.
    fn set(&mut self, id: FileId, trail: &Trail) {
        let mut sight = Sight { closed: matches!(trail.end, TrailEnd::Closed(_)), ..Sight::default() };
        for hop in &trail.hops {
            self.want(id, &hop.dir, WatchScope::Names, hop.name.as_slice().into(), &mut sight);
        }
        for dir in trail.dirs.iter().filter(|dir| trail.hops.iter().all(|hop| hop.dir != **dir)) {
            self.want(id, dir, WatchScope::Place, Name::default(), &mut sight);
        }
        let mut slow = trail.hops.iter().any(|hop| self.mounts.needs_looks(&hop.dir));
        if let TrailEnd::Found(path, step) = &trail.end {
            slow = slow || self.mounts.needs_looks(path);
            if *step == TrailStep::File {
                // The configuration may have a writer who never closes it. Other files may be written all day.
                let scope = if id.is_config() { WatchScope::Writes } else { WatchScope::File };
                self.want(id, path, scope, Name::default(), &mut sight);
            }
            let listed = self.entries.get(&id).is_some_and(|entry| entry.inside.is_some());
            if *step == TrailStep::Dir && listed {
                self.want(id, path, WatchScope::Names, ANY.into(), &mut sight);
            }
        }
        let was_unwatched = self.short.contains(&id) || self.closed.contains(&id);
        let was_short = self.short.contains(&id);
        for (set, member) in [
            (&mut self.slow, slow),
            (&mut self.closed, sight.closed),
            (&mut self.short, sight.short.is_some()),
        ] {
            if member {
                set.insert(id);
            } else {
                set.remove(&id);
            }
        }
        if let Some(error) = &sight.short {
            self.complain(error);
        } else if was_short && self.arm.is_empty() {
            // Watches are available again, perhaps for all.
            self.arm.extend(&self.short);
        }
        if was_unwatched && !sight.closed && sight.short.is_none() {
            // For what happened between the last look and the watch.
            self.look.insert(id);
        }
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let old = std::mem::take(&mut entry.interests);
        self.drop_interests(id, &old, &sight.interests);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.interests = sight.interests;
        }
    }

    fn want(&mut self, id: FileId, path: &[u8], scope: WatchScope, name: Name, sight: &mut Sight) {
        let Some(inotify) = &self.inotify else { return };
        match inotify.add(path, scope) {
            Ok((number, handle)) => {
                self.table.note(number, handle, path, &name, id);
                sight.interests.insert((number, name));
            }
            Err(error) => match (error.kind(), scope) {
                // If it is gone again, following the path once more finds that, unless it has come back.
                (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, _) => sight.closed = true,
                (io::ErrorKind::StorageFull | io::ErrorKind::OutOfMemory, _) => sight.short = Some(error),
                (_, _) if matches!(Errno::of(&error), EMFILE | ENFILE) => sight.closed = true,
                (_, WatchScope::Names) => sight.closed = true,
                // The directory of the file reports nearly as much, and its parent directories rarely move.
                (_, WatchScope::Place | WatchScope::File | WatchScope::Writes) => {}
            },
        }
    }

    /// Removes the old interests that are not among the new ones, and watches that nobody needs.
    pub(super) fn drop_interests(
        &mut self,
        id: FileId,
        old: &BTreeSet<(i32, Name)>,
        new: &BTreeSet<(i32, Name)>,
    ) {
        for (number, name) in old.difference(new) {
            let handle = self.table.forget(*number, name, id);
            if let (Some(handle), Some(inotify)) = (handle, &self.inotify) {
                inotify.remove(handle);
            }
        }
    }

    /// The kernel reports nothing, or no longer does: from now on everything is looked at regularly.
    pub(super) fn go_blind(&mut self, error: &io::Error) {
        self.inotify = None;
        (self.unread, self.deaf) = (false, false);
        self.table = Table::new();
        self.entries.values_mut().for_each(|entry| entry.interests.clear());
        self.closed.clear();
        self.short.extend(self.entries.keys());
        self.look.extend(self.entries.keys());
        self.complain(error);
    }

    /// Retries from time to time to watch what could not be watched.
    pub(super) fn retry(&mut self, now: MonoTime, registry: &Registry) {
        if !self.retrying.due(now) {
            return;
        }
        if self.mounts_outdated {
            self.mounts_change();
        }
        if self.inotify.is_some() {
            // In turn, so that thousands without a watch cost little.
            let mut unwatched: Vec<FileId> = self.short.union(&self.closed).copied().collect();
            let next = unwatched.partition_point(|id| *id <= self.retried);
            unwatched.rotate_left(next);
            unwatched.truncate(PATHS_PER_TURN);
            self.retried = unwatched.last().copied().unwrap_or(CONFIG);
            self.arm.extend(unwatched);
            return;
        }
        let inotify = InotifyInstance::open().and_then(|inotify| {
            inotify.register(registry, Descriptor::Inotify.token())?;
            Ok(inotify)
        });
        if let Ok(inotify) = inotify {
            self.inotify = Some(inotify);
            self.doubt_all();
        }
    }

    pub(super) fn say_when_restored(&mut self) {
        if self.complained && self.inotify.is_some() && self.short.is_empty() {
            self.complained = false;
            self.say(Level::Info, "watching files for changes again".into());
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.complained, true) {
            let (reason, secs) = (Errno::of(error), LOOK_EVERY.as_secs());
            let hint = match reason {
                ENOSPC => " (fs.inotify.max_user_watches)",
                EMFILE => " (fs.inotify.max_user_instances)",
                _ => "",
            };
            self.say(
                Level::Warning,
                format!("can't watch files for changes: {reason}{hint}; checking every {secs} sec instead"),
            );
        }
    }
}

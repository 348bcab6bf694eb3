//! The meaning of the kernel's events.

use super::table::FileId;
use super::{Watch, read};
use crate::config::pattern::join;
use crate::daemon::tokens::Descriptor;
use crate::model::MonoTime;
use inotify::EventMask;
use mio::Registry;
use std::collections::BTreeSet;
use std::time::Duration;

/// What an event costs besides: it wakes everything. More than it takes on most machines.
const WAKE: Duration = Duration::from_micros(50);

/// What one reading has reported. A storm of renames reports the same thing thousands of times, and handling each
/// report would mean to follow all paths that pass there.
#[derive(Debug, Default)]
struct Told(BTreeSet<Notification>);

/// The number of a watch, what happened, and to which name in it.
type Notification = (i32, u32, Option<Box<[u8]>>);

impl Told {
    /// Whether this has not been reported yet.
    fn is_news(&mut self, number: i32, mask: EventMask, name: Option<&[u8]>) -> bool {
        self.0.insert((number, mask.bits(), name.map(Into::into)))
    }
}

impl Watch {
    /// Reads what the kernel reports, up to a limit. In a flood there are rests, in which no event wakes the loop.
    pub(super) fn hear(&mut self, now: MonoTime, registry: &Registry) {
        if !self.hearing.allows(now) {
            return;
        }
        if std::mem::take(&mut self.deaf) {
            // Reports what has come by now.
            if let Some(Err(error)) =
                self.inotify.as_ref().map(|inotify| inotify.register(registry, Descriptor::Inotify.token()))
            {
                return self.go_blind(&error);
            }
            self.unread = true;
        }
        if !std::mem::take(&mut self.unread) {
            return;
        }
        let Some(mut inotify) = self.inotify.take() else { return };
        let begun = (self.clock)();
        let mut told = Told::default();
        let heard = inotify.read(|number, mask, name| {
            if told.is_news(number, mask, name) {
                self.heard(now, number, mask, name);
            }
        });
        let took = (self.clock)().since(begun);
        self.hearing.spend(now, took + WAKE);
        match heard {
            Ok(more) => {
                self.deaf = self.hearing.rest().is_some() && inotify.deregister(registry).is_ok();
                self.unread = more && !self.deaf;
                self.inotify = Some(inotify);
            }
            Err(error) => self.go_blind(&error),
        }
    }

    pub(super) fn heard(&mut self, now: MonoTime, number: i32, mask: EventMask, name: Option<&[u8]>) {
        if mask.contains(EventMask::Q_OVERFLOW) {
            // A look finds out which files have changed; reading all of them would delay those that have.
            self.news.touched = true;
            return self.doubt_all();
        }
        let gone = EventMask::IGNORED | EventMask::UNMOUNT | EventMask::MOVE_SELF | EventMask::DELETE_SELF;
        if mask.intersects(gone) {
            self.moved(self.table.concerned(number, None), now);
            if mask.contains(EventMask::IGNORED) {
                self.table.lost(number);
            }
            return;
        }
        if let Some(name) = name {
            self.heard_inside(number, mask, name);
        }
        let ids = self.table.concerned(number, name);
        if ids.is_empty() {
            return;
        }
        if mask.intersects(EventMask::CLOSE_WRITE | EventMask::MOVED_TO) {
            self.news.saved |= ids.iter().any(|id| id.is_config());
        }
        let named = EventMask::MOVED_TO | EventMask::MOVED_FROM | EventMask::DELETE;
        if mask.intersects(named) {
            self.moved(ids, now);
        } else if mask.contains(EventMask::CREATE) {
            if mask.contains(EventMask::ISDIR) || self.born_whole(number, name) {
                self.news.saved |= ids.iter().any(|id| id.is_config());
                self.moved(ids, now);
            } else {
                // It is another file: a writer may close it under another name, or never.
                self.write_heard(&ids);
                self.arm.extend(ids);
            }
        } else if mask.contains(EventMask::MODIFY) {
            self.write_heard(&ids);
        } else if mask.contains(EventMask::CLOSE_WRITE) {
            ids.into_iter().for_each(|id| self.touch(id, now));
        } else if mask.contains(EventMask::ATTRIB) {
            let denied = |id: &FileId| self.entries.get(id).is_some_and(|entry| entry.denied);
            let denied: Vec<FileId> = ids.into_iter().filter(denied).collect();
            self.moved(denied, now);
        }
    }

    /// Something may lead these paths elsewhere. The path of a file that waits to be read is followed then in any case.
    pub(super) fn moved(&mut self, ids: Vec<FileId>, now: MonoTime) {
        for id in ids {
            if !self.hash.contains(id) {
                self.touch(id, now);
                self.arm.insert(id);
            }
        }
    }

    /// A program writes to one of these.
    fn write_heard(&mut self, ids: &[FileId]) {
        for id in ids.iter().filter(|id| id.is_config()) {
            if let Some(entry) = self.entries.get(id) {
                self.news.opened(entry.path.clone());
            }
        }
    }

    /// The same for a name in a directory from which files are included.
    fn heard_inside(&mut self, number: i32, mask: EventMask, name: &[u8]) {
        let concerned = |id: &FileId| {
            let entry = self.entries.get(id)?;
            entry.inside.as_ref()?.matches(name).then(|| join(&entry.path, name))
        };
        let paths: Vec<Vec<u8>> = self.table.concerned_by_any(number).iter().filter_map(concerned).collect();
        if paths.is_empty() {
            return;
        }
        let created = mask.contains(EventMask::CREATE);
        if created && !mask.contains(EventMask::ISDIR) && !self.born_whole(number, Some(name)) {
            return paths.into_iter().for_each(|path| self.news.opened(path.into()));
        }
        let put = EventMask::CLOSE_WRITE | EventMask::MOVED_TO;
        if created || mask.intersects(put | EventMask::MOVED_FROM | EventMask::DELETE) {
            self.news.touched = true;
            self.news.saved |= created || mask.intersects(put);
            paths.iter().for_each(|path| self.news.closed(path));
        }
    }

    fn born_whole(&self, number: i32, name: Option<&[u8]>) -> bool {
        let (Some(dir), Some(name)) = (self.table.path(number), name) else { return true };
        read::born_whole(&[dir, b"/", name].concat(), self.being_written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_of_the_same_watch_is_no_news() {
        let mut told = Told::default();
        for (number, mask, name, news) in [
            (1, EventMask::MOVE_SELF, None, true),
            (1, EventMask::MOVED_TO, Some(&b"d"[..]), true),
            (1, EventMask::MOVED_FROM, Some(b"d"), true),
            (1, EventMask::MOVED_TO, Some(b"e"), true),
            (2, EventMask::MOVE_SELF, None, true),
            (1, EventMask::MOVE_SELF, None, false),
            (1, EventMask::MOVED_TO, Some(b"d"), false),
        ] {
            assert_eq!(told.is_news(number, mask, name), news, "{number} {mask:?} {name:?}");
        }
    }
}

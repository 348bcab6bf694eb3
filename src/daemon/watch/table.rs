//! Which watch concerns which file: watch descriptors, names in them, and interested files.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An interested file: the configuration, what it includes, or one that jobs depend on. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(pub(super) u64);

/// The main file of the configuration.
pub(super) const CONFIG: FileId = FileId(0);
/// The first of what it includes; all files of jobs are before it.
pub(super) const FIRST_PART: FileId = FileId(1 << 63);

impl FileId {
    /// Whether it is a part of the configuration.
    pub(super) fn is_config(self) -> bool {
        self == CONFIG || self >= FIRST_PART
    }
}

/// A name in a watched directory, or empty for the watched object itself.
pub(super) type Name = Rc<[u8]>;

/// In place of a name: any name in the directory. No file can be called that.
pub(super) const ANY: &[u8] = b"/";

/// One watch; `H` is what removes the kernel's watch.
#[derive(Debug)]
struct Watched<H> {
    handle: H,
    /// The path by which it was last reached.
    path: Box<[u8]>,
    names: BTreeMap<Name, BTreeSet<FileId>>,
}

/// All watches by their number.
#[derive(Debug)]
pub(super) struct Table<H> {
    watches: BTreeMap<i32, Watched<H>>,
}

impl<H> Table<H> {
    pub(super) fn new() -> Table<H> {
        Table { watches: BTreeMap::new() }
    }

    /// `id` is interested in `name` within the watch of this number, which leads to `path`.
    /// An equal number is the same directory by another path.
    pub(super) fn note(&mut self, number: i32, handle: H, path: &[u8], name: &Name, id: FileId) {
        let watched = self.watches.entry(number).or_insert_with(|| Watched {
            handle,
            path: path.into(),
            names: BTreeMap::new(),
        });
        if *watched.path != *path {
            watched.path = path.into();
        }
        watched.names.entry(name.clone()).or_default().insert(id);
    }

    /// `id` is no longer interested; returns the watch if nobody is.
    pub(super) fn forget(&mut self, number: i32, name: &[u8], id: FileId) -> Option<H> {
        let watched = self.watches.get_mut(&number)?;
        if let Some(ids) = watched.names.get_mut(name) {
            ids.remove(&id);
            if ids.is_empty() {
                watched.names.remove(name);
            }
        }
        if !watched.names.is_empty() {
            return None;
        }
        self.watches.remove(&number).map(|watched| watched.handle)
    }

    /// The kernel has removed the watch.
    pub(super) fn lost(&mut self, number: i32) {
        self.watches.remove(&number);
    }

    /// The path of a watch.
    pub(super) fn path(&self, number: i32) -> Option<&[u8]> {
        self.watches.get(&number).map(|watched| &*watched.path)
    }

    /// Who is interested in `name` within this watch; without a name, in anything there.
    pub(super) fn concerned(&self, number: i32, name: Option<&[u8]>) -> Vec<FileId> {
        let Some(watched) = self.watches.get(&number) else { return Vec::new() };
        match name {
            Some(name) => watched.names.get(name).into_iter().flatten().copied().collect(),
            None => {
                let mut all: Vec<FileId> = watched.names.values().flatten().copied().collect();
                all.sort_unstable();
                all.dedup();
                all
            }
        }
    }

    /// Who is interested in any name within this watch.
    pub(super) fn concerned_by_any(&self, number: i32) -> Vec<FileId> {
        let watched = self.watches.get(&number);
        watched.and_then(|watched| watched.names.get(ANY)).into_iter().flatten().copied().collect()
    }

    /// How many watches there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_given_back_when_the_last_one_loses_interest() {
        let mut table = Table::new();
        let (c, d): (Name, Name) = (b"c"[..].into(), b"d"[..].into());
        table.note(1, "one", b"/etc", &c, FileId(0));
        table.note(1, "one again", b"/link/etc", &c, FileId(7));
        table.note(1, "one again", b"/etc", &d, FileId(7));
        assert_eq!(table.concerned(1, Some(b"c")), [FileId(0), FileId(7)]);
        assert_eq!(table.concerned(1, None), [FileId(0), FileId(7)]);
        assert_eq!(table.concerned(1, Some(b"x")), []);
        assert_eq!(table.forget(1, b"c", FileId(7)), None);
        assert_eq!(table.forget(1, b"c", FileId(0)), None);
        assert_eq!(table.forget(1, b"x", FileId(0)), None);
        assert_eq!(table.forget(1, b"d", FileId(7)), Some("one"));
        assert_eq!(table.forget(1, b"d", FileId(7)), None);
        assert_eq!(table.len(), 0);
    }
}

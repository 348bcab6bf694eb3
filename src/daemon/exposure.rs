//! Who besides root and pmtr's own user can change a configuration: such a user can run commands as pmtr's user.
//!
//! Judged by the file that was opened and read, and by each directory and link on its path. Nothing is refused.
#![forbid(unsafe_code)]

use super::include::{Part, absolute};
use super::mounts::Mounts;
use super::way;
use crate::model::{Clean, Mistake, Severity};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// The owner of a file, and what others may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Rights {
    pub(super) mode: u32,
    pub(super) uid: u32,
}

impl Rights {
    pub(super) fn of(meta: &fs::Metadata) -> Rights {
        Rights { mode: meta.mode(), uid: meta.uid() }
    }

    /// The user who may do anything with it, if that is neither `uid` nor root.
    fn stranger(self, uid: u32) -> Option<u32> {
        Some(self.uid).filter(|owner| *owner != 0 && *owner != uid)
    }

    fn open_to_all(self) -> bool {
        self.mode & 0o002 != 0
    }

    /// Only the owner of an entry in such a directory may replace it.
    fn sticky(self) -> bool {
        self.mode & 0o1000 != 0
    }
}

/// Warnings about the files of a configuration, with the rights of those that were read. None is told twice.
pub(super) fn of_all<'a>(
    parts: impl Iterator<Item = (&'a Part, Option<Rights>)>,
    uid: u32,
    mounts: &Mounts,
) -> Vec<Mistake> {
    let (mut found, mut told) = (Vec::new(), BTreeSet::new());
    for (part, read) in parts {
        let (shown, path) = match part {
            Part::File(path) => (path, absolute(path)),
            // The way to any name in it.
            Part::Directory(path, _) => (path, [&*absolute(path), b"/*"].concat()),
        };
        let of_file = match (part, read) {
            (Part::File(_), Some(read)) => of_file(read, uid),
            // What is not there is nobody's, and who may create it is told of the directory.
            (Part::File(_), None) => continue,
            (Part::Directory(..), _) => Vec::new(),
        };
        let matched = matches!(part, Part::Directory(..));
        let of_way = of_way(&path, matched, uid, mounts).into_iter().filter(|what| told.insert(what.clone()));
        let warning = |what| Mistake::of_file(shown.clone(), Severity::Warning, what);
        found.extend(of_file.into_iter().chain(of_way).map(warning));
    }
    found
}

/// Warnings about a configuration at this absolute path that was read from a file with these rights.
pub(super) fn of(path: &[u8], read: Rights, uid: u32, mounts: &Mounts) -> Vec<String> {
    let mut found = of_file(read, uid);
    found.extend(of_way(path, false, uid, mounts));
    found
}

/// Warnings about the file itself.
fn of_file(read: Rights, uid: u32) -> Vec<String> {
    let mut found = Vec::new();
    if read.open_to_all() {
        found.push("any user can write to this file and run commands through it".into());
    }
    if let Some(owner) = read.stranger(uid) {
        found.push(format!("another user (uid {owner}) owns this file and can run commands through it"));
    }
    found
}

/// Warnings about the directories and links on an absolute path. Where the name at its end is `matched`, a file that
/// is put there counts, and need not replace another.
fn of_way(path: &[u8], matched: bool, uid: u32, mounts: &Mounts) -> Vec<String> {
    let mut found = Vec::new();
    let rights = |path: &[u8]| Some(Rights::of(&fs::symlink_metadata(OsStr::from_bytes(path)).ok()?));
    let trail = way::of(path, mounts);
    let end = trail.hops.last().map(|hop| &*hop.dir).filter(|_| matched);
    let dirs = trail.hops.iter().map(|hop| &*hop.dir).chain(trail.dirs.iter().map(|dir| &**dir));
    let mut dirs: Vec<&[u8]> = dirs.collect();
    dirs.sort_unstable();
    dirs.dedup();
    for dir in dirs {
        let Some(there) = rights(dir) else { continue };
        let shown = Clean(dir);
        if there.open_to_all() && (!there.sticky() || end == Some(dir)) {
            found.push(format!("any user can put another file into {shown} and run commands through it"));
        }
        if let Some(owner) = there.stranger(uid) {
            found.push(format!("another user (uid {owner}) owns {shown} and can put another file there"));
        }
    }
    // All but the last are links.
    for hop in trail.hops.iter().rev().skip(1).rev() {
        let link = [&*hop.dir, b"/", &hop.name].concat();
        if let Some(owner) = rights(&link).and_then(|there| there.stranger(uid)) {
            let shown = Clean(&link);
            found
                .push(format!("another user (uid {owner}) owns the link {shown} and can point it elsewhere"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::pattern::{NamePattern, Pattern};
    use crate::sys::testing::Dir;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const OURS: Rights = Rights { mode: 0o100_644, uid: 4_242 };

    #[test]
    fn only_root_and_our_own_user_may_write_the_file() {
        for (mode, owner, uid, told) in [
            (0o644, 0, 0, ""),
            (0o660, 0, 0, ""),
            (0o644, 7, 7, ""),
            (0o644, 0, 7, ""),
            (0o646, 0, 0, "any user can write to this file and run commands through it"),
            (0o600, 7, 0, "another user (uid 7) owns this file and can run commands through it"),
            (0o400, 7, 8, "another user (uid 7) owns this file and can run commands through it"),
        ] {
            let read = Rights { mode: 0o100_000 | mode, uid: owner };
            assert_eq!(
                of(b"/pmtr.conf", read, uid, &Mounts::default()).join("; "),
                told,
                "{mode:o} {owner} {uid}"
            );
        }
    }

    #[test]
    fn directories_and_links_on_the_way_count_as_well() {
        let dir = Dir::new();
        let root = dir.path().canonicalize().unwrap();
        let us = fs::metadata(&root).unwrap().uid();
        let read = Rights { uid: us, ..OURS };
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/conf"), "").unwrap();
        symlink("a/b/conf", root.join("link")).unwrap();
        let path = root.join("link");
        let mode = |mode| fs::set_permissions(root.join("a"), fs::Permissions::from_mode(mode)).unwrap();
        let told = |uid| of(path.as_os_str().as_bytes(), read, uid, &Mounts::default());
        assert_eq!(told(us), [""; 0]);
        mode(0o777);
        let a = root.join("a");
        assert_eq!(
            told(us),
            [format!("any user can put another file into {} and run commands through it", a.display())]
        );
        mode(0o1777);
        assert_eq!(told(us), [""; 0]);
        if us != 0 {
            return eprintln!("skipped: files of another user need root");
        }
        std::os::unix::fs::lchown(&path, Some(4_242), None).unwrap();
        std::os::unix::fs::chown(root.join("a/b"), Some(4_242), None).unwrap();
        let (b, link) = (root.join("a/b"), path.display());
        assert_eq!(
            told(us),
            [
                format!("another user (uid 4242) owns {} and can put another file there", b.display()),
                format!("another user (uid 4242) owns the link {link} and can point it elsewhere"),
            ]
        );
        assert_eq!(told(4_242), [""; 0]);
    }

    #[test]
    fn in_the_directory_of_a_pattern_any_user_who_can_add_a_file_counts() {
        let dir = Dir::new();
        let root = dir.path().canonicalize().unwrap();
        let us = fs::metadata(&root).unwrap().uid();
        fs::create_dir_all(root.join("a/b")).unwrap();
        symlink("a/b", root.join("link")).unwrap();
        let told = |part: Part| {
            let told =
                of_all([(&part, Some(Rights { uid: us, ..OURS }))].into_iter(), us, &Mounts::default());
            let told: Vec<String> = told.iter().map(|mistake| mistake.what.to_string()).collect();
            told.join("\n").replace(&format!("{}/", root.display()), "")
        };
        let named = |name| root.join(name).into_os_string().into_encoded_bytes();
        let pattern = |name| {
            let mut told_of = String::new();
            let mut list = |dir: &[u8], names: &NamePattern| {
                told_of = told(Part::Directory(dir.into(), names.clone()));
                Ok::<_, ()>(Vec::new())
            };
            Pattern::new(&[&*named(name), b"/*.conf"].concat()).expand(b"", &mut list).unwrap();
            told_of
        };
        let file = |name| told(Part::File(named(name).into()));
        let warning = |name| format!("any user can put another file into {name} and run commands through it");
        for (a, b, of_pattern, of_file) in [
            (0o755, 0o755, None, None),
            (0o755, 0o1777, Some("a/b"), None),
            (0o755, 0o777, Some("a/b"), Some("a/b")),
            // Nobody else can replace `b`.
            (0o1777, 0o755, None, None),
            (0o777, 0o755, Some("a"), Some("a")),
            // A group that can write is trusted, as with files.
            (0o775, 0o775, None, None),
            (0o755, 0o1770, None, None),
        ] {
            for (name, mode) in [("a", a), ("a/b", b)] {
                fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
            }
            for name in ["a/b", "link"] {
                assert_eq!(pattern(name), of_pattern.map(warning).unwrap_or_default(), "{name} {a:o} {b:o}");
            }
            assert_eq!(file("a/b/conf"), of_file.map(warning).unwrap_or_default(), "{a:o} {b:o}");
        }
    }
}

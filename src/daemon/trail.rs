//! Where a path leads, component by component. Looks at nothing itself: the caller says what is found at each step.

use crate::model::Errno;
use crate::sys::numbers::ENAMETOOLONG;
use std::collections::BTreeSet;

/// What is found at one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TrailStep {
    Dir,
    /// A symbolic link with this target.
    Link(Vec<u8>),
    /// A regular file.
    File,
    /// Something else: a FIFO, a socket or a device.
    Other,
    Missing,
    /// It can't or must not be looked at, for this reason.
    Closed(Errno),
}

/// The end of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TrailEnd {
    /// At this path without links, where this object is.
    Found(Vec<u8>, TrailStep),
    /// Before the end: the last component is missing.
    Missing,
    /// At something that can't or must not be looked at: the last component; or after too many steps.
    Closed(Errno),
    /// Nowhere: too many links.
    Loop,
}

/// A name in a directory. A change there can change where the path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// The directory, without links.
    pub(super) dir: Vec<u8>,
    pub(super) name: Vec<u8>,
}

/// The way of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trail {
    /// Each symbolic link, and the end.
    pub(super) hops: Vec<Hop>,
    /// The directories on the way, without links; if one of them is moved, the path leads elsewhere.
    pub(super) dirs: BTreeSet<Vec<u8>>,
    pub(super) end: TrailEnd,
}

/// The number of links that the kernel follows.
const LINKS: usize = 40;
/// The number of names that are looked at on one way. Each costs a call, and each directory a watch, and 40 links
/// can lead through 80,000 directories.
const STEPS: usize = 256;

/// Follows an absolute path; `look` returns what is at a path whose directory has no links in it.
pub(super) fn follow(path: &[u8], mut look: impl FnMut(&[u8]) -> TrailStep) -> Trail {
    let mut trail = Trail { hops: Vec::new(), dirs: BTreeSet::new(), end: TrailEnd::Missing };
    let mut todo: Vec<Vec<u8>> = components(path);
    let (mut links, mut steps) = (0, 0);
    // The root is empty here, so that a slash and a name can be appended to any directory.
    let mut at: Vec<u8> = Vec::new();
    while let Some(name) = todo.pop() {
        if steps + todo.len() >= STEPS {
            trail.end = TrailEnd::Closed(Errno(ENAMETOOLONG));
            return trail;
        }
        steps += 1;
        if name == b".." {
            at.truncate(at.iter().rposition(|b| *b == b'/').unwrap_or(0));
            continue;
        }
        let here = [&at[..], b"/", &name].concat();
        let step = look(&here);
        if step == TrailStep::Dir && !todo.is_empty() {
            trail.dirs.insert(here.clone());
            at = here;
            continue;
        }
        trail.hops.push(Hop { dir: rooted(&at), name });
        match step {
            TrailStep::Link(target) => {
                links += 1;
                if links > LINKS {
                    trail.end = TrailEnd::Loop;
                    return trail;
                }
                if target.starts_with(b"/") {
                    at.clear();
                }
                todo.extend(components(&target));
            }
            TrailStep::Dir | TrailStep::File | TrailStep::Other if todo.is_empty() => {
                trail.end = TrailEnd::Found(here, step);
                return trail;
            }
            TrailStep::Closed(why) => {
                trail.end = TrailEnd::Closed(why);
                return trail;
            }
            // A file in place of a directory ends the way.
            TrailStep::Missing | TrailStep::Dir | TrailStep::File | TrailStep::Other => return trail,
        }
    }
    // The path ended in `..` or was the root itself.
    trail.end = TrailEnd::Found(rooted(&at), TrailStep::Dir);
    trail
}

/// The names of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    let names = path.split(|b| *b == b'/').filter(|name| !name.is_empty() && *name != b".");
    names.rev().map(<[u8]>::to_vec).collect()
}

fn rooted(dir: &[u8]) -> Vec<u8> {
    if dir.is_empty() { b"/".to_vec() } else { dir.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world of `path kind` lines: `dir`, `file`, `fifo`, `closed` or `-> target`; what is not named is missing.
    fn world(lines: &'static [&'static str]) -> impl Fn(&[u8]) -> TrailStep {
        move |path| {
            let path = std::str::from_utf8(path).unwrap();
            let found = lines.iter().find_map(|line| line.strip_prefix(path)?.strip_prefix(' '));
            match found {
                Some("dir") => TrailStep::Dir,
                Some("file") => TrailStep::File,
                Some("fifo") => TrailStep::Other,
                Some("closed") => TrailStep::Closed(Errno(1)),
                Some(link) => TrailStep::Link(link.strip_prefix("-> ").unwrap().into()),
                None => TrailStep::Missing,
            }
        }
    }

    fn shown(path: &str, lines: &'static [&'static str]) -> (String, String) {
        let trail = follow(path.as_bytes(), world(lines));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let hops: Vec<String> =
            trail.hops.iter().map(|h| format!("{}:{}", text(&h.dir), text(&h.name))).collect();
        let end = match trail.end {
            TrailEnd::Found(path, _) => text(&path),
            TrailEnd::Missing => "missing".into(),
            TrailEnd::Closed(_) => "closed".into(),
            TrailEnd::Loop => "loop".into(),
        };
        (hops.join(" "), end)
    }

    #[test]
    fn each_link_and_the_end_is_a_hop() {
        for (path, lines, hops, end) in [
            ("/c", &["/c file"][..], "/:c", "/c"),
            ("/e/c", &["/e dir", "/e/c file"], "/e:c", "/e/c"),
            ("//e/./c/", &["/e dir", "/e/c file"], "/e:c", "/e/c"),
            ("/e/c", &["/e dir", "/e/c -> d", "/e/d file"], "/e:c /e:d", "/e/d"),
            ("/e/c", &["/e -> /f", "/f dir", "/f/c file"], "/:e /f:c", "/f/c"),
            ("/e/c", &["/e dir", "/e/c -> ../f/c", "/f dir", "/f/c fifo"], "/e:c /f:c", "/f/c"),
            (
                "/k/c",
                &["/k dir", "/k/c -> ..data/c", "/k/..data -> ..v1", "/k/..v1 dir", "/k/..v1/c file"],
                "/k:c /k:..data /k/..v1:c",
                "/k/..v1/c",
            ),
            // What is missing is waited for where it would appear.
            ("/e/f/c", &["/e dir"], "/e:f", "missing"),
            ("/e/c", &["/e dir", "/e/c -> gone/x"], "/e:c /e:gone", "missing"),
            ("/e/f/c", &["/e dir", "/e/f file"], "/e:f", "missing"),
            ("/e/f/c", &["/e dir", "/e/f closed"], "/e:f", "closed"),
            ("/", &[], "", "/"),
            ("/e/..", &["/e dir"], "", "/"),
        ] {
            assert_eq!(shown(path, lines), (hops.into(), end.into()), "{path}");
        }
    }

    #[test]
    fn links_in_a_circle_lead_nowhere() {
        assert_eq!(shown("/a", &["/a -> b", "/b -> a"]).1, "loop");
        assert_eq!(shown("/a", &["/a -> a/a"]).1, "loop");
    }

    #[test]
    fn the_directories_on_the_way_are_told() {
        let trail =
            follow(b"/e/f/c", world(&["/e dir", "/e/f -> ../g/h", "/g dir", "/g/h dir", "/g/h/c file"]));
        assert_eq!(trail.dirs, [b"/e".to_vec(), b"/g".to_vec(), b"/g/h".to_vec()].into());
    }

    #[test]
    fn a_link_that_doubles_itself_does_not_eat_the_memory() {
        let trail = follow(b"/a", |_| TrailStep::Link(b"a/".repeat(2000)));
        assert_eq!((trail.end, trail.hops.len()), (TOO_LONG, 1));
        let trail = follow(b"/a", |_| TrailStep::Link(b"a/a".to_vec()));
        assert_eq!((trail.end, trail.hops.len()), (TrailEnd::Loop, LINKS + 1));
    }

    const TOO_LONG: TrailEnd = TrailEnd::Closed(Errno(ENAMETOOLONG));

    /// What following this path comes to, where each name `l` is a link to `target` and all others are directories;
    /// and how often something was looked at.
    fn walked(path: &str, target: &str) -> (Trail, usize) {
        let mut looks = 0;
        let trail = follow(path.as_bytes(), |here| {
            looks += 1;
            if here.ends_with(b"/l") { TrailStep::Link(target.into()) } else { TrailStep::Dir }
        });
        (trail, looks)
    }

    #[test]
    fn a_way_of_too_many_steps_is_given_up() {
        let (trail, looks) = walked(&"/d".repeat(STEPS), "");
        assert_eq!((trail.dirs.len(), looks), (STEPS - 1, STEPS));
        assert!(matches!(trail.end, TrailEnd::Found(_, TrailStep::Dir)));
        for (path, target) in [
            ("/d".repeat(STEPS + 1), String::new()),
            ("/l".to_owned(), "/d".repeat(2_000)),
            // Each link is short enough, but there are many.
            ("/l".repeat(30), "d/d/d/d/d/d/d/d/d/d/d/d".to_owned()),
            ("/l".repeat(30), "a/../b/../c/../d/../e/../f".to_owned()),
        ] {
            let (trail, looks) = walked(&path, &target);
            assert_eq!(trail.end, TOO_LONG, "{path} {target}");
            assert!(looks <= STEPS && trail.dirs.len() + trail.hops.len() <= STEPS, "{path} {target}");
        }
    }

    #[test]
    fn a_directory_that_is_passed_twice_is_told_once() {
        let (trail, _) = walked("/d/../d/../d/../d/e", "");
        assert_eq!(trail.dirs, [b"/d".to_vec()].into());
    }
}

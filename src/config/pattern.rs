//! Which files an `include` means: patterns of paths. Asks for the names in a directory, and never looks itself.

/// A path in which names can be patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    absolute: bool,
    names: Vec<NamePattern>,
}

/// A pattern of one name: `*`, `?` and `[...]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamePattern {
    text: Box<[u8]>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// `*`: any bytes, or none.
    Many,
    /// `?`: one byte.
    One,
    /// `[...]`: one byte of these ranges, or one of no range.
    Among { ranges: Box<[(u8, u8)]>, negated: bool },
    /// This byte.
    Byte(u8),
}

impl Pattern {
    pub fn new(text: &[u8]) -> Pattern {
        let names = text.split(|b| *b == b'/').filter(|name| !name.is_empty());
        Pattern { absolute: text.starts_with(b"/"), names: names.map(NamePattern::new).collect() }
    }

    /// Whether it is the path of one file.
    pub fn is_plain(&self) -> bool {
        self.names.iter().all(NamePattern::is_plain)
    }

    /// The paths that it means, in the order of their names. A relative one begins in `dir`, which is empty for the
    /// current directory. `list` returns the names in a directory that match, in order. Not every path need exist.
    pub fn expand<E>(
        &self,
        dir: &[u8],
        mut list: impl FnMut(&[u8], &NamePattern) -> Result<Vec<Vec<u8>>, E>,
    ) -> Result<Vec<Vec<u8>>, E> {
        let mut paths = vec![if self.absolute { b"/".to_vec() } else { dir.to_vec() }];
        for name in &self.names {
            if name.is_plain() {
                paths.iter_mut().for_each(|path| *path = join(path, &name.text));
                continue;
            }
            let mut longer = Vec::new();
            for path in paths {
                longer.extend(list(&path, name)?.iter().map(|found| join(&path, found)));
            }
            paths = longer;
        }
        Ok(paths)
    }
}

/// The path of a name in a directory, which is empty for the current one.
pub fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if dir.is_empty() || dir.ends_with(b"/") { b"" } else { b"/" };
    [dir, slash, name].concat()
}

impl NamePattern {
    fn new(text: &[u8]) -> NamePattern {
        let (mut steps, mut rest) = (Vec::new(), text);
        while let Some((first, after)) = rest.split_first() {
            let (step, left) = match first {
                // Two in a row mean what one means.
                b'*' if steps.last() == Some(&Step::Many) => (None, after),
                b'*' => (Some(Step::Many), after),
                b'?' => (Some(Step::One), after),
                b'[' => match class(after) {
                    Some((step, left)) => (Some(step), left),
                    None => (Some(Step::Byte(b'[')), after),
                },
                byte => (Some(Step::Byte(*byte)), after),
            };
            steps.extend(step);
            rest = left;
        }
        NamePattern { text: text.into(), steps }
    }

    fn is_plain(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Byte(_)))
    }

    /// Whether it matches this name. Hidden files and what editors and package managers leave behind never match.
    pub fn matches(&self, name: &[u8]) -> bool {
        !is_left_behind(name) && self.fits(name)
    }

    fn fits(&self, name: &[u8]) -> bool {
        let (mut steps, mut rest) = (&*self.steps, name);
        // What follows the last `*`, and what was left of the name when it began to match nothing. Only the last one
        // need take more: what an earlier one takes more, it can take as well.
        let mut retry: Option<(&[Step], &[u8])> = None;
        loop {
            let fits = match (steps.split_first(), rest.split_first()) {
                (None, None) => return true,
                (Some((Step::Many, after)), _) => {
                    (steps, retry) = (after, Some((after, rest)));
                    continue;
                }
                (Some((step, after)), Some((byte, left))) if step.takes(*byte) => Some((after, left)),
                (_, _) => None,
            };
            if let Some(next) = fits {
                (steps, rest) = next;
                continue;
            }
            let Some((after, from)) = retry else { return false };
            let Some((_, from)) = from.split_first() else { return false };
            (steps, rest, retry) = (after, from, Some((after, from)));
        }
    }
}

impl Step {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Step::Many | Step::One => true,
            Step::Among { ranges, negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&byte)) != *negated
            }
            Step::Byte(same) => *same == byte,
        }
    }
}

/// Reads a class, whose bracket has been read. None if it is not closed.
fn class(text: &[u8]) -> Option<(Step, &[u8])> {
    let (negated, mut rest) = match text.split_first()? {
        (b'!' | b'^', rest) => (true, rest),
        _ => (false, text),
    };
    let mut ranges = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        if *first == b']' && !ranges.is_empty() {
            return Some((Step::Among { ranges: ranges.into(), negated }, after));
        }
        let (last, after) = match after {
            [b'-', last, after @ ..] if *last != b']' => (last, after),
            _ => (first, after),
        };
        ranges.push((*first, *last));
        rest = after;
    }
}

fn is_left_behind(name: &[u8]) -> bool {
    const ENDS: [&[u8]; 6] = [b"~", b".bak", b".swp", b".rpmsave", b".rpmnew", b".rpmorig"];
    const DPKG: &[u8] = b".dpkg-";
    name.starts_with(b".")
        || ENDS.iter().any(|end| name.ends_with(end))
        || name.windows(DPKG.len()).any(|part| part == DPKG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_question_marks_and_classes_match_as_in_a_shell() {
        for (pattern, fit, unfit) in [
            ("*", &["a", "a b", "\u{e4}", ""][..], &[][..]),
            ("*.conf", &["a.conf", "x.conf.conf"], &["a.con", "conf", "a.conf.d", ".conf"]),
            ("a*b*c", &["abc", "axxbxxc", "abbcc", "abcbc"], &["ab", "acb", "abcd"]),
            ("**a", &["a", "ba"], &["ab"]),
            ("?", &["a"], &["", "ab"]),
            ("a?*", &["ab", "abc"], &["a"]),
            ("[ab]", &["a", "b"], &["c", "ab", ""]),
            ("[a-c]1", &["a1", "b1", "c1"], &["d1", "-1"]),
            ("[!a-c]", &["d", "-"], &["a", "b"]),
            ("[^a]", &["b"], &["a"]),
            ("[]]", &["]"], &["["]),
            ("[!]]", &["a"], &["]"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[*]", &["*"], &["a"]),
            ("[c-a]x", &[], &["bx", "ax"]),
            ("x[", &["x["], &["x"]),
            ("x[a", &["x[a"], &["xa"]),
            ("10-[0-9][0-9]*", &["10-00", "10-99-web"], &["10-0", "10-xx"]),
        ] {
            let pattern = NamePattern::new(pattern.as_bytes());
            for name in fit {
                assert!(pattern.matches(name.as_bytes()), "{pattern:?} {name}");
            }
            for name in unfit {
                assert!(!pattern.matches(name.as_bytes()), "{pattern:?} {name}");
            }
        }
    }

    #[test]
    fn hidden_files_and_what_editors_and_packages_leave_behind_never_match() {
        for name in [
            ".a",
            ".",
            "..",
            "a~",
            "a.bak",
            "a.swp",
            "a.conf.rpmsave",
            "a.rpmnew",
            "a.rpmorig",
            "a.dpkg-old",
            "a.conf.dpkg-dist",
            ".dpkg-tmp",
        ] {
            for pattern in ["*", "*[!x]", "?*", ".*"] {
                assert!(!NamePattern::new(pattern.as_bytes()).matches(name.as_bytes()), "{pattern} {name}");
            }
        }
        for name in ["a.bak.conf", "bak", "dpkg-x", "swp", "a~b"] {
            assert!(NamePattern::new(b"*").matches(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let (pattern, name) = (NamePattern::new(&b"*a".repeat(2_000)), b"a".repeat(255));
        assert!(!pattern.matches(&name));
        let (pattern, name) = (NamePattern::new(&b"*a".repeat(200)), b"a".repeat(255));
        assert!(pattern.matches(&name));
        assert!(!NamePattern::new(b"a*a*a*a*a*a*a*a*a*a*a*b").matches(&name));
    }

    /// What a pattern means in a world of these files; all their parents are directories.
    fn expanded(dir: &str, pattern: &str, files: &[&str]) -> String {
        let list = |dir: &[u8], name: &NamePattern| {
            let dir = String::from_utf8(join(dir, b"")).unwrap();
            let inside = files.iter().filter_map(|file| file.strip_prefix(&dir)?.split('/').next());
            let mut names: Vec<Vec<u8>> = inside.map(|name| name.as_bytes().to_vec()).collect();
            names.sort_unstable();
            names.dedup();
            names.retain(|found| name.matches(found));
            Ok::<_, ()>(names)
        };
        let paths = Pattern::new(pattern.as_bytes()).expand(dir.as_bytes(), list).unwrap();
        String::from_utf8(paths.join(&b' ')).unwrap()
    }

    #[test]
    fn a_pattern_means_the_files_that_match_in_the_order_of_their_names() {
        let files =
            ["/e/b.conf", "/e/a.conf", "/e/c.txt", "/e/B.conf", "/e/.x.conf", "/e/d/x.conf", "/e/d/y/z"];
        for (dir, pattern, paths) in [
            ("/e", "*.conf", "/e/B.conf /e/a.conf /e/b.conf"),
            ("/e", "/e/*.conf", "/e/B.conf /e/a.conf /e/b.conf"),
            ("/", "e/?.conf", "/e/B.conf /e/a.conf /e/b.conf"),
            ("/e", "d/*", "/e/d/x.conf /e/d/y"),
            (
                "/e",
                "*/x.conf",
                "/e/B.conf/x.conf /e/a.conf/x.conf /e/b.conf/x.conf /e/c.txt/x.conf /e/d/x.conf",
            ),
            ("/e", "*/*.conf", "/e/d/x.conf"),
            ("/e", "none/*", ""),
            ("/e", "plain", "/e/plain"),
            ("/e", "./../e//plain/", "/e/./../e/plain"),
            ("/e", ".x.conf", "/e/.x.conf"),
            ("", "plain", "plain"),
            ("", "/plain", "/plain"),
        ] {
            assert_eq!(expanded(dir, pattern, &files), paths, "{dir} {pattern}");
        }
        assert_eq!(expanded("", "c/*", &["c/b", "c/a"]), "c/a c/b");
    }

    #[test]
    fn only_a_path_without_patterns_is_plain() {
        for (text, plain) in [("a/b", true), ("a[b", true), ("*/b", false), ("a/b?", false), ("[a]", false)] {
            assert_eq!(Pattern::new(text.as_bytes()).is_plain(), plain, "{text}");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_listed_ends_the_expansion() {
        let list = |_: &[u8], _: &NamePattern| Err("closed");
        assert_eq!(Pattern::new(b"d/*").expand(b"/e", list), Err("closed"));
    }
}

//! What has become of included files since the configuration in force was read. Reads nothing itself.

use super::Reading;
use crate::model::Losses;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An included file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludedText {
    /// What the `include` says that has led to it.
    pub pattern: Rc<[u8]>,
    pub path: Rc<[u8]>,
    pub text: Rc<Vec<u8>>,
}

/// Compares the files that were found by these patterns with those of the configuration in force. A file that has
/// become empty gets the text that it had, unless the operator has asked for the files as they are.
pub fn compare(
    patterns: &[Vec<u8>],
    found: &mut [IncludedText],
    in_force: &[IncludedText],
    reading: Reading,
) -> Losses {
    let there: BTreeSet<&Rc<[u8]>> = found.iter().map(|file| &file.path).collect();
    let patterns: BTreeSet<&[u8]> = patterns.iter().map(|pattern| &**pattern).collect();
    // A file whose pattern has been removed was meant to go.
    let vanished = |held: &&IncludedText| !there.contains(&held.path) && patterns.contains(&*held.pattern);
    let vanished: BTreeSet<Rc<[u8]>> =
        in_force.iter().filter(vanished).map(|held| held.path.clone()).collect();
    let held: BTreeMap<&Rc<[u8]>, &Rc<Vec<u8>>> =
        in_force.iter().map(|held| (&held.path, &held.text)).collect();
    let mut emptied = BTreeSet::new();
    for file in found.iter_mut().filter(|file| file.text.is_empty() && reading != Reading::Always) {
        if let Some(text) = held.get(&file.path).filter(|text| !text.is_empty()) {
            file.text = Rc::clone(text);
            emptied.insert(file.path.clone());
        }
    }
    Losses { vanished: vanished.into_iter().collect(), emptied: emptied.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(files: &[(&str, &str, &str)]) -> Vec<IncludedText> {
        let text = |(pattern, path, text): &(&str, &str, &str)| IncludedText {
            pattern: pattern.as_bytes().into(),
            path: path.as_bytes().into(),
            text: Rc::new(text.as_bytes().to_vec()),
        };
        files.iter().map(text).collect()
    }

    fn shown(paths: &[Rc<[u8]>]) -> String {
        paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_file_that_becomes_empty_keeps_what_it_held_and_one_that_is_gone_is_told() {
        const LOOK: Reading = Reading::IfChanged(None);
        let held = [("d/*", "d/a", "A"), ("d/*", "d/b", "B"), ("d/*", "d/none", ""), ("c", "c", "C")];
        for (found, patterns, reading, vanished, emptied, texts_now) in [
            (&held[..], &["d/*", "c"][..], LOOK, "", "", "A|B||C"),
            (&[("d/*", "d/a", "A2"), ("c", "c", "")], &["d/*", "c"], LOOK, "d/b d/none", "c", "A2|C"),
            (
                &[("d/*", "d/a", "A2"), ("c", "c", "")],
                &["d/*", "c"],
                Reading::Always,
                "d/b d/none",
                "",
                "A2|",
            ),
            // Empty before, or new.
            (&[("d/*", "d/none", ""), ("d/*", "d/x", "")], &["d/*"], LOOK, "d/a d/b", "", "|"),
            // The line is gone, or another line leads there.
            (&[], &[], LOOK, "", "", ""),
            (&[("d/?", "d/a", "A"), ("d/?", "d/b", "B")], &["d/?", "c"], LOOK, "c", "", "A|B"),
        ] {
            let patterns: Vec<Vec<u8>> = patterns.iter().map(|text| text.as_bytes().to_vec()).collect();
            let mut found = texts(found);
            let losses = compare(&patterns, &mut found, &texts(&held), reading);
            let now: Vec<&[u8]> = found.iter().map(|file| file.text.as_slice()).collect();
            assert_eq!(String::from_utf8(now.join(&b'|')).unwrap(), texts_now, "{patterns:?}");
            assert_eq!(shown(&losses.vanished), vanished, "{patterns:?}");
            assert_eq!(shown(&losses.emptied), emptied, "{patterns:?}");
        }
    }
}

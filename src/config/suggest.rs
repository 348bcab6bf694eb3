//! The known word that an unknown one was meant to be.

use super::options::{OptionRow, Place, TABLE};
use crate::model::Resource;

/// No known word is longer than this, with some room; longer ones are near to none of them.
const LONGEST: usize = 24;

/// The option that was probably meant by a line that begins with `first` and, perhaps, `second`. What may
/// stand in `place` goes before what may not.
pub(super) fn option(place: Place, first: &[u8], second: Option<&[u8]>) -> Option<&'static OptionRow> {
    let first = fold(first)?;
    let both = second.and_then(fold).map(|second| format!("{first} {second}"));
    let far = |row: &OptionRow| {
        let keyword = row.keyword();
        let by_name = row.words.first().and_then(|word| distance(&first, word));
        let by_keyword = distance(&first, &keyword);
        // Two words that are right say more than one.
        let by_both =
            both.as_ref().and_then(|both| distance(both, &keyword)).map(|far| far.saturating_sub(1));
        let also = row.also.iter().find(|also| first == **also || both.as_deref() == Some(**also)).map(|_| 1);
        [by_name, by_keyword, by_both, also].into_iter().flatten().min()
    };
    let near = TABLE.iter().filter_map(|row| far(row).map(|far| (far, row.place != place, row)));
    near.min_by_key(|(far, elsewhere, _)| (*far, *elsewhere)).map(|(_, _, row)| row)
}

/// The resource that was probably meant: flags are too short to be near to anything, long names are not.
pub(super) fn resource(word: &[u8]) -> Option<&'static str> {
    let word = fold(word)?;
    let far = |name: &'static str| {
        let long = fold(name.as_bytes())?;
        let short = long.strip_prefix("rlimit ").and_then(|short| distance(&word, short));
        [distance(&word, &long), short].into_iter().flatten().min().map(|far| (far, name))
    };
    Resource::ALL.iter().filter_map(|(_, _, name)| far(name)).min().map(|(_, name)| name)
}

/// The one of these words that was probably meant.
pub(super) fn among(words: &[&'static str], word: &[u8]) -> Option<&'static str> {
    let word = fold(word)?;
    words.iter().filter_map(|known| distance(&word, known).map(|far| (far, *known))).min().map(|(_, w)| w)
}

/// In small letters, with blanks for what other files put between the parts of a word.
fn fold(word: &[u8]) -> Option<String> {
    let word = std::str::from_utf8(word).ok()?;
    let blank = |c: char| if matches!(c, '-' | '_') { ' ' } else { c.to_ascii_lowercase() };
    // Many other files write `user=nobody` or `user: nobody`.
    let word = word.split([':', '=', ';']).next().unwrap_or_default();
    (word.len() <= LONGEST).then(|| word.chars().map(blank).collect())
}

/// How many letters were left out, put in, changed or swapped; nothing when they are too many for a slip.
fn distance(word: &str, known: &str) -> Option<usize> {
    let (word, known) = (word.as_bytes(), known.as_bytes());
    let most = (known.len().min(word.len()) / 2).clamp(1, 2);
    // A single letter is near to everything.
    if word.len() < 2 || word.len().abs_diff(known.len()) > most {
        return None;
    }
    // Rows of the table of distances between the beginnings of both words: the one before last, the last.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=known.len()).collect();
    let mut letter_before = None;
    for (i, letter) in word.iter().enumerate() {
        let mut row = Vec::with_capacity(last.len());
        row.push(i + 1);
        let mut known_before = None;
        for (j, other) in known.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut far = (at(&last, j) + usize::from(letter != other)).min(at(&last, j + 1) + 1);
            far = far.min(at(&row, j) + 1);
            if letter_before == Some(other) && known_before == Some(letter) && j > 0 {
                far = far.min(at(&before, j - 1) + 1);
            }
            row.push(far);
            known_before = Some(other);
        }
        (before, last) = (last, row);
        letter_before = Some(letter);
    }
    last.last().copied().filter(|far| *far <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_leads_to_the_option_that_was_meant() {
        for (first, second, meant) in [
            ("uesr", None, "user"),
            ("User", None, "user"),
            ("usr", None, "user"),
            ("nmae", None, "name"),
            ("ulimits", None, "ulimit"),
            ("dependz", None, "depends"),
            ("bonce", Some("every"), "bounce every"),
            ("listen-on", None, "listen on"),
            ("report_to", None, "report to"),
            ("jbo", None, "job"),
            ("stdout", None, "out"),
            ("command", None, "cmd"),
            ("environment", None, "env"),
            ("restart", Some("every"), "bounce every"),
            ("user:", None, "user"),
        ] {
            let found = option(Place::Job, first.as_bytes(), second.map(str::as_bytes));
            assert_eq!(found.map(OptionRow::keyword).as_deref(), Some(meant), "{first}");
        }
    }

    #[test]
    fn what_is_near_to_nothing_gets_no_suggestion() {
        for word in
            ["x", "-v", "quux", "foreground", "\u{e9}", "/bin/true", "a-word-longer-than-any-known-one"]
        {
            assert!(option(Place::Job, word.as_bytes(), None).is_none(), "{word}");
        }
    }

    #[test]
    fn resources_are_found_by_their_names() {
        for (word, meant) in [
            ("RLIMIT_NOFILES", Some("RLIMIT_NOFILE")),
            ("rlimit_core", Some("RLIMIT_CORE")),
            ("nofile", Some("RLIMIT_NOFILE")),
            ("CPU", Some("RLIMIT_CPU")),
            ("-z", None),
        ] {
            assert_eq!(resource(word.as_bytes()), meant, "{word}");
        }
        assert_eq!(among(&["infinity", "unlimited"], b"infinty"), Some("infinity"));
    }
}

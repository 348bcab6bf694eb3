//! The known word that an unknown one was meant to be.

use super::options::{OptionRow, Scope, TABLE};
use crate::model::Resource;

/// No known word is longer than this, with some room; longer ones are near to none of them.
const LONGEST: usize = 24;
/// More slips than this make it another word.
const MOST: usize = 2;

/// A short text in small letters, with blanks for what other files put between the parts of a word. It takes no
/// memory of its own: a file may be full of unknown words.
#[derive(Clone, Copy)]
struct Folded {
    bytes: [u8; LONGEST],
    length: usize,
}

/// The option that was probably meant by a line that begins with `first` and, perhaps, `second`. Options of
/// `scope` go before others.
pub(super) fn option(scope: Scope, first: &[u8], second: Option<&[u8]>) -> Option<&'static OptionRow> {
    let first = fold(first)?;
    let both = second.and_then(fold).and_then(|second| first.with(second.text()));
    let far = |row: &OptionRow| {
        let (name, rest) = row.words.split_first()?;
        let by_name = distance(first.text(), name.as_bytes());
        let name = Folded::default().join(name)?;
        let keyword = rest.iter().try_fold(name, |name, word| name.with(word.as_bytes()))?;
        let by_keyword = if rest.is_empty() { by_name } else { distance(first.text(), keyword.text()) };
        // Two words that are right say more than one.
        let by_both = both.and_then(|both| distance(both.text(), keyword.text()));
        let by_both = by_both.map(|far| far.saturating_sub(1));
        let is = |also: &&&str| {
            [Some(first), both].into_iter().flatten().any(|word| word.text() == also.as_bytes())
        };
        let also = row.also.iter().find(is).map(|_| 1);
        [by_name, by_keyword, by_both, also].into_iter().flatten().min()
    };
    let near = TABLE.iter().filter_map(|row| far(row).map(|far| (far, row.scope != scope, row)));
    near.min_by_key(|(far, elsewhere, _)| (*far, *elsewhere)).map(|(_, _, row)| row)
}

/// The option that other programs call by these two words.
pub(super) fn called(scope: Scope, first: &[u8], second: &[u8]) -> Option<&'static OptionRow> {
    let both = fold(first)?.with(fold(second)?.text())?;
    scope.options().find(|row| row.also.iter().any(|also| also.as_bytes() == both.text()))
}

/// The resource that was probably meant: flags are too short to be near to anything, long names are not.
pub(super) fn resource(word: &[u8]) -> Option<&'static str> {
    let word = fold(word)?;
    let far = |name: &'static str| {
        let short = name.strip_prefix("RLIMIT_").unwrap_or(name);
        let far = [name, short].into_iter().filter_map(|known| distance(word.text(), known.as_bytes())).min();
        far.map(|far| (far, name))
    };
    Resource::ALL.iter().filter_map(|(_, _, name)| far(name)).min().map(|(_, name)| name)
}

/// The one of these words that was probably meant.
pub(super) fn among(words: &[&'static str], word: &[u8]) -> Option<&'static str> {
    let word = fold(word)?;
    let far = |known: &&'static str| distance(word.text(), known.as_bytes()).map(|far| (far, *known));
    words.iter().filter_map(far).min().map(|(_, known)| known)
}

/// The same for words of the file.
pub(super) fn nearest<'a>(words: impl Iterator<Item = &'a [u8]>, word: &[u8]) -> Option<&'a [u8]> {
    let word = fold(word)?;
    let far = |known: &'a [u8]| distance(word.text(), known).map(|far| (far, known));
    words.filter_map(far).min().map(|(_, known)| known)
}

impl Folded {
    fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// With a blank and this appended, if there is room.
    fn with(self, word: &[u8]) -> Option<Folded> {
        self.join(b" ")?.join(word)
    }

    /// With this appended, if there is room.
    fn join(mut self, more: impl AsRef<[u8]>) -> Option<Folded> {
        let more = more.as_ref();
        let length = self.length + more.len();
        self.bytes.get_mut(self.length..length)?.copy_from_slice(more);
        Some(Folded { length, ..self })
    }
}

impl Default for Folded {
    fn default() -> Folded {
        Folded { bytes: [0; LONGEST], length: 0 }
    }
}

fn fold(word: &[u8]) -> Option<Folded> {
    // Many other files write `user=nobody` or `user: nobody`.
    let word = word.split(|byte| matches!(byte, b':' | b'=' | b';')).next().unwrap_or_default();
    let mut folded = Folded::default().join(std::str::from_utf8(word).ok()?)?;
    folded.bytes.iter_mut().for_each(|byte| *byte = letter(*byte));
    Some(folded)
}

/// A letter as it is compared.
fn letter(byte: u8) -> u8 {
    if matches!(byte, b'-' | b'_') { b' ' } else { byte.to_ascii_lowercase() }
}

/// How many letters were left out, put in, changed or swapped; nothing when they are too many for a slip.
fn distance(word: &[u8], known: &[u8]) -> Option<usize> {
    let most = (known.len().min(word.len()) / 2).clamp(1, MOST);
    // A single letter is near to everything.
    if word.len() < 2 || word.len().abs_diff(known.len()) > most || known.len() > LONGEST {
        return None;
    }
    // What both begin with adds nothing.
    let alike = word.iter().zip(known).take_while(|(a, b)| **a == letter(**b)).count();
    let (word, known) = (word.get(alike..)?, known.get(alike..)?);
    // Rows of the table of distances between the beginnings of both words: the one before last, the last. Only a
    // band along the diagonal is filled in; elsewhere the lengths alone are too far apart.
    const FAR: usize = MOST + 1;
    let mut before = [FAR; LONGEST + 1];
    let mut last = std::array::from_fn(|place| place.min(FAR));
    let mut letter_before = None;
    for (i, here) in word.iter().enumerate() {
        let mut row = [FAR; LONGEST + 1];
        let mut least = i + 1;
        if let Some(first) = row.first_mut() {
            *first = least;
        }
        let skipped = i.saturating_sub(MOST);
        let mut known_before = skipped.checked_sub(1).and_then(|j| known.get(j)).map(|byte| letter(*byte));
        for (j, other) in known.iter().enumerate().take(i + MOST + 1).skip(skipped) {
            let at = |row: &[usize; LONGEST + 1], j: usize| row.get(j).copied().unwrap_or(FAR);
            let other = letter(*other);
            let mut far = (at(&last, j) + usize::from(*here != other)).min(at(&last, j + 1) + 1);
            far = far.min(at(&row, j) + 1);
            if letter_before == Some(other) && known_before == Some(*here) && j > 0 {
                far = far.min(at(&before, j - 1) + 1);
            }
            if let Some(place) = row.get_mut(j + 1) {
                *place = far;
            }
            least = least.min(far);
            known_before = Some(other);
        }
        if least > most {
            return None;
        }
        (before, last) = (last, row);
        letter_before = Some(*here);
    }
    last.get(known.len()).copied().filter(|far| *far <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rng::{Rng, rounds};

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
            ("restrat", Some("every"), "restart on"),
            ("autorestart", None, "restart on"),
            ("RestartSec=5", None, "restart delay"),
            ("stop-timeout", None, "stop timeout"),
            ("stopsignal", None, "stop signal"),
            ("user:", None, "user"),
        ] {
            let found = option(Scope::Job, first.as_bytes(), second.map(str::as_bytes));
            assert_eq!(found.map(OptionRow::keyword).as_deref(), Some(meant), "{first}");
        }
    }

    #[test]
    fn an_option_is_found_by_what_others_call_it_in_two_words() {
        let called_by = |first: &str, second: &str| called(Scope::Job, first.as_bytes(), second.as_bytes());
        assert_eq!(called_by("restart", "Every").map(OptionRow::keyword).as_deref(), Some("bounce every"));
        assert!(called_by("restart", "evry").is_none() && called_by("cd", "").is_none());
    }

    #[test]
    fn what_is_near_to_nothing_gets_no_suggestion() {
        for word in
            ["x", "-v", "quux", "foreground", "\u{e9}", "/bin/true", "a-word-longer-than-any-known-one"]
        {
            assert!(option(Scope::Job, word.as_bytes(), None).is_none(), "{word}");
        }
    }

    /// The whole table, nothing left out.
    fn plain_distance(word: &[u8], known: &[u8]) -> usize {
        let mut table = vec![vec![0; known.len() + 1]; word.len() + 1];
        for i in 0..=word.len() {
            for j in 0..=known.len() {
                table[i][j] = match (i, j) {
                    (0, far) | (far, 0) => far,
                    _ => {
                        let change = table[i - 1][j - 1] + usize::from(word[i - 1] != known[j - 1]);
                        let swapped =
                            i > 1 && j > 1 && word[i - 2] == known[j - 1] && word[i - 1] == known[j - 2];
                        let swap = if swapped { table[i - 2][j - 2] + 1 } else { usize::MAX };
                        change.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(swap)
                    }
                };
            }
        }
        table[word.len()][known.len()]
    }

    #[test]
    fn what_is_left_out_of_the_table_changes_no_distance() {
        let mut rng = Rng::new(1);
        let (all, mut near) = (rounds(50_000), 0);
        for _ in 0..all {
            let mut text = |least| (0..least + rng.below(7)).map(|_| rng.pick(b"abc")).collect::<Vec<u8>>();
            let (word, known) = (text(2), text(1));
            let most = (known.len().min(word.len()) / 2).clamp(1, MOST);
            let far = Some(plain_distance(&word, &known)).filter(|far| *far <= most);
            near += u64::from(far.is_some());
            assert_eq!(distance(&word, &known), far, "{word:?} {known:?}");
        }
        assert!(near > all / 50, "{near} of {all} words were near to others");
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

//! Expansion: what `%{...}` stands for.

use super::given::{Given, Taken};
use crate::config::errors::{Fault, Shown};
use crate::config::text::{Environment, MAX_LINE_BYTES, Span, Spot, Word};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A message names no more variables than this.
const NAMED: usize = 8;

/// The variables that are declared, and the environment that they look at first.
#[derive(Default)]
pub(in crate::config) struct Variables {
    environment: Rc<Environment>,
    all: BTreeMap<Vec<u8>, Variable>,
}

struct Variable {
    value: Vec<u8>,
    spot: Spot,
}

/// What `%{...}` can stand for in one place, besides variables.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meaning<'a> {
    /// Whether any other `%{...}` is an error, and `%%{` means `%{`.
    pub(super) strict: bool,
    pub(super) name: Option<&'a [u8]>,
    pub(super) number: Option<&'a [u8]>,
    pub(super) word: Option<&'a [u8]>,
}

/// A line after expansion.
#[derive(Default)]
pub(super) struct Expanded {
    pub(super) text: Vec<u8>,
    /// Its words, as ranges of that text.
    pub(super) words: Vec<Word>,
    /// Where each word is there, and where it was written.
    pub(super) places: Vec<(Span, Span)>,
}

/// Whether there may be something to expand.
pub(super) fn may_expand(text: &[u8]) -> bool {
    // Most texts have none, which `contains` finds out by many bytes at once.
    text.contains(&b'%') && text.windows(2).any(|pair| pair == b"%{")
}

impl Variables {
    pub(super) fn new(environment: Rc<Environment>) -> Variables {
        Variables { environment, all: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// `variable`.
    pub(in crate::config) fn declare(&mut self, given: &Given<'_>) -> Taken {
        let name = given.value();
        let is_capital = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
        let rest = |byte: &u8| is_capital(byte) || byte.is_ascii_digit();
        if !name.first().is_some_and(is_capital) || !name.iter().all(rest) {
            let why = "expected capitals, digits and `_`, and no digit at the beginning";
            return Err(format!("{} is not the name of a variable: {why}", Shown(&name)).into());
        }
        if let Some(first) = self.all.get(&*name) {
            let first = given.name_of(first.spot);
            return Err(format!("variable {} is declared twice: first on {first}", Shown(&name)).into());
        }
        let text = given.words.get(1).map(|word| word.value(given.text));
        let value = self.environment.get(&*name).cloned().or(text.map(|text| text.into_owned()));
        let spot = given.spot();
        let missing = value.is_none();
        // What --print shows is to say the same, and no word of a file holds the end of a line.
        let breaks = value.as_ref().is_some_and(|value| value.contains(&b'\n'));
        // It is known without a value, too: nothing is to be said about each use of it.
        self.all.insert(name.to_vec(), Variable { value: value.unwrap_or_default(), spot });
        if breaks {
            let name = Shown(&name);
            return Err(format!(
                "{name} has a value of several lines in the environment of pmtr: use one of one line"
            )
            .into());
        }
        match missing {
            true => Err(format!(
                "{} is not in the environment of pmtr, and there is no text for it here: variable NAME [TEXT]",
                Shown(&name)
            )
            .into()),
            false => Ok(()),
        }
    }

    /// Makes a line after expansion.
    pub(super) fn line(
        &self,
        text: &[u8],
        words: &[Word],
        meaning: &Meaning<'_>,
        line: &mut Expanded,
    ) -> Result<(), Fault> {
        for word in words {
            let (value, start) = (word.value(text), line.text.len());
            self.word(&value, meaning, &mut line.text).map_err(|what| Fault::new(word.span, what))?;
            let span = Span::new(start, line.text.len());
            line.words.push(Word::of_value(span));
            line.places.push((span, word.span));
            // Between two words there is a byte that belongs to neither.
            line.text.push(b' ');
        }
        Ok(())
    }

    /// Appends a value after expansion.
    fn word(&self, value: &[u8], meaning: &Meaning<'_>, text: &mut Vec<u8>) -> Result<(), String> {
        self.pieces(value, meaning, |piece| {
            text.extend_from_slice(piece);
            match text.len() > MAX_LINE_BYTES {
                true => Err("after expansion, this line is longer than 2 MiB".to_owned()),
                false => Ok(()),
            }
        })
    }

    /// Whether all `%{...}` in these words stand for something.
    pub(super) fn check(&self, text: &[u8], words: &[Word], meaning: &Meaning<'_>) -> Result<(), Fault> {
        words.iter().try_for_each(|word| {
            let checked = self.pieces(&word.value(text), meaning, |_| Ok(()));
            checked.map_err(|what| Fault::new(word.span, what))
        })
    }

    /// Hands on what a value is made of after expansion.
    fn pieces(
        &self,
        value: &[u8],
        meaning: &Meaning<'_>,
        mut take: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut rest = value;
        while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
            let (before, tail) = rest.split_at(at);
            take(before)?;
            let (piece, after) = self.piece(tail, meaning)?;
            take(piece)?;
            rest = after;
        }
        take(rest)
    }

    /// What the `%` at the beginning of `tail` stands for, and what follows.
    fn piece<'a>(&'a self, tail: &'a [u8], meaning: &Meaning<'a>) -> Result<(&'a [u8], &'a [u8]), String> {
        match tail {
            [b'%', b'%', b'{', inner @ ..] if meaning.strict || self.all.contains_key(name(inner).0) => {
                Ok((b"%{", inner))
            }
            [b'%', b'{', inner @ ..] => match (self.value(inner, meaning), inner) {
                (Some(found), _) => Ok(found),
                (None, inner) if meaning.strict => Err(self.nothing(inner, meaning)),
                (None, _) => Ok((b"%", tail.get(1..).unwrap_or_default())),
            },
            _ => Ok((b"%", tail.get(1..).unwrap_or_default())),
        }
    }

    /// What stands for this, and what follows it.
    fn value<'a>(&'a self, inner: &'a [u8], meaning: &Meaning<'a>) -> Option<(&'a [u8], &'a [u8])> {
        let (name, after) = name(inner);
        let after = after.strip_prefix(b"}")?;
        let value = match name {
            b"name" if meaning.strict => meaning.name,
            b"n" if meaning.strict => meaning.number,
            b"each" if meaning.strict => meaning.word,
            name => self.all.get(name).map(|variable| &*variable.value),
        };
        value.map(|value| (value, after))
    }

    /// Why `%{` with this after it is a mistake.
    fn nothing(&self, inner: &[u8], meaning: &Meaning<'_>) -> String {
        let (name, after) = name(inner);
        if !after.starts_with(b"}") {
            return "`%{` is not closed by `}`; write `%%{` for the characters themselves".to_owned();
        }
        if meaning.strict && meaning.name.is_none() && matches!(name, b"name" | b"n" | b"each") {
            let why = "pmtr itself adds `-1`, `-2` and so on or `-WORD` to the name";
            return format!("{} cannot be used on this line: {why}", shown(name));
        }
        let needed = match name {
            b"n" => Some("instances"),
            b"each" => Some("each"),
            _ => None,
        };
        if let Some(needed) = needed.filter(|_| meaning.name.is_some()) {
            return format!("{} is only for jobs with `{needed}`", shown(name));
        }
        let own = [("name", meaning.name), ("n", meaning.number), ("each", meaning.word)];
        let own = own.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| shown(name.as_bytes()));
        let mut known: Vec<String> = own.chain(self.all.keys().take(NAMED).map(|name| shown(name))).collect();
        if self.all.len() > NAMED {
            known.push("other variables".to_owned());
        }
        let known = match known.is_empty() {
            true => "no variable is declared".to_owned(),
            false => format!("there are {}", known.join(", ")),
        };
        format!("{} means nothing here: {known}; write `%%{{` for `%{{`", shown(name))
    }
}

/// A name and what follows it.
fn name(inner: &[u8]) -> (&[u8], &[u8]) {
    let length = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    inner.split_at_checked(length).unwrap_or((inner, &[]))
}

fn shown(name: &[u8]) -> String {
    Shown(&[b"%{", name, b"}"].concat()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(all: &[(&str, &str)]) -> Variables {
        let variable = |value: &str| Variable { value: value.into(), spot: Spot::default() };
        let all = all.iter().map(|(name, value)| (name.as_bytes().to_vec(), variable(value))).collect();
        Variables { all, ..Variables::default() }
    }

    fn expand(variables: &Variables, value: &str, meaning: &Meaning<'_>) -> Result<String, String> {
        let mut text = Vec::new();
        variables.word(value.as_bytes(), meaning, &mut text)?;
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn a_percent_sign_is_ordinary_unless_a_variable_of_that_name_is_declared() {
        let known = variables(&[("A", "x"), ("B_2", "")]);
        for (value, expanded) in [
            ("", ""),
            ("%", "%"),
            ("%%", "%%"),
            ("100%", "100%"),
            ("%{", "%{"),
            ("%{}", "%{}"),
            ("%{A", "%{A"),
            ("%{A}", "x"),
            ("a%{A}b%{A}", "axbx"),
            ("%{B_2}", ""),
            ("%%{A}", "%{A}"),
            ("%%%{A}", "%%{A}"),
            ("%%%%{A}", "%%%{A}"),
            ("%{a}%{name}%{n}%{each}", "%{a}%{name}%{n}%{each}"),
            ("%%{C}", "%%{C}"),
            ("%{%{A}}", "%{x}"),
            ("%{A }", "%{A }"),
        ] {
            assert_eq!(expand(&known, value, &Meaning::default()), Ok(expanded.into()), "{value}");
        }
        let none = Variables::default();
        assert_eq!(expand(&none, "%{A} %%{A}", &Meaning::default()), Ok("%{A} %%{A}".into()));
    }

    #[test]
    fn what_stands_for_something_in_a_job_with_copies_is_listed_when_another_is_asked_for() {
        let known = variables(&[("A", "x")]);
        let numbered =
            Meaning { strict: true, name: Some(b"web-2"), number: Some(b"2"), ..Meaning::default() };
        for (value, expanded) in
            [("%{name}.%{n}.%{A}", "web-2.2.x"), ("%%{n}%%{", "%{n}%{"), ("50% %% %", "50% %% %")]
        {
            assert_eq!(expand(&known, value, &numbered), Ok(expanded.into()), "{value}");
        }
        let error = |value: &str| expand(&known, value, &numbered).unwrap_err();
        assert_eq!(
            error("%{x}"),
            "`%{x}` means nothing here: there are `%{name}`, `%{n}`, `%{A}`; write `%%{` for `%{`"
        );
        assert_eq!(error("%{each}"), "`%{each}` is only for jobs with `each`");
        assert!(error("%{n").contains("is not closed"), "{}", error("%{n"));
    }

    #[test]
    fn what_a_variable_holds_is_not_expanded_again() {
        let known = variables(&[("A", "%{B}%%{A}"), ("B", "x")]);
        assert_eq!(expand(&known, "%{A}", &Meaning::default()), Ok("%{B}%%{A}".into()));
    }

    #[test]
    fn a_line_does_not_grow_beyond_its_limit() {
        let known = variables(&[("A", &"x".repeat(MAX_LINE_BYTES / 2))]);
        assert!(expand(&known, "%{A}%{A}", &Meaning::default()).is_ok());
        assert!(expand(&known, &"%{A}".repeat(3), &Meaning::default()).unwrap_err().contains("2 MiB"));
    }
}

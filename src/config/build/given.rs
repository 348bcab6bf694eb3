//! The arguments of an option, as the builder takes them.

use crate::config::errors::{Fault, Mistakes, Shown};
use crate::config::text::{Line, Span, Spot, Word};
use crate::config::values::{self, Value};
use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// One line of arguments, and where to report what is odd about them.
pub(in crate::config) struct Given<'a> {
    pub(super) text: &'a [u8],
    pub(super) words: &'a [Word],
    pub(super) line: Line,
    pub(super) mistakes: &'a mut Mistakes,
}

/// Whether the arguments were right.
pub(in crate::config) type Taken = Result<(), ValueError>;

/// Why a value was not taken: the first argument is wrong, or what the fault says.
pub(in crate::config) enum ValueError {
    Word(String),
    At(Fault),
}

impl<'a> Given<'a> {
    pub(in crate::config) fn new(
        text: &'a [u8],
        words: &'a [Word],
        line: Line,
        mistakes: &'a mut Mistakes,
    ) -> Given<'a> {
        Given { text, words, line, mistakes }
    }

    /// The first argument.
    pub(super) fn value(&self) -> Cow<'a, [u8]> {
        let text = self.text;
        self.words.first().map(|word| word.value(text)).unwrap_or_default()
    }

    /// Where the first argument is.
    pub(in crate::config) fn span(&self) -> Span {
        self.words.first().map_or(Span::new(0, 0), |word| word.span)
    }

    /// Where all arguments are, and what they look like in a message.
    pub(super) fn all(&self) -> (Span, Shown<'a>) {
        let last = self.words.last().map_or(self.span(), |word| word.span);
        let span = self.span().to(last);
        (span, Shown(span.of(self.text)))
    }

    /// Where the first argument is in the text, for a message that comes when the line has been taken.
    pub(super) fn place(&self) -> (Line, Span) {
        (self.line, self.mistakes.written(self.span()))
    }

    /// The line on which the first argument is.
    pub(super) fn spot(&self) -> Spot {
        self.mistakes.spot_of(self.line, self.span())
    }

    /// What a message about this line calls another one.
    pub(super) fn name_of(&self, spot: Spot) -> String {
        self.mistakes.name_of(spot, self.line)
    }

    /// Whether this line is that one, in a file that is read twice.
    pub(super) fn is_read_again(&self, spot: Spot) -> bool {
        let own = self.spot();
        own.number == spot.number && self.mistakes.are_one_file(own.file, spot.file)
    }

    /// Adds a warning about the first argument.
    pub(super) fn warn(&mut self, what: impl FnOnce() -> String) {
        let span = self.span();
        self.mistakes.warn(self.line, span, what);
    }

    /// Sets a field that may be missing to the first argument, as `read` understands it.
    pub(in crate::config) fn store<T>(&self, field: &mut Option<T>, read: fn(&[u8]) -> Value<T>) -> Taken {
        *field = Some(read(&self.value())?);
        Ok(())
    }

    /// Sets a field that may be missing to the first argument, which must be a whole number of this range.
    pub(in crate::config) fn number<T>(&self, field: &mut Option<T>, range: RangeInclusive<T>) -> Taken
    where
        T: FromStr + PartialOrd + Display,
    {
        *field = Some(values::number_in(&self.value(), range)?);
        Ok(())
    }

    /// Takes each argument in turn.
    pub(super) fn each(&self, mut take: impl FnMut(&[u8]) -> Value<()>) -> Taken {
        self.words.iter().try_for_each(|word| {
            take(&word.value(self.text)).map_err(|what| Fault::new(word.span, what).into())
        })
    }

    /// Sets a field that has a default.
    pub(in crate::config) fn replace<T>(&self, field: &mut T, read: fn(&[u8]) -> Value<T>) -> Taken {
        *field = read(&self.value())?;
        Ok(())
    }
}

/// Sets the field of an option without arguments.
pub(in crate::config) fn set(field: &mut bool) -> Taken {
    *field = true;
    Ok(())
}

impl From<String> for ValueError {
    fn from(what: String) -> ValueError {
        ValueError::Word(what)
    }
}

impl From<&str> for ValueError {
    fn from(what: &str) -> ValueError {
        ValueError::Word(what.to_owned())
    }
}

impl From<Fault> for ValueError {
    fn from(fault: Fault) -> ValueError {
        ValueError::At(fault)
    }
}

//! Text to configuration: the parser of `pmtr.conf`. Never opens a file.
//!
//! Every mistake is found in one pass over the text, and a text with an error yields no configuration at all.
#![forbid(unsafe_code)]

mod build;
mod errors;
mod labels;
pub mod options;
mod parser;
pub mod pattern;
mod places;
mod print;
mod printer;
mod suggest;
mod text;
mod values;

pub use places::Places;
pub use text::{Environment, Included, SourceFile, Sources};

use crate::model::{Config, Mistake, SYSLOG, Severity};
use std::fmt;
use std::rc::Rc;

/// A file is no longer than this.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// A configuration and what there is to say about it.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// What the file says.
    pub config: Config,
    /// In the order of the file.
    pub warnings: Vec<Mistake>,
    /// Where it says it; empty unless it was read by `check`.
    pub places: Places,
}

/// Reads a configuration, or finds all its errors and warnings in the order of the file. Past a thousand of a kind
/// they are only counted.
pub fn parse(source: impl Into<Sources>) -> Result<Parsed, Vec<Mistake>> {
    read(Parsing::new(source))
}

/// The same, with the places of all values, and with warnings about text that is allowed but probably does not mean
/// what it seems to.
pub fn check(source: impl Into<Sources>) -> Result<Parsed, Vec<Mistake>> {
    read(Parsing::of(source.into(), Aim::Check))
}

fn read(parsing: Parsing) -> Result<Parsed, Vec<Mistake>> {
    match parsing.go_on(usize::MAX) {
        Portion::Done(answer) => answer,
        // No text is that long.
        Portion::More(_) => Err(Vec::new()),
    }
}

/// What a text is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// To be applied.
    Apply,
    /// To be checked: places are kept, and there are more warnings.
    Check,
}

/// A text that is read in portions, so that other work can be done in between.
pub struct Parsing(Result<Box<parser::Parser>, Mistake>);

/// The result of one portion.
pub enum Portion {
    /// There is more to read.
    More(Parsing),
    /// The configuration, or all its errors and warnings in the order of the file.
    Done(Result<Parsed, Vec<Mistake>>),
}

impl Parsing {
    /// Nothing of the text has been read yet.
    pub fn new(source: impl Into<Sources>) -> Parsing {
        Parsing::of(source.into(), Aim::Apply)
    }

    fn of(sources: Sources, aim: Aim) -> Parsing {
        match unusable(&sources.main, text::SourceId::default()) {
            Some(mistake) => Parsing(Err(mistake)),
            None => Parsing(Ok(Box::new(parser::Parser::new(sources, aim)))),
        }
    }

    /// Reads lines of about this many bytes; the last one is read to its end.
    pub fn go_on(self, bytes: usize) -> Portion {
        match self.0 {
            Err(mistake) => Portion::Done(Err(vec![mistake])),
            Ok(mut parser) => match parser.read(bytes) {
                true => Portion::More(Parsing(Ok(parser))),
                false => Portion::Done(parser.finish()),
            },
        }
    }
}

/// What the operator sees of these mistakes: for each its place and what is wrong, then the line itself, then a caret
/// under the place.
pub fn render(mistakes: &[Mistake]) -> impl fmt::Display + '_ {
    errors::excerpt::Rendered(mistakes)
}

/// Whether this value of `out` or `err` is probably meant to be `syslog`.
pub fn means_syslog(word: &[u8]) -> bool {
    word != SYSLOG.as_bytes() && suggest::among(&[SYSLOG], word).is_some()
}

/// The configuration as canonical text, which parses to the same configuration.
pub fn print(config: &Config) -> Vec<u8> {
    print::print(config)
}

/// The canonical text as a terminal may show it.
pub fn show(config: &Config) -> impl fmt::Display + '_ {
    print::CanonicalText(config)
}

/// The patterns of the `include` lines of a main file, as they are written there, in the order of the lines. Lines with
/// mistakes count as well: the parser reports them.
pub fn includes(text: &[u8]) -> Vec<Vec<u8>> {
    const INCLUDE: &str = "include";
    let mut patterns = Vec::new();
    // Most files have none, and looking for the bytes is much faster than reading the lines.
    if !text.windows(INCLUDE.len()).any(|bytes| bytes == INCLUDE.as_bytes()) {
        return patterns;
    }
    let (mut lexer, mut words) = (text::Lexer::new(text::SourceId::default(), text), Vec::new());
    while lexer.next(text, &mut words).is_some() {
        if let [keyword, pattern, ..] = &*words
            && keyword.is(text, INCLUDE)
        {
            patterns.push(pattern.value(text).into_owned());
        }
    }
    patterns
}

/// Why a file is not read at all.
fn unusable(source: &SourceFile, id: text::SourceId) -> Option<Mistake> {
    let text = &source.text;
    if text.len() > MAX_BYTES {
        return Some(Mistake::of_file(Rc::clone(&source.name), Severity::Error, "larger than 10 MiB"));
    }
    // Most have none, which `contains` finds out by many bytes at once.
    let at = text.contains(&0).then(|| text.iter().position(|b| *b == 0)).flatten();
    at.map(|at| nul(source, id, at))
}

/// A file with NUL bytes is no text: what else could be said about its lines would only bury that.
fn nul(source: &SourceFile, file: text::SourceId, at: usize) -> Mistake {
    let before = source.text.get(..at).unwrap_or_default();
    let newline = before.iter().rposition(|b| *b == b'\n');
    let line = text::Line {
        file,
        at: text::Span::offset(newline.map_or(0, |n| n + 1)),
        number: text::Span::offset(before.iter().filter(|b| **b == b'\n').count() + 1),
    };
    let what = "NUL byte: this is not a text file, or a crash damaged it";
    errors::excerpt::mistake(
        source,
        Severity::Error,
        line,
        errors::Fault::new(text::Span::new(at, at + 1), what),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_of_a_file_are_found_without_parsing_it() {
        let text = b"include /etc/pmtr.d/*.conf\njob {\n  name include\n}\n# include x\n  include \"a b\"\ninclude\n";
        assert_eq!(includes(text), [&b"/etc/pmtr.d/*.conf"[..], b"a b"]);
        assert_eq!(includes(b"job {\n}\n"), [b""; 0]);
    }
}

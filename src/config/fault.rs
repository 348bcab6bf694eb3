//! Mistakes in the making: a place in the text and a reason become a `Mistake` with its line.

use super::excerpt;
use super::lexer::Line;
use crate::model::{Clean, Counted, Mistake, Severity};
use std::fmt;
use std::rc::Rc;

/// More errors or warnings than this are only counted.
pub(super) const KEPT: usize = 1000;

/// A range of the text. Offsets fit into 32 bits, as the text is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Span {
        Span { start: Span::offset(start), end: Span::offset(end) }
    }

    /// An offset in the text.
    pub(super) fn offset(at: usize) -> u32 {
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// From the beginning of this one to the end of the other.
    pub(super) fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }

    /// The bytes in this range.
    pub(super) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) span: Span,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(span: Span, what: impl Into<String>) -> Fault {
        Fault { span, what: what.into() }
    }
}

/// A word of the file in a message: between backquotes, cleaned, and cut when it is long.
pub(super) struct Shown<'a>(pub(super) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 60;
        if self.0.is_empty() {
            return f.write_str("an empty word");
        }
        match self.0.get(..LONGEST) {
            Some(head) if self.0.len() > LONGEST => write!(f, "`{}...`", Clean(head)),
            _ => write!(f, "`{}`", Clean(self.0)),
        }
    }
}

/// The errors and warnings of one text.
pub(super) struct Mistakes {
    text: Rc<Vec<u8>>,
    errors: Kept,
    warnings: Kept,
    /// Where the line of the last error begins.
    last: Option<u32>,
}

/// The first ones of a kind.
#[derive(Default)]
struct Kept {
    list: Vec<Mistake>,
    /// How many came after them.
    more: u64,
}

impl Mistakes {
    pub(super) fn new(text: Rc<Vec<u8>>) -> Mistakes {
        Mistakes { text, errors: Kept::default(), warnings: Kept::default(), last: None }
    }

    /// Whether there are errors.
    pub(super) fn has_errors(&self) -> bool {
        !self.errors.list.is_empty()
    }

    /// Whether a further error would only be counted: then no effort for its text is worth while.
    pub(super) fn is_full(&self) -> bool {
        self.errors.list.len() >= KEPT
    }

    /// A text that costs more than the rest: none if it would not be kept.
    pub(super) fn text(&self, what: impl FnOnce() -> String) -> String {
        if self.is_full() { String::new() } else { what() }
    }

    /// Adds an error. In one line the first one counts: the others mostly follow from it.
    pub(super) fn add(&mut self, line: Line, fault: Fault) {
        self.add_with(line, fault.span, || fault.what);
    }

    /// The same, where the text costs more than the rest: it is made only if it is kept.
    pub(super) fn add_with(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        if self.last.replace(line.at) != Some(line.at) {
            self.add_to_line(line, span, what);
        }
    }

    /// Adds an error although its line may have had one before.
    pub(super) fn add_to_line(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        let text = &self.text;
        self.errors.add(|| excerpt::mistake(text, Severity::Error, line, Fault::new(span, what())));
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        let text = &self.text;
        self.warnings.add(|| excerpt::mistake(text, Severity::Warning, line, Fault::new(span, what())));
    }

    /// The number of the line on which this stands.
    pub(super) fn line_of(&self, line: Line, span: Span) -> u32 {
        excerpt::line_of(&self.text, line, span)
    }

    /// All of them in the order of the file, and at the end one of each kind for those that were only counted.
    pub(super) fn into_vec(self) -> Vec<Mistake> {
        let counted = [(Severity::Error, self.errors.more), (Severity::Warning, self.warnings.more)];
        let mut list = self.errors.list;
        list.extend(self.warnings.list);
        list.sort_by_key(|mistake| (mistake.line, mistake.column));
        list.extend(counted.into_iter().filter(|(_, more)| *more > 0).map(|(severity, more)| {
            let what = Counted(more, &format!("more {severity}")).to_string();
            Mistake { more: more - 1, ..Mistake::of_file(severity, what) }
        }));
        list
    }
}

impl Kept {
    fn add(&mut self, mistake: impl FnOnce() -> Mistake) {
        match self.list.len() < KEPT {
            true => self.list.push(mistake()),
            false => self.more += 1,
        }
    }
}

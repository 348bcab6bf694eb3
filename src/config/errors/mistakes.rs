//! The errors and warnings of one text: a place and a reason become a `Mistake` with its line.

use super::{Fault, excerpt};
use crate::config::text::{Line, SourceFiles, Span};
use crate::model::{Counted, Mistake, Severity};

/// More errors or warnings than this are only counted.
const KEPT: usize = 1000;

/// The errors and warnings of a configuration.
pub(in crate::config) struct Mistakes {
    sources: SourceFiles,
    errors: Kept,
    warnings: Kept,
    /// The line of the last error.
    last: Option<Line>,
}

/// The first ones of a kind.
#[derive(Default)]
struct Kept {
    list: Vec<Mistake>,
    /// How many came after them.
    more: u64,
}

impl Mistakes {
    pub(in crate::config) fn new(sources: SourceFiles) -> Mistakes {
        Mistakes { sources, errors: Kept::default(), warnings: Kept::default(), last: None }
    }

    /// Whether there are errors.
    pub(in crate::config) fn has_errors(&self) -> bool {
        !self.errors.list.is_empty()
    }

    /// Whether a further error would only be counted: then no effort for its text is worth while.
    pub(in crate::config) fn is_full(&self) -> bool {
        self.errors.list.len() >= KEPT
    }

    /// A text that costs more than the rest: none if it would not be kept.
    pub(in crate::config) fn text(&self, what: impl FnOnce() -> String) -> String {
        if self.is_full() { String::new() } else { what() }
    }

    /// Adds an error. In one line the first one counts: the others mostly follow from it.
    pub(in crate::config) fn add(&mut self, line: Line, fault: Fault) {
        self.add_with(line, fault.span, || fault.what);
    }

    /// The same, where the text costs more than the rest: it is made only if it is kept.
    pub(in crate::config) fn add_with(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        if self.last.replace(line) != Some(line) {
            self.add_to_line(line, span, what);
        }
    }

    /// Adds an error although its line may have had one before.
    pub(in crate::config) fn add_to_line(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        let sources = &self.sources;
        self.errors
            .add(|| excerpt::mistake(&sources.of(line), Severity::Error, line, Fault::new(span, what())));
    }

    /// Adds a warning.
    pub(in crate::config) fn warn(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        let sources = &self.sources;
        self.warnings
            .add(|| excerpt::mistake(&sources.of(line), Severity::Warning, line, Fault::new(span, what())));
    }

    /// The number of the line on which this is.
    pub(in crate::config) fn line_of(&self, line: Line, span: Span) -> u32 {
        excerpt::line_of(self.sources.text_of(line), line, span)
    }

    /// All of them in the order of the file, and at the end one of each kind for those that were only counted; and the
    /// files that they are about.
    pub(in crate::config) fn finish(self) -> (Vec<Mistake>, SourceFiles) {
        let counted = [(Severity::Error, self.errors.more), (Severity::Warning, self.warnings.more)];
        let mut list = self.errors.list;
        list.extend(self.warnings.list);
        list.sort_by_key(|mistake| (mistake.line, mistake.column));
        list.extend(counted.into_iter().filter(|(_, more)| *more > 0).map(|(severity, more)| {
            let what = Counted(more, &format!("more {severity}")).to_string();
            Mistake {
                more: more - 1,
                ..Mistake::of_file(self.sources.of(Line::default()).name, severity, what)
            }
        }));
        (list, self.sources)
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

//! Lines to options and blocks. Which option is allowed where, the table says; what it means, the builder knows. What
//! happens after a mistake is in `recovery`.

mod blocks;
mod files;
mod frame;
mod recovery;

use super::build::{Builder, Given};
use super::errors::{Fault, Mistakes};
use super::options::{Block, Inside, OptionRow, Scope, beginning_with};
use super::text::{Line, SourceFiles, Sources, Span, Word};
use super::{Aim, Parsed};
use crate::model::Mistake;
use files::Files;
use frame::{Frame, Tally};
use std::rc::Rc;

/// Reads a text and builds a configuration. It borrows nothing, so it can pause between any two lines.
pub(super) struct Parser {
    /// The text of the file that is being read.
    text: Rc<Vec<u8>>,
    aim: Aim,
    files: Files,
    /// The words of the line that is being read.
    line: Vec<Word>,
    mistakes: Mistakes,
    build: Builder,
    /// The open blocks, the innermost last.
    open: Vec<Frame>,
    /// Which options have come outside of all blocks.
    tally: Tally,
    /// The option on the line before, when a `{` alone on this one would open its block.
    pending: Option<Pending>,
    /// The first and the last line of the block that was closed last.
    closed: Option<(u32, u32)>,
}

struct Pending {
    /// Nothing when the block is to be skipped.
    row: Option<(&'static OptionRow, Inside)>,
    line: Line,
    keyword: Span,
}

/// What the first words of a line are.
enum Found {
    /// This option, and the number of its words.
    Whole(&'static OptionRow, usize),
    /// The beginning of this option, which has more words.
    Partial(&'static OptionRow),
}

impl Parser {
    pub(super) fn new(sources: Sources, aim: Aim) -> Parser {
        let Sources { main, included, environment } = sources;
        let text = Rc::clone(&main.text);
        let files = Files::new(&text, included);
        let mut build = Builder::new(text.len(), environment, aim);
        build.begin_file(&text);
        let mistakes = Mistakes::new(SourceFiles::new(main));
        let (line, open, tally) = (Vec::new(), Vec::new(), Tally::default());
        Parser { text, aim, files, line, mistakes, build, open, tally, pending: None, closed: None }
    }

    /// Reads lines of about this many bytes, the last one to its end, and builds what waits for the last of them; false
    /// if there is nothing left to do.
    pub(super) fn read(&mut self, bytes: usize) -> bool {
        let mut left = bytes;
        while left > 0 && !self.files.are_read() {
            left = left.saturating_sub(self.read_file(left));
        }
        !self.files.are_read() || self.build.go_on(left, &mut self.mistakes)
    }

    /// What the whole text says.
    pub(super) fn finish(self) -> Result<Parsed, Vec<Mistake>> {
        let has_errors = self.mistakes.has_errors();
        let (mistakes, sources) = self.mistakes.finish();
        match has_errors {
            false => Ok(self.build.finish(mistakes, sources)),
            true => Err(mistakes),
        }
    }

    fn line(&mut self, line: Line, words: &[Word]) {
        if let [brace] = words
            && brace.is(&self.text, "{")
        {
            return self.brace(line, brace.span);
        }
        if words.is_empty() {
            return;
        }
        self.look_at_end(line, words);
        self.settle(words);
        let mut words = words;
        while let Some((first, rest)) = words.split_first()
            && self.closes(first)
        {
            self.closing(line, first.span, rest);
            words = rest;
        }
        if !words.is_empty() {
            self.content(line, words);
        }
    }

    /// A line of the innermost block.
    fn content(&mut self, line: Line, words: &[Word]) {
        match self.inside() {
            Some((_, Inside::Options(scope))) => self.option(line, scope, words),
            Some((Some(row), Inside::Words)) => match self.option_of_an_outer_block(words) {
                true => self.close_for(line, words, self.open.len() - 1),
                false => self.words(line, row, words),
            },
            Some((None, Inside::Words)) | None => self.skipped(line, words),
        }
    }

    /// A line of a block of options. A word can be an option of several kinds of block: those of this one come first.
    fn option(&mut self, line: Line, scope: Scope, words: &[Word]) {
        match self.find(words, |row| row.scope == scope.of_options()) {
            Some(Found::Whole(row, count)) => match scope.refuses(row.key) {
                Some(why) => self.refused(line, scope, (row, why), words),
                None => {
                    let (keyword, args) = words.split_at_checked(count).unwrap_or((words, &[]));
                    self.known(line, row, span_of(keyword), args);
                }
            },
            Some(Found::Partial(row)) => self.partial(line, row, words),
            None => match self.find(words, |_| true) {
                Some(Found::Whole(row, _) | Found::Partial(row)) => self.misplaced(line, row, words),
                None => self.unknown(line, scope, words),
            },
        }
    }

    fn known(&mut self, line: Line, row: &'static OptionRow, keyword: Span, args: &[Word]) {
        let spot = self.mistakes.spot_of(line, keyword);
        let tally = self.open.last_mut().map_or(&mut self.tally, |frame| &mut frame.tally);
        if let Some(first) = tally.give(row, spot) {
            let first = self.mistakes.name_of(first, line);
            self.fault(line, keyword, || format!("`{}` is given twice: first on {first}", row.keyword()));
        }
        match row.block {
            Block::Never => self.set(line, row, keyword, args),
            Block::Always(inside) | Block::Instead(inside) => self.block(line, (row, inside), keyword, args),
        }
    }

    fn set(&mut self, line: Line, row: &'static OptionRow, keyword: Span, args: &[Word]) {
        match self.counted(row, row.count, keyword, args) {
            Ok(()) => self.take(line, row, args),
            Err(fault) => self.mistakes.add(line, fault),
        }
    }

    /// Hands arguments to the builder.
    fn take(&mut self, line: Line, row: &'static OptionRow, words: &[Word]) {
        self.build.take(row, Given::new(&self.text, words, line, &mut self.mistakes));
    }

    /// What the innermost block encloses; nothing if it is skipped.
    fn inside(&self) -> Option<(Option<&'static OptionRow>, Inside)> {
        match self.open.last() {
            None => Some((None, Inside::Options(Scope::File))),
            Some(frame) => frame.row.map(|(row, inside)| (Some(row), inside)),
        }
    }

    /// The option with which the line begins.
    fn find(&self, words: &[Word], wanted: impl Fn(&OptionRow) -> bool) -> Option<Found> {
        let (first, others) = words.split_first()?;
        let first = first.unquoted(&self.text)?;
        let (mut partial, mut longest): (Option<&'static OptionRow>, Option<&'static OptionRow>) =
            (None, None);
        for row in beginning_with(&first).filter(|row| wanted(row)) {
            let known = row.words.get(1..).unwrap_or_default();
            partial = partial.or(Some(row));
            let whole = others.len() >= known.len()
                && known.iter().zip(others).all(|(known, word)| word.is(&self.text, known));
            if whole && longest.is_none_or(|longest| longest.words.len() <= row.words.len()) {
                longest = Some(row);
            }
        }
        longest.map(|row| Found::Whole(row, row.words.len())).or(partial.map(Found::Partial))
    }

    /// Whether the number of arguments is right.
    fn counted(
        &self,
        row: &OptionRow,
        count: (usize, usize),
        keyword: Span,
        args: &[Word],
    ) -> Result<(), Fault> {
        match (count.0..=count.1).contains(&args.len()) {
            true => Ok(()),
            false => Err(self.miscounted(row, count, keyword, args)),
        }
    }

    fn fault<T: Into<String>>(&mut self, line: Line, span: Span, what: impl FnOnce() -> T) {
        self.mistakes.add_with(line, span, || what().into());
    }
}

const STRAY_OPEN: &str = "stray `{`: no option before it takes a block";

/// From the first of these words to the last.
fn span_of(words: &[Word]) -> Span {
    match (words.first(), words.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::new(0, 0),
    }
}

//! Lines to options and blocks. What may stand where it reads from the table; what an option means it
//! leaves to the builder. What happens after a mistake stands in `recovery`.

mod recovery;

use super::build::Builder;
use super::errors::{Fault, Mistakes, Shown};
use super::options::{Block, Inside, OptionRow, Place, TABLE};
use super::text::{Lexer, Line, Span, Word};
use super::{Aim, Parsed};
use crate::model::Mistake;
use std::rc::Rc;

/// Reads a text and builds a configuration. It borrows nothing, so it can rest between two lines for as long as
/// one likes.
pub(super) struct Parser {
    text: Rc<Vec<u8>>,
    aim: Aim,
    lexer: Lexer,
    /// The words of the line that is being read.
    line: Vec<Word>,
    mistakes: Mistakes,
    build: Builder,
    /// The open blocks, the innermost last.
    open: Vec<Frame>,
    /// The option on the line before, when a `{` alone on this one would open its block.
    pending: Option<Pending>,
    /// Where the last block began and where it was closed.
    closed: Option<(u32, u32)>,
}

/// An open block.
struct Frame {
    /// Its option, or nothing when that is unknown or misplaced: then the block is skipped.
    row: Option<(&'static OptionRow, Inside)>,
    line: Line,
    keyword: Span,
    /// How many words its lines had.
    words: usize,
    /// How many blocks are open in a skipped one, itself included.
    depth: usize,
    /// The first line in it that ends with a brace, which does not close it there.
    ended: Option<u32>,
}

struct Pending {
    /// Nothing when the block is to be skipped.
    row: Option<(&'static OptionRow, Inside)>,
    line: Line,
    keyword: Span,
}

/// What the first words of a line are.
enum Found {
    /// This option, by so many words.
    Whole(&'static OptionRow, usize),
    /// The beginning of this option, which has more words.
    Begun(&'static OptionRow),
}

impl Parser {
    pub(super) fn new(text: Rc<Vec<u8>>, aim: Aim) -> Parser {
        let lexer = Lexer::new(&text);
        let (mistakes, build) = (Mistakes::new(Rc::clone(&text)), Builder::new(Rc::clone(&text), aim));
        let (line, open) = (Vec::new(), Vec::new());
        Parser { text, aim, lexer, line, mistakes, build, open, pending: None, closed: None }
    }

    /// Reads lines of so many bytes, rounded up; false when there are no more.
    pub(super) fn read(&mut self, bytes: usize) -> bool {
        let (text, mut words) = (Rc::clone(&self.text), std::mem::take(&mut self.line));
        let end = self.lexer.at().saturating_add(bytes);
        let mut more = true;
        while more && self.lexer.at() < end {
            match self.lexer.next(&text, &mut words) {
                None => more = false,
                Some((line, None)) => self.line(line, &words),
                Some((line, Some(fault))) => self.unreadable(line, &words, fault),
            }
        }
        self.line = words;
        more
    }

    /// What the whole text says.
    pub(super) fn finish(mut self) -> Result<Parsed, Vec<Mistake>> {
        self.end();
        match self.mistakes.has_errors() {
            false => Ok(self.build.finish(self.mistakes.into_vec())),
            true => Err(self.mistakes.into_vec()),
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
            Some((_, Inside::Options(place))) => self.option(line, place, words),
            Some((Some(row), Inside::Words)) => match self.option_of_an_outer_block(words) {
                true => self.close_for(line, words, self.open.len() - 1),
                false => self.words(line, row, words),
            },
            Some((None, Inside::Words)) | None => self.skipped(line, words),
        }
    }

    fn option(&mut self, line: Line, place: Place, words: &[Word]) {
        // No word begins an option in two places.
        match self.find(words, |_| true) {
            Some(Found::Whole(row, count)) if row.place == place => {
                let (keyword, args) = words.split_at_checked(count).unwrap_or((words, &[]));
                self.known(line, row, span_of(keyword), args);
            }
            Some(Found::Begun(row)) if row.place == place => self.begun(line, row, words),
            Some(Found::Whole(row, _) | Found::Begun(row)) => self.misplaced(line, row, words),
            None => self.unknown(line, place, words),
        }
    }

    fn known(&mut self, line: Line, row: &'static OptionRow, keyword: Span, args: &[Word]) {
        let number = self.mistakes.line_of(line, keyword);
        if let Err(what) = self.build.given(row, number) {
            self.fault(line, keyword, || what);
        }
        match row.block {
            Block::Never => self.set(line, row, keyword, args),
            Block::Always(inside) | Block::Instead(inside) => self.block(line, (row, inside), keyword, args),
        }
    }

    fn set(&mut self, line: Line, row: &OptionRow, keyword: Span, args: &[Word]) {
        let taken = match self.counted(row, row.count, keyword, args) {
            Ok(()) => self.build.set(row.key, args, line, &mut self.mistakes),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = taken {
            self.mistakes.add(line, fault);
        }
    }

    /// An option that takes a block.
    fn block(&mut self, line: Line, row: (&'static OptionRow, Inside), keyword: Span, args: &[Word]) {
        let brace = args.iter().position(|word| word.is(&self.text, "{"));
        let Some((head, [brace, tail @ ..])) = brace.and_then(|at| args.split_at_checked(at)) else {
            return self.block_without_brace(line, row, keyword, args);
        };
        let count = if matches!(row.0.block, Block::Instead(_)) { (0, 0) } else { row.0.count };
        let counted = self.counted(row.0, count, keyword, head);
        if let Err(fault) = &counted {
            self.mistakes.add(line, fault.clone());
        }
        let one_line = tail.split_last().filter(|(last, _)| last.is(&self.text, "}"));
        if let Some((last, _)) = one_line
            && !row.0.one_line
        {
            return self.fault(line, brace.span.to(last.span), || {
                format!(
                    "a `{}` block cannot be on one line: put each option on its own line",
                    row.0.keyword()
                )
            });
        }
        self.open(row, line, keyword);
        if counted.is_err() {
            // Whoever wrote `job web {` has thought of the name, and has been told.
            TABLE.iter().filter(|row| row.required).take(1).for_each(|row| self.build.excuse(row.key));
        }
        match (tail, one_line) {
            ([], _) => {}
            (_, Some((_, inner))) => {
                if !inner.is_empty() {
                    self.line_of_block(line, inner);
                }
                self.close(line);
            }
            (_, None) => {
                self.fault(line, brace.span, || "`{` must be the last word of its line");
                self.line_of_block(line, tail);
            }
        }
    }

    fn block_without_brace(
        &mut self,
        line: Line,
        row: (&'static OptionRow, Inside),
        keyword: Span,
        args: &[Word],
    ) {
        let glued = |word: &&Word| !word.quoted() && word.span.of(&self.text).starts_with(b"{");
        if let Some(word) = args.iter().find(glued) {
            self.fault(line, word.span, || "put spaces around braces");
            return self.skip_next(line, keyword);
        }
        if matches!(row.0.block, Block::Instead(_)) && !args.is_empty() {
            return self.set(line, row.0, keyword, args);
        }
        match (self.counted(row.0, row.0.count, keyword, args), row.1) {
            (Err(fault), Inside::Words) if !args.is_empty() => {
                self.mistakes.add(line, fault);
                self.skip_next(line, keyword);
            }
            (Err(fault), Inside::Options(_)) => {
                self.mistakes.add(line, fault);
                self.pending = Some(Pending { row: Some(row), line, keyword });
            }
            (Ok(()), _) | (Err(_), Inside::Words) => {
                self.pending = Some(Pending { row: Some(row), line, keyword });
            }
        }
    }

    /// What stands in a block behind its `{` on the same line.
    fn line_of_block(&mut self, line: Line, words: &[Word]) {
        match self.inside() {
            Some((Some(row), Inside::Words)) => self.words(line, row, words),
            Some((None, Inside::Words)) | Some((_, Inside::Options(_))) | None => self.content(line, words),
        }
    }

    /// A line of a block of words.
    fn words(&mut self, line: Line, row: &OptionRow, words: &[Word]) {
        if let Some(frame) = self.open.last_mut() {
            frame.words += words.len();
        }
        let is = |word: &Word, brace: &str| word.is(&self.text, brace);
        let Some(brace) = words.iter().find(|word| is(word, "{") || is(word, "}")) else {
            if let Err(fault) = self.build.words(row.key, words, line, &mut self.mistakes) {
                self.mistakes.add(line, fault);
            }
            return;
        };
        let text = Rc::clone(&self.text);
        let shown = Shown(brace.span.of(&text));
        let closes = words.last().is_some_and(|word| is(word, "}"));
        let opens = words.last().is_some_and(|word| is(word, "{"));
        self.fault(line, brace.span, || {
            format!("{shown} must be alone on its line; quote it to use it as a word")
        });
        if closes {
            self.close(line);
        } else if opens {
            self.skip(line, brace.span);
        }
    }

    /// A `{` alone on its line.
    fn brace(&mut self, line: Line, span: Span) {
        match (self.pending.take(), self.open.last_mut()) {
            (Some(Pending { row: Some(row), line, keyword }), _) => self.open(row, line, keyword),
            (Some(Pending { row: None, line, keyword }), _) => self.skip(line, keyword),
            (None, Some(frame)) if frame.row.is_none() => frame.depth += 1,
            (None, _) => {
                self.fault(line, span, || STRAY_OPEN);
                self.skip(line, span);
            }
        }
    }

    /// Whether a line that begins with this word closes a block.
    fn closes(&self, word: &Word) -> bool {
        !word.quoted() && word.span.of(&self.text).starts_with(b"}")
    }

    fn closing(&mut self, line: Line, span: Span, rest: &[Word]) {
        let text = Rc::clone(&self.text);
        let raw = span.of(&text);
        if self.open.is_empty() {
            let closed = self.closed;
            self.fault(line, span, || {
                let hint = match closed {
                    Some((from, to)) => format!("; the last one began on line {from} and ended on line {to}"),
                    None => String::new(),
                };
                format!("stray `}}`: no block is open here{hint}")
            });
        } else if raw != b"}" {
            self.fault(line, span, || "`}` must be alone on its line");
        } else if !rest.is_empty() {
            self.fault(
                line,
                span_of(rest),
                || "`}` must be alone on its line: put the rest on the next line",
            );
        }
        let braces = raw.iter().take_while(|b| **b == b'}').count();
        for _ in 0..braces.min(self.open.len()) {
            self.close(line);
        }
    }

    /// Closes the innermost block.
    fn close(&mut self, line: Line) {
        if let Some(frame) = self.open.last_mut().filter(|frame| frame.row.is_none() && frame.depth > 1) {
            frame.depth -= 1;
            return;
        }
        let Some(frame) = self.open.pop() else { return };
        let begun = self.mistakes.line_of(frame.line, frame.keyword);
        self.closed = Some((begun, line.number));
        match frame.row {
            Some((_, Inside::Options(place))) => {
                self.build.close_job(place, (frame.line, frame.keyword), &mut self.mistakes);
            }
            // A block of limits may be empty, as it always could.
            Some((row, Inside::Words)) if frame.words == 0 && row.count == (0, 0) => {
                self.fault(frame.line, frame.keyword, || format!("the block is empty: {}", row.usage()));
            }
            Some((_, Inside::Words)) | None => {}
        }
    }

    /// What is still open at the end of the file.
    fn end(&mut self) {
        self.settle(&[]);
        while let Some(frame) = self.open.pop() {
            let (block, hint) = (Shown(frame.keyword.of(&self.text)), hint(&frame));
            self.mistakes.add_to_line(frame.line, frame.keyword, || {
                format!("the {block} block is not closed: no `}}` before the end of the file{hint}")
            });
        }
    }

    fn open(&mut self, row: (&'static OptionRow, Inside), line: Line, keyword: Span) {
        if let Inside::Options(Place::Job) = row.1
            && let Err(what) = self.build.open_job()
        {
            self.fault(line, keyword, || what);
        }
        self.open.push(Frame { row: Some(row), line, keyword, words: 0, depth: 1, ended: None });
    }

    /// What stands in the innermost block; nothing when it is skipped.
    fn inside(&self) -> Option<(Option<&'static OptionRow>, Inside)> {
        match self.open.last() {
            None => Some((None, Inside::Options(Place::File))),
            Some(frame) => frame.row.map(|(row, inside)| (Some(row), inside)),
        }
    }

    /// The option with which the line begins.
    fn find(&self, words: &[Word], wanted: impl Fn(&OptionRow) -> bool) -> Option<Found> {
        let first = words.first()?.unquoted(&self.text)?;
        let begins =
            |row: &&'static OptionRow| row.words.first().is_some_and(|word| *word.as_bytes() == *first);
        let whole = |row: &&'static OptionRow| {
            words.len() >= row.words.len()
                && row.words.iter().zip(words).all(|(known, word)| word.is(&self.text, known))
        };
        let (mut begun, mut longest): (Option<&'static OptionRow>, Option<&'static OptionRow>) = (None, None);
        for row in TABLE.iter().filter(begins).filter(|row| wanted(row)) {
            begun = begun.or(Some(row));
            if whole(&row) && longest.is_none_or(|longest| longest.words.len() <= row.words.len()) {
                longest = Some(row);
            }
        }
        longest.map(|row| Found::Whole(row, row.words.len())).or(begun.map(Found::Begun))
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

/// Why a block that somebody thinks closed is not.
fn hint(frame: &Frame) -> String {
    match frame.ended {
        Some(line) => format!(
            "; line {line} ends with ` }}`, but `}}` closes a block only when it is alone on its line"
        ),
        None => String::new(),
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

//! Blocks: where they begin and end, and whether they are complete.

use super::frame::Frame;
use super::{Parser, Pending, STRAY_OPEN, span_of};
use crate::config::build::Closing;
use crate::config::errors::Shown;
use crate::config::options::{Block, Inside, OptionRow, Scope};
use crate::config::text::{Line, Span, Word};
use std::rc::Rc;

impl Parser {
    /// An option that takes a block.
    pub(super) fn block(
        &mut self,
        line: Line,
        row: (&'static OptionRow, Inside),
        keyword: Span,
        args: &[Word],
    ) {
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
        if counted.is_ok() && !head.is_empty() {
            self.take(line, row.0, head);
        }
        self.open(row, line, keyword);
        if counted.is_err() {
            // `job web {` has a name, and an error about it.
            if let Inside::Options(scope) = row.1 {
                scope.options().filter(|row| row.required).take(1).for_each(|row| self.excuse(row));
            }
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
                if !args.is_empty() {
                    self.take(line, row.0, args);
                }
                self.pending = Some(Pending { row: Some(row), line, keyword });
            }
        }
    }

    /// What follows the `{` of a block on the same line.
    fn line_of_block(&mut self, line: Line, words: &[Word]) {
        match self.inside() {
            Some((Some(row), Inside::Words)) => self.words(line, row, words),
            Some((None, Inside::Words)) | Some((_, Inside::Options(_))) | None => self.content(line, words),
        }
    }

    /// A line of a block of words.
    pub(super) fn words(&mut self, line: Line, row: &'static OptionRow, words: &[Word]) {
        if let Some(frame) = self.open.last_mut() {
            frame.words += words.len();
        }
        let is = |word: &Word, brace: &str| word.is(&self.text, brace);
        let Some(brace) = words.iter().find(|word| is(word, "{") || is(word, "}")) else {
            return self.take(line, row, words);
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
    pub(super) fn brace(&mut self, line: Line, span: Span) {
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
    pub(super) fn closes(&self, word: &Word) -> bool {
        !word.quoted() && word.span.of(&self.text).starts_with(b"}")
    }

    pub(super) fn closing(&mut self, line: Line, span: Span, rest: &[Word]) {
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
    pub(super) fn close(&mut self, line: Line) {
        if let Some(frame) = self.open.last_mut().filter(|frame| frame.row.is_none() && frame.depth > 1) {
            frame.depth -= 1;
            return;
        }
        let Some(frame) = self.open.pop() else { return };
        let opened = self.mistakes.line_of(frame.line, frame.keyword);
        self.closed = Some((opened, line.number));
        match frame.row {
            Some((_, Inside::Options(scope))) => {
                let missing = frame.tally.missing(scope).collect();
                let closing = Closing { line: frame.line, keyword: frame.keyword, missing };
                self.build.close(scope, closing, &mut self.mistakes);
            }
            // A block of limits may be empty, as it always could.
            Some((row, Inside::Words)) if frame.words == 0 && row.count == (0, 0) => {
                self.fault(frame.line, frame.keyword, || format!("the block is empty: {}", row.usage()));
            }
            Some((_, Inside::Words)) | None => {}
        }
    }

    /// What is still open at the end of the file.
    pub(super) fn end(&mut self) {
        self.settle(&[]);
        self.build.abandon(&mut self.mistakes);
        while let Some(frame) = self.open.pop() {
            let (block, hint) = (Shown(frame.keyword.of(&self.text)), frame.hint());
            self.mistakes.add_to_line(frame.line, frame.keyword, || {
                format!("the {block} block is not closed: no `}}` before the end of the file{hint}")
            });
        }
    }

    pub(super) fn open(&mut self, row: (&'static OptionRow, Inside), line: Line, keyword: Span) {
        if let Inside::Options(scope) = row.1 {
            self.build.open(scope);
        }
        self.open.push(Frame::new(Some(row), line, keyword));
    }

    /// No message is to say that this option is missing in the innermost block.
    pub(super) fn excuse(&mut self, row: &OptionRow) {
        self.open.last_mut().into_iter().for_each(|frame| frame.tally.excuse(row.key));
    }

    /// The options of the innermost block that has any.
    pub(super) fn scope(&self) -> Scope {
        let scope = |frame: &Frame| match frame.row {
            Some((_, Inside::Options(scope))) => Some(scope),
            Some((_, Inside::Words)) | None => None,
        };
        self.open.iter().rev().find_map(scope).unwrap_or(Scope::File)
    }
}

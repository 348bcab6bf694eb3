//! After a mistake the parser continues with the next line, in the block that was probably meant: one slip is reported
//! once and hides no other.

use super::{Found, Frame, Parser, Pending, STRAY_OPEN, span_of};
use crate::config::errors::{Fault, Shown, excerpt};
use crate::config::options::{Block, Inside, OptionRow, Scope, TABLE};
use crate::config::text::{Line, Span, Word};
use crate::config::{Aim, suggest};
use std::rc::Rc;

const GO_ON: &str = "to continue the previous line, end it with a backslash";

impl Parser {
    /// The first words of an option of several, and then another word or none.
    pub(super) fn partial(&mut self, line: Line, row: &OptionRow, words: &[Word]) {
        let text = Rc::clone(&self.text);
        let begun = Begun::new(row.scope, words, &text);
        let keyword = span_of(words.get(..begun.right).unwrap_or_default());
        let next = words.get(begun.right);
        let place = next.map_or(keyword, |word| word.span);
        self.fault(line, place, || {
            let expected = format!("expected {} after {}", begun.expected(), Shown(keyword.of(&text)));
            let meant = next.and_then(|word| begun.meant(row.scope, &word.value(&text)));
            match (&*begun.rows, meant) {
                ([row], _) => format!("{expected}: {}", row.usage()),
                (_, Some(meant)) => format!("{expected}: did you mean `{}`?", meant.keyword()),
                (_, None) => expected,
            }
        });
        self.excuse(row);
        self.skip_block(line, words);
    }

    /// An option that belongs to another block.
    pub(super) fn misplaced(&mut self, line: Line, row: &'static OptionRow, words: &[Word]) {
        let frame = self.frame_of(row.scope);
        if let Some(frame) = frame.filter(|_| matches!(row.block, Block::Always(Inside::Options(_)))) {
            return self.close_for(line, words, frame);
        }
        let text = Rc::clone(&self.text);
        self.fault(line, span_of(words.get(..1).unwrap_or_default()), || {
            format!("`{}` belongs {}", Begun::new(row.scope, words, &text).name(), row.scope.belongs())
        });
        self.skip_block(line, words);
    }

    /// An option of a job that a template or defaults cannot have.
    pub(super) fn refused(
        &mut self,
        line: Line,
        scope: Scope,
        (row, why): (&OptionRow, &str),
        words: &[Word],
    ) {
        let block = if scope == Scope::Defaults { "`defaults`" } else { "a template" };
        self.fault(line, span_of(words.get(..1).unwrap_or_default()), || {
            format!("`{}` cannot be in {block}: {why}", row.keyword())
        });
        self.skip_block(line, words);
    }

    pub(super) fn unknown(&mut self, line: Line, scope: Scope, words: &[Word]) {
        let Some((first, rest)) = words.split_first() else { return };
        let text = Rc::clone(&self.text);
        let raw = first.span.of(&text);
        if first.is(&self.text, "{") {
            self.fault(line, first.span, || STRAY_OPEN);
            return self.skip_block(line, words);
        }
        let glued = raw.strip_suffix(b"{").and_then(|before| {
            TABLE.iter().find(|row| matches!(row.words, [word] if word.as_bytes() == before))
        });
        let meant = if let Some(name) = excerpt::assigned(&text, line) {
            self.assignment(line, scope, first, name)
        } else if first.quoted() {
            self.fault(line, first.span, || {
                format!("expected an option, but {} is in quotes; {GO_ON}", Shown(raw))
            });
            None
        } else if let Some(row) = glued {
            self.fault(line, first.span, || format!("put spaces around braces: `{} {{`", row.keyword()));
            Some(row)
        } else {
            self.unknown_word(line, scope, first, rest)
        };
        let Some(row) = meant else { return self.skip_block(line, words) };
        self.excuse(row);
        match row.block {
            Block::Always(inside) | Block::Instead(inside)
                if raw.ends_with(b"{") && row.scope == scope.of_options() =>
            {
                self.open((row, inside), line, first.span);
            }
            // The options of a misspelt `job` are read as well.
            Block::Always(inside @ Inside::Options(_)) if row.scope == scope.of_options() => {
                self.block(line, (row, inside), first.span, rest);
            }
            Block::Never | Block::Always(_) | Block::Instead(_) => self.skip_block(line, words),
        }
    }

    /// Reports `NAME=VALUE`, and the option that was probably meant, but never the value, which can be a secret.
    fn assignment(
        &mut self,
        line: Line,
        scope: Scope,
        first: &Word,
        name: &[u8],
    ) -> Option<&'static OptionRow> {
        let scope = scope.of_options();
        let meant = match self.mistakes.is_full() || first.is(&self.text, "export") {
            true => None,
            false => suggest::option(scope, name, None).filter(|row| row.scope == scope),
        };
        self.fault(line, first.span, || match meant {
            Some(row) => {
                format!("an option and its value are written without `=`: did you mean `{}`?", row.usage())
            }
            None => "expected an option, but this looks like VAR=VALUE: is this file an env file?".to_owned(),
        });
        meant
    }

    /// Reports an unknown word, and what was probably meant.
    fn unknown_word(
        &mut self,
        line: Line,
        scope: Scope,
        first: &Word,
        rest: &[Word],
    ) -> Option<&'static OptionRow> {
        // The search costs more than everything else, so mistakes that are only counted go without.
        let text = Rc::clone(&self.text);
        let value = first.value(&text);
        let second = rest.first().map(|word| word.value(&text));
        let meant = match self.mistakes.is_full() {
            true => None,
            false => suggest::option(scope.of_options(), &value, second.as_deref()),
        };
        let shown = Shown(&value);
        self.fault(line, first.span, || match meant {
            Some(row) => format!("unknown option {shown}: did you mean `{}`?", row.keyword()),
            None if matches!(*value, [b'-' | b'/', ..]) => format!("unknown option {shown}; {GO_ON}"),
            None => format!("unknown option {shown}"),
        });
        meant
    }

    /// A line that could not be split into words.
    pub(super) fn unreadable(&mut self, line: Line, words: &[Word], fault: Fault) {
        self.settle(words);
        self.mistakes.add(line, fault);
        if let Some(Found::Whole(row, _)) = self.find(words, |row| row.scope == self.scope().of_options()) {
            self.excuse(row);
        }
        self.skip_block(line, words);
    }

    /// An end of a line that does not do what it seems to.
    pub(super) fn look_at_end(&mut self, line: Line, words: &[Word]) {
        let (Some((last, before)), Some(frame)) = (words.split_last(), self.open.last_mut()) else { return };
        let is = |word: &Word, brace| word.is(&self.text, brace);
        if is(last, "}") && !before.is_empty() && !before.iter().any(|word| is(word, "{")) {
            frame.ended = frame.ended.or(Some(self.mistakes.line_of(line, last.span)));
        }
        // A backslash that joins lines is part of no word.
        if self.aim == Aim::Check && !last.quoted() && last.span.of(&self.text).ends_with(b"\\") {
            self.mistakes.warn(line, last.span, || {
                "this backslash does not continue the line: nothing may follow it, not even spaces".to_owned()
            });
        }
    }

    /// What is wrong with the number of arguments.
    pub(super) fn miscounted(
        &self,
        row: &OptionRow,
        (least, most): (usize, usize),
        keyword: Span,
        args: &[Word],
    ) -> Fault {
        let name = row.keyword();
        if args.len() < least {
            let missing = if args.is_empty() && least == 1 { "an argument" } else { "another argument" };
            let place = args.last().map_or(keyword, |last| keyword.to(last.span));
            return Fault::new(place, format!("`{name}` needs {missing}: {}", row.usage()));
        }
        let extra = args.get(most..).unwrap_or_default();
        let known = self.find(extra, |other| other.scope == row.scope);
        let what = match (most, known) {
            (_, Some(Found::Whole(other, _))) => {
                let other = other.keyword();
                format!("`{other}` must start its own line; after `{name}` it is an extra word")
            }
            (0, _) if row.block != Block::Never => {
                format!("`{name}` takes no argument, only a block: {}", row.usage())
            }
            (0, _) => format!("`{name}` takes no argument"),
            (1, _) if row.blanks => {
                format!("`{name}` takes one argument; quote it if it contains spaces: {}", row.usage())
            }
            (1, _) => format!("`{name}` takes one argument: {}", row.usage()),
            _ => format!("too many arguments: {}", row.usage()),
        };
        Fault::new(span_of(extra), what)
    }

    /// Decides about an option whose `{` is not on the next line either.
    pub(super) fn settle(&mut self, next: &[Word]) {
        let Some(Pending { row: Some(row), line, keyword }) = self.pending.take() else { return };
        self.fault(line, keyword, || lacks_block(row.0));
        let other_option = || self.find(next, |row| row.scope == self.scope().of_options()).is_some();
        let closes = || next.first().is_some_and(|word| self.closes(word));
        let forgotten = match row.1 {
            Inside::Options(_) => !next.is_empty(),
            Inside::Words => !next.is_empty() && !other_option() && !closes(),
        };
        if forgotten {
            self.open(row, line, keyword);
        }
    }

    /// Closes all blocks from this one inwards, because of an option that is allowed only outside of them.
    pub(super) fn close_for(&mut self, line: Line, words: &[Word], frame: usize) {
        let begin = self.open.get(frame).map(|frame| (frame.line, frame.keyword, frame.hint()));
        let Some(begin) = begin else { return };
        let number = self.mistakes.line_of(begin.0, begin.1);
        let text = Rc::clone(&self.text);
        let block = Shown(begin.1.of(&text));
        self.fault(line, span_of(words.get(..1).unwrap_or_default()), || {
            let hint = begin.2;
            format!("the {block} block from line {number} is not closed: missing `}}` before this line{hint}")
        });
        while self.open.len() > frame {
            if let Some(skipped) = self.open.last_mut() {
                skipped.depth = 1;
            }
            self.close(line);
        }
        self.content(line, words);
    }

    /// A line of a block that is skipped.
    pub(super) fn skipped(&mut self, line: Line, words: &[Word]) {
        let found = self.find(words, |_| true);
        match found {
            // Jobs are read even there, so that a mistake in one is found in this run.
            Some(Found::Whole(row, _)) if matches!(row.block, Block::Always(Inside::Options(_))) => {
                match self.frame_of(row.scope) {
                    Some(frame) => self.close_for(line, words, frame),
                    None => self.option(line, row.scope, words),
                }
            }
            Some(Found::Whole(row, _)) if row.block == Block::Never => {}
            Some(Found::Whole(..) | Found::Partial(_)) | None => {
                let opens = words.last().is_some_and(|word| word.is(&self.text, "{"));
                if let Some(frame) = self.open.last_mut().filter(|_| opens) {
                    frame.depth += 1;
                }
            }
        }
    }

    /// Opens a block that is skipped.
    pub(super) fn skip(&mut self, line: Line, keyword: Span) {
        self.open.push(Frame::new(None, line, keyword));
    }

    /// Skips the block of a line that was not understood, if it opens one.
    fn skip_block(&mut self, line: Line, words: &[Word]) {
        let keyword = span_of(words.get(..1).unwrap_or_default());
        match words.last() {
            Some(last) if last.is(&self.text, "{") => self.skip(line, keyword),
            Some(_) | None => self.skip_next(line, keyword),
        }
    }

    /// Skips the block that a `{` alone on the next line would open.
    pub(super) fn skip_next(&mut self, line: Line, keyword: Span) {
        self.pending = Some(Pending { row: None, line, keyword });
    }

    /// The outermost open block whose option is one of this scope.
    fn frame_of(&self, scope: Scope) -> Option<usize> {
        self.open.iter().position(|frame| frame.row.is_some_and(|(row, _)| row.scope == scope))
    }

    /// Whether the line begins like an option of one of the blocks around the innermost one.
    pub(super) fn option_of_an_outer_block(&self, words: &[Word]) -> bool {
        let outer =
            |row: &OptionRow| self.open.iter().any(|f| f.row.is_some_and(|(r, _)| r.scope == row.scope));
        matches!(self.find(words, outer), Some(Found::Whole(..)))
    }
}

/// The options of a kind of block that share most words with the beginning of a line.
struct Begun {
    /// How many words they share with it.
    right: usize,
    /// At least one, each with as many words or more.
    rows: Vec<&'static OptionRow>,
}

impl Begun {
    fn new(scope: Scope, words: &[Word], text: &[u8]) -> Begun {
        let right = |row: &&OptionRow| {
            words.iter().zip(row.words).take_while(|(word, known)| word.is(text, known)).count()
        };
        let most = scope.options().map(|row| right(&row)).max().unwrap_or_default();
        Begun { right: most, rows: scope.options().filter(|row| right(row) == most).collect() }
    }

    /// The words that are right, and those of the option if there is only one.
    fn name(&self) -> String {
        match &*self.rows {
            [row] => row.keyword(),
            [row, ..] => row.words.get(..self.right).unwrap_or_default().join(" "),
            [] => String::new(),
        }
    }

    /// The words that can come next.
    fn next(&self) -> Vec<&'static str> {
        let mut next: Vec<&str> =
            self.rows.iter().filter_map(|row| row.words.get(self.right).copied()).collect();
        next.dedup();
        next
    }

    /// The same in a message.
    fn expected(&self) -> String {
        let next: Vec<String> = self.next().iter().map(|word| format!("`{word}`")).collect();
        match next.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// The option that was probably meant by this word in the next place.
    fn meant(&self, scope: Scope, word: &[u8]) -> Option<&'static OptionRow> {
        let near = suggest::among(&self.next(), word);
        let row = self.rows.iter().find(|row| near.is_some() && row.words.get(self.right).copied() == near);
        row.copied().or_else(|| match self.right {
            1 => suggest::called(scope, self.name().as_bytes(), word),
            _ => None,
        })
    }
}

fn lacks_block(row: &OptionRow) -> String {
    match row.block {
        Block::Always(Inside::Options(_)) => format!("`{}` needs a `{{`: {}", row.keyword(), row.usage()),
        Block::Always(Inside::Words) => format!("`{}` needs a block: {}", row.keyword(), row.usage()),
        Block::Never | Block::Instead(_) => {
            format!("`{}` needs arguments: {}", row.keyword(), row.usage())
        }
    }
}

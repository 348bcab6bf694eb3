//! Bytes to lines of words. Knows nothing of options.
//!
//! A word is a range of the text; its bytes are copied only when a value is taken from it.

use super::{Line, SourceId, Span};
use crate::config::errors::Fault;
use std::borrow::Cow;

/// A line, with those that backslashes join to it, is no longer than this: the kernel gives a command and its
/// environment no more room, unless the limit of its stack is raised.
pub(in crate::config) const MAX_LINE_BYTES: usize = 2 << 20;
const TOO_LONG: &str = "this line, with its continuation lines, is longer than 2 MiB: split it";

/// How a word was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoting {
    /// Without quotes: the bytes mean themselves.
    Plain,
    /// Without quotes, broken by a backslash at the end of a line.
    Joined,
    /// In quotes: the bytes between them mean themselves.
    Quoted,
    /// In quotes, with backslashes that mean something.
    Escaped,
    /// `NAME="VALUE"` after `env`, with quotes around the value alone.
    Value,
}

/// A word and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Word {
    /// All its bytes, quotes included.
    pub(in crate::config) span: Span,
    quoting: Quoting,
}

/// Reads the text line by line. Each call gets the text, so the lexer borrows nothing between two lines.
pub(in crate::config) struct Lexer {
    file: SourceId,
    at: usize,
    number: u32,
    fault: Option<Fault>,
}

impl Word {
    /// What the word means: without quotes, with its escapes resolved.
    pub(in crate::config) fn value<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let raw = self.span.of(text);
        let unquoted = || raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        match self.quoting {
            Quoting::Plain => Cow::Borrowed(raw),
            Quoting::Joined => Cow::Owned(without_joins(raw)),
            Quoting::Quoted => Cow::Borrowed(unquoted()),
            Quoting::Escaped => Cow::Owned(without_escapes(&without_joins(unquoted()))),
            Quoting::Value => Cow::Owned(without_quotes_of_value(&without_joins(raw))),
        }
    }

    /// A word whose bytes mean themselves.
    pub(in crate::config) fn of_value(span: Span) -> Word {
        Word { span, quoting: Quoting::Plain }
    }

    /// Whether it is this word, without quotes: a keyword or a brace.
    pub(in crate::config) fn is(&self, text: &[u8], word: &str) -> bool {
        self.unquoted(text).is_some_and(|bytes| *bytes == *word.as_bytes())
    }

    /// What it means if it was written without quotes.
    pub(in crate::config) fn unquoted<'a>(&self, text: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        (!self.quoted()).then(|| self.value(text))
    }

    /// Whether it was written in quotes.
    pub(in crate::config) fn quoted(&self) -> bool {
        matches!(self.quoting, Quoting::Quoted | Quoting::Escaped)
    }

    /// Whether only its value was written in quotes.
    pub(in crate::config) fn has_quoted_value(&self) -> bool {
        self.quoting == Quoting::Value
    }
}

impl Lexer {
    /// Begins at the start of the text of this file; a byte order mark there means nothing.
    pub(in crate::config) fn new(file: SourceId, text: &[u8]) -> Lexer {
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Lexer { file, at, number: 1, fault: None }
    }

    /// Where the next line begins.
    pub(in crate::config) fn at(&self) -> usize {
        self.at
    }

    /// Reads the next line into `words`; nothing when there is none. Of the mistakes in a line the first counts.
    pub(in crate::config) fn next(
        &mut self,
        text: &[u8],
        words: &mut Vec<Word>,
    ) -> Option<(Line, Option<Fault>)> {
        words.clear();
        if self.at >= text.len() {
            return None;
        }
        let line = Line { file: self.file, at: Span::offset(self.at), number: self.number };
        let begin = self.at;
        loop {
            if self.at - begin > MAX_LINE_BYTES {
                self.skip_line(text, words, begin);
                break;
            }
            match text.get(self.at) {
                None => break,
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\n') => {
                    self.at += 1;
                    self.number = self.number.saturating_add(1);
                    break;
                }
                // A backslash at the end of a comment joins nothing: it would hide the next line unseen.
                Some(b'#') => self.at = self.find(text, |b| b == b'\n'),
                Some(b'"') => words.push(self.quoted(text)),
                Some(_) => match join(text, self.at) {
                    Some(bytes) => self.skip_join(bytes),
                    None => {
                        let of_env = matches!(**words, [option] if option.is(text, "env"));
                        let value = if of_env { self.quoted_value(text) } else { None };
                        words.push(value.unwrap_or_else(|| self.plain(text)));
                    }
                },
            }
        }
        Some((line, self.fault.take()))
    }

    /// Gives up a line that is too long, up to its end.
    fn skip_line(&mut self, text: &[u8], words: &mut Vec<Word>, begin: usize) {
        // The first word is kept: it names the option, which is then not reported as missing.
        words.truncate(1);
        let span = words.first().map_or(Span::new(begin, begin + 1), |word| word.span);
        self.fault = Some(Fault::new(span, TOO_LONG));
        loop {
            self.at = self.find(text, |b| b == b'\n');
            let before = text.get(..self.at).unwrap_or_default();
            let before = before.strip_suffix(b"\r").unwrap_or(before);
            self.at = text.len().min(self.at + 1);
            self.number = self.number.saturating_add(1);
            if self.at == text.len() || before.last() != Some(&b'\\') {
                return;
            }
        }
    }

    fn plain(&mut self, text: &[u8]) -> Word {
        let (start, mut end, mut quoting) = (self.at, self.at, Quoting::Plain);
        // What it is if another byte follows: a join after the last byte breaks nothing.
        let mut quoting_of_more = Quoting::Plain;
        loop {
            let stop = self.find(text, |b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b'\\'));
            if stop > self.at {
                (self.at, end, quoting) = (stop, stop, quoting_of_more);
            }
            if text.get(self.at) != Some(&b'\\') {
                break;
            }
            match join(text, self.at) {
                Some(bytes) => {
                    self.skip_join(bytes);
                    quoting_of_more = Quoting::Joined;
                }
                None => {
                    self.at += 1;
                    (end, quoting) = (self.at, quoting_of_more);
                }
            }
        }
        Word { span: Span::new(start, end), quoting }
    }

    /// `NAME="VALUE"`, if that is what comes next: the quote after the first `=` holds the value together, if it is
    /// closed at the end of the word.
    fn quoted_value(&mut self, text: &[u8]) -> Option<Word> {
        let equals = self.find(text, |b| matches!(b, b'=' | b' ' | b'\t' | b'\r' | b'\n' | b'\\'));
        if text.get(equals..equals + 2) != Some(b"=\"") {
            return None;
        }
        let (start, number) = (self.at, self.number);
        self.at = equals + 1;
        let value = self.quoted(text);
        if self.fault.take().is_some() {
            (self.at, self.number) = (start, number);
            return None;
        }
        Some(Word { span: Span::new(start, value.span.end as usize), quoting: Quoting::Value })
    }

    fn quoted(&mut self, text: &[u8]) -> Word {
        let (start, mut quoting) = (self.at, Quoting::Quoted);
        let mut quote_escaped = false;
        self.at += 1;
        loop {
            self.at = self.find(text, |b| matches!(b, b'"' | b'\\' | b'\n'));
            match text.get(self.at) {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => {
                    quoting = Quoting::Escaped;
                    if let Some(bytes) = join(text, self.at) {
                        self.skip_join(bytes);
                        continue;
                    }
                    self.at += 1;
                    while let Some(bytes) = join(text, self.at) {
                        self.skip_join(bytes);
                    }
                    if let Some(byte @ (b'"' | b'\\')) = text.get(self.at) {
                        quote_escaped |= *byte == b'"';
                        self.at += 1;
                    }
                }
                _ => {
                    let what = match quote_escaped {
                        false => "this quote is not closed on its line",
                        true => {
                            "this quote is not closed on its line: inside quotes, \\\" is a quote and \\\\ a backslash"
                        }
                    };
                    self.fault(Span::new(start, self.at), what);
                    break;
                }
            }
        }
        let word = Word { span: Span::new(start, self.at), quoting };
        while let Some(bytes) = join(text, self.at) {
            self.skip_join(bytes);
        }
        // Looking for the end of the word only once a line keeps a line of quotes from taking quadratic time.
        let ends = matches!(text.get(self.at), None | Some(b' ' | b'\t' | b'\r' | b'\n'));
        if !ends && self.fault.is_none() {
            let end = self.find(text, |b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
            let what = "a closing quote ends the word: put a space after it, or write \\\" for a quote inside quotes";
            self.fault(Span::new(self.at, end), what);
        }
        word
    }

    /// The place of the next byte of this kind, or the end of the text.
    fn find(&self, text: &[u8], kind: impl Fn(u8) -> bool) -> usize {
        let rest = text.get(self.at..).unwrap_or_default();
        rest.iter().position(|b| kind(*b)).map_or(text.len(), |n| self.at + n)
    }

    fn skip_join(&mut self, bytes: usize) {
        self.at += bytes;
        self.number = self.number.saturating_add(1);
    }

    fn fault(&mut self, span: Span, what: &str) {
        if self.fault.is_none() {
            self.fault = Some(Fault::new(span, what));
        }
    }
}

/// The length of a backslash with the end of its line, if that is what comes next.
fn join(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at..)? {
        [b'\\'] => Some(1),
        [b'\\', b'\n', ..] => Some(2),
        [b'\\', b'\r', b'\n', ..] => Some(3),
        _ => None,
    }
}

fn without_joins(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, tail @ ..] = rest {
        rest = match rest {
            [b'\\', b'\n', tail @ ..] | [b'\\', b'\r', b'\n', tail @ ..] => tail,
            _ => {
                bytes.push(*first);
                tail
            }
        };
    }
    bytes
}

fn without_escapes(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match rest {
            [b'\\', byte @ (b'"' | b'\\'), tail @ ..] => (byte, tail),
            _ => (first, tail),
        };
        bytes.push(*byte);
        rest = tail;
    }
    bytes
}

/// `NAME="VALUE"` without the quotes.
fn without_quotes_of_value(raw: &[u8]) -> Vec<u8> {
    let equals = raw.iter().position(|b| *b == b'=').map_or(0, |at| at + 1);
    let (name, value) = raw.split_at(equals);
    let inner = value.get(1..value.len().saturating_sub(1)).unwrap_or_default();
    [name, &without_escapes(inner)].concat()
}

#[cfg(test)]
mod tests;

//! From file to file: an `include` leads to others, which are read in place of its line.

use super::Parser;
use crate::config::build::FileState;
use crate::config::errors::Fault;
use crate::config::text::{Included, Lexer, Line, SourceFile, SourceId, Word};
use crate::config::unusable;
use std::rc::Rc;
use std::vec::IntoIter;

/// The files of a configuration, as far as they are not read yet.
pub(super) struct Files {
    /// Of the file that is being read.
    lexer: Lexer,
    /// For each `include` of the main file to come what it leads to.
    included: IntoIter<Included>,
    /// Where an `include` leads to files, these.
    next: IntoIter<SourceFile>,
    /// The main file, while others are read.
    main: Option<MainFile>,
    are_read: bool,
}

/// The main file while an included one is read.
struct MainFile {
    text: Rc<Vec<u8>>,
    lexer: Lexer,
    state: FileState,
}

impl Files {
    pub(super) fn new(main: &[u8], included: Vec<Included>) -> Files {
        let lexer = Lexer::new(SourceId::default(), main);
        let (included, next) = (included.into_iter(), Vec::new().into_iter());
        Files { lexer, included, next, main: None, are_read: false }
    }

    /// Whether there is nothing left to read.
    pub(super) fn are_read(&self) -> bool {
        self.are_read
    }

    /// What the line leads to, if it counts as an `include`: as [`includes`](crate::config::includes) counts.
    fn leads_to(&mut self, text: &[u8], words: &[Word]) -> Option<Included> {
        if self.included.len() == 0 || self.main.is_some() {
            return None;
        }
        let counts = matches!(words, [keyword, _, ..] if keyword.is(text, "include"));
        if counts { self.included.next() } else { None }
    }
}

impl Parser {
    /// Reads lines of about this many bytes, up to the end of the file or an `include`. How many bytes it has read, at
    /// least one.
    pub(super) fn read_file(&mut self, bytes: usize) -> usize {
        let (text, mut words) = (Rc::clone(&self.text), std::mem::take(&mut self.line));
        let begin = self.files.lexer.at();
        let end = begin.saturating_add(bytes);
        let mut has_ended = false;
        let mut included = None;
        while self.files.lexer.at() < end {
            let Some((line, fault)) = self.files.lexer.next(&text, &mut words) else {
                has_ended = true;
                break;
            };
            let leads_to = self.files.leads_to(&text, &words);
            match fault {
                None => self.line(line, &words),
                Some(fault) => self.unreadable(line, &words, fault),
            }
            if self.build.file.take_include() {
                included = Some((line, leads_to));
                break;
            }
        }
        let read = self.files.lexer.at().saturating_sub(begin).max(1);
        if has_ended {
            self.end_file();
        } else if let Some((line, included)) = included {
            self.include(line, &words, included);
        }
        self.line = words;
        read
    }

    /// A line with `include`.
    fn include(&mut self, line: Line, words: &[Word], included: Option<Included>) {
        let span = words.get(1).or(words.first()).map(|word| word.span).unwrap_or_default();
        if self.files.main.is_some() {
            return self.fault(
                line,
                span,
                || "an included file cannot include others: only the main file can",
            );
        }
        match included.map(|included| included.files) {
            Some(Ok(files)) => {
                self.files.next = files.into_iter();
                self.begin_next();
            }
            Some(Err(why)) => self.mistakes.add(line, Fault::new(span, why)),
            // Nothing was looked for: as if nothing matched.
            None => {}
        }
    }

    /// Begins the next file of an `include`, or goes on with the main file.
    fn begin_next(&mut self) {
        for file in self.files.next.by_ref() {
            let Some(id) = self.mistakes.add_file(file.clone()) else {
                let what = "too many files are included: at most 65535";
                self.mistakes.add_of_file(SourceId::default(), what);
                break;
            };
            if let Some(mistake) = unusable(&file, id) {
                self.mistakes.add_mistake(id, mistake);
                continue;
            }
            let lexer = std::mem::replace(&mut self.files.lexer, Lexer::new(id, &file.text));
            let text = std::mem::replace(&mut self.text, file.text);
            let state = self.build.begin_file(&self.text);
            self.closed = None;
            if self.files.main.is_none() {
                self.files.main = Some(MainFile { text, lexer, state });
            }
            return;
        }
        self.files.next = Vec::new().into_iter();
        if let Some(main) = self.files.main.take() {
            (self.text, self.files.lexer) = (main.text, main.lexer);
            self.build.end_file(main.state);
            self.closed = None;
        }
    }

    /// The end of a file.
    fn end_file(&mut self) {
        self.end();
        match &self.files.main {
            None => self.files.are_read = true,
            Some(main) => {
                self.build.end_file(main.state);
                self.begin_next();
            }
        }
    }
}

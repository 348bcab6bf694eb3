//! A configuration as canonical text: what it says, one option a line, in the order of the manual, without what is
//! the default. The text parses to the same configuration.

use super::options::{OptionRow, Print, Scope, TABLE};
use crate::model::{Clean, Config, JobSpec, Output, SYSLOG};
use std::ffi::CStr;
use std::fmt::{self, Display};
use std::time::Duration;

/// The canonical text.
pub(super) fn print(config: &Config) -> Vec<u8> {
    let mut text = Vec::new();
    for row in Scope::File.options() {
        if let Print::File(print) = row.print {
            print(config, &mut Printer::new(row, &mut text));
        }
    }
    config.jobs.iter().for_each(|job| print_job(job, &mut text));
    text
}

fn print_job(job: &JobSpec, text: &mut Vec<u8>) {
    text.extend(b"job {\n");
    for row in &TABLE {
        if let Print::Job(print) = row.print {
            print(job, &mut Printer::new(row, text));
        }
    }
    text.extend(b"}\n");
}

/// The canonical text as a terminal may show it.
pub(super) struct Shown<'a>(pub(super) &'a Config);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = print(self.0);
        text.split_inclusive(|byte| *byte == b'\n')
            .try_for_each(|line| writeln!(f, "{}", Clean(line.strip_suffix(b"\n").unwrap_or(line))))
    }
}

/// Prints the lines of one option.
pub(super) struct Printer<'a> {
    row: &'static OptionRow,
    text: &'a mut Vec<u8>,
}

impl<'a> Printer<'a> {
    fn new(row: &'static OptionRow, text: &'a mut Vec<u8>) -> Printer<'a> {
        Printer { row, text }
    }

    /// A line with these arguments.
    pub(super) fn words<'b>(&mut self, words: impl IntoIterator<Item = &'b [u8]>) {
        self.begin();
        for word in words {
            self.text.push(b' ');
            self.word(word);
        }
        self.text.push(b'\n');
    }

    /// A line with one argument, if there is one.
    pub(super) fn path(&mut self, path: Option<&CStr>) {
        path.iter().for_each(|path| self.words([path.to_bytes()]));
    }

    /// A line with arguments that need no quotes.
    pub(super) fn text(&mut self, arguments: impl Display) {
        self.begin();
        self.text.extend(format!(" {arguments}\n").into_bytes());
    }

    /// The same, if there are any.
    pub(super) fn value(&mut self, value: Option<impl Display>) {
        value.into_iter().for_each(|value| self.text(value));
    }

    /// A line without arguments, if the option is given.
    pub(super) fn flag(&mut self, given: bool) {
        if given {
            self.words([]);
        }
    }

    /// Where a stream goes, unless it is /dev/null.
    pub(super) fn output(&mut self, output: Output<'_>) {
        match output {
            Output::Null => {}
            Output::File(path) => self.path(Some(path)),
            Output::Syslog => self.text(SYSLOG),
        }
    }

    /// A number of seconds, if there is one.
    pub(super) fn duration(&mut self, duration: Option<Duration>) {
        self.value(duration.map(|duration| format!("{}s", duration.as_secs())));
    }

    /// A block with one word a line, unless there are none.
    pub(super) fn block<'b>(&mut self, words: impl Iterator<Item = &'b [u8]>) {
        let mut words = words.peekable();
        if words.peek().is_none() {
            return;
        }
        self.begin();
        self.text.extend(b" {\n");
        for word in words {
            self.text.extend(b"    ");
            // Without quotes an option would end the block.
            let is_option = |row: &OptionRow| row.words.first().is_some_and(|first| first.as_bytes() == word);
            match TABLE.iter().any(is_option) {
                true => self.quoted(word),
                false => self.word(word),
            }
            self.text.push(b'\n');
        }
        self.text.extend(b"  }\n");
    }

    fn begin(&mut self) {
        if self.row.scope == Scope::Job {
            self.text.extend(b"  ");
        }
        self.text.extend(self.row.keyword().as_bytes());
    }

    /// A word, in quotes where it would mean something else without them.
    fn word(&mut self, word: &[u8]) {
        let plain = |byte: &u8| !matches!(byte, 0..=b' ' | 0x7f | b'"' | b'\\' | b'#' | b'{' | b'}');
        if !word.is_empty() && word.iter().all(plain) {
            return self.text.extend(word);
        }
        self.quoted(word);
    }

    fn quoted(&mut self, word: &[u8]) {
        self.text.push(b'"');
        for byte in word {
            if matches!(byte, b'"' | b'\\') {
                self.text.push(b'\\');
            }
            self.text.push(*byte);
        }
        self.text.push(b'"');
    }
}

//! The lines of one option as canonical text.

use crate::model::{Endpoint, EnvFile, InUnits, MakeDir, Output, SYSLOG, Signal, Words};
use std::ffi::CStr;
use std::fmt::Display;
use std::time::Duration;

/// Prints the lines of one option.
pub(super) struct Printer<'a> {
    keyword: String,
    indent: &'static str,
    text: &'a mut Vec<u8>,
}

impl<'a> Printer<'a> {
    pub(super) fn new(keyword: String, indent: &'static str, text: &'a mut Vec<u8>) -> Printer<'a> {
        Printer { keyword, indent, text }
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

    /// A line with these arguments, if there are any.
    pub(super) fn list<'b>(&mut self, words: impl Iterator<Item = &'b [u8]>) {
        let mut words = words.peekable();
        if words.peek().is_some() {
            self.words(words);
        }
    }

    /// A line with a file of variables.
    pub(super) fn env_file(&mut self, file: &EnvFile) {
        let optional = file.optional.then_some(&b"optional"[..]);
        self.words([file.path.to_bytes()].into_iter().chain(optional));
    }

    /// A line with a directory to make.
    pub(super) fn make_dir(&mut self, dir: &MakeDir) {
        let mode = dir.mode.map(|mode| format!("{mode:04o}"));
        self.words([dir.path.to_bytes()].into_iter().chain(mode.as_deref().map(str::as_bytes)));
    }

    /// A line with an address. The name of an interface may need quotes.
    pub(super) fn endpoint(&mut self, endpoint: &Endpoint) {
        self.words([endpoint.to_string().as_bytes()]);
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

    /// A duration, if there is one.
    pub(super) fn duration(&mut self, duration: Option<Duration>) {
        self.value(duration.map(InUnits));
    }

    /// A command, if there is one.
    pub(super) fn command(&mut self, command: &Words) {
        if !command.is_empty() {
            self.words(command.iter());
        }
    }

    /// The names of signals, if there are any.
    pub(super) fn signals(&mut self, signals: &[Signal]) {
        let names: Vec<String> = signals.iter().map(|signal| signal.name().to_string()).collect();
        self.value(Some(names.join(" ")).filter(|names| !names.is_empty()));
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
            // In a block a keyword would end the block.
            match word.iter().all(u8::is_ascii_lowercase) {
                true => self.quoted(word),
                false => self.word(word),
            }
            self.text.push(b'\n');
        }
        self.text.extend(b"  }\n");
    }

    fn begin(&mut self) {
        self.text.extend(self.indent.as_bytes());
        self.text.extend(self.keyword.as_bytes());
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

//! The log of the receiver: lines on stderr, written without ever waiting.

use crate::model::Level;
use crate::sys::ready;
use std::io::{self, Write};
use std::os::fd::AsFd;

/// A pipe that is writable has room for this many bytes.
const LINE_BYTES: usize = 4_096;

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StderrLine {
    pub(super) level: Level,
    pub(super) text: String,
}

impl StderrLine {
    pub(super) fn new(level: Level, text: impl Into<String>) -> StderrLine {
        StderrLine { level, text: text.into() }
    }
}

/// Standard error. Its reader may stop reading, or exit.
pub(super) struct StderrLog {
    least: Level,
    lost: u64,
}

impl StderrLog {
    pub(super) fn new(verbosity: u8) -> StderrLog {
        StderrLog { least: if verbosity > 0 { Level::Debug } else { Level::Info }, lost: 0 }
    }

    /// Whether lines of this level are shown at all.
    pub(super) fn shows(&self, level: Level) -> bool {
        level >= self.least
    }

    pub(super) fn say(&mut self, line: &StderrLine) {
        if !self.shows(line.level) {
            return;
        }
        if self.lost > 0 && put(&format!("{} lines were lost because nobody read them", self.lost)) {
            self.lost = 0;
        }
        if self.lost > 0 || !put(&line.text) {
            self.lost = self.lost.saturating_add(1);
        }
    }
}

/// Writes a line if that is possible without waiting. True if it was written.
fn put(text: &str) -> bool {
    let stderr = io::stderr();
    if !ready::poll_writable(stderr.as_fd()) {
        return false;
    }
    let line = format!("pmtr-rptserver: {text}\n");
    let bytes = line.as_bytes();
    stderr.lock().write_all(bytes.get(..LINE_BYTES).unwrap_or(bytes)).is_ok()
}

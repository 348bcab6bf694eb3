//! What the receiver says while it runs: lines on stderr, which nothing ever waits for.

use crate::model::Level;
use crate::sys::ready;
use std::io::{self, Write};
use std::os::fd::AsFd;

/// A pipe that has room at all has room for so many bytes.
const LINE_BYTES: usize = 4_096;

/// Something to say.
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

/// Standard error. Whoever reads it may stop doing so, or go.
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

/// Whether a line got out.
fn put(text: &str) -> bool {
    let stderr = io::stderr();
    if !ready::poll_writable(stderr.as_fd()) {
        return false;
    }
    let line = format!("pmtr-rptserver: {text}\n");
    let bytes = line.as_bytes();
    stderr.lock().write_all(bytes.get(..LINE_BYTES).unwrap_or(bytes)).is_ok()
}

//! What has happened to the configuration since that was last reported.

use super::Seen;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What is to be reported of the configuration, all its files together.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) saved: bool,
    pub(super) touched: bool,
    pub(super) written: bool,
    /// Those whose last event was a write, and nobody has closed them since.
    unclosed: BTreeSet<Rc<[u8]>>,
}

/// How many files are remembered that somebody is writing. Others may create any number of them.
const UNCLOSED: usize = 4096;

impl News {
    /// Somebody is writing this file.
    pub(super) fn opened(&mut self, path: Rc<[u8]>) {
        self.written = true;
        if self.unclosed.len() < UNCLOSED {
            self.unclosed.insert(path);
        }
    }

    /// Whether somebody was last seen to write this file.
    pub(super) fn is_open(&self, path: &[u8]) -> bool {
        self.unclosed.contains(path)
    }

    /// Other files than these no longer matter.
    pub(super) fn keep_open(&mut self, matters: impl Fn(&[u8]) -> bool) {
        self.unclosed.retain(|path| matters(path));
    }

    /// This file is complete, or gone.
    pub(super) fn closed(&mut self, path: &[u8]) {
        self.unclosed.remove(path);
    }

    pub(super) fn is_any(&self) -> bool {
        self.touched || self.written
    }

    /// What is to be reported, if anything is.
    pub(super) fn take(&mut self) -> Option<Seen> {
        let (saved, written) = (std::mem::take(&mut self.saved), std::mem::take(&mut self.written));
        match (std::mem::take(&mut self.touched), saved) {
            (true, true) => Some(Seen::Saved),
            (true, false) => Some(Seen::Config),
            (false, _) => written.then_some(Seen::Writing),
        }
    }
}

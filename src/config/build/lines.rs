//! The lines of blocks, kept until everything is known that they need.

use crate::config::options::{Key, OptionRow};
use crate::config::text::{Line, Word};
use std::ops::Range;

/// For a line with more words than this, no more room is taken than it needs.
const MANY: usize = 1024;

/// An option with its arguments, or one line of its block of words.
#[derive(Clone, Copy, Debug)]
pub(super) struct OptionLine {
    pub(super) row: &'static OptionRow,
    pub(super) line: Line,
    first: u32,
    end: u32,
    /// What `no` takes back.
    pub(super) takes_back: Option<Key>,
    /// Whether `%{` is in one of its words.
    pub(super) expands: bool,
    /// Whether an error in it has been reported.
    pub(super) told: bool,
}

/// All lines that are kept, with their words. A block that is built at once leaves nothing here.
#[derive(Default)]
pub(super) struct LineArena {
    lines: Vec<OptionLine>,
    words: Vec<Word>,
}

/// The lines of one block, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LineRange {
    pub(super) first: u32,
    pub(super) end: u32,
}

impl OptionLine {
    /// A line whose words are not kept yet.
    pub(super) fn new(row: &'static OptionRow, line: Line, expands: bool, told: bool) -> OptionLine {
        OptionLine { row, line, first: 0, end: 0, takes_back: None, expands, told }
    }
}

impl LineArena {
    /// Keeps a line; its number.
    pub(super) fn add(&mut self, line: OptionLine, words: &[Word]) -> u32 {
        let (index, first) = (self.len(), count(self.words.len()));
        if words.len() > MANY {
            self.words.reserve_exact(words.len());
        }
        self.words.extend_from_slice(words);
        self.lines.push(OptionLine { first, end: count(self.words.len()), ..line });
        index
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        count(self.lines.len())
    }

    /// Forgets all lines from this one on.
    pub(super) fn truncate(&mut self, len: u32) {
        if let Some(line) = self.lines.get(len as usize) {
            self.words.truncate(line.first as usize);
            self.lines.truncate(len as usize);
        }
    }

    /// One line with its words.
    pub(super) fn get(&self, index: u32) -> Option<(&OptionLine, &[Word])> {
        let line = self.lines.get(index as usize)?;
        Some((line, self.words.get(line.first as usize..line.end as usize)?))
    }

    /// The lines of a block.
    pub(super) fn of(&self, range: LineRange) -> &[OptionLine] {
        self.lines.get(range.first as usize..range.end as usize).unwrap_or_default()
    }

    /// Notes that an error in this line has been reported.
    pub(super) fn tell(&mut self, index: u32) {
        self.lines.get_mut(index as usize).into_iter().for_each(|line| line.told = true);
    }
}

impl LineRange {
    pub(super) fn numbers(self) -> Range<u32> {
        self.first..self.end
    }

    pub(super) fn is_empty(self) -> bool {
        self.first >= self.end
    }
}

/// The texts of all files together have fewer words than this.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

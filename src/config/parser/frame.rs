//! A block that is open, and which of its options have come.

use crate::config::options::{COUNT, Inside, Key, OptionRow, Scope, required};
use crate::config::text::{Line, Span, Spot};

/// An open block.
pub(super) struct Frame {
    /// Its option, or nothing if that is unknown or misplaced: then the block is skipped.
    pub(super) row: Option<(&'static OptionRow, Inside)>,
    pub(super) line: Line,
    pub(super) keyword: Span,
    /// How many words its lines had.
    pub(super) words: usize,
    /// How many blocks are open in a skipped one, itself included.
    pub(super) depth: usize,
    /// The first line in it that ends with a brace, which does not close it there.
    pub(super) ended: Option<u32>,
    pub(super) tally: Tally,
}

/// Which options have come in a block, or outside of all.
pub(super) struct Tally {
    /// For each row of the table the line on which it was given; number zero if it was not.
    given: [Spot; COUNT],
    /// Options that are missing because of a mistake that has been reported.
    excused: [bool; COUNT],
}

impl Frame {
    pub(super) fn new(row: Option<(&'static OptionRow, Inside)>, line: Line, keyword: Span) -> Frame {
        Frame { row, line, keyword, words: 0, depth: 1, ended: None, tally: Tally::default() }
    }

    /// Why a block that looks closed is not.
    pub(super) fn hint(&self) -> String {
        match self.ended {
            Some(line) => format!(
                "; line {line} ends with ` }}`, but `}}` closes a block only when it is alone on its line"
            ),
            None => String::new(),
        }
    }
}

impl Default for Tally {
    fn default() -> Tally {
        Tally { given: [Spot::default(); COUNT], excused: [false; COUNT] }
    }
}

impl Tally {
    /// Notes that an option is given here; if it may not be given again, where it was before.
    pub(super) fn give(&mut self, row: &OptionRow, spot: Spot) -> Option<Spot> {
        let first = std::mem::replace(self.given.get_mut(row.key as usize)?, spot);
        (first.number > 0 && !row.repeatable).then_some(first)
    }

    /// No message is to say that this option is missing.
    pub(super) fn excuse(&mut self, key: Key) {
        self.excused.get_mut(key as usize).into_iter().for_each(|excused| *excused = true);
    }

    /// The options without which a block of this kind is incomplete.
    pub(super) fn missing(&self, scope: Scope) -> impl Iterator<Item = &'static OptionRow> {
        required(scope).filter(|row| {
            let noted = (self.given.get(row.key as usize), self.excused.get(row.key as usize));
            noted == (Some(&Spot::default()), Some(&false))
        })
    }
}

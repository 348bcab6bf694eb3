//! The text of a file: ranges, lines and words. Knows nothing of options.

mod lexer;
mod source;

pub(super) use lexer::{Lexer, MAX_LINE_BYTES, Word};
pub use source::{Environment, Included, SourceFile, Sources};
pub(super) use source::{SourceFiles, SourceId};

/// A range of the text. Offsets fit into 32 bits, as the text is bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct Span {
    pub(in crate::config) start: u32,
    pub(in crate::config) end: u32,
}

impl Span {
    pub(in crate::config) fn new(start: usize, end: usize) -> Span {
        Span { start: Span::offset(start), end: Span::offset(end) }
    }

    /// An offset in the text.
    pub(in crate::config) fn offset(at: usize) -> u32 {
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// From the beginning of this one to the end of the other.
    pub(in crate::config) fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }

    /// The bytes in this range.
    pub(in crate::config) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// One line, which backslashes may have joined from several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct Line {
    /// The file that it is in.
    pub(in crate::config) file: SourceId,
    /// Where it begins in the text.
    pub(in crate::config) at: u32,
    /// The number of the first line it is made of.
    pub(in crate::config) number: u32,
}

/// The line of something that was given once and is mentioned later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct Spot {
    pub(in crate::config) file: SourceId,
    pub(in crate::config) number: u32,
}

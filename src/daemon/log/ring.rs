//! Waiting lines, and how far each reader has come. A full ring drops its oldest line and counts it for each reader
//! that had not got it.

use super::line::LogLine;
use std::collections::VecDeque;

/// The readers of one ring: the log daemon and stderr.
pub(super) const READERS: usize = 2;

/// How far one reader has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    /// The number of the next line for it; the largest number if it wants none.
    next: u64,
    /// How many lines it has lost since that was last reported to it.
    lost: u64,
}

/// What a reader gets next.
pub(super) enum RingItem<'a> {
    /// This many lines are missing before the next one.
    Lost(u64),
    /// The oldest line that it has not got.
    Line(&'a LogLine),
}

/// The lines of one speaker.
pub(super) struct Ring {
    lines: VecDeque<LogLine>,
    /// The number of the first of `lines`; numbers count up for as long as the ring lives.
    first: u64,
    cursors: [Cursor; READERS],
}

impl Ring {
    /// An empty ring for the readers that are present.
    pub(super) fn new(present: [bool; READERS]) -> Ring {
        let cursors = present.map(|present| Cursor { next: if present { 0 } else { u64::MAX }, lost: 0 });
        Ring { lines: VecDeque::new(), first: 0, cursors }
    }

    /// Adds a line, and drops old ones above `limit`. Returns by how much the kept bytes grew or shrank.
    pub(super) fn push(&mut self, line: LogLine, limit: usize) -> isize {
        let mut change = line.bytes().cast_signed();
        while self.lines.len() >= limit.max(1) {
            change -= self.drop_first().cast_signed();
            for cursor in &mut self.cursors {
                if cursor.next < self.first {
                    cursor.next = self.first;
                    cursor.lost = cursor.lost.saturating_add(1);
                }
            }
        }
        self.lines.push_back(line);
        change - self.trim().cast_signed()
    }

    /// What this reader gets next.
    pub(super) fn next(&self, reader: usize) -> Option<RingItem<'_>> {
        let cursor = self.cursors.get(reader)?;
        if cursor.lost > 0 {
            return Some(RingItem::Lost(cursor.lost));
        }
        let index = usize::try_from(cursor.next.checked_sub(self.first)?).ok()?;
        self.lines.get(index).map(RingItem::Line)
    }

    /// The reader has taken what `next` returned. Returns how many bytes that frees.
    pub(super) fn advance(&mut self, reader: usize) -> usize {
        match self.cursors.get_mut(reader) {
            Some(cursor) if cursor.lost > 0 => cursor.lost = 0,
            Some(cursor) => cursor.next = cursor.next.saturating_add(1),
            None => {}
        }
        self.trim()
    }

    /// The reader will never come back. Returns how many bytes that frees.
    pub(super) fn retire(&mut self, reader: usize) -> usize {
        if let Some(cursor) = self.cursors.get_mut(reader) {
            *cursor = Cursor { next: u64::MAX, lost: 0 };
        }
        self.trim()
    }

    /// The reader loses what waits for it; this is counted. Returns how many bytes that frees.
    pub(super) fn lose(&mut self, reader: usize) -> usize {
        let end = self.first + self.lines.len() as u64;
        if let Some(cursor) = self.cursors.get_mut(reader).filter(|cursor| cursor.next < end) {
            cursor.lost = cursor.lost.saturating_add(end - cursor.next);
            cursor.next = end;
        }
        self.trim()
    }

    /// How many lines wait for this reader.
    pub(super) fn waiting(&self, reader: usize) -> usize {
        let end = self.first + self.lines.len() as u64;
        let waiting = self.cursors.get(reader).map_or(0, |cursor| end.saturating_sub(cursor.next));
        usize::try_from(waiting).unwrap_or(usize::MAX)
    }

    /// How many lines are kept.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing is left to report to any reader.
    pub(super) fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.cursors.iter().all(|cursor| cursor.lost == 0)
    }

    /// Drops the lines that every reader has.
    fn trim(&mut self) -> usize {
        let mut freed = 0;
        while !self.lines.is_empty() && self.cursors.iter().all(|cursor| cursor.next > self.first) {
            freed += self.drop_first();
        }
        if self.lines.is_empty() && self.lines.capacity() > 32 {
            self.lines = VecDeque::new();
        }
        freed
    }

    fn drop_first(&mut self) -> usize {
        let Some(line) = self.lines.pop_front() else { return 0 };
        self.first += 1;
        line.bytes()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.lines.capacity()
    }
}

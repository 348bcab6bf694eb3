//! Bytes to lines. A line ends in LF or CR LF. Of a line that is too long, the beginning becomes a line and the rest is
//! skipped.

use crate::daemon::log::MAX_TEXT_BYTES;

/// The beginning of an unfinished line.
#[derive(Default)]
pub(super) struct Splitter {
    /// At most one byte longer than a line may be: that byte may be the CR of its end.
    begun: Vec<u8>,
    /// The wanted part of the line has been passed on.
    skipping: bool,
}

impl Splitter {
    /// Takes bytes up to the end of a line, passes on at most one line, and returns the remaining bytes. The second
    /// argument of `line` says whether the line was cut.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8], line: impl FnOnce(&[u8], bool)) -> &'a [u8] {
        let (part, rest, ended) = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) => (bytes.get(..end), bytes.get(end + 1..), true),
            None => (Some(bytes), None, false),
        };
        let (part, rest) = (part.unwrap_or_default(), rest.unwrap_or_default());
        if self.skipping {
            self.skipping = !ended;
        } else if ended && self.begun.is_empty() {
            give(part, line);
        } else {
            let room = (MAX_TEXT_BYTES + 2).saturating_sub(self.begun.len());
            self.begun.extend_from_slice(part.get(..room).unwrap_or(part));
            let too_long = self.begun.len() > MAX_TEXT_BYTES + 1
                || self.begun.len() > MAX_TEXT_BYTES && self.begun.last() != Some(&b'\r');
            if ended || too_long {
                give(&std::mem::take(&mut self.begun), line);
                self.skipping = !ended;
            }
        }
        rest
    }

    /// Nothing follows: an unfinished line becomes a line.
    pub(super) fn end(&mut self, line: impl FnOnce(&[u8], bool)) {
        if !self.begun.is_empty() {
            give(&std::mem::take(&mut self.begun), line);
        }
        self.skipping = false;
    }
}

fn give(text: &[u8], line: impl FnOnce(&[u8], bool)) {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    match text.get(..MAX_TEXT_BYTES) {
        Some(beginning) if text.len() > MAX_TEXT_BYTES => line(beginning, true),
        Some(_) | None => line(text, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `text` when it comes in pieces of this many bytes.
    fn lines(text: &[u8], piece: usize) -> Vec<(Vec<u8>, bool)> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for mut bytes in text.chunks(piece) {
            while !bytes.is_empty() {
                bytes = splitter.take(bytes, |line, cut| lines.push((line.to_vec(), cut)));
                assert!(splitter.begun.len() <= MAX_TEXT_BYTES + 1);
            }
        }
        splitter.end(|line, cut| lines.push((line.to_vec(), cut)));
        lines
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_come() {
        let max = MAX_TEXT_BYTES;
        let x = |n: usize| vec![b'x'; n];
        let with = |n: usize, end: &[u8]| [&x(n), end].concat();
        for (text, expected) in [
            (b"".to_vec(), vec![]),
            (b"\n".to_vec(), vec![(x(0), false)]),
            (b"xx\r\n\r\nx".to_vec(), vec![(x(2), false), (x(0), false), (x(1), false)]),
            (b"x\ry\n".to_vec(), vec![(b"x\ry".to_vec(), false)]),
            (with(max, b"\nx\n"), vec![(x(max), false), (x(1), false)]),
            (with(max, b"\r\nx"), vec![(x(max), false), (x(1), false)]),
            (with(max, b"\ry\nx"), vec![(x(max), true), (x(1), false)]),
            (with(max + 1, b"\nx\n"), vec![(x(max), true), (x(1), false)]),
            (with(9_000, b"\r\nx\n"), vec![(x(max), true), (x(1), false)]),
            (x(9_000), vec![(x(max), true)]),
            (x(max), vec![(x(max), false)]),
        ] {
            for piece in [1, 2, 7, 2_047, 2_048, 2_049, 10_000] {
                assert_eq!(lines(&text, piece), expected, "{} bytes by {piece}", text.len());
            }
        }
    }
}

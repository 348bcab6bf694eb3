//! What jobs write: bytes become lines, lines become what may stand in a log.

use crate::splitter::Splitter;
use pmtr::daemon::log::MAX_TEXT_BYTES;
use pmtr::model::Clean;

pub fn run(input: &[u8]) {
    let (size, bytes) = input.split_first().unwrap_or((&0, &[]));
    let whole = lines(bytes, bytes.len().max(1));
    assert_eq!(lines(bytes, usize::from(*size) + 1), whole, "in pieces of {}", usize::from(*size) + 1);
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    assert!((ends..=ends + 1).contains(&whole.len()), "{} lines of {ends}", whole.len());
    for (line, cut) in whole {
        assert!(line.len() <= MAX_TEXT_BYTES && !line.contains(&b'\n'));
        assert!(!cut || line.len() == MAX_TEXT_BYTES, "cut at {}", line.len());
        let shown = Clean(&line).to_string();
        assert!(shown.len() <= line.len() && !shown.contains(char::is_control), "{shown:?}");
        assert_eq!(Clean(shown.as_bytes()).to_string(), shown, "what is clean stays as it is");
    }
}

fn lines(bytes: &[u8], piece: usize) -> Vec<(Vec<u8>, bool)> {
    let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
    for mut bytes in bytes.chunks(piece) {
        while !bytes.is_empty() {
            bytes = splitter.take(bytes, |line, cut| lines.push((line.to_vec(), cut)));
        }
    }
    splitter.end(|line, cut| lines.push((line.to_vec(), cut)));
    lines
}

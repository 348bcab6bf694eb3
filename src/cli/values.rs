//! Arguments that more than one program takes, or that need more than one line to parse.

use super::getopt::Wrong;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The argument of `-p`, if it is a port.
pub(super) fn port(word: &OsStr) -> Result<u16, Wrong> {
    let number = word.to_str().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number = number.and_then(|text| text.parse().ok()).filter(|port| *port > 0);
    number.ok_or_else(|| Wrong::value("-p", word, "is not a port: expected a number from 1 to 65535"))
}

/// Splits a command into words at blanks. Double quotes keep blanks in a word, and inside them a backslash makes `"`
/// and `\` literal. `None` when a quote is not closed.
pub(super) fn words(command: &OsStr) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    // Some from the first byte or quote of a word on: two quotes with nothing between them are a word too.
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    let mut bytes = command.as_bytes().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            b'\\' if quoted => {
                let escaped = bytes.next_if(|next| matches!(next, b'"' | b'\\'));
                word.get_or_insert_default().push(escaped.unwrap_or(byte));
            }
            b' ' | b'\t' | b'\n' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    (!quoted).then(|| words.into_iter().map(OsString::from_vec).collect())
}

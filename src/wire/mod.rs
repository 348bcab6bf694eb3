//! Encodes values as datagrams and decodes them. Never touches a socket, and trusts no input: any bytes give a value
//! or a refusal.
#![forbid(unsafe_code)]

pub mod control;
pub mod notify;
pub mod report;

/// Whether a byte can't be part of a name: it would end a word or a line, or a terminal would obey it.
fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}

/// The words of a text, separated by any white space.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// A decimal number: digits and nothing else.
fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    let digits = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests;

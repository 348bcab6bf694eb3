//! Bytes from outside, made fit to be read.

use std::fmt;

/// Shows bytes as text: what is not UTF-8 and every control character becomes `?`.
pub struct Clean<'a>(pub &'a [u8]);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for part in chunk.valid().split_inclusive(char::is_control) {
                match part.strip_suffix(char::is_control) {
                    Some(before) => write!(f, "{before}?")?,
                    None => f.write_str(part)?,
                }
            }
            if !chunk.invalid().is_empty() {
                f.write_str("?")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        for (bytes, shown) in [
            (&b"plain"[..], "plain"),
            (b"a\tb\x1b[2Jc\n", "a?b?[2Jc?"),
            (b"\x7f\x00", "??"),
            ("caf\u{e9}\u{85}".as_bytes(), "caf\u{e9}?"),
            (b"x\xff\xfey", "x??y"),
            (b"", ""),
        ] {
            assert_eq!(Clean(bytes).to_string(), shown);
        }
    }
}

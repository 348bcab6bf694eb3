//! Bytes from outside, made safe to print.

use std::fmt;

/// Shows bytes as text. `?` replaces what is not UTF-8, and every character that a terminal would act on or that would
/// look like a blank or the end of a line.
pub struct Clean<'a>(pub &'a [u8]);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for part in chunk.valid().split_inclusive(is_deceptive) {
                match part.strip_suffix(is_deceptive) {
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

/// A number with its noun: `1 job`, `2 jobs`.
pub struct Counted<'a>(pub u64, pub &'a str);

impl fmt::Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// Control characters, white space except the blank, characters without width, and those that reverse the text.
fn is_deceptive(char: char) -> bool {
    let invisible = matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    char.is_control() || invisible || char.is_whitespace() && char != ' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_or_a_reader_is_deceived_by_gets_through() {
        for (bytes, shown) in [
            (&b"plain"[..], "plain"),
            (b"a\tb\x1b[2Jc\n", "a?b?[2Jc?"),
            (b"\x7f\x00", "??"),
            ("caf\u{e9}\u{85}".as_bytes(), "caf\u{e9}?"),
            (b"x\xff\xfey", "x??y"),
            ("app1\u{a0}(10.0.0.5):\u{2028}x".as_bytes(), "app1?(10.0.0.5):?x"),
            ("\u{202e}txt.exe\u{200b}\u{feff}".as_bytes(), "?txt.exe??"),
            ("\u{3053}\u{1f600} \u{5e9}".as_bytes(), "\u{3053}\u{1f600} \u{5e9}"),
            (b"", ""),
        ] {
            assert_eq!(Clean(bytes).to_string(), shown);
        }
    }
}

//! Words that name something: templates, tags, and the copies of a job.

use super::values::Value;

/// A text of `about` has no more bytes than this.
const MAX_ABOUT_BYTES: usize = 255;

/// A word that can be a part of a message, of a command and of the name of a job. `what` it is, for a message.
pub(super) fn label<'a>(what: &str, word: &'a [u8]) -> Value<&'a [u8]> {
    let text = String::from_utf8_lossy(word);
    if word.is_empty() {
        Err(format!("{what} cannot be empty"))
    } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Err(format!("{what} cannot contain spaces or control characters"))
    } else if word.len() > 255 {
        Err(format!("{what} has at most 255 bytes, this one has {}", word.len()))
    } else {
        Ok(word)
    }
}

/// The text of `about`.
pub(super) fn about(word: &[u8]) -> Value<Box<[u8]>> {
    match word {
        [] => Err("expected a text, not an empty word".into()),
        _ if word.len() > MAX_ABOUT_BYTES => {
            Err(format!("`about` has at most {MAX_ABOUT_BYTES} bytes, this one has {}", word.len()))
        }
        _ => Ok(word.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_one_printable_word() {
        for word in ["a", "enable", "caf\u{e9}", "@x", "{", &"x".repeat(255)] {
            assert_eq!(label("a tag", word.as_bytes()), Ok(word.as_bytes()));
        }
        for word in ["", "a b", "a\tb", "a\u{a0}b", "a\x7f", &"x".repeat(256)] {
            assert!(
                label("a tag", word.as_bytes()).is_err_and(|what| what.starts_with("a tag ")),
                "{word:?}"
            );
        }
    }
}

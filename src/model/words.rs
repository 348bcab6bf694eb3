//! Lists of texts, packed.

/// Texts one behind the other: many short ones take no more room than their bytes. None contains a NUL byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Each ends in NUL.
    pub(super) bytes: Vec<u8>,
    pub(super) count: u32,
}

impl Words {
    /// No words yet, with room for this many bytes, including one NUL for each word.
    pub fn with_room_for(bytes: usize) -> Words {
        Words { bytes: Vec::with_capacity(bytes), count: 0 }
    }

    /// Adds a text.
    pub fn push(&mut self, word: &[u8]) {
        self.bytes.reserve(word.len() + 1);
        self.bytes.extend_from_slice(word);
        self.bytes.push(0);
        self.count = self.count.saturating_add(1);
    }

    /// The texts, without their NULs.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == 0).take(self.count as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Words {
    fn from_iter<I: IntoIterator<Item = T>>(words: I) -> Words {
        let mut list = Words::default();
        words.into_iter().for_each(|word| list.push(word.as_ref()));
        list
    }
}

impl<T: AsRef<[u8]>, const N: usize> From<[T; N]> for Words {
    fn from(words: [T; N]) -> Words {
        words.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_one_by_one() {
        let mut words = Words::default();
        assert!(words.is_empty() && words.iter().next().is_none());
        for word in ["a", "", "b c"] {
            words.push(word.as_bytes());
        }
        assert_eq!(words.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"b c"]);
        assert_eq!((words.len(), &words), (3, &Words::from(["a", "", "b c"])));
        assert_ne!(words, Words::from(["a", "", "b", "c"]));
    }
}

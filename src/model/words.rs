//! Packed lists of texts.

use std::ffi::CStr;
use std::hash::{Hash, Hasher};

/// Texts in one allocation, so that many short ones take little memory. None contains a NUL byte.
#[derive(Clone, Debug, Default, Eq)]
pub struct Words {
    /// Each text ends with NUL.
    pub(super) bytes: Vec<u8>,
    pub(super) count: u32,
}

impl PartialEq for Words {
    fn eq(&self, other: &Words) -> bool {
        // Most lists are empty, and to compare no bytes at all is slow: `memcmp` looks at memory that is not there.
        self.count == other.count && (self.count == 0 || self.bytes == other.bytes)
    }
}

impl Hash for Words {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl Words {
    /// An empty list with capacity for this many bytes, including one NUL for each text.
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

    /// Adds a text that is made byte by byte. Takes no memory if there is room.
    pub fn push_bytes(&mut self, bytes: impl Iterator<Item = u8>) {
        self.bytes.extend(bytes.chain([0]));
        self.count = self.count.saturating_add(1);
    }

    /// How many bytes the list can hold without more memory.
    #[cfg(test)]
    pub(super) fn bytes_of_room(&self) -> usize {
        self.bytes.capacity()
    }

    /// The texts, without their NULs.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == 0).take(self.count as usize)
    }

    /// The texts as C strings.
    pub fn texts(&self) -> Texts<'_> {
        Texts::of(&self.bytes)
    }

    /// Removes all texts and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Packed texts in borrowed memory. As an iterator, it returns the remaining ones.
#[derive(Clone, Debug)]
pub struct Texts<'a> {
    /// Each text ends with NUL.
    bytes: &'a [u8],
    /// The largest number of texts to return.
    most: usize,
}

impl<'a> Texts<'a> {
    /// The texts in these bytes, each of which ends with NUL.
    pub fn of(bytes: &'a [u8]) -> Texts<'a> {
        Texts { bytes, most: usize::MAX }
    }

    /// All but the first `count` texts.
    pub fn after(mut self, count: usize) -> Texts<'a> {
        (0..count).for_each(|_| {
            self.next();
        });
        self
    }

    /// The first `count` texts.
    pub fn first(self, count: usize) -> Texts<'a> {
        Texts { most: self.most.min(count), ..self }
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        let most = self.most.checked_sub(1)?;
        let text = CStr::from_bytes_until_nul(self.bytes).ok()?;
        (self.bytes, self.most) = (self.bytes.get(text.to_bytes_with_nul().len()..)?, most);
        Some(text)
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
        assert!(!words.is_empty());
        assert_eq!((words.len(), &words), (3, &Words::from(["a", "", "b c"])));
        for other in [&["a", "", "b", "c"][..], &["a", "", "b d"], &["a", ""], &[]] {
            assert_ne!(words, other.iter().collect());
        }
        assert_eq!(Words::default(), Words::from([""; 0]));
    }

    #[test]
    fn packed_texts_are_c_strings_and_a_part_of_them_ends_where_it_should() {
        let words = Words::from(["a", "", "b c", "d"]);
        assert_eq!(words.texts().collect::<Vec<_>>(), [c"a", c"", c"b c", c"d"]);
        assert_eq!(words.texts().after(1).first(2).collect::<Vec<_>>(), [c"", c"b c"]);
        assert_eq!(words.texts().first(2).after(1).collect::<Vec<_>>(), [c""]);
        assert_eq!((words.texts().after(9).next(), Texts::of(b"").next()), (None, None));
        // Bytes without a NUL are not a text.
        assert_eq!(Texts::of(b"a\0b").collect::<Vec<_>>(), [c"a"]);
    }
}

use super::*;

mod control;
mod notify;
mod report;

#[test]
fn words_are_apart_by_any_white_space() {
    let found: Vec<&[u8]> = words(b" a\tb\r\nc\x0bd\x0c ").collect();
    assert_eq!(found, [b"a", b"b", b"c", b"d"]);
}

/// Numbers that look random and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A byte of any value, more often one that means something.
    fn byte(&mut self) -> u8 {
        match self.below(4) {
            0 => u8::try_from(self.below(256)).unwrap(),
            1 => self.pick(b"0123456789/-+.:"),
            2 => self.pick(b"ed \n\t\r\0\x7f"),
            _ => self.pick(b"abc"),
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.byte()).collect()
    }

    /// A word that can be a name.
    fn name(&mut self) -> Vec<u8> {
        let length = 1 + if self.below(10) == 0 { self.below(255) } else { self.below(4) };
        (0..length).map(|_| self.pick(b"abcz019/:?-\xc3\xa9\xff")).collect()
    }

    /// The same text with some of its bytes others, gone, doubled or swapped.
    fn spoilt(&mut self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for _ in 0..1 + self.below(3) {
            let (at, byte) = (self.below(text.len() + 1), self.byte());
            match self.below(5) {
                0 => text.insert(at, byte),
                1 => text.truncate(at),
                2 => text.extend_from_within(at..),
                _ if at == text.len() => {}
                3 => drop(text.remove(at)),
                _ => text[at] = byte,
            }
        }
        text
    }
}

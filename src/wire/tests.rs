use super::*;
use crate::model::rng::Rng;

mod control;
mod notify;
mod report;

#[test]
fn any_white_space_separates_words() {
    let found: Vec<&[u8]> = words(b" a\tb\r\nc\x0bd\x0c ").collect();
    assert_eq!(found, [b"a", b"b", b"c", b"d"]);
}

/// A random byte, more often one that has a meaning.
fn byte(rng: &mut Rng) -> u8 {
    match rng.below(4) {
        0 => rng.byte(),
        1 => rng.pick(b"0123456789/-+.:"),
        2 => rng.pick(b"ed \n\t\r\0\x7f"),
        _ => rng.pick(b"abc"),
    }
}

fn bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    (0..rng.below(most + 1)).map(|_| byte(rng)).collect()
}

/// A random word that is a valid name.
fn name(rng: &mut Rng) -> Vec<u8> {
    let length = 1 + if rng.one_in(10) { rng.below(255) } else { rng.below(4) };
    (0..length).map(|_| rng.pick(b"abcz019/:?-\xc3\xa9\xff")).collect()
}

/// The same text with some bytes changed, inserted, removed or doubled.
fn spoilt(rng: &mut Rng, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..1 + rng.below(3) {
        let (at, byte) = (rng.below(text.len() + 1), byte(rng));
        match rng.below(5) {
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

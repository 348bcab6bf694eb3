use super::*;

#[test]
fn words_are_apart_by_any_white_space() {
    let found: Vec<&[u8]> = words(b" a\tb\r\nc\x0bd\x0c ").collect();
    assert_eq!(found, [b"a", b"b", b"c", b"d"]);
}

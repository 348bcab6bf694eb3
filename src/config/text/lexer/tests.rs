//! What the lexer makes of lines, quotes and backslashes.

use super::*;

/// Every line as the values of its words, with `!` for a mistake.
fn read(text: &str) -> Vec<Vec<String>> {
    let (mut lexer, mut words, mut lines) =
        (Lexer::new(SourceId::default(), text.as_bytes()), Vec::new(), Vec::new());
    while let Some((_, fault)) = lexer.next(text.as_bytes(), &mut words) {
        let value = |w: &Word| String::from_utf8_lossy(&w.value(text.as_bytes())).into_owned();
        let mut line: Vec<String> = words.iter().map(value).collect();
        line.extend(fault.map(|_| "!".to_owned()));
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

#[test]
fn lines_are_words_between_blanks() {
    for (text, lines) in [
        ("", vec![]),
        ("\n \t\r\n", vec![]),
        ("a  b\tc\r\nd", vec![vec!["a", "b", "c"], vec!["d"]]),
        ("# no\na # b\na#b \"#c\"\n", vec![vec!["a"], vec!["a#b", "#c"]]),
        ("a\\b \\ c\\\\ d", vec![vec!["a\\b", "\\", "c\\\\", "d"]]),
        ("\u{feff}a", vec![vec!["a"]]),
    ] {
        assert_eq!(read(text), lines as Vec<Vec<&str>>, "{text:?}");
    }
}

#[test]
fn a_backslash_at_the_end_joins_two_lines() {
    for (text, lines) in [
        ("a \\\n  b\nc", vec![vec!["a", "b"], vec!["c"]]),
        ("a \\\r\n  b", vec![vec!["a", "b"]]),
        ("ab\\\ncd", vec![vec!["abcd"]]),
        ("ab\\\n cd", vec![vec!["ab", "cd"]]),
        ("ab\\\\\ncd", vec![vec!["ab\\cd"]]),
        ("\"a\\\nb\"", vec![vec!["ab"]]),
        ("\"a\\\\\nb\"", vec![vec!["a\\b"]]),
        ("a \\", vec![vec!["a"]]),
        ("a\\", vec![vec!["a"]]),
        ("a # \\\nb", vec![vec!["a"], vec!["b"]]),
        ("a \\\n# b", vec![vec!["a"]]),
    ] {
        assert_eq!(read(text), lines, "{text:?}");
    }
}

#[test]
fn quotes_hold_a_word_together() {
    for (text, words) in [
        (r#""a b""#, vec!["a b"]),
        (r#""""#, vec![""]),
        (r#""a\"b\\c\d""#, vec![r#"a"b\c\d"#]),
        (r#"a"b c"d"#, vec![r#"a"b"#, r#"c"d"#]),
        (r#"'a b'"#, vec!["'a", "b'"]),
    ] {
        assert_eq!(read(text), [words], "{text:?}");
    }
    for text in ["\"a", "\"a\nb\"", "\"a\\\"", "\"a\"b", "\"a\"\"b\"", "\"", "\"\\", "\"a\\\\\n"] {
        assert_eq!(read(text)[0].last().map(String::as_str), Some("!"), "{text:?}");
    }
}

#[test]
fn the_value_of_a_variable_may_be_quoted_alone() {
    for (text, words) in [
        (r#"env A="b c""#, vec!["env", "A=b c"]),
        (r#"env A="b" # c"#, vec!["env", "A=b"]),
        (r#"env A="b # c""#, vec!["env", "A=b # c"]),
        (r#"env A="b \"c\"""#, vec!["env", "A=b \"c\""]),
        ("env A=\"b\\\nc\"", vec!["env", "A=bc"]),
        (r#"env A="" B"#, vec!["env", "A=", "B"]),
        // Not closed at the end of the word, not the first `=`, not after env: quotes are ordinary bytes.
        (r#"env A="b"c"#, vec!["env", r#"A="b"c"#]),
        (r#"env A="b"#, vec!["env", r#"A="b"#]),
        (r#"env A=b="c""#, vec!["env", r#"A=b="c""#]),
        (r#"cmd A="b""#, vec!["cmd", r#"A="b""#]),
        (r#"env x A="b""#, vec!["env", "x", r#"A="b""#]),
    ] {
        assert_eq!(read(text), [words], "{text:?}");
    }
}

#[test]
fn keywords_are_written_without_quotes() {
    let (text, mut words) = (b"name \"name\" na\\\nme", Vec::new());
    Lexer::new(SourceId::default(), text).next(text, &mut words);
    assert_eq!(words.iter().map(|w| w.is(text, "name")).collect::<Vec<_>>(), [true, false, true]);
}

//! The lines of an `env file`: `VAR=VALUE`, blank lines and `#` comments.
//!
//! A child reads such a file between its birth and its command, perhaps with little memory, so nothing here allocates
//! if the list has room. What is wrong is named by its line only: values are secrets.

use super::Words;

/// All files of a job together have no more bytes than this.
pub const ENV_FILE_BYTES: usize = 1 << 20;
/// All files of a job together set no more variables than this.
pub const ENV_FILE_VARIABLES: usize = 65_536;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvFault {
    /// It is not of the form `VAR=VALUE`.
    NoVariable,
    /// A value begins with a quote, and the line ends without another one.
    Unclosed,
    /// Something follows the closing quote.
    AfterQuote,
    /// It contains a NUL byte.
    Nul,
    /// It is one variable too many.
    TooMany,
}

impl EnvFault {
    /// Each fault with the number by which a child reports it, and its text.
    const ALL: [(EnvFault, i32, &str); 5] = [
        (EnvFault::NoVariable, 1, "no VAR=VALUE"),
        (EnvFault::Unclosed, 2, "the quote is not closed"),
        (EnvFault::AfterQuote, 3, "something follows the closing quote"),
        (EnvFault::Nul, 4, "a NUL byte"),
        (EnvFault::TooMany, 5, "more than 65536 variables"),
    ];

    /// The number by which a child reports it.
    pub fn number(self) -> i32 {
        EnvFault::ALL.iter().find(|(fault, ..)| *fault == self).map_or(0, |(_, number, _)| *number)
    }

    /// The text of the fault with this number.
    pub fn text(number: i32) -> &'static str {
        EnvFault::ALL.iter().find(|(_, known, _)| *known == number).map_or("wrong", |(.., text)| text)
    }
}

/// Adds the variables of a file to a list. The error has the number of the line that is wrong.
pub fn read_env_file(text: &[u8], variables: &mut Words) -> Result<(), (u32, EnvFault)> {
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        add(line.trim_ascii(), variables).map_err(|fault| (number, fault))?;
    }
    Ok(())
}

fn add(line: &[u8], variables: &mut Words) -> Result<(), EnvFault> {
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(());
    }
    if line.contains(&0) {
        return Err(EnvFault::Nul);
    }
    let line = match line.strip_prefix(b"export") {
        Some(rest) if rest.starts_with(b" ") || rest.starts_with(b"\t") => rest.trim_ascii_start(),
        Some(_) | None => line,
    };
    let equals = line.iter().position(|byte| *byte == b'=').ok_or(EnvFault::NoVariable)?;
    let (name, value) = line.split_at_checked(equals).ok_or(EnvFault::NoVariable)?;
    let odd = |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"'\\#".contains(byte);
    if name.is_empty() || name.iter().any(odd) {
        return Err(EnvFault::NoVariable);
    }
    let value = value.get(1..).unwrap_or_default().trim_ascii_start();
    let (value, escapes) = match value.split_first() {
        Some((b'"', inner)) => (quoted(b'"', inner)?, true),
        Some((b'\'', inner)) => (quoted(b'\'', inner)?, false),
        Some(_) | None => (value, false),
    };
    if variables.len() >= ENV_FILE_VARIABLES {
        return Err(EnvFault::TooMany);
    }
    let mut left = value;
    let value = std::iter::from_fn(|| {
        let (byte, rest) = match left {
            [b'\\', byte @ (b'"' | b'\\' | b'$' | b'`'), rest @ ..] if escapes => (byte, rest),
            [byte, rest @ ..] => (byte, rest),
            [] => return None,
        };
        left = rest;
        Some(*byte)
    });
    variables.push_bytes(name.iter().copied().chain([b'=']).chain(value));
    Ok(())
}

/// What is between two quotes, of which only the second may end the line. Between double quotes, a backslash takes
/// the meaning from a quote.
fn quoted(quote: u8, inner: &[u8]) -> Result<&[u8], EnvFault> {
    let mut escaped = false;
    for (index, byte) in inner.iter().enumerate() {
        if escaped {
            escaped = false;
        } else if *byte == b'\\' && quote == b'"' {
            escaped = true;
        } else if *byte == quote {
            let value = inner.get(..index).unwrap_or_default();
            return if inner.len() - index == 1 { Ok(value) } else { Err(EnvFault::AfterQuote) };
        }
    }
    Err(EnvFault::Unclosed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Vec<String>, (u32, EnvFault)> {
        let mut words = Words::default();
        read_env_file(text, &mut words)?;
        Ok(words.iter().map(|word| String::from_utf8(word.to_vec()).unwrap()).collect())
    }

    #[test]
    fn a_line_sets_a_variable_to_what_follows_the_equals_sign() {
        let cases: &[(&str, &str)] = &[
            ("A=b", "A=b"),
            ("A=", "A="),
            ("A=b c", "A=b c"),
            ("A=b=c", "A=b=c"),
            ("  A = b \t", ""),
            (" \tA=  b \t\r", "A=b"),
            ("export A=b", "A=b"),
            ("export\t A=b", "A=b"),
            ("export=b", "export=b"),
            ("exported=b", "exported=b"),
            ("A=\"b c\"", "A=b c"),
            ("A='b c'", "A=b c"),
            ("A=\" b \" ", "A= b "),
            ("A=\"\"", "A="),
            ("A=''", "A="),
            ("A=\"b 'c'\"", "A=b 'c'"),
            ("A='b \"c\"'", "A=b \"c\""),
            // As a shell reads it.
            (r#"A="\\ \" \$B \` \n""#, r#"A=\ " $B ` \n"#),
            (r"A='\\ \n'", r"A=\\ \n"),
            (r"A=\\ \n", r"A=\\ \n"),
            // Nothing is expanded, and a quote or # within a value is a part of it.
            ("A=$B `c`", "A=$B `c`"),
            ("A=b\"c\"", "A=b\"c\""),
            ("A=b # c", "A=b # c"),
            ("a.b-c=\u{e9}", "a.b-c=\u{e9}"),
        ];
        for (line, expected) in cases {
            let expected = if expected.is_empty() {
                Err((1, EnvFault::NoVariable))
            } else {
                Ok(vec![(*expected).to_owned()])
            };
            assert_eq!(read(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn blank_lines_and_comments_set_nothing() {
        for text in ["", "\n", "\r\n\n", "# A=b", "  #\n\t\n#"] {
            assert_eq!(read(text.as_bytes()), Ok(vec![]), "{text:?}");
        }
        assert_eq!(read(b"# a\nA=1\n\nB=2\r\n#\nA=3"), Ok(["A=1", "B=2", "A=3"].map(str::to_owned).into()));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        use EnvFault::*;
        for (line, fault) in [
            (&b"A"[..], NoVariable),
            (b"=b", NoVariable),
            (b"A b=c", NoVariable),
            (b"export =b", NoVariable),
            (b"\"A=b\"", NoVariable),
            (b"'A'=b", NoVariable),
            (b"A\x01=b", NoVariable),
            (b"A\\=b", NoVariable),
            (b"A=\"b", Unclosed),
            (b"A='b", Unclosed),
            (b"A=\"", Unclosed),
            (b"A=\"b\\\"", Unclosed),
            (b"A=\"b\"c", AfterQuote),
            (b"A='b' # c", AfterQuote),
            (b"A=b\0c", Nul),
            (b"\0", Nul),
        ] {
            let text = [b"X=1\n\n", line, b"\nY=2\n"].concat();
            assert_eq!(read(&text), Err((3, fault)), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn the_variables_are_bounded() {
        let most = "A=1\n".repeat(ENV_FILE_VARIABLES);
        assert_eq!(read(most.as_bytes()).map(|all| all.len()), Ok(ENV_FILE_VARIABLES));
        let more = most + "#\nB=2";
        assert_eq!(read(more.as_bytes()), Err((65_538, EnvFault::TooMany)));
    }

    #[test]
    fn a_list_with_room_for_the_file_and_one_byte_never_grows() {
        for text in ["A=b", "A=b\nB=c\n", "A=\n=", "B='c'"] {
            let mut words = Words::with_room_for(text.len() + 1);
            let room = words.bytes_of_room();
            let _ = read_env_file(text.as_bytes(), &mut words);
            assert_eq!(words.bytes_of_room(), room, "{text}");
        }
    }

    #[test]
    fn each_fault_has_a_number_and_a_text_that_does_not_depend_on_the_file() {
        for (fault, number, text) in EnvFault::ALL {
            assert_eq!((fault.number(), EnvFault::text(number)), (number, text));
        }
        assert!(EnvFault::text(5).contains(&ENV_FILE_VARIABLES.to_string()));
    }
}

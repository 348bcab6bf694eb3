//! A mistake in the configuration.

use std::fmt;

/// One mistake, with the place where it stands. Lines and columns count from one; a column counts bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, or zero when the mistake is about the file as a whole.
    pub line: u32,
    /// The column at which the caret points, in bytes.
    pub column: u32,
    /// How many columns the caret marks.
    pub width: u32,
    /// The line itself, cut when it is very long.
    pub text: Box<[u8]>,
    /// What is wrong and what was expected, with the suggestion if there is one.
    pub what: Box<str>,
}

impl Mistake {
    /// The first line of the message: place and reason, as a log shows it.
    pub fn headline<'a>(&'a self, file: &'a [u8]) -> impl fmt::Display + 'a {
        Headline { mistake: self, file }
    }
}

struct Headline<'a> {
    mistake: &'a Mistake,
    file: &'a [u8],
}

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", super::Clean(self.file))?;
        if self.mistake.line > 0 {
            write!(f, "{}:{}:", self.mistake.line, self.mistake.column)?;
        }
        write!(f, " {}", self.mistake.what)
    }
}

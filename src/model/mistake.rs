//! Errors and warnings in a configuration.

use super::Counted;
use std::fmt;
use std::rc::Rc;

/// Whether a mistake is an error or a warning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A file with an error is not applied.
    #[default]
    Error,
    /// The file is applied.
    Warning,
}

/// One error or warning with its place. Lines and columns count from one; columns count bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistake {
    /// The name of the file in messages.
    pub file: Rc<[u8]>,
    /// Error or warning.
    pub severity: Severity,
    /// The number of further mistakes that it stands for, which are not shown.
    pub more: u64,
    /// The line, or zero if the mistake is about the whole file.
    pub line: u32,
    /// The column of the caret.
    pub column: u32,
    /// The number of columns that the caret marks.
    pub width: u32,
    /// The text of the line, cut if it is very long.
    pub text: Box<[u8]>,
    /// What is wrong and what was expected, with a suggestion if there is one.
    pub what: Box<str>,
}

/// Numbers of errors and warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub errors: u64,
    pub warnings: u64,
}

impl Mistake {
    /// A mistake that is about the whole file.
    pub fn of_file(file: impl Into<Rc<[u8]>>, severity: Severity, what: impl Into<Box<str>>) -> Mistake {
        Mistake { file: file.into(), severity, what: what.into(), ..Mistake::default() }
    }

    /// Counts these mistakes and those that they stand for.
    pub fn count<'a>(mistakes: impl IntoIterator<Item = &'a Mistake>) -> Count {
        mistakes.into_iter().fold(Count::default(), |mut count, mistake| {
            let of_kind = match mistake.severity {
                Severity::Error => &mut count.errors,
                Severity::Warning => &mut count.warnings,
            };
            *of_kind = of_kind.saturating_add(mistake.more).saturating_add(1);
            count
        })
    }

    /// The first line of the message, which is also the log line: place and reason.
    pub fn headline(&self) -> impl fmt::Display + '_ {
        Headline(self)
    }
}

struct Headline<'a>(&'a Mistake);

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", super::Clean(&self.0.file))?;
        if self.0.line > 0 {
            write!(f, "{}:{}:", self.0.line, self.0.column)?;
        }
        write!(f, " {}: {}", self.0.severity, self.0.what)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

impl fmt::Display for Count {
    /// `2 errors, 1 warning`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", Counted(self.errors, "error"), Counted(self.warnings, "warning"))
    }
}

//! What is wrong with a configuration, or looks wrong.

use super::Counted;
use std::fmt;
use std::rc::Rc;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A file with an error is not applied.
    #[default]
    Error,
    /// The file is applied all the same.
    Warning,
}

/// One error or warning, with its place. Lines and columns count from one; a column counts bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistake {
    /// What messages call the file.
    pub file: Rc<[u8]>,
    /// Whether it is an error.
    pub severity: Severity,
    /// How many further ones it stands for, which are not shown.
    pub more: u64,
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

/// How many errors and warnings there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub errors: u64,
    pub warnings: u64,
}

impl Mistake {
    /// One that is about the file as a whole.
    pub fn of_file(file: impl Into<Rc<[u8]>>, severity: Severity, what: impl Into<Box<str>>) -> Mistake {
        Mistake { file: file.into(), severity, what: what.into(), ..Mistake::default() }
    }

    /// Counts these and those that they stand for.
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

    /// The first line of the message: place and reason, as a log shows it.
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

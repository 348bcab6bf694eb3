//! What is wrong, before it is known whether anybody will read it.

use crate::config::text::Span;
use crate::model::Clean;
use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Fault {
    pub(in crate::config) span: Span,
    pub(in crate::config) what: String,
}

impl Fault {
    pub(in crate::config) fn new(span: Span, what: impl Into<String>) -> Fault {
        Fault { span, what: what.into() }
    }
}

/// A word of the file in a message: between backquotes, cleaned, and cut when it is long.
pub(in crate::config) struct Shown<'a>(pub(in crate::config) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 60;
        if self.0.is_empty() {
            return f.write_str("an empty word");
        }
        match self.0.get(..LONGEST) {
            Some(head) if self.0.len() > LONGEST => write!(f, "`{}...`", Clean(head)),
            _ => write!(f, "`{}`", Clean(self.0)),
        }
    }
}

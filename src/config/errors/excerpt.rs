//! The part of a line that is shown with a mistake, cut when the mistake is made and drawn when it is printed.

use super::Fault;
use crate::config::text::{Line, SourceFile, Span};
use crate::model::{Clean, Mistake, Severity};
use std::fmt;
use std::rc::Rc;

/// A line is shown from its beginning if at most this many bytes are before the caret.
const BEFORE: usize = 100;
/// Otherwise it is shown from this many bytes before the caret. Both sides of this file know this rule,
/// so a mistake need not carry along where its text was cut.
const BEFORE_CUT: usize = 40;
/// No more of a line than this is shown.
const SHOWN: usize = 160;

const MARGIN: &str = "    ";
const CUT: &str = "...";

/// How many bytes of the line are left out before what is shown of it.
fn left_out(column: u32) -> usize {
    match (column as usize).saturating_sub(1) {
        before if before > BEFORE => before - BEFORE_CUT,
        _ => 0,
    }
}

/// The number of the line on which `span` begins; `line` is the joined line that holds it.
pub(in crate::config) fn line_of(text: &[u8], line: Line, span: Span) -> u32 {
    let before = text.get(line.at as usize..span.start as usize).unwrap_or_default();
    line.number.saturating_add(Span::offset(before.iter().filter(|b| **b == b'\n').count()))
}

/// What is assigned to by a line that is no option but `NAME=VALUE`, as in an env file.
pub(in crate::config) fn assigned(text: &[u8], line: Line) -> Option<&[u8]> {
    let text = text.get(line.at as usize..)?.trim_ascii_start();
    let exported =
        text.strip_prefix(b"export").filter(|rest| rest.starts_with(b" ") || rest.starts_with(b"\t"));
    let text = exported.unwrap_or(text).trim_ascii_start();
    let name = text.split(|b| *b == b'=' || b.is_ascii_whitespace()).next()?;
    let begins = name.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    Some(name).filter(|name| begins && text.get(name.len()) == Some(&b'='))
}

/// The error or warning that says `fault`. The value of an assignment can be a secret, so nothing of it is shown.
pub(in crate::config) fn mistake(
    source: &SourceFile,
    severity: Severity,
    line: Line,
    fault: Fault,
) -> Mistake {
    let (first, start, end) = (line.at as usize, fault.span.start as usize, fault.span.end as usize);
    let text = &source.text;
    let before = text.get(first..start).unwrap_or_default();
    let begin = before.iter().rposition(|b| *b == b'\n').map_or(first, |n| first + n + 1);
    let column = Span::offset(start.saturating_sub(begin) + 1);
    let shown = text.get(begin + left_out(column)..).unwrap_or_default();
    // One byte more than is shown: from that the printer knows that there is more.
    let shown = shown.get(..=SHOWN).unwrap_or(shown);
    let shown = shown.split(|b| *b == b'\n').next().unwrap_or_default();
    let shown = shown.strip_suffix(b"\r").unwrap_or(shown);
    let shown = if assigned(text, line).is_some() { b"" } else { shown };
    let marked = text.get(start..end).unwrap_or_default();
    let marked = marked.iter().take(SHOWN).position(|b| *b == b'\n').unwrap_or(marked.len());
    Mistake {
        file: Rc::clone(&source.name),
        severity,
        more: 0,
        line: line_of(text, line, fault.span),
        column,
        width: Span::offset(marked.max(1)),
        text: shown.into(),
        what: fault.what.into(),
    }
}

/// What the operator sees: for each mistake its place and reason, then the line, then the caret.
pub(in crate::config) struct Rendered<'a>(pub(in crate::config) &'a [Mistake]);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in self.0 {
            writeln!(f, "{}", mistake.headline())?;
            if mistake.line > 0 && !mistake.text.is_empty() {
                excerpt(f, mistake)?;
            }
        }
        Ok(())
    }
}

fn excerpt(f: &mut fmt::Formatter<'_>, mistake: &Mistake) -> fmt::Result {
    let cut = left_out(mistake.column);
    let dots = |cut: bool| if cut { CUT } else { "" };
    let shown = mistake.text.get(..SHOWN).unwrap_or(&mistake.text);
    let at = (mistake.column as usize).saturating_sub(1).saturating_sub(cut).min(shown.len());
    let (before, rest) = shown.split_at(at);
    let (marked, after) = rest.split_at(rest.len().min(mistake.width as usize));
    let (before, marked, after) = (printable(before), printable(marked), printable(after));
    let (left, right) = (dots(cut > 0), dots(mistake.text.len() > shown.len()));
    writeln!(f, "{MARGIN}{left}{before}{marked}{after}{right}")?;
    let (blanks, carets) = (left.len() + columns(&before), columns(&marked).max(1));
    writeln!(f, "{MARGIN}{:blanks$}{:^<carets$}", "", "")
}

/// The bytes as a terminal shall show them. A tab becomes one blank: how wide a terminal would
/// draw it depends on its column.
fn printable(bytes: &[u8]) -> String {
    let blanks: Vec<u8> = bytes.iter().map(|b| if *b == b'\t' { b' ' } else { *b }).collect();
    Clean(&blanks).to_string()
}

/// How many columns of a terminal the text takes.
fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(c: char) -> usize {
    match u32::from(c) {
        // Accents and joiners are drawn onto the character before them.
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        // Chinese, Japanese, Korean and pictures are two columns wide.
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

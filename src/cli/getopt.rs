//! Unix-style options: letters that may be joined, long names, and `--` as the end of both. Operands may come between
//! them.

use crate::model::Clean;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// One option of a program.
#[derive(Clone, Copy, Debug)]
pub struct Opt<I: 'static> {
    /// The program's own name for it.
    pub id: I,
    /// The letter after one dash, if it has one.
    pub letter: Option<char>,
    /// The name after two dashes, if it has one.
    pub long: Option<&'static str>,
    /// The name of its argument, if it takes one.
    pub argument: Option<&'static str>,
    /// What it is for, in one line.
    pub help: &'static str,
}

impl<I> Opt<I> {
    /// All its forms: `-h, --help`, `-c FILE`.
    pub fn written(&self) -> String {
        let letter = self.letter.map(|letter| format!("-{letter}"));
        let long = self.long.map(|long| format!("--{long}"));
        let names = letter.into_iter().chain(long).collect::<Vec<_>>().join(", ");
        self.argument.map_or(names.clone(), |argument| format!("{names} {argument}"))
    }
}

/// The form of a program's command line.
pub(super) struct Form<I: 'static> {
    /// The program's name.
    pub(super) program: &'static str,
    /// Every option that it has.
    pub(super) options: &'static [Opt<I>],
    /// The required options.
    pub(super) needed: &'static [I],
    /// What follows the options, as the synopsis shows it.
    pub(super) operands: Option<&'static str>,
}

/// What a program is asked to do. `O` has its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask<O> {
    /// To do its work.
    Run(O),
    /// To print its help.
    Help,
    /// To print its version.
    Version,
}

/// One option as it was given, with its argument, or one operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg<I> {
    /// An option that takes no argument.
    Flag(I),
    /// An option with its argument, which is not empty.
    Value(I, OsString),
    /// A word that belongs to no option.
    Operand(OsString),
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No option has this letter.
    UnknownLetter(Box<[u8]>),
    /// No option has this long name; the second one was perhaps meant.
    UnknownLong(Box<[u8]>, Option<&'static str>),
    /// The option takes an argument and got none, or an empty one.
    Missing(String, &'static str),
    /// The option takes no argument.
    Superfluous(&'static str),
    /// A word that belongs to no option, and the program takes none.
    Operand(Box<[u8]>),
    /// A mistake that only this program checks for, as text.
    Bad(String),
}

impl Wrong {
    /// The program takes no operand, and this is one.
    pub(super) fn operand(word: &OsStr) -> Wrong {
        Wrong::Operand(word.as_bytes().into())
    }

    /// The argument of an option is invalid: what is wrong with it, and what is expected.
    pub(super) fn value(option: &str, value: &OsStr, why: &str) -> Wrong {
        Wrong::Bad(format!("option {option}: {} {why}", Clean(value.as_bytes())))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wrong::UnknownLetter(letter) => write!(f, "unknown option -{}", Clean(letter)),
            Wrong::UnknownLong(name, None) => write!(f, "unknown option --{}", Clean(name)),
            Wrong::UnknownLong(name, Some(near)) => {
                write!(f, "unknown option --{}: did you mean --{near}?", Clean(name))
            }
            Wrong::Missing(option, argument) => write!(f, "option {option} needs an argument: {argument}"),
            Wrong::Superfluous(name) => write!(f, "option --{name} takes no argument"),
            Wrong::Operand(word) => write!(f, "unexpected argument: {}", Clean(word)),
            Wrong::Bad(text) => f.write_str(text),
        }
    }
}

/// Wrong usage as a program reports it: one line that says what is wrong, then the synopsis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The program.
    pub program: &'static str,
    /// What is wrong.
    pub wrong: Wrong,
    /// The text that begins with `usage:`.
    pub synopsis: String,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n{}", self.program, self.wrong, self.synopsis)
    }
}

/// The longest line of a synopsis: the width of a common terminal.
const WIDTH: usize = 80;

impl<I: PartialEq> Form<I> {
    /// Wrong usage of this program.
    pub(super) fn usage(&self, wrong: Wrong) -> Usage {
        Usage { program: self.program, wrong, synopsis: self.synopsis() }
    }

    /// Shows every option: joined letters, then those with an argument, then the long ones.
    pub(super) fn synopsis(&self) -> String {
        let options = self.options.iter();
        let joined = options.clone().filter(|option| option.argument.is_none());
        let joined = format!("[-{}]", joined.filter_map(|option| option.letter).collect::<String>());
        let with_argument =
            options.clone().filter(|option| option.letter.is_some() && option.argument.is_some());
        let only_long = options.filter(|option| option.letter.is_none());
        let parts = with_argument.chain(only_long).map(|option| {
            let argument = option.argument.map_or(String::new(), |argument| format!(" {argument}"));
            let part = format!("{}{argument}", label(option));
            if self.needed.contains(&option.id) { part } else { format!("[{part}]") }
        });
        let mut text = format!("usage: {}", self.program);
        let indent = text.len();
        let mut column = indent;
        for part in [joined].into_iter().chain(parts).chain(self.operands.map(str::to_owned)) {
            if column + 1 + part.len() > WIDTH {
                text.push_str(&format!("\n{:indent$}", ""));
                column = indent;
            }
            column += 1 + part.len();
            text.push(' ');
            text.push_str(&part);
        }
        text
    }

    /// One line for each option: how it is written, and what it is for.
    pub(super) fn list(&self) -> String {
        let width = self.options.iter().map(|option| option.written().len()).max().unwrap_or(0);
        let line = |option: &Opt<I>| format!("  {:width$}  {}\n", option.written(), option.help);
        self.options.iter().map(line).collect()
    }
}

/// Reads a command line option by option, up to the first mistake.
pub(super) struct Reader<I: 'static, A> {
    table: &'static [Opt<I>],
    args: A,
    /// What is left of a word with joined letters.
    letters: Vec<u8>,
    /// Whether `--` has been read.
    ended: bool,
}

impl<I: Copy, A: Iterator<Item = OsString>> Reader<I, A> {
    pub(super) fn new(table: &'static [Opt<I>], args: A) -> Reader<I, A> {
        Reader { table, args, letters: Vec::new(), ended: false }
    }

    /// The next option or operand, or `None` at the end of the line.
    pub(super) fn next(&mut self) -> Result<Option<Arg<I>>, Wrong> {
        if !self.letters.is_empty() {
            return self.letter().map(Some);
        }
        let Some(word) = self.args.next() else { return Ok(None) };
        match word.as_bytes() {
            _ if self.ended => Ok(Some(Arg::Operand(word))),
            b"--" => {
                self.ended = true;
                self.next()
            }
            [b'-', b'-', long @ ..] => self.long(long).map(Some),
            [b'-', letters @ ..] if !letters.is_empty() => {
                self.letters = letters.to_vec();
                self.letter().map(Some)
            }
            _ => Ok(Some(Arg::Operand(word))),
        }
    }

    /// Takes the first of the joined letters, and the rest of the word when that is its argument.
    fn letter(&mut self) -> Result<Arg<I>, Wrong> {
        let word = std::mem::take(&mut self.letters);
        let known = self.table.iter().find_map(|option| {
            let rest = word.strip_prefix(option.letter?.encode_utf8(&mut [0; 4]).as_bytes())?;
            Some((option, rest))
        });
        let Some((option, rest)) = known else {
            // The whole character, so that a non-ASCII letter is shown correctly.
            let text = String::from_utf8_lossy(&word);
            let first = text.chars().next().map_or(String::new(), String::from);
            return Err(Wrong::UnknownLetter(first.into_bytes().into()));
        };
        let Some(argument) = option.argument else {
            self.letters = rest.to_vec();
            return Ok(Arg::Flag(option.id));
        };
        let value = match rest {
            [] => self.args.next().unwrap_or_default(),
            joined => OsString::from_vec(joined.to_vec()),
        };
        non_empty(option.id, value).ok_or_else(|| Wrong::Missing(label(option), argument))
    }

    fn long(&mut self, word: &[u8]) -> Result<Arg<I>, Wrong> {
        let mut parts = word.splitn(2, |byte| *byte == b'=');
        let (name, joined) = (parts.next().unwrap_or_default(), parts.next());
        let known = self.table.iter().find_map(|option| {
            let long = option.long.filter(|long| long.as_bytes() == name)?;
            Some((option, long))
        });
        let Some((option, long)) = known else {
            let near = near(name, self.table.iter().filter_map(|option| option.long));
            return Err(Wrong::UnknownLong(name.into(), near));
        };
        match (option.argument, joined) {
            (None, None) => Ok(Arg::Flag(option.id)),
            (None, Some(_)) => Err(Wrong::Superfluous(long)),
            (Some(argument), joined) => {
                let value = match joined {
                    Some(joined) => OsStr::from_bytes(joined).to_owned(),
                    None => self.args.next().unwrap_or_default(),
                };
                non_empty(option.id, value).ok_or_else(|| Wrong::Missing(format!("--{long}"), argument))
            }
        }
    }
}

fn non_empty<I>(id: I, value: OsString) -> Option<Arg<I>> {
    (!value.is_empty()).then_some(Arg::Value(id, value))
}

/// The option by its letter, or by its long name if it has no letter.
fn label<I>(option: &Opt<I>) -> String {
    match (option.letter, option.long) {
        (Some(letter), _) => format!("-{letter}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => String::new(),
    }
}

/// The name that was probably meant: one that begins with this word, or differs from it by at most two typing errors.
fn near(word: &[u8], names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let rate = |name: &str| match name.as_bytes().starts_with(word) && !word.is_empty() {
        true => 0,
        false => distance(word, name.as_bytes()),
    };
    names.map(|name| (rate(name), name)).filter(|(slips, _)| *slips <= 2).min().map(|(_, name)| name)
}

/// How many letters must be changed, added or removed to turn `b` into `a`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let change = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = change.min(*cell + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

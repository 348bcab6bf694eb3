//! The one table of all options, and what a row of it says. The parser, its suggestions, the printer, every listing
//! of options and the test of the manual read it.

mod rules;
mod surroundings;
mod table;

pub use table::{COUNT, Key, TABLE};

use super::build::{Builder, Given, Taken};
use super::printer::Printer;
use crate::model::{Config, JobSpec};
use std::fmt;

/// The kinds of block whose lines are options; each has options of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Outside of every block.
    File,
    /// Inside of `job { ... }`.
    Job,
    /// Inside of `template NAME { ... }`: options of a job.
    Template,
    /// Inside of `defaults { ... }`: options of a job.
    Defaults,
}

/// What a change of an option does to the process of a job that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// The process ends, and the next one starts with the new value.
    Process,
    /// The process runs on, and the new value holds from now on.
    Rules,
}

/// What the braces of a block enclose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// Options of this scope.
    Options(Scope),
    /// Lines of words that mean something to the option alone.
    Words,
}

/// Whether an option takes a block. For one that takes none, a brace is an ordinary word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// It takes none.
    Never,
    /// It takes one after its arguments.
    Always(Inside),
    /// It takes either its arguments or a block of them.
    Instead(Inside),
}

/// One option.
pub struct OptionRow {
    /// Its name in the code.
    pub key: Key,
    /// Its name in the file, word by word.
    pub words: &'static [&'static str],
    /// Where it is allowed.
    pub scope: Scope,
    /// Its arguments as the manual shows them, the block included.
    pub arguments: &'static str,
    /// The least and the greatest number of arguments, the block not counted.
    pub count: (usize, usize),
    /// Whether it takes a block.
    pub block: Block,
    /// Whether its block may be on one line.
    pub one_line: bool,
    /// Whether its argument may contain blanks.
    pub blanks: bool,
    /// Whether it may be given more than once in one block.
    pub repeatable: bool,
    /// Whether the block is incomplete without it.
    pub required: bool,
    /// What a change of it does.
    pub changes: Changes,
    /// What other programs call it: a message suggests our name for it.
    pub also: &'static [&'static str],
    /// What it does, in one line.
    pub help: &'static str,
    /// Takes its arguments, or one line of its block of words.
    pub(super) take: fn(&mut Builder, &mut Given<'_>) -> Taken,
    /// Prints it as the file would say it.
    pub(super) print: Print,
}

/// How an option is printed.
#[derive(Clone, Copy)]
pub(super) enum Print {
    /// It only holds others.
    Nothing,
    /// From the configuration.
    File(fn(&Config, &mut Printer<'_>)),
    /// From the definition of a job.
    Job(fn(&JobSpec, &mut Printer<'_>)),
}

/// For each first letter the number of the first row whose name begins with it, and for each row the next one. A
/// parser asks for every line, so it does not look at the whole table.
struct Index {
    first: [usize; 256],
    next: [usize; COUNT],
    required: [bool; COUNT],
}

static INDEX: Index = index();

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const fn index() -> Index {
    let (mut first, mut next, mut row) = ([COUNT; 256], [COUNT; COUNT], COUNT);
    let mut required = [false; COUNT];
    while row > 0 {
        row -= 1;
        let letter = TABLE[row].words[0].as_bytes()[0] as usize;
        (next[row], first[letter]) = (first[letter], row);
        required[row] = TABLE[row].required;
    }
    Index { first, next, required }
}

/// The options without which a block of this kind is incomplete.
pub(super) fn required(scope: Scope) -> impl Iterator<Item = &'static OptionRow> {
    let required = INDEX.required.iter().zip(&TABLE).filter(|(is_required, _)| **is_required);
    required.map(|(_, row)| row).filter(move |row| row.scope == scope)
}

/// The options whose first word is this one.
pub(super) fn beginning_with(word: &[u8]) -> impl Iterator<Item = &'static OptionRow> {
    let letter = word.first().and_then(|letter| INDEX.first.get(usize::from(*letter)));
    let rows = std::iter::successors(letter, |row| INDEX.next.get(**row));
    let rows = rows.map_while(|row| TABLE.get(*row));
    rows.filter(move |row| row.words.first().is_some_and(|known| known.as_bytes() == word))
}

/// Any number of arguments.
pub const ANY: usize = usize::MAX;

impl Scope {
    /// Where a misplaced option of this scope belongs.
    pub(super) fn belongs(self) -> &'static str {
        match self {
            Scope::File => "outside all jobs",
            Scope::Job | Scope::Template | Scope::Defaults => "in a job, between `job {` and `}`",
        }
    }

    /// Whose options are allowed here.
    pub(super) fn of_options(self) -> Scope {
        match self {
            Scope::File => Scope::File,
            Scope::Job | Scope::Template | Scope::Defaults => Scope::Job,
        }
    }

    /// Why an option of a job is not allowed here.
    pub(super) fn refuses(self, key: Key) -> Option<&'static str> {
        match self {
            Scope::File | Scope::Job => None,
            Scope::Template => (key == Key::Name)
                .then_some("a template has its name before the brace, and each job has its own"),
            Scope::Defaults if key == Key::Name => Some("each job has its own name"),
            Scope::Defaults if key == Key::Cmd => Some("each job has its own command, or that of a template"),
            Scope::Defaults if matches!(key, Key::Like | Key::Instances | Key::Each) => {
                Some("write it into the jobs that need it, or into a template")
            }
            Scope::Defaults => None,
        }
    }

    /// The options that are allowed here.
    pub fn options(self) -> impl Iterator<Item = &'static OptionRow> {
        TABLE.iter().filter(move |row| row.scope == self)
    }
}

impl Key {
    /// How the option is written.
    pub(super) fn usage(self) -> String {
        TABLE.get(self as usize).map(OptionRow::usage).unwrap_or_default()
    }
}

impl OptionRow {
    /// Its name in the file: `bounce every`.
    pub fn keyword(&self) -> String {
        self.words.join(" ")
    }

    /// How it is written: `bounce every INTERVAL`.
    pub fn usage(&self) -> String {
        let mut usage = self.keyword();
        if !self.arguments.is_empty() {
            usage.push(' ');
            usage.push_str(self.arguments);
        }
        usage
    }
}

impl fmt::Debug for OptionRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::model::Difference;

    #[test]
    fn each_row_stands_at_the_index_of_its_key() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.key as usize, index, "{:?}", row.key);
        }
    }

    #[test]
    fn each_row_is_complete_and_its_name_belongs_to_it_alone() {
        for row in &TABLE {
            assert!(!row.words.is_empty() && !row.help.is_empty(), "{:?}", row.key);
            assert_eq!(
                row.arguments.is_empty(),
                row.count == (0, 0) && row.block == Block::Never,
                "{:?}",
                row.key
            );
            assert_eq!(
                row.scope.options().filter(|other| other.words == row.words).count(),
                1,
                "{:?}",
                row.key
            );
        }
    }

    #[test]
    fn usage_shows_an_option_as_it_is_written() {
        let usages: Vec<String> = TABLE.iter().map(OptionRow::usage).collect();
        assert!(usages.contains(&"bounce every INTERVAL".to_owned()));
        assert!(usages.contains(&"wait".to_owned()));
    }

    #[test]
    fn a_change_of_an_option_alone_lets_the_process_run_on_or_not_as_its_row_says() {
        let text = include_str!("../../../tests/config/good-every-option.conf");
        let read = |text: &[u8]| config::parse(text).unwrap().config.jobs.remove(0);
        let job = read(text.as_bytes());
        let print = |row: &OptionRow| {
            let mut text = Vec::new();
            match row.print {
                Print::Job(print) => print(&job, &mut Printer::new(row.keyword(), "", &mut text)),
                Print::File(_) | Print::Nothing => {}
            }
            text
        };
        let mut compared = 0;
        for row in Scope::Job.options().filter(|row| matches!(row.print, Print::Job(_))) {
            assert!(!print(row).is_empty(), "the file lacks {}", row.keyword());
            let mut text = b"job {\n".to_vec();
            Scope::Job
                .options()
                .filter(|other| other.key != row.key)
                .for_each(|other| text.extend(print(other)));
            if row.required {
                text.extend(format!("{} /other\n", row.keyword()).into_bytes());
            }
            text.extend(b"}\n");
            let other = read(&text);
            let changes = match job.compare(&other) {
                // A new name makes another job.
                Difference::None => (job.name != other.name).then_some(Changes::Process),
                Difference::Policy => Some(Changes::Rules),
                Difference::Run => Some(Changes::Process),
            };
            assert_eq!(changes, Some(row.changes), "{}", row.keyword());
            compared += 1;
        }
        assert!(compared >= 30, "only {compared} options");
    }

    #[test]
    fn what_other_programs_call_an_option_is_no_option_of_the_same_block() {
        for row in &TABLE {
            let taken = |also: &&&str| row.scope.options().any(|other| other.keyword() == **also);
            assert_eq!(row.also.iter().find(taken), None, "{:?}", row.key);
        }
    }
}

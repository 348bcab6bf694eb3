//! What the options mean: takes them one by one and makes the configuration of them. Each kind of block has a builder
//! of its own.

mod file;
mod given;
mod interner;
mod job;
mod surroundings;

pub(super) use file::Direction;
pub(super) use given::{Given, Taken, ValueError, set};

use super::errors::{Fault, Mistakes};
use super::options::{Key, OptionRow, Scope};
use super::places::{OfWord, Places};
use super::text::{Line, SourceFiles, Span, Word};
use super::values;
use super::{Aim, Parsed};
use crate::model::{JobName, JobSpec, Launch, Mistake};
use file::FileBlock;
use job::{JobBlock, keep_last_of_each_variable};

/// The configuration so far: a builder for each kind of block.
pub(super) struct Builder {
    aim: Aim,
    places: Places,
    pub(super) file: FileBlock,
    /// The job whose block is open.
    pub(super) job: JobBlock,
}

impl Builder {
    /// For a text of this length.
    pub(super) fn new(bytes: usize, aim: Aim) -> Builder {
        let file = FileBlock::with_room_for(bytes);
        Builder { aim, places: Places::default(), file, job: JobBlock::default() }
    }

    /// Begins a block of options; an error if it is the first one too many.
    pub(super) fn open(&mut self, scope: Scope) -> Result<(), String> {
        match scope {
            Scope::File => Ok(()),
            Scope::Job => {
                self.job = JobBlock::default();
                self.file.add_job()
            }
        }
    }

    /// Takes an option with its arguments, whose number is right, or one line of its block of words.
    pub(super) fn take(&mut self, row: &OptionRow, mut given: Given<'_>) -> Result<(), Fault> {
        self.place(row.key, given.words, given.line);
        match (row.take)(self, &mut given) {
            Ok(()) => Ok(()),
            Err(ValueError::Word(what)) => Err(Fault::new(given.span(), what)),
            Err(ValueError::At(fault)) => Err(fault),
        }
    }

    /// The name of what the open block of this kind defines, if it has one.
    pub(super) fn name_of(&self, scope: Scope) -> Option<&JobName> {
        match scope {
            Scope::File => None,
            Scope::Job => self.job.name.as_ref(),
        }
    }

    /// Ends a block that is complete and begins with this keyword.
    pub(super) fn close(&mut self, scope: Scope, keyword: (Line, Span), mistakes: &mut Mistakes) {
        match scope {
            Scope::File => {}
            Scope::Job => self.close_job(keyword, mistakes),
        }
    }

    fn close_job(&mut self, keyword: (Line, Span), mistakes: &mut Mistakes) {
        let JobBlock { mut draft, name, places, .. } = std::mem::take(&mut self.job);
        if let Err(what) = self.file.add_depends(&draft) {
            return mistakes.add_to_line(keyword.0, keyword.1, || what);
        }
        // Of a file with a mistake nothing is applied, so nothing needs to be kept.
        if !mistakes.has_errors()
            && let Some(name) = name
        {
            keep_last_of_each_variable(&mut draft.env);
            let policy = self.file.policies.of(std::mem::take(&mut draft.policy));
            let attributes = self.file.attributes.of(std::mem::take(&mut draft.attributes));
            let launch = Launch::new(draft, attributes);
            self.file.config.jobs.push(JobSpec { name, launch, policy });
            if self.aim == Aim::Check {
                self.places.add(keyword.0, keyword.1, places);
            }
        }
    }

    /// The configuration that these files hold, with these warnings.
    pub(super) fn finish(self, warnings: Vec<Mistake>, sources: SourceFiles) -> Parsed {
        Parsed { config: self.file.config, warnings, places: self.places.of(sources) }
    }

    /// Notes where these words of an option are.
    fn place(&mut self, key: Key, words: &[Word], line: Line) {
        if self.aim == Aim::Check {
            self.job.places.extend(words.iter().map(|word| OfWord { key, line, word: *word }));
        }
    }

    /// `name`.
    pub(super) fn name(&mut self, given: &Given<'_>) -> Taken {
        let name = values::name(&given.value())?;
        self.job.name = Some(name.clone());
        Ok(self.file.add_name(name, given.line_number())?)
    }
}

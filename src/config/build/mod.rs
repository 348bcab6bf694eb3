//! What the options mean: takes them one by one and makes the configuration of them. Each kind of block has a builder
//! of its own.
//!
//! The lines of a block are kept until it ends. A job that needs what may come later is built after the last file, and
//! so is everything after it.

mod assembly;
mod copies;
mod expand;
mod file;
mod given;
mod interner;
mod job;
mod lines;
mod link;
mod rules;
mod shared;
mod take;
mod taking;

pub(super) use file::Direction;
pub(super) use given::{Given, Taken, set};
pub(super) use rules::{command, ends, successes};
pub(super) use take::{Closing, FileState};

use super::places::Places;
use super::text::{Environment, SourceFiles};
use super::{Aim, Parsed};
use crate::model::{JobName, Mistake};
use assembly::{JobAssembly, PendingJob};
use expand::Variables;
use file::FileBlock;
use job::JobBlock;
use lines::LineArena;
use shared::SharedBlocks;
use std::collections::VecDeque;
use std::rc::Rc;
use take::Open;

/// The configuration so far: a builder for each kind of block.
pub(super) struct Builder {
    aim: Aim,
    places: Places,
    pub(super) file: FileBlock,
    /// The job that is being built.
    pub(super) job: JobBlock,
    pub(super) variables: Variables,
    lines: LineArena,
    shared: SharedBlocks,
    /// The block that is open.
    open: Option<Open>,
    /// The name of the template whose block begins.
    heading: Option<JobName>,
    /// Whether there may be something to expand in the file that is being read.
    may_expand: bool,
    /// The lines of `include` with a `%{`.
    patterns: Vec<u32>,
    /// What is built after the last file, in the order of the files.
    waiting: VecDeque<Deferred>,
    assembly: JobAssembly,
    /// Whether templates know what they are like.
    is_linked: bool,
}

/// What waits for the end of the last file.
enum Deferred {
    /// An option of the file: the number of its line.
    Line(u32),
    /// A job.
    Job(PendingJob),
}

impl Builder {
    /// For a main file of this length.
    pub(super) fn new(bytes: usize, environment: Rc<Environment>, aim: Aim) -> Builder {
        Builder {
            aim,
            places: Places::default(),
            file: FileBlock::with_room_for(bytes),
            job: JobBlock::default(),
            variables: Variables::new(environment),
            lines: LineArena::default(),
            shared: SharedBlocks::default(),
            open: None,
            heading: None,
            may_expand: false,
            patterns: Vec::new(),
            waiting: VecDeque::new(),
            assembly: JobAssembly::default(),
            is_linked: false,
        }
    }

    /// The configuration that these files hold, with these warnings.
    pub(super) fn finish(self, warnings: Vec<Mistake>, sources: SourceFiles) -> Parsed {
        Parsed { config: self.file.config, warnings, places: self.places.of(sources) }
    }
}

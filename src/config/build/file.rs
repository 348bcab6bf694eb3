//! The builder of what is outside all jobs, and the limits that hold for all jobs together.

use super::given::{Given, Taken};
use super::interner::Interner;
use crate::config::errors::Shown;
use crate::config::text::Spot;
use crate::config::values;
use crate::model::{Attributes, Config, Endpoint, JobDraft, JobName, Policy};
use std::collections::{BTreeMap, HashMap};

/// A file has no more jobs than this.
const MAX_JOBS: usize = 65_536;
/// What a common job takes in a file. For jobs that are larger there is room for the names from the start.
const COMMON_BYTES: usize = 128;
/// A file has no more addresses than this to listen on, and no more to report to.
const MAX_ENDPOINTS: usize = 256;
/// All jobs of a file together name no more files of `depends` than this, and their paths, each with the directory
/// that it is relative to, have no more bytes than that.
const MAX_DEPENDS: usize = 65_536;
const MAX_DEPENDS_BYTES: usize = 16 << 20;

/// The file as a whole.
#[derive(Default)]
pub(in crate::config) struct FileBlock {
    pub(in crate::config) config: Config,
    /// How many jobs the file has so far.
    jobs: usize,
    /// The files of `depends` of all jobs, and the bytes of their names.
    depends: (usize, usize),
    /// The lines of all names so far, and whether they are names of copies: one block of memory, which leaves no holes
    /// among the definitions.
    names: HashMap<JobName, (Spot, bool)>,
    /// The lines of all endpoints so far.
    endpoints: BTreeMap<(Direction, Endpoint), Spot>,
    /// Whether the line that is being taken includes other files.
    includes: bool,
    pub(super) policies: Interner<Policy>,
    pub(super) attributes: Interner<Attributes>,
}

/// Which way datagrams go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::config) enum Direction {
    /// Commands come in.
    Listen,
    /// Reports go out.
    Report,
}

impl FileBlock {
    /// For a text of this length.
    pub(super) fn with_room_for(bytes: usize) -> FileBlock {
        let names = HashMap::with_capacity((bytes / COMMON_BYTES).min(MAX_JOBS));
        FileBlock { names, ..FileBlock::default() }
    }

    /// Counts a job; an error for the first one too many.
    pub(super) fn add_job(&mut self) -> Result<(), String> {
        self.jobs += 1;
        // Reported once: the others follow from it.
        match self.jobs == MAX_JOBS + 1 {
            true => Err(format!(
                "a file can have at most {MAX_JOBS} jobs, and this is one more: run a second pmtr with its own file"
            )),
            false => Ok(()),
        }
    }

    /// Notes the name of a job, which no other has. If it has copies, it is the beginning of their names, and no job
    /// has that name.
    pub(super) fn add_name(
        &mut self,
        name: JobName,
        has_copies: bool,
        given: &Given<'_>,
    ) -> Result<(), String> {
        let Some((first, is_of_copies)) = self.names.get(&name) else {
            self.names.insert(name, (given.spot(), has_copies));
            return Ok(());
        };
        if given.is_read_again(*first) {
            return Err("this file is read twice: an `include` leads to it again".to_owned());
        }
        let (name, first) = (Shown(name.as_bytes()), given.name_of(*first));
        match is_of_copies {
            false => Err(format!("two jobs are named {name}: the first is on {first}")),
            true => {
                Err(format!("{name} means all copies of the job on {first}: no other job can have this name"))
            }
        }
    }

    /// `include`.
    pub(in crate::config) fn include(&mut self, given: &Given<'_>) -> Taken {
        self.includes = true;
        match given.value().is_empty() {
            true => Err("expected a pattern, not an empty word".into()),
            false => Ok(()),
        }
    }

    /// Whether the last line was an `include`.
    pub(in crate::config) fn take_include(&mut self) -> bool {
        std::mem::take(&mut self.includes)
    }

    /// `listen on` and `report to`.
    pub(in crate::config) fn endpoint(&mut self, direction: Direction, given: &mut Given<'_>) -> Taken {
        let endpoint = values::endpoint(&given.value(), direction == Direction::Report)?;
        let place = (direction, endpoint);
        if let Some(first) = self.endpoints.get(&place) {
            let first = given.name_of(*first);
            given.warn(|| format!("this address is already on {first}: this line has no effect"));
            return Ok(());
        }
        let (list, what) = match direction {
            Direction::Listen => (&mut self.config.listen, "to listen on"),
            Direction::Report => (&mut self.config.report, "to report to"),
        };
        // Reported once, by the first that is too many.
        if list.len() > MAX_ENDPOINTS {
            return Ok(());
        }
        list.push(place.1.clone());
        self.endpoints.insert(place, given.spot());
        match list.len() > MAX_ENDPOINTS {
            true => {
                Err(format!("a file can have at most {MAX_ENDPOINTS} addresses {what}, and this is one more")
                    .into())
            }
            false => Ok(()),
        }
    }

    /// Adds the files of one more job; an error if they are the first too many.
    pub(super) fn add_depends(&mut self, draft: &JobDraft) -> Result<(), String> {
        let before = self.depends;
        let dir = draft.dir.as_ref().map_or(0, Vec::len);
        let bytes = |file: &[u8]| file.len() + if file.starts_with(b"/") { 0 } else { dir + 1 };
        let files = draft.depends.len();
        let all = draft.depends.iter().map(bytes).sum::<usize>();
        self.depends = (before.0.saturating_add(files), before.1.saturating_add(all));
        let fits = |(files, bytes): (usize, usize)| files <= MAX_DEPENDS && bytes <= MAX_DEPENDS_BYTES;
        if !fits(before) || fits(self.depends) {
            return Ok(());
        }
        Err(format!(
            "with this job, all `depends` blocks together name more than {MAX_DEPENDS} files or {} MiB of paths: \
             let some jobs depend on one file that you touch",
            MAX_DEPENDS_BYTES >> 20
        ))
    }
}

//! Everything that waits to be sent: pmtr's own lines and those of each job, and whose turn it is.
//!
//! pmtr's lines come first, then the jobs in turn, one line each: a job that floods delays and displaces only its own
//! lines.

use super::line::LogLine;
use super::ring::{READERS, Ring, RingItem};
use crate::model::JobName;
use crate::sys::memory;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

/// How many lines of pmtr itself are kept.
pub(super) const MAIN_LINES: usize = 4_096;
/// How many lines of pmtr itself are kept when memory is short.
const MAIN_LINES_IN_NEED: usize = 256;
/// How many lines of one job are kept.
pub(super) const JOB_LINES: usize = 256;
/// How many lines of one job are kept when all jobs together have more than `JOBS_BYTES`.
const JOB_LINES_IN_NEED: usize = 8;
/// A thousand jobs with full rings of long lines would otherwise use 600 MB.
const JOBS_BYTES: usize = 16 << 20;

/// The origin of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// pmtr.
    Main,
    /// The job of this name.
    Job(JobName),
}

/// Everything that waits.
pub(super) struct Backlog {
    present: [bool; READERS],
    main: Ring,
    /// Rings exist only while they hold something.
    jobs: BTreeMap<JobName, Ring>,
    jobs_bytes: usize,
    turns: [JobTurns; READERS],
    /// How many lines have come so far.
    newest: u64,
}

/// Which job's turn it is with one reader.
#[derive(Default)]
struct JobTurns {
    /// Exactly the jobs whose rings have something for this reader.
    waiting: BTreeSet<JobName>,
    /// The job that had the last turn.
    last: Option<JobName>,
}

impl Backlog {
    pub(super) fn new(present: [bool; READERS]) -> Backlog {
        Backlog {
            present,
            main: Ring::new(present),
            jobs: BTreeMap::new(),
            jobs_bytes: 0,
            turns: Default::default(),
            newest: 0,
        }
    }

    /// Keeps a line of pmtr's own.
    pub(super) fn push_main(&mut self, line: LogLine) {
        self.newest = self.newest.wrapping_add(1);
        self.main.push(line, main_limit());
    }

    /// Keeps a line of a job.
    pub(super) fn push_job(&mut self, name: &JobName, line: LogLine) {
        self.newest = self.newest.wrapping_add(1);
        let limit = self.job_limit();
        let present = self.present;
        let ring = self.jobs.entry(name.clone()).or_insert_with(|| Ring::new(present));
        let change = ring.push(line, limit);
        self.jobs_bytes = self.jobs_bytes.saturating_add_signed(change);
        for reader in 0..READERS {
            self.note_turn(name, reader);
        }
        self.drop_idle(name);
    }

    /// The number of the newest line. If it differs from an earlier one, there are new lines.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// What this reader gets next, and whose it is.
    pub(super) fn next(&self, reader: usize) -> Option<(Speaker, RingItem<'_>)> {
        if let Some(next) = self.main.next(reader) {
            return Some((Speaker::Main, next));
        }
        let turns = self.turns.get(reader)?;
        let after = turns
            .last
            .as_ref()
            .and_then(|last| turns.waiting.range::<JobName, _>((Excluded(last), Unbounded)).next());
        let name = after.or_else(|| turns.waiting.first())?;
        let next = self.jobs.get(name)?.next(reader)?;
        Some((Speaker::Job(name.clone()), next))
    }

    /// The reader has taken what `next` returned of this speaker.
    pub(super) fn advance(&mut self, speaker: &Speaker, reader: usize) {
        let Speaker::Job(name) = speaker else {
            self.main.advance(reader);
            return;
        };
        if let Some(ring) = self.jobs.get_mut(name) {
            // Reporting a loss is not a turn: the next line belongs to it.
            let told = matches!(ring.next(reader), Some(RingItem::Lost(_)));
            self.jobs_bytes = self.jobs_bytes.saturating_sub(ring.advance(reader));
            if let Some(turns) = self.turns.get_mut(reader).filter(|_| !told) {
                turns.last = Some(name.clone());
            }
        }
        self.note_turn(name, reader);
        self.drop_idle(name);
    }

    /// The reader will never come back.
    pub(super) fn retire(&mut self, reader: usize) {
        if let Some(present) = self.present.get_mut(reader) {
            *present = false;
        }
        self.main.retire(reader);
        for ring in self.jobs.values_mut() {
            self.jobs_bytes = self.jobs_bytes.saturating_sub(ring.retire(reader));
        }
        self.jobs.retain(|_, ring| !ring.is_idle());
        if let Some(turns) = self.turns.get_mut(reader) {
            *turns = JobTurns::default();
        }
    }

    /// This reader loses the lines of jobs that it has not got; they are counted.
    pub(super) fn lose_job_lines(&mut self, reader: usize) {
        for ring in self.jobs.values_mut() {
            self.jobs_bytes = self.jobs_bytes.saturating_sub(ring.lose(reader));
        }
    }

    /// Whether something waits for this reader.
    pub(super) fn has(&self, reader: usize) -> bool {
        self.main.next(reader).is_some() || self.has_job_lines(reader)
    }

    /// Whether lines of jobs wait for this reader.
    pub(super) fn has_job_lines(&self, reader: usize) -> bool {
        self.turns.get(reader).is_some_and(|turns| !turns.waiting.is_empty())
    }

    /// Whether one more line of this job would displace one that the reader has not got.
    pub(super) fn is_full(&self, name: &JobName, reader: usize) -> bool {
        self.jobs.get(name).is_some_and(|ring| ring.waiting(reader) >= self.job_limit())
    }

    /// How many of pmtr's lines can be added before this reader loses one.
    pub(super) fn room(&self, reader: usize) -> usize {
        main_limit().saturating_sub(self.main.waiting(reader))
    }

    /// How many of pmtr's lines can be added before any is dropped.
    pub(super) fn room_of_all(&self) -> usize {
        main_limit().saturating_sub(self.main.len())
    }

    /// How many lines of one job are kept at the moment.
    fn job_limit(&self) -> usize {
        if self.jobs_bytes >= JOBS_BYTES { JOB_LINES_IN_NEED } else { JOB_LINES }
    }

    fn note_turn(&mut self, name: &JobName, reader: usize) {
        let waits = self.jobs.get(name).is_some_and(|ring| ring.next(reader).is_some());
        let Some(turns) = self.turns.get_mut(reader) else { return };
        if !waits {
            turns.waiting.remove(name);
        } else if !turns.waiting.contains(name) {
            turns.waiting.insert(name.clone());
        }
    }

    fn drop_idle(&mut self, name: &JobName) {
        if self.jobs.get(name).is_some_and(Ring::is_idle) {
            self.jobs.remove(name);
        }
    }

    /// What is kept at the moment: rings of jobs, their bytes, places in pmtr's own ring.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize, usize) {
        (self.jobs.len(), self.jobs_bytes, self.main.capacity())
    }
}

/// How many lines of pmtr itself are kept at the moment.
fn main_limit() -> usize {
    if memory::is_short() { MAIN_LINES_IN_NEED } else { MAIN_LINES }
}

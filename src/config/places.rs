//! The place of each value in the text of a configuration, so that a warning can point at it.

use super::errors::{Fault, excerpt};
use super::options::Key;
use super::text::{Line, SourceFiles, Span, Word};
use super::values;
use crate::model::{Mistake, Resource, Severity};
use std::rc::Rc;

/// The places of all jobs and of the words that their options were given. Empty unless they were asked for.
#[derive(Clone, Debug, Default)]
pub struct Places {
    sources: SourceFiles,
    jobs: Vec<OfJob>,
    words: Vec<OfWord>,
}

/// Where a job begins, and which of the words are its own.
#[derive(Clone, Copy, Debug)]
struct OfJob {
    line: Line,
    keyword: Span,
    first: usize,
    end: usize,
}

/// A word that an option was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfWord {
    pub(super) key: Key,
    pub(super) line: Line,
    pub(super) word: Word,
}

impl Places {
    /// These places, in these files.
    pub(super) fn of(self, sources: SourceFiles) -> Places {
        Places { sources, ..self }
    }

    pub(super) fn add(&mut self, line: Line, keyword: Span, words: Vec<OfWord>) {
        let first = self.words.len();
        self.words.extend(words);
        self.jobs.push(OfJob { line, keyword, first, end: self.words.len() });
    }

    /// Adds a copy of the last job: it has the same lines.
    pub(super) fn add_copy(&mut self) {
        self.jobs.extend(self.jobs.last().copied());
    }

    /// The line on which this job begins, counting jobs from zero.
    pub fn line(&self, job: usize) -> u32 {
        self.jobs
            .get(job)
            .map_or(0, |job| excerpt::line_of(self.sources.text_of(job.line), job.line, job.keyword))
    }

    /// The name of the file in which this job is.
    pub fn file(&self, job: usize) -> Rc<[u8]> {
        let line = self.jobs.get(job).map(|job| job.line).unwrap_or_default();
        self.sources.of(line).name
    }

    /// The word of this number that an option of a job was given, as it was written.
    pub fn written(&self, job: usize, key: Key, nth: usize) -> &[u8] {
        self.words(job, key)
            .nth(nth)
            .map_or(&[], |place| place.word.span.of(self.sources.text_of(place.line)))
    }

    /// A warning that points at that word, or at the job where there is no such word.
    pub fn warning(&self, job: usize, key: Key, nth: usize, what: String) -> Mistake {
        self.warning_at(job, self.words(job, key).nth(nth), what)
    }

    /// A warning that points at the last limit of this resource.
    pub fn warning_of_limit(&self, job: usize, resource: Resource, what: String) -> Mistake {
        let of_resource = |place: &&OfWord| {
            values::resource(&place.word.value(self.sources.text_of(place.line))) == Some(resource)
        };
        self.warning_at(job, self.words(job, Key::Ulimit).filter(of_resource).last(), what)
    }

    fn warning_at(&self, job: usize, word: Option<&OfWord>, what: String) -> Mistake {
        let place = match (word, self.jobs.get(job)) {
            (Some(place), _) => Some((place.line, place.word.span)),
            (None, Some(job)) => Some((job.line, job.keyword)),
            (None, None) => None,
        };
        match place {
            Some((line, span)) => {
                excerpt::mistake(&self.sources.of(line), Severity::Warning, line, Fault::new(span, what))
            }
            None => Mistake::of_file(self.sources.of(Line::default()).name, Severity::Warning, what),
        }
    }

    fn words(&self, job: usize, key: Key) -> impl Iterator<Item = &OfWord> {
        let of_job =
            self.jobs.get(job).and_then(|job| self.words.get(job.first..job.end)).unwrap_or_default();
        of_job.iter().filter(move |place| place.key == key)
    }
}

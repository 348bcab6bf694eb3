//! Puts jobs together from their lines, those of templates and those of defaults.

use super::copies::{Copies, WhichCopy};
use super::expand::Meaning;
use super::given::Given;
use super::job::keep_last_of_each_variable;
use super::lines::LineRange;
use super::shared::{JobPart, PartKind, PartLine, effective};
use super::take::Closing;
use super::taking::Taking;
use super::{Builder, Deferred};
use crate::config::errors::{Fault, LineView, Mistakes, Shown};
use crate::config::options::{Key, OptionRow};
use crate::config::text::{Line, SourceId, Span};
use crate::config::{Aim, values};
use crate::model::{JobName, JobSpec, Launch};
use std::rc::Rc;

/// All lines of all jobs, each after expansion, have no more bytes than this.
const MAX_TEXT_BYTES: usize = 64 << 20;

/// A job that is not built yet.
pub(super) struct PendingJob {
    pub(super) lines: LineRange,
    /// The last of the defaults that hold for it.
    pub(super) defaults: Option<u32>,
    pub(super) closing: Closing,
}

/// The job that is being put together, one copy after the other.
#[derive(Default)]
pub(super) struct JobAssembly {
    job: Option<PendingJob>,
    parts: Vec<JobPart>,
    lines: Vec<PartLine>,
    /// The line of `name`.
    name_line: Option<u32>,
    name: Option<JobName>,
    copies: Copies,
    pub(super) next: u32,
    /// Memory to pack definitions in.
    room: Vec<u8>,
    /// The bytes of all lines so far.
    bytes: usize,
    /// The last place at which rules contradict each other.
    contradiction: Option<(Line, Span)>,
    /// Whether something is too large, so that nothing else is built.
    pub(super) is_over: bool,
    /// The file of the last line, and its text.
    pub(super) source: Option<(SourceId, Rc<Vec<u8>>)>,
}

impl JobAssembly {
    /// Notes that this many bytes were looked at.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Builder {
    /// Builds for about as long as view this many bytes takes; false if there is nothing left to build.
    pub(in crate::config) fn go_on(&mut self, bytes: usize, mistakes: &mut Mistakes) -> bool {
        if !std::mem::replace(&mut self.is_linked, true) {
            self.link(mistakes);
        }
        let end = self.assembly.bytes.saturating_add(bytes);
        while self.assembly.bytes < end {
            if self.assembly.job.is_some() {
                self.next_copy(mistakes);
                continue;
            }
            match self.waiting.pop_front() {
                None => return false,
                Some(Deferred::Line(line)) => {
                    self.take_line(line, &Taking::default(), mistakes);
                    let place =
                        self.lines.get(line).and_then(|(option, words)| Some((option.line, words.first()?)));
                    if let Some((line, word)) = place {
                        let span = word.span;
                        self.is_over((line, span), mistakes);
                    }
                }
                Some(Deferred::Job(job)) => self.begin(job, mistakes),
            }
        }
        true
    }

    /// Builds a job at once.
    pub(super) fn assemble(&mut self, job: PendingJob, mistakes: &mut Mistakes) {
        let last = mistakes.last();
        if job.defaults.is_none() {
            self.assemble_alone(&job, mistakes);
        } else {
            self.begin(job, mistakes);
            while self.assembly.job.is_some() {
                self.next_copy(mistakes);
            }
        }
        mistakes.set_last(last);
    }

    /// Builds a job that has nothing but its own lines, as most have: the fast way.
    fn assemble_alone(&mut self, job: &PendingJob, mistakes: &mut Mistakes) {
        if self.assembly.is_over {
            return;
        }
        let (lines, text) = (std::mem::take(&mut self.lines), self.text(job.closing.line, mistakes));
        self.assembly.next = 0;
        self.job.reset();
        for (option, words) in job.lines.numbers().filter_map(|line| lines.get(line)) {
            mistakes.set_last(option.told.then_some(option.line));
            self.take_as_written(option, words, &text, mistakes);
        }
        self.lines = lines;
        let name = self.job.name.take();
        if !job.closing.missing.is_empty() {
            lack(name.as_ref(), job, &job.closing.missing, mistakes);
        }
        if !self.is_over((job.closing.line, job.closing.keyword), mistakes) {
            self.finish_job(job, name, mistakes);
        }
    }

    /// Finds the lines of a job, and how many copies it has.
    fn begin(&mut self, job: PendingJob, mistakes: &mut Mistakes) {
        if self.assembly.is_over {
            return;
        }
        let like = self.like(job.lines, mistakes);
        let templates = self.shared.find(&like, mistakes);
        let mut parts = std::mem::take(&mut self.assembly.parts);
        let looked_at = self.shared.parts(job.defaults, &templates, job.lines, &mut parts);
        self.assembly.spend(looked_at);
        let mut lines = std::mem::take(&mut self.assembly.lines);
        effective(&parts, &self.lines, &mut lines);
        (self.assembly.parts, self.assembly.lines) = (parts, lines);

        self.job.reset();
        // A job with a line of these is one with copies.
        self.take_all(|key| matches!(key, Key::Instances | Key::Each), true, mistakes);
        self.take_all(|key| key == Key::Name, self.job.has_copies(), mistakes);
        self.assembly.copies = std::mem::take(&mut self.job.copies);
        self.assembly.name = self.job.name.take();
        self.assembly.next = 0;
        let key = |line: &PartLine| self.lines.get(line.line).map(|(option, _)| option.row.key);
        let is_given = |wanted: Key| self.assembly.lines.iter().any(|line| key(line) == Some(wanted));
        let name_line = self.assembly.lines.iter().find(|line| key(line) == Some(Key::Name));
        self.assembly.name_line = name_line.map(|line| line.line);
        let missing: Vec<_> = job.closing.missing.iter().copied().filter(|row| !is_given(row.key)).collect();
        if !missing.is_empty() && templates.len() == like.len() {
            lack(self.assembly.name.as_ref(), &job, &missing, mistakes);
        }
        self.assembly.job = Some(PendingJob { closing: Closing { missing, ..job.closing }, ..job });
    }

    /// Builds the next copy of the job.
    fn next_copy(&mut self, mistakes: &mut Mistakes) {
        let Some(job) = self.assembly.job.take() else { return };
        let copy = self.assembly.copies.get(self.assembly.next);
        let Some(copy) = copy.filter(|_| !self.assembly.is_over) else { return };
        self.job.reset();
        let name = self.copy_name(&copy, mistakes);
        self.take_copy(&copy, name.as_ref(), mistakes);
        if self.is_over((job.closing.line, job.closing.keyword), mistakes) {
            return;
        }
        self.finish_job(&job, name, mistakes);
        self.assembly.next = self.assembly.next.saturating_add(1);
        if self.assembly.next < self.assembly.copies.len() {
            self.assembly.job = Some(job);
        }
    }

    /// The name of a copy, which no other job has.
    fn copy_name(&mut self, copy: &WhichCopy, mistakes: &mut Mistakes) -> Option<JobName> {
        let base = self.assembly.name.clone()?;
        let Some(suffix) = copy.suffix() else { return Some(base) };
        let name = [base.as_bytes(), b"-", suffix].concat();
        let (option, words) = self.assembly.name_line.and_then(|line| self.lines.get(line))?;
        let (line, told) = (option.line, option.told);
        let source = mistakes.source_of(line);
        mistakes.begin(line, LineView { told, ..LineView::default() });
        let given = Given::new(&source.text, words, line, mistakes);
        let added = values::name(&name).map_err(|what| format!("{what}: {}", Shown(&name)));
        let added = added.and_then(|name| self.file.add_name(name.clone(), false, &given).map(|()| name));
        let span = given.span();
        let name = added.map_err(|what| mistakes.add(line, Fault::new(span, what))).ok();
        if mistakes.end(line) {
            self.assembly.name_line.iter().for_each(|line| self.lines.tell(*line));
        }
        name
    }

    /// Takes all lines of a copy but those that say how many there are and what it is called.
    fn take_copy(&mut self, copy: &WhichCopy, name: Option<&JobName>, mistakes: &mut Mistakes) {
        let (mut meaning, mut own) = (Meaning { strict: true, ..Meaning::default() }, Meaning::default());
        meaning.name = Some(name.map(JobName::as_bytes).unwrap_or_default());
        match copy {
            WhichCopy::Single => {}
            WhichCopy::Number(number) => {
                meaning.number = Some(number);
                own = meaning;
            }
            WhichCopy::Word(word) => {
                meaning.word = Some(word);
                own = meaning;
            }
        }
        let (parts, lines) =
            (std::mem::take(&mut self.assembly.parts), std::mem::take(&mut self.assembly.lines));
        let mut last_part = None;
        for PartLine { line, part } in &lines {
            let Some(from) = parts.get(*part as usize).map(|part| &part.from) else { continue };
            let Some((option, _)) = self.lines.get(*line) else { continue };
            if matches!(option.row.key, Key::Name | Key::Instances | Key::Each) {
                self.note_place(*line);
                continue;
            }
            if last_part.replace(*part) != Some(*part) {
                self.job.begin_block();
            }
            let is_own = *from == PartKind::Job;
            let meaning = if is_own { own } else { meaning };
            let again = !is_own || self.assembly.next > 0;
            self.take_line(*line, &Taking { from: Some(from), meaning, name, again }, mistakes);
            if self.assembly.bytes > MAX_TEXT_BYTES {
                break;
            }
        }
        (self.assembly.parts, self.assembly.lines) = (parts, lines);
    }

    /// Takes the lines of these options, whose words only variables can be in.
    fn take_all(&mut self, wanted: impl Fn(Key) -> bool, strict: bool, mistakes: &mut Mistakes) {
        for index in 0..self.assembly.lines.len() {
            let Some(PartLine { line, .. }) = self.assembly.lines.get(index).copied() else { return };
            if self.lines.get(line).is_some_and(|(option, _)| wanted(option.row.key)) {
                let meaning = Meaning { strict, ..Meaning::default() };
                self.take_line(line, &Taking { meaning, ..Taking::default() }, mistakes);
            }
        }
    }

    /// Adds a job to the configuration, if it is complete.
    fn finish_job(&mut self, job: &PendingJob, name: Option<JobName>, mistakes: &mut Mistakes) {
        let (line, keyword) = (job.closing.line, job.closing.keyword);
        if let Err(what) = self.file.add_job() {
            self.assembly.is_over = true;
            return mistakes.add_to_line(line, keyword, || what);
        }
        if !job.closing.missing.is_empty() {
            return;
        }
        // Reported once, if it is in a template or of a copy.
        if let Some((line, span, what)) = self.job.contradiction()
            && self.assembly.contradiction.replace((line, span)) != Some((line, span))
        {
            mistakes.add_to_line(line, span, || what.to_owned());
        }
        if let Err(what) = self.file.add_depends(&self.job.draft) {
            return mistakes.add_to_line(line, keyword, || what);
        }
        // Of a file with a mistake nothing is applied, so nothing needs to be kept.
        if !mistakes.has_errors()
            && let Some(name) = name
        {
            let draft = &mut self.job.draft;
            keep_last_of_each_variable(&mut draft.env);
            let policy = self.file.policies.of(&draft.policy);
            let attributes = self.file.attributes.of(&draft.attributes);
            self.job.is_plain =
                self.file.policies.is_default(&policy) && self.file.attributes.is_default(&attributes);
            let last = self.file.config.jobs.last().map(|last| &last.launch);
            let launch = Launch::new(draft, attributes, last, &mut self.assembly.room);
            self.file.config.jobs.push(JobSpec { name, launch, policy });
            match (self.aim, self.assembly.next) {
                (Aim::Apply, _) => {}
                (Aim::Check, 0) => {
                    self.places.add(line, keyword, std::mem::take(&mut self.job.places));
                }
                (Aim::Check, _) => self.places.add_copy(),
            }
        }
    }

    /// Whether there is too much; the first time this is reported, at this place.
    fn is_over(&mut self, (line, span): (Line, Span), mistakes: &mut Mistakes) -> bool {
        if self.assembly.bytes > MAX_TEXT_BYTES && !std::mem::replace(&mut self.assembly.is_over, true) {
            mistakes.add_to_line(line, span, || {
                format!(
                    "with this, the configuration has more than {} MiB of text after all expansion",
                    MAX_TEXT_BYTES >> 20
                )
            });
        }
        self.assembly.is_over
    }

    /// Takes the lines of a block by themselves, but those that need an expansion.
    pub(super) fn look_at(&mut self, lines: LineRange, mistakes: &mut Mistakes) {
        let (last, bytes) = (mistakes.last(), self.assembly.bytes);
        self.job.reset();
        for line in lines.numbers() {
            if self.lines.get(line).is_some_and(|(option, _)| !option.expands) {
                self.take_line(line, &Taking::default(), mistakes);
            }
        }
        self.job.reset();
        // They are no part of a job yet.
        self.assembly.bytes = bytes;
        mistakes.set_last(last);
    }
}

/// Reports what a job needs and does not have.
fn lack(name: Option<&JobName>, job: &PendingJob, missing: &[&OptionRow], mistakes: &mut Mistakes) {
    mistakes.add_to_line(job.closing.line, job.closing.keyword, || {
        let missing = missing.iter().map(|row| format!("`{}`", row.usage()));
        let who = match name {
            None => "this job".to_owned(),
            Some(name) => format!("job {}", Shown(name.as_bytes())),
        };
        format!("{who} needs {}", missing.collect::<Vec<_>>().join(" and "))
    });
}

//! The errors and warnings of one configuration: a place and a reason become a `Mistake` with its line.

use super::{Fault, excerpt};
use crate::config::text::{Line, SourceFile, SourceFiles, SourceId, Span, Spot};
use crate::model::{Clean, Counted, JobName, Mistake, Severity};

/// More errors or warnings than this are only counted.
const KEPT: usize = 1000;

/// The errors and warnings of a configuration.
pub(in crate::config) struct Mistakes {
    sources: SourceFiles,
    errors: Kept,
    warnings: Kept,
    /// The line of the last error.
    last: Option<Line>,
    /// How the line is taken that is being taken.
    view: LineView,
}

/// The first ones of a kind, each with the number of its file.
#[derive(Default)]
struct Kept {
    list: Vec<(SourceId, Mistake)>,
    /// How many came after them.
    more: u64,
}

/// How a line is taken: when and for whom it is taken decides what there is to say about it.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct LineView {
    /// There has been an error in it, so there will be no other.
    pub(in crate::config) told: bool,
    /// Its warnings have been given before.
    pub(in crate::config) warned: bool,
    /// What an error of it says after its text.
    pub(in crate::config) whom: Option<Whom>,
    /// After expansion: where each word is in the expanded line, and where in the text.
    pub(in crate::config) words: Vec<(Span, Span)>,
}

/// The job for which a line is taken that others share.
#[derive(Clone, Debug)]
pub(in crate::config) struct Whom {
    pub(in crate::config) job: JobName,
    /// The template that the line is in.
    pub(in crate::config) like: Option<JobName>,
}

impl Mistakes {
    pub(in crate::config) fn new(sources: SourceFiles) -> Mistakes {
        let (errors, warnings) = (Kept::default(), Kept::default());
        Mistakes { sources, errors, warnings, last: None, view: LineView::default() }
    }

    /// Adds a file that messages can be about, unless there are too many.
    pub(in crate::config) fn add_file(&mut self, file: SourceFile) -> Option<SourceId> {
        self.sources.add(file)
    }

    /// The file in which this line is.
    pub(in crate::config) fn source_of(&self, line: Line) -> SourceFile {
        self.sources.of(line)
    }

    /// Whether there are errors.
    pub(in crate::config) fn has_errors(&self) -> bool {
        !self.errors.list.is_empty()
    }

    /// Whether a further error would only be counted: then no effort for its text is worth while.
    pub(in crate::config) fn is_full(&self) -> bool {
        self.errors.list.len() >= KEPT
    }

    /// A text that costs more than the rest: none if it would not be kept.
    pub(in crate::config) fn text(&self, what: impl FnOnce() -> String) -> String {
        if self.is_full() { String::new() } else { what() }
    }

    /// The line of the last error.
    pub(in crate::config) fn last(&self) -> Option<Line> {
        self.last
    }

    /// Makes this the line of the last error.
    pub(in crate::config) fn set_last(&mut self, last: Option<Line>) {
        self.last = last;
    }

    /// From now on this line is taken, in this way.
    pub(in crate::config) fn begin(&mut self, line: Line, view: LineView) {
        self.last = view.told.then_some(line);
        self.view = view;
    }

    /// The line is taken. Whether an error in it has been reported.
    pub(in crate::config) fn end(&mut self, line: Line) -> bool {
        self.view = LineView::default();
        self.last == Some(line)
    }

    /// Adds an error. In one line the first one counts: the others mostly follow from it.
    pub(in crate::config) fn add(&mut self, line: Line, fault: Fault) {
        self.add_with(line, fault.span, || fault.what);
    }

    /// The same, where the text costs more than the rest: it is made only if it is kept.
    pub(in crate::config) fn add_with(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        if self.last.replace(line) != Some(line) {
            self.add_to_line(line, span, what);
        }
    }

    /// Adds an error although its line may have had one before.
    pub(in crate::config) fn add_to_line(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        let (sources, view) = (&self.sources, &self.view);
        self.errors.add(line.file, || {
            let fault = Fault::new(view.written(span), view.said(what()));
            excerpt::mistake(&sources.of(line), Severity::Error, line, fault)
        });
    }

    /// Adds an error about a file as a whole.
    pub(in crate::config) fn add_of_file(&mut self, file: SourceId, what: &str) {
        let sources = &self.sources;
        self.errors.add(file, || Mistake::of_file(sources.file(file).name, Severity::Error, what));
    }

    /// Adds an error about a file that is not read.
    pub(in crate::config) fn add_mistake(&mut self, file: SourceId, mistake: Mistake) {
        self.errors.add(file, || mistake);
    }

    /// Adds a warning.
    pub(in crate::config) fn warn(&mut self, line: Line, span: Span, what: impl FnOnce() -> String) {
        let (sources, view) = (&self.sources, &self.view);
        if !view.warned {
            self.warnings.add(line.file, || {
                let fault = Fault::new(view.written(span), what());
                excerpt::mistake(&sources.of(line), Severity::Warning, line, fault)
            });
        }
    }

    /// The number of the line on which this is.
    pub(in crate::config) fn line_of(&self, line: Line, span: Span) -> u32 {
        excerpt::line_of(self.sources.text_of(line), line, self.view.written(span))
    }

    /// The line on which this is, in its file.
    pub(in crate::config) fn spot_of(&self, line: Line, span: Span) -> Spot {
        Spot { file: line.file, number: self.line_of(line, span) }
    }

    /// What a message about `line` calls another line: `line 3`, or `line 3 of FILE`.
    pub(in crate::config) fn name_of(&self, spot: Spot, line: Line) -> String {
        match spot.file == line.file {
            true => format!("line {}", spot.number),
            false => format!("line {} of {}", spot.number, Clean(&self.sources.file(spot.file).name)),
        }
    }

    /// Whether these are one file that was read twice.
    pub(in crate::config) fn are_one_file(&self, a: SourceId, b: SourceId) -> bool {
        a != b && self.sources.file(a).name == self.sources.file(b).name
    }

    /// Where this part of the line that is being taken is in the text.
    pub(in crate::config) fn written(&self, span: Span) -> Span {
        self.view.written(span)
    }

    /// All of them in the order of the files, and at the end one of each kind for those that were only counted; and the
    /// files that they are about.
    pub(in crate::config) fn finish(self) -> (Vec<Mistake>, SourceFiles) {
        let counted = [(Severity::Error, self.errors.more), (Severity::Warning, self.warnings.more)];
        let mut list = self.errors.list;
        list.extend(self.warnings.list);
        list.sort_by_key(|(file, mistake)| (*file, mistake.line, mistake.column));
        let mut list: Vec<Mistake> = list.into_iter().map(|(_, mistake)| mistake).collect();
        list.extend(counted.into_iter().filter(|(_, more)| *more > 0).map(|(severity, more)| {
            let what = Counted(more, &format!("more {severity}")).to_string();
            Mistake {
                more: more - 1,
                ..Mistake::of_file(self.sources.of(Line::default()).name, severity, what)
            }
        }));
        (list, self.sources)
    }
}

impl LineView {
    /// Where this part of an expanded line is in the text: of a part of a word, the whole word.
    fn written(&self, span: Span) -> Span {
        let word = |at: u32| {
            let holds = |(expanded, _): &&(Span, Span)| expanded.start <= at && at <= expanded.end;
            self.words.iter().find(holds).map(|(_, written)| *written)
        };
        match (word(span.start), word(span.end)) {
            (Some(first), Some(last)) => first.to(last),
            (Some(_), None) | (None, _) => span,
        }
    }

    fn said(&self, what: String) -> String {
        match &self.whom {
            None => what,
            Some(Whom { job, like: None }) => format!("{what}, in job {job}"),
            Some(Whom { job, like: Some(template) }) => {
                format!("{what}, in job {job}, which is like `{template}`")
            }
        }
    }
}

impl Kept {
    fn add(&mut self, file: SourceId, mistake: impl FnOnce() -> Mistake) {
        match self.list.len() < KEPT {
            true => self.list.push((file, mistake())),
            false => self.more += 1,
        }
    }
}

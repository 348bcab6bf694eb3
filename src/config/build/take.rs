//! Takes the options from the parser: keeps the lines of a block, and does at once what needs not wait.

use super::assembly::PendingJob;
use super::expand::may_expand;
use super::given::{Given, Taken, ValueError};
use super::lines::{LineRange, OptionLine};
use super::{Builder, Deferred};
use crate::config::errors::{Fault, Mistakes, Shown};
use crate::config::labels;
use crate::config::options::{Key, OptionRow, Scope};
use crate::config::suggest;
use crate::config::text::{Line, Span, Word};
use crate::config::values;
use crate::model::JobName;

/// A block that is open.
pub(super) struct Open {
    first: u32,
    /// Whether it needs what may come later.
    waits: bool,
    /// Its name, if it is a template.
    template: Option<JobName>,
}

/// What holds in one file.
#[derive(Clone, Copy)]
pub(in crate::config) struct FileState {
    /// The last of the defaults that hold.
    defaults: Option<u32>,
    /// Whether there may be something to expand.
    may_expand: bool,
}

/// A block that ends.
pub(in crate::config) struct Closing {
    /// Where it begins.
    pub(in crate::config) line: Line,
    pub(in crate::config) keyword: Span,
    /// The options without which it is incomplete.
    pub(in crate::config) missing: Vec<&'static OptionRow>,
}

impl Builder {
    /// A file begins; how it was in the one that includes it.
    pub(in crate::config) fn begin_file(&mut self, text: &[u8]) -> FileState {
        let before = FileState { defaults: self.shared.here(), may_expand: self.may_expand };
        self.may_expand = may_expand(text);
        before
    }

    /// A file has ended, and the one that included it goes on.
    pub(in crate::config) fn end_file(&mut self, before: FileState) {
        self.shared.set_here(before.defaults);
        self.may_expand = before.may_expand;
    }

    /// Begins a block of options.
    pub(in crate::config) fn open(&mut self, scope: Scope) {
        let template = self.heading.take();
        match scope {
            Scope::File => {}
            Scope::Job | Scope::Template | Scope::Defaults => {
                self.open = Some(Open { first: self.lines.len(), waits: false, template });
            }
        }
    }

    /// Takes an option with its arguments, whose number is right, or one line of its block of words.
    pub(in crate::config) fn take(&mut self, row: &'static OptionRow, mut given: Given<'_>) {
        let (text, line) = (given.text, given.line);
        let expands = self.may_expand && given.words.iter().any(|word| may_expand(&word.value(text)));
        let told = given.mistakes.last() == Some(line);
        let mut option = OptionLine::new(row, line, expands, told);
        if row.key == Key::No {
            match taken_back(&given) {
                Ok(key) => option.takes_back = Some(key),
                Err(fault) => return given.mistakes.add(line, fault),
            }
        }
        let of_block = matches!(row.scope, Scope::Job);
        if let Some(open) = self.open.as_mut().filter(|_| of_block) {
            open.waits |= expands || matches!(row.key, Key::Like | Key::Instances | Key::Each);
            self.lines.add(option, given.words);
            return;
        }
        if matches!(row.key, Key::Variable | Key::Include | Key::Template) {
            if row.key == Key::Include && expands {
                self.patterns.push(self.lines.add(option, given.words));
            }
            return self.apply(row, &mut given);
        }
        match expands || !self.waiting.is_empty() {
            true => self.waiting.push_back(Deferred::Line(self.lines.add(option, given.words))),
            false => self.apply(row, &mut given),
        }
    }

    /// Lets an option do what it does.
    pub(super) fn apply(&mut self, row: &OptionRow, given: &mut Given<'_>) {
        match (row.take)(self, given) {
            Ok(()) => {}
            Err(ValueError::Word(what)) => given.mistakes.add(given.line, Fault::new(given.span(), what)),
            Err(ValueError::At(fault)) => given.mistakes.add(given.line, fault),
        }
    }

    /// Ends a block of options.
    pub(in crate::config) fn close(&mut self, scope: Scope, closing: Closing, mistakes: &mut Mistakes) {
        let Some((open, lines)) = self.closed() else { return };
        match scope {
            Scope::File => {}
            Scope::Job => {
                let defaults = self.shared.here();
                let job = PendingJob { lines, defaults, closing };
                match open.waits || !self.waiting.is_empty() || self.shared.expands() {
                    true => self.waiting.push_back(Deferred::Job(job)),
                    false => {
                        self.assemble(job, mistakes);
                        self.lines.truncate(lines.first);
                    }
                }
            }
            Scope::Template => {
                self.look_at(lines, mistakes);
                open.template.iter().for_each(|name| self.shared.add_template(name, lines));
            }
            Scope::Defaults => {
                self.look_at(lines, mistakes);
                self.shared.add_defaults(lines, open.waits);
            }
        }
    }

    /// Ends a block that is not closed.
    pub(in crate::config) fn abandon(&mut self, mistakes: &mut Mistakes) {
        if let Some((_, lines)) = self.closed() {
            self.look_at(lines, mistakes);
        }
    }

    fn closed(&mut self) -> Option<(Open, LineRange)> {
        let open = self.open.take()?;
        let lines = LineRange { first: open.first, end: self.lines.len() };
        Some((open, lines))
    }

    /// `name`.
    pub(in crate::config) fn name(&mut self, given: &Given<'_>) -> Taken {
        let name = values::name(&given.value())?;
        self.job.name = Some(name.clone());
        let has_copies = self.job.has_copies();
        Ok(self.file.add_name(name, has_copies, given)?)
    }

    /// The name of `template`.
    pub(in crate::config) fn template(&mut self, given: &Given<'_>) -> Taken {
        self.heading = None;
        let name = given.value();
        let name = JobName::new(labels::label("the name of a template", &name)?);
        if may_expand(name.as_bytes()) {
            return Err("the name of a template cannot contain `%{`".into());
        }
        if let Err(first) = self.shared.name(&name, given.spot()) {
            let (name, first) = (Shown(name.as_bytes()).to_string(), given.name_of(first));
            return Err(format!("two templates are named {name}: the first is on {first}").into());
        }
        self.heading = Some(name);
        Ok(())
    }
}

/// The option that `no` takes back.
fn taken_back(given: &Given<'_>) -> Result<Key, Fault> {
    let is = |(word, known): (&Word, &&str)| word.is(given.text, known);
    let (span, shown) = given.all();
    let fault = |what: String| Err(Fault::new(span, what));
    let matching =
        |row: &&OptionRow| row.words.len() <= given.words.len() && given.words.iter().zip(row.words).all(is);
    let Some(row) = Scope::Job.options().filter(matching).max_by_key(|row| row.words.len()) else {
        let mut words = given.words.iter().map(|word| word.value(given.text));
        let (first, second) = (words.next().unwrap_or_default(), words.next());
        let meant = suggest::option(Scope::Job, &first, second.as_deref());
        return fault(given.mistakes.text(|| match meant.filter(|row| row.scope == Scope::Job) {
            Some(meant) => format!("there is no option {shown}: did you mean `no {}`?", meant.keyword()),
            None => format!("there is no option {shown} that `no` could take back"),
        }));
    };
    let keyword = row.keyword();
    if row.words.len() < given.words.len() {
        return fault(format!("`no {keyword}` takes no argument: it takes back all of `{keyword}`"));
    }
    match matches!(row.key, Key::Name | Key::Like | Key::No) {
        true => fault(format!("`no` cannot take back `{keyword}`")),
        false => Ok(row.key),
    }
}

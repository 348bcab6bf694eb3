//! What the options mean: takes them one by one and makes the configuration of them.

use super::errors::{Fault, Mistakes, Shown};
use super::options::{Key, OptionRow, Place, TABLE};
use super::places::{OfWord, Places};
use super::text::{Line, Span, Word};
use super::values;
use super::{Aim, Parsed};
use crate::model::{Config, Endpoint, JobDraft, JobName, JobSpec, Limit, Mistake, Resource, Words};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// A file has no more jobs than this.
pub(super) const MAX_JOBS: usize = 65_536;
/// What a common job takes in a file. For jobs that are larger there is room for the names from the start.
const COMMON_BYTES: usize = 128;
/// A job has no more variables than this.
pub(super) const MAX_ENV: usize = 65_536;
/// A file has no more addresses than this to listen on, and no more to report to.
pub(super) const MAX_ENDPOINTS: usize = 256;
/// A job depends on no more files than this. Each is watched and hashed.
const MAX_DEPENDS_OF_JOB: usize = 64;
/// All jobs of a file together name no more files of `depends` than this, and their paths, each with the directory
/// that it is relative to, have no more bytes than that.
pub(super) const MAX_DEPENDS: usize = 65_536;
pub(super) const MAX_DEPENDS_BYTES: usize = 16 << 20;

/// The configuration in the making.
pub(super) struct Builder {
    text: Rc<Vec<u8>>,
    aim: Aim,
    parsed: Parsed,
    job: Option<Job>,
    /// How many jobs have begun.
    jobs: usize,
    /// The files of `depends` of all jobs, and the bytes of their names.
    depends: (usize, usize),
    /// The lines of all names so far: one block of memory, which leaves no holes among the definitions.
    names: HashMap<JobName, u32>,
    /// The lines of all endpoints so far.
    endpoints: BTreeMap<(Key, Endpoint), u32>,
}

/// A job whose block is open.
struct Job {
    /// With nothing for a name: that is beside it, shared with the list of all names.
    draft: JobDraft,
    name: Option<JobName>,
    /// For each row of the table the line on which it was given, or zero.
    given: [u32; TABLE.len()],
    /// Options that are not there because of a mistake that has been told.
    excused: [bool; TABLE.len()],
    /// The line of each resource that has its limit.
    limits: [u32; Resource::ALL.len()],
    /// It depends on more files than it can, and that has been told.
    has_too_many_files: bool,
    /// Of the words of its options, when they are asked for.
    places: Vec<OfWord>,
}

impl Builder {
    pub(super) fn new(text: Rc<Vec<u8>>, aim: Aim) -> Builder {
        let names = HashMap::with_capacity((text.len() / COMMON_BYTES).min(MAX_JOBS));
        let endpoints = BTreeMap::new();
        let parsed = Parsed { places: Places::new(Rc::clone(&text)), ..Parsed::default() };
        Builder { text, aim, parsed, job: None, jobs: 0, depends: (0, 0), names, endpoints }
    }

    /// Begins a job; tells when it is the first one too many.
    pub(super) fn open_job(&mut self) -> Result<(), String> {
        let (given, excused) = ([0; TABLE.len()], [false; TABLE.len()]);
        let limits = [0; Resource::ALL.len()];
        let (draft, name, places) = (JobDraft::default(), None, Vec::new());
        let has_too_many_files = false;
        self.job = Some(Job { draft, name, given, excused, limits, has_too_many_files, places });
        self.jobs += 1;
        // Said once: the others follow from it.
        if self.jobs == MAX_JOBS + 1 {
            return Err(format!(
                "a file can have at most {MAX_JOBS} jobs, and this is one more: run a second pmtr with its own file"
            ));
        }
        Ok(())
    }

    /// Notes that an option is given here; tells what is wrong when it was given before.
    pub(super) fn given(&mut self, row: &OptionRow, number: u32) -> Result<(), String> {
        let Some(given) = self.job.as_mut().and_then(|job| job.given.get_mut(row.key as usize)) else {
            return Ok(());
        };
        match std::mem::replace(given, number) {
            0 => Ok(()),
            _ if row.repeatable => Ok(()),
            first => Err(format!("`{}` is given twice: first on line {first}", row.keyword())),
        }
    }

    /// Nobody is to be told that this option is missing.
    pub(super) fn excuse(&mut self, key: Key) {
        if let Some(excused) = self.job.as_mut().and_then(|job| job.excused.get_mut(key as usize)) {
            *excused = true;
        }
    }

    /// Takes an option with its arguments, whose number is right.
    pub(super) fn set(
        &mut self,
        key: Key,
        args: &[Word],
        line: Line,
        mistakes: &mut Mistakes,
    ) -> Result<(), Fault> {
        let text = Rc::clone(&self.text);
        let word = args.first().copied();
        let value = word.map(|word| word.value(&text)).unwrap_or_default();
        let span = word.map_or(Span::new(0, 0), |word| word.span);
        self.place(key, args, line);
        if key == Key::Env && word.is_some_and(|word| word.has_quoted_value()) {
            mistakes.warn(line, span, || {
                "these quotes are not part of the value; quote the whole word to make that clear".to_owned()
            });
        }
        // All keys are listed where the fields are.
        let set = if matches!(key, Key::ListenOn | Key::ReportTo) {
            self.endpoint(key, &value, (line, span), mistakes)
        } else if key == Key::Name {
            self.name(&value, mistakes.line_of(line, span))
        } else if key == Key::Ulimit {
            self.limit(args, line, mistakes).map_err(Wrong::At)
        } else {
            self.job_value(key, args, &value).map_err(Wrong::from)
        };
        match set {
            Ok(()) => Ok(()),
            Err(Wrong::Word(what)) => Err(Fault::new(span, what)),
            Err(Wrong::At(fault)) => Err(fault),
        }
    }

    /// Takes an option that is one field of the job.
    fn job_value(&mut self, key: Key, args: &[Word], value: &[u8]) -> Result<(), String> {
        let Some(job) = self.job.as_mut() else { return Ok(()) };
        let draft = &mut job.draft;
        match key {
            Key::Cmd => {
                let first = values::absolute(value, "pmtr does not search $PATH or expand anything")?;
                draft.cmd = Words::with_room_for(room_for(args));
                draft.cmd.push(first);
                args.iter().skip(1).for_each(|word| draft.cmd.push(&word.value(&self.text)));
            }
            Key::Dir => draft.dir = Some(values::absolute(value, "a directory begins with /")?.to_vec()),
            Key::In if value == b"syslog" => {
                return Err(
                    "only `out` and `err` can be `syslog`: use ./syslog for a file with that name".into()
                );
            }
            Key::In => draft.input = Some(values::path(value)?.to_vec()),
            Key::Out => draft.out = Some(values::path(value)?.to_vec()),
            Key::Err => draft.err = Some(values::path(value)?.to_vec()),
            Key::User => draft.user = Some(values::user(value)?),
            Key::Env => variable(&mut draft.env, values::env(value)?)?,
            Key::Disable => draft.disable = true,
            Key::Wait => draft.wait = true,
            Key::Once => draft.once = true,
            Key::Order => draft.order = values::order(value)?,
            Key::Nice => draft.nice = Some(values::nice(value)?),
            Key::Cpu => draft.cpus = Some(values::cpus(value)?),
            Key::BounceEvery => draft.bounce_secs = Some(values::interval(value)?),
            // Taken elsewhere, or a block whose lines come one by one.
            Key::Name | Key::Ulimit | Key::ListenOn | Key::ReportTo | Key::Job | Key::Depends => {}
        }
        Ok(())
    }

    /// Takes one line of the block of an option.
    pub(super) fn words(
        &mut self,
        key: Key,
        words: &[Word],
        line: Line,
        mistakes: &mut Mistakes,
    ) -> Result<(), Fault> {
        self.place(key, words, line);
        if key == Key::Ulimit {
            return words.chunks(2).try_for_each(|pair| self.limit(pair, line, mistakes));
        }
        let Some(job) = self.job.as_mut() else { return Ok(()) };
        for word in words {
            let file = word.value(&self.text);
            let file = values::path(&file).map_err(|what| Fault::new(word.span, what))?;
            if job.draft.depends.len() == MAX_DEPENDS_OF_JOB {
                // Told once: what follows is too many as well.
                return match std::mem::replace(&mut job.has_too_many_files, true) {
                    true => Ok(()),
                    false => Err(Fault::new(word.span, too_many_files())),
                };
            }
            job.draft.depends.push(file);
        }
        Ok(())
    }

    /// Ends the job, which begins with this keyword; notes what it lacks.
    pub(super) fn close_job(&mut self, place: Place, keyword: (Line, Span), mistakes: &mut Mistakes) {
        let Some(job) = self.job.take() else { return };
        let lacks = |row: &&OptionRow| {
            let noted = (job.given.get(row.key as usize), job.excused.get(row.key as usize));
            row.place == place && row.required && noted == (Some(&0), Some(&false))
        };
        if TABLE.iter().any(|row| lacks(&row)) {
            return mistakes.add_to_line(keyword.0, keyword.1, || {
                let missing = TABLE.iter().filter(lacks).map(|row| format!("`{}`", row.usage()));
                let who = match &job.name {
                    None => "this job".to_owned(),
                    Some(name) => format!("job {}", Shown(name.as_bytes())),
                };
                format!("{who} needs {}", missing.collect::<Vec<_>>().join(" and "))
            });
        }
        if let Err(what) = self.count_depends(&job.draft) {
            return mistakes.add_to_line(keyword.0, keyword.1, || what);
        }
        // Of a file with a mistake nothing is applied, so nothing needs to be kept.
        if !mistakes.has_errors()
            && let Some(name) = job.name
        {
            let mut draft = job.draft;
            keep_last_of_each_variable(&mut draft.env);
            self.parsed.config.jobs.push(JobSpec::named(name, draft));
            if self.aim == Aim::Check {
                self.parsed.places.add(keyword.0, keyword.1, job.places);
            }
        }
    }

    /// Adds the files of one more job; tells when they are the first too many.
    fn count_depends(&mut self, draft: &JobDraft) -> Result<(), String> {
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

    /// The configuration, with these warnings.
    pub(super) fn finish(self, warnings: Vec<Mistake>) -> Parsed {
        Parsed { warnings, ..self.parsed }
    }

    /// Notes where these words of an option stand.
    fn place(&mut self, key: Key, words: &[Word], line: Line) {
        if let Some(job) = self.job.as_mut().filter(|_| self.aim == Aim::Check) {
            job.places.extend(words.iter().map(|word| OfWord { key, line, word: *word }));
        }
    }

    fn name(&mut self, value: &[u8], number: u32) -> Result<(), Wrong> {
        let name = values::name(value)?;
        if let Some(job) = self.job.as_mut() {
            job.name = Some(name.clone());
        }
        match self.names.get(&name) {
            Some(first) => {
                Err(format!("two jobs are named {}: the first is on line {first}", Shown(value)).into())
            }
            // A file with too many is of no use: that it can't fill our memory is.
            None if self.jobs > MAX_JOBS => Ok(()),
            None => {
                self.names.insert(name, number);
                Ok(())
            }
        }
    }

    fn endpoint(
        &mut self,
        key: Key,
        value: &[u8],
        (line, span): (Line, Span),
        mistakes: &mut Mistakes,
    ) -> Result<(), Wrong> {
        let endpoint = values::endpoint(value, key == Key::ReportTo)?;
        let place = (key, endpoint);
        if let Some(first) = self.endpoints.get(&place) {
            mistakes.warn(line, span, || {
                format!("this address is already on line {first}: this line has no effect")
            });
            return Ok(());
        }
        let config: &mut Config = &mut self.parsed.config;
        let (list, what) = match key == Key::ListenOn {
            true => (&mut config.listen, "to listen on"),
            false => (&mut config.report, "to report to"),
        };
        // Said once, by the first that is too many.
        if list.len() > MAX_ENDPOINTS {
            return Ok(());
        }
        list.push(place.1.clone());
        self.endpoints.insert(place, mistakes.line_of(line, span));
        match list.len() > MAX_ENDPOINTS {
            true => {
                Err(format!("a file can have at most {MAX_ENDPOINTS} addresses {what}, and this is one more")
                    .into())
            }
            false => Ok(()),
        }
    }

    fn limit(&mut self, pair: &[Word], line: Line, mistakes: &mut Mistakes) -> Result<(), Fault> {
        let Some(job) = self.job.as_mut() else { return Ok(()) };
        let Some(flag) = pair.first() else { return Ok(()) };
        let name = flag.value(&self.text);
        let Some(resource) = values::resource(&name) else {
            return Err(Fault::new(flag.span, mistakes.text(|| values::no_resource(&name))));
        };
        let Some(word) = pair.get(1) else {
            let what = format!("{} needs a value: a number or `infinity`", Shown(flag.span.of(&self.text)));
            return Err(Fault::new(flag.span, what));
        };
        let limit = values::limit(resource, &word.value(&self.text));
        let value = limit.map_err(|what| Fault::new(word.span, what))?;
        let number = mistakes.line_of(line, flag.span);
        let first = job.limits.get_mut(resource as usize).map_or(0, |given| std::mem::replace(given, number));
        if first > 0 {
            mistakes.warn(line, flag.span, || {
                format!("limit {} is already set on line {first}: this line counts", resource.flag())
            });
            job.draft.limits.retain(|limit| limit.resource != resource);
        }
        job.draft.limits.push(Limit { resource, value });
        Ok(())
    }
}

/// What these words take at most, with a NUL behind each: one comes in the place of a blank.
fn room_for(words: &[Word]) -> usize {
    let ends = words.first().zip(words.last());
    ends.map_or(0, |(first, last)| last.span.end.saturating_sub(first.span.start) as usize + 1)
}

fn too_many_files() -> String {
    format!(
        "a job can depend on at most {MAX_DEPENDS_OF_JOB} files: use one file that changes whenever any of them does"
    )
}

/// Adds a variable; tells when it is the first one too many.
fn variable(env: &mut Words, word: &[u8]) -> Result<(), String> {
    if env.len() > MAX_ENV {
        return Ok(());
    }
    env.push(word);
    match env.len() > MAX_ENV {
        true => Err(format!(
            "a job can have at most {MAX_ENV} variables, and this is one more: put them into a file that the command reads"
        )),
        false => Ok(()),
    }
}

/// Of the definitions of one variable the last one holds.
fn keep_last_of_each_variable(env: &mut Words) {
    if env.len() < 2 {
        return;
    }
    fn variable(word: &[u8]) -> &[u8] {
        word.split(|byte| *byte == b'=').next().unwrap_or(word)
    }
    let mut last: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (index, word) in env.iter().enumerate() {
        last.insert(variable(word), index);
    }
    if last.len() < env.len() {
        let holds = |(index, word): &(usize, &[u8])| last.get(variable(word)) == Some(index);
        *env = env.iter().enumerate().filter(holds).map(|(_, word)| word).collect();
    }
}

/// Why a value was not taken: the first argument is wrong, or what the fault says.
enum Wrong {
    Word(String),
    At(Fault),
}

impl From<String> for Wrong {
    fn from(what: String) -> Wrong {
        Wrong::Word(what)
    }
}

impl From<&str> for Wrong {
    fn from(what: &str) -> Wrong {
        Wrong::Word(what.to_owned())
    }
}

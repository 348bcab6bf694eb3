//! What the options mean: takes them one by one and makes the configuration of them.

use super::fault::{Fault, Mistakes, Shown, Span};
use super::lexer::{Line, Word};
use super::options::{Key, OptionRow, Place, TABLE};
use super::values;
use crate::model::{Config, Endpoint, JobDraft, JobSpec, Limit, Parsed, Resource, Words};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many files a job can depend on. Each is watched and hashed.
const DEPENDS_AT_MOST: usize = 64;
/// How many different files all jobs together can depend on: as many as there can be jobs.
const FILES_AT_MOST: usize = 65_536;

/// The configuration in the making.
pub(super) struct Builder<'a> {
    text: &'a [u8],
    parsed: Parsed,
    job: Option<Job>,
    /// The lines of all names so far: one block of memory, which leaves no holes among the definitions.
    names: HashMap<Cow<'a, [u8]>, u32>,
    /// The lines of all endpoints so far.
    endpoints: BTreeMap<(Key, Endpoint), u32>,
    /// Of the files that jobs depend on so far, the hashes of their paths.
    files: HashSet<u64>,
}

/// A job whose block is open.
struct Job {
    draft: JobDraft,
    number: u32,
    /// For each row of the table the line on which it was given, or zero.
    given: [u32; TABLE.len()],
    /// Options that are not there because of a mistake that has been told.
    excused: [bool; TABLE.len()],
    /// The line of each resource that has its limit.
    limits: [u32; Resource::ALL.len()],
    /// It depends on more files than it can, and that has been told.
    has_too_many_files: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a [u8]) -> Builder<'a> {
        let (names, endpoints) = (HashMap::new(), BTreeMap::new());
        Builder { text, parsed: Parsed::default(), job: None, names, endpoints, files: HashSet::new() }
    }

    /// Begins a job, whose block begins on this line.
    pub(super) fn open_job(&mut self, number: u32) {
        let (given, excused) = ([0; TABLE.len()], [false; TABLE.len()]);
        let limits = [0; Resource::ALL.len()];
        let draft = JobDraft::default();
        self.job = Some(Job { draft, number, given, excused, limits, has_too_many_files: false });
    }

    /// Notes that an option is given here; tells what is wrong when it was given before.
    pub(super) fn given(&mut self, row: &OptionRow, number: u32) -> Result<(), String> {
        let Some(given) = self.job.as_mut().and_then(|job| job.given.get_mut(row.key as usize)) else {
            return Ok(());
        };
        match std::mem::replace(given, number) {
            0 => Ok(()),
            _ if row.repeatable => Ok(()),
            first => Err(format!("`{}` given twice: first on line {first}", row.keyword())),
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
        mistakes: &Mistakes<'a>,
    ) -> Result<(), Fault> {
        let text = self.text;
        let word = args.first().copied();
        let value = word.map(|word| word.value(text)).unwrap_or_default();
        let span = word.map_or(Span::new(0, 0), |word| word.span);
        match self.set_value(key, args, value, |span| mistakes.line_of(line, span), span) {
            Ok(()) => Ok(()),
            Err(Wrong::Word(what)) => Err(Fault::new(span, what)),
            Err(Wrong::At(fault)) => Err(fault),
        }
    }

    fn set_value(
        &mut self,
        key: Key,
        args: &[Word],
        value: Cow<'a, [u8]>,
        number: impl Fn(Span) -> u32,
        span: Span,
    ) -> Result<(), Wrong> {
        // All keys are listed where the fields are.
        if matches!(key, Key::ListenOn | Key::ReportTo) {
            self.endpoint(key, &value, number(span))
        } else if key == Key::Name {
            self.name(value, number(span))
        } else if key == Key::Ulimit {
            self.limit(args, number).map_err(Wrong::At)
        } else {
            Ok(self.job_value(key, args, &value)?)
        }
    }

    /// Takes an option that is one field of the job.
    fn job_value(&mut self, key: Key, args: &[Word], value: &[u8]) -> Result<(), String> {
        let Some(job) = self.job.as_mut() else { return Ok(()) };
        let draft = &mut job.draft;
        match key {
            Key::Cmd => {
                let first = values::absolute(value, "pmtr searches no $PATH and expands nothing")?;
                draft.cmd = [first].into();
                args.iter().skip(1).for_each(|word| draft.cmd.push(&word.value(self.text)));
            }
            Key::Dir => {
                draft.dir = Some(values::absolute(value, "a job's directory begins with /")?.to_vec())
            }
            Key::In if value == b"syslog" => {
                return Err(
                    "only `out` and `err` can be `syslog`: write ./syslog for a file of that name".into()
                );
            }
            Key::In => draft.input = Some(values::path(value)?.to_vec()),
            Key::Out => draft.out = Some(values::path(value)?.to_vec()),
            Key::Err => draft.err = Some(values::path(value)?.to_vec()),
            Key::User => draft.user = Some(values::user(value)?),
            Key::Env => draft.env.push(values::env(value)?),
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
        mistakes: &Mistakes<'a>,
    ) -> Result<(), Fault> {
        if key == Key::Ulimit {
            return words
                .chunks(2)
                .try_for_each(|pair| self.limit(pair, |span| mistakes.line_of(line, span)));
        }
        let Some(job) = self.job.as_mut() else { return Ok(()) };
        for word in words {
            let file = word.value(self.text);
            let file = values::path(&file).map_err(|what| Fault::new(word.span, what))?;
            if job.draft.depends.len() == DEPENDS_AT_MOST {
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
    pub(super) fn close_job(&mut self, place: Place, keyword: (Line, Span), mistakes: &mut Mistakes<'_>) {
        let Some(job) = self.job.take() else { return };
        let lacks = |row: &&OptionRow| {
            let noted = (job.given.get(row.key as usize), job.excused.get(row.key as usize));
            row.place == place && row.required && noted == (Some(&0), Some(&false))
        };
        if TABLE.iter().any(|row| lacks(&row)) {
            return mistakes.add_to_line(keyword.0, keyword.1, || {
                let missing = TABLE.iter().filter(lacks).map(|row| format!("`{}`", row.usage()));
                let who = match job.draft.name.is_empty() {
                    true => "this job".to_owned(),
                    false => format!("job {}", Shown(&job.draft.name)),
                };
                format!("{who} lacks {}", missing.collect::<Vec<_>>().join(" and "))
            });
        }
        // Of a file with a mistake nothing is applied, so nothing needs to be kept.
        if mistakes.is_empty() {
            let mut draft = job.draft;
            keep_last_of_each_variable(&mut draft.env);
            let spec = JobSpec::from(draft);
            self.files.extend(spec.depends_paths().map(|path| {
                let mut hasher = DefaultHasher::new();
                path.hash(&mut hasher);
                hasher.finish()
            }));
            if self.files.len() > FILES_AT_MOST {
                return mistakes.add_to_line(keyword.0, keyword.1, || {
                    format!("up to here jobs depend on more than {FILES_AT_MOST} different files: let them share files")
                });
            }
            self.parsed.config.jobs.push(spec);
            self.parsed.lines.push(job.number);
        }
    }

    /// The configuration.
    pub(super) fn finish(self) -> Parsed {
        self.parsed
    }

    fn name(&mut self, value: Cow<'a, [u8]>, number: u32) -> Result<(), Wrong> {
        let name = values::name(&value)?;
        if let Some(job) = self.job.as_mut() {
            job.draft.name = name;
        }
        match self.names.get(&value) {
            Some(first) => {
                Err(format!("two jobs are named {}: the first on line {first}", Shown(&value)).into())
            }
            None => {
                self.names.insert(value, number);
                Ok(())
            }
        }
    }

    fn endpoint(&mut self, key: Key, value: &[u8], number: u32) -> Result<(), Wrong> {
        let endpoint = values::endpoint(value, key == Key::ReportTo)?;
        let place = (key, endpoint);
        if let Some(first) = self.endpoints.get(&place) {
            return Err(format!("this address is given twice: first on line {first}").into());
        }
        self.endpoints.insert(place.clone(), number);
        let config: &mut Config = &mut self.parsed.config;
        let list = if key == Key::ListenOn { &mut config.listen } else { &mut config.report };
        list.push(place.1);
        Ok(())
    }

    fn limit(&mut self, pair: &[Word], number: impl Fn(Span) -> u32) -> Result<(), Fault> {
        let Some(job) = self.job.as_mut() else { return Ok(()) };
        let Some(flag) = pair.first() else { return Ok(()) };
        let resource =
            values::resource(&flag.value(self.text)).map_err(|what| Fault::new(flag.span, what))?;
        let Some(word) = pair.get(1) else {
            let what = format!("{} lacks its value: a number or `infinity`", Shown(flag.span.of(self.text)));
            return Err(Fault::new(flag.span, what));
        };
        let limit = values::limit(resource, &word.value(self.text));
        let value = limit.map_err(|what| Fault::new(word.span, what))?;
        let number = number(flag.span);
        if let Some(given) = job.limits.get_mut(resource as usize) {
            match std::mem::replace(given, number) {
                0 => {}
                first => {
                    let what = format!("the limit {} given twice: first on line {first}", resource.flag());
                    return Err(Fault::new(flag.span, what));
                }
            }
        }
        job.draft.limits.push(Limit { resource, value });
        Ok(())
    }
}

fn too_many_files() -> String {
    format!(
        "a job can depend on at most {DEPENDS_AT_MOST} files: name one that changes whenever any of the others does"
    )
}

/// Of the definitions of one variable the last one holds.
fn keep_last_of_each_variable(env: &mut Words) {
    if env.len() < 2 {
        return;
    }
    fn variable(word: &[u8]) -> &[u8] {
        word.split(|byte| *byte == b'=').next().unwrap_or(word)
    }
    let last: BTreeMap<&[u8], usize> =
        env.iter().enumerate().map(|(index, word)| (variable(word), index)).collect();
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

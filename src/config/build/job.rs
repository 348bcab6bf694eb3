//! The builder of one job: options that are more than one value.

use super::copies::Copies;
use super::given::{Given, Taken};
use crate::config::errors::{Fault, Shown};
use crate::config::labels;
use crate::config::places::OfWord;
use crate::config::text::{Line, Span, Word};
use crate::config::values;
use crate::model::{JobDraft, JobName, Limit, Resource, Words};
use std::collections::BTreeMap;

/// A job has no more variables than this.
const MAX_ENV: usize = 65_536;
/// A job depends on no more files than this. Each is watched and hashed.
const MAX_DEPENDS_OF_JOB: usize = 64;

/// A job has no more tags than this.
const MAX_TAGS: usize = 64;

/// The job whose lines are being taken.
#[derive(Default)]
pub(in crate::config) struct JobBlock {
    /// Without a name: that is beside it, shared with the list of all names.
    pub(in crate::config) draft: JobDraft,
    pub(super) name: Option<JobName>,
    pub(super) copies: Copies,
    /// The line of each resource that has its limit in the block whose lines are being taken.
    limits: [u32; Resource::ALL.len()],
    /// It depends on too many files, and that has been reported.
    has_too_many_files: bool,
    /// Where `restart on` says what it says.
    pub(super) restart_on: Option<(Line, Span)>,
    /// Of the words of its options, if they are asked for.
    pub(super) places: Vec<OfWord>,
    /// Its rules and attributes are the defaults.
    pub(super) is_plain: bool,
}

impl JobBlock {
    /// The lines of another job follow. Most jobs have few options, so most fields need no new value.
    pub(super) fn reset(&mut self) {
        let draft = &mut self.draft;
        if !self.is_plain {
            (draft.policy, draft.attributes) = Default::default();
        }
        draft.cmd.clear();
        draft.env.clear();
        draft.depends.clear();
        for text in [&mut draft.user, &mut draft.dir, &mut draft.input, &mut draft.out, &mut draft.err] {
            *text = None;
        }
        (self.name, self.copies, self.limits) = Default::default();
        (self.has_too_many_files, self.restart_on, self.is_plain) = Default::default();
        self.places.clear();
    }

    /// The lines of another block follow.
    pub(super) fn begin_block(&mut self) {
        self.limits = Default::default();
    }

    /// Whether it stands for several jobs.
    pub(super) fn has_copies(&self) -> bool {
        self.copies != Copies::Single
    }

    /// `tag`.
    pub(in crate::config) fn tags(&mut self, given: &Given<'_>) -> Taken {
        for word in given.words {
            let value = word.value(given.text);
            let tag = labels::label("a tag", &value).map_err(|what| Fault::new(word.span, what))?;
            let tags = &mut self.draft.policy.labels.tags;
            if !tags.iter().any(|known| known == tag) {
                if tags.len() == MAX_TAGS {
                    let what = format!("a job has at most {MAX_TAGS} tags, and this is one more");
                    return Err(Fault::new(word.span, what).into());
                }
                tags.push(tag);
            }
        }
        Ok(())
    }

    /// `cmd`.
    pub(in crate::config) fn command(&mut self, given: &Given<'_>) -> Taken {
        let value = given.value();
        let first = values::program(&value)?;
        let cmd = &mut self.draft.cmd;
        cmd.clear();
        cmd.push(first);
        given.words.iter().skip(1).for_each(|word| cmd.push(&word.value(given.text)));
        Ok(())
    }

    /// `env`.
    pub(in crate::config) fn variable(&mut self, given: &mut Given<'_>) -> Taken {
        if given.words.first().is_some_and(Word::has_quoted_value) {
            given.warn(|| {
                "these quotes are not part of the value; quote the whole word to make that clear".to_owned()
            });
        }
        let value = given.value();
        let word = values::env(&value)?;
        let env = &mut self.draft.env;
        // Reported once, by the first that is too many.
        if env.len() > MAX_ENV {
            return Ok(());
        }
        env.push(word);
        match env.len() > MAX_ENV {
            true => Err(format!(
                "a job can have at most {MAX_ENV} variables, and this is one more: put them into a file that the command reads"
            )
            .into()),
            false => Ok(()),
        }
    }

    /// `ulimit`, one line of it.
    pub(in crate::config) fn limits(&mut self, given: &mut Given<'_>) -> Taken {
        let words = given.words;
        words.chunks(2).try_for_each(|pair| self.limit(pair, given))
    }

    fn limit(&mut self, pair: &[Word], given: &mut Given<'_>) -> Taken {
        let Some(flag) = pair.first() else { return Ok(()) };
        let name = flag.value(given.text);
        let Some(resource) = values::resource(&name) else {
            return Err(Fault::new(flag.span, given.mistakes.text(|| values::no_resource(&name))).into());
        };
        let Some(word) = pair.get(1) else {
            let what = format!("{} needs a value: a number or `infinity`", Shown(flag.span.of(given.text)));
            return Err(Fault::new(flag.span, what).into());
        };
        let limit = values::limit(resource, &word.value(given.text));
        let value = limit.map_err(|what| Fault::new(word.span, what))?;
        let number = given.mistakes.line_of(given.line, flag.span);
        let first =
            self.limits.get_mut(resource as usize).map_or(0, |given| std::mem::replace(given, number));
        let limits = &mut self.draft.attributes.limits;
        if first > 0 {
            given.mistakes.warn(given.line, flag.span, || {
                format!("limit {} is already set on line {first}: this line counts", resource.flag())
            });
        }
        limits.retain(|limit| limit.resource != resource);
        limits.push(Limit { resource, value });
        Ok(())
    }

    /// `depends`, one line of it.
    pub(in crate::config) fn files(&mut self, given: &Given<'_>) -> Taken {
        for word in given.words {
            let file = word.value(given.text);
            let file = values::given(&file).map_err(|what| Fault::new(word.span, what))?;
            if self.draft.depends.len() == MAX_DEPENDS_OF_JOB {
                // Reported once: what follows is too many as well.
                return match std::mem::replace(&mut self.has_too_many_files, true) {
                    true => Ok(()),
                    false => Err(Fault::new(word.span, too_many_files()).into()),
                };
            }
            self.draft.depends.push(file);
        }
        Ok(())
    }
}

fn too_many_files() -> String {
    format!(
        "a job can depend on at most {MAX_DEPENDS_OF_JOB} files: use one file that changes whenever any of them does"
    )
}

/// Of the definitions of one variable the last one holds.
pub(super) fn keep_last_of_each_variable(env: &mut Words) {
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

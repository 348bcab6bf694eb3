//! The builder of one job: what its process is given beside the command.

use super::given::{Given, Taken, ValueError};
use super::job::JobBlock;
use crate::config::errors::{Fault, Shown};
use crate::config::text::Word;
use crate::config::values::{self, Value};
use crate::model::{EnvFile, MakeDir};
use std::borrow::Cow;
use std::ffi::CString;

/// A job has no more supplementary groups, env files and directories to make than this of each.
const MOST: usize = 64;

impl JobBlock {
    /// `group`.
    pub(in crate::config) fn group(&mut self, given: &Given<'_>) -> Taken {
        let value = given.value();
        let group = CString::new(values::group(&value)?).unwrap_or_default();
        self.draft.attributes.group = Some(group.into());
        Ok(())
    }

    /// `groups`.
    pub(in crate::config) fn groups(&mut self, given: &Given<'_>) -> Taken {
        let groups = &mut self.draft.attributes.groups;
        for word in given.words {
            let name = word.value(given.text);
            let name = at(word, values::group(&name))?;
            if groups.iter().any(|known| known == name) {
                return Err(Fault::new(word.span, format!("{} is named twice", Shown(name))).into());
            }
            if groups.len() == MOST {
                return Err(Fault::new(word.span, too_many("supplementary groups")).into());
            }
            groups.push(name);
        }
        Ok(())
    }

    /// `env file`.
    pub(in crate::config) fn env_file(&mut self, given: &Given<'_>) -> Taken {
        let (path, second) = path_and_second(given)?;
        let optional = match second {
            None => false,
            Some((_, word)) if *word == b"optional"[..] => true,
            Some((place, word)) => {
                let what = format!("{} follows the path: expected `optional` or nothing", Shown(&word));
                return Err(Fault::new(place.span, what).into());
            }
        };
        let files = &mut self.draft.attributes.env_files;
        if files.len() == MOST {
            return Err(too_many("env files").into());
        }
        files.push(EnvFile::new(&path, optional));
        Ok(())
    }

    /// `make dir`.
    pub(in crate::config) fn make_dir(&mut self, given: &Given<'_>) -> Taken {
        let (path, second) = path_and_second(given)?;
        let mode = second.map(|(place, word)| at(place, values::octal(&word))).transpose()?;
        let dirs = &mut self.draft.attributes.make_dirs;
        if dirs.len() == MOST {
            return Err(too_many("directories to make").into());
        }
        dirs.push(MakeDir::new(&path, mode));
        Ok(())
    }

    /// `keep capability`.
    pub(in crate::config) fn capabilities(&mut self, given: &Given<'_>) -> Taken {
        for word in given.words {
            let name = word.value(given.text);
            let capability = at(word, values::capability(&name))?;
            if !self.draft.attributes.capabilities.add(capability) {
                return Err(Fault::new(word.span, format!("{capability} is named twice")).into());
            }
        }
        Ok(())
    }
}

/// The path that comes first, and the word after it with its place, if there is one.
type PathAndSecond<'a> = (Cow<'a, [u8]>, Option<(&'a Word, Cow<'a, [u8]>)>);

fn path_and_second<'a>(given: &Given<'a>) -> Result<PathAndSecond<'a>, ValueError> {
    let path = given.value();
    values::given(&path)?;
    Ok((path, given.words.get(1).map(|word| (word, word.value(given.text)))))
}

/// The value of this word; an error is placed there.
fn at<T>(word: &Word, value: Value<T>) -> Result<T, Fault> {
    value.map_err(|what| Fault::new(word.span, what))
}

fn too_many(what: &str) -> String {
    format!("a job can have at most {MOST} {what}, and this is one more")
}

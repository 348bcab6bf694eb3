//! A start whose configuration is unusable: whether it uses the last good text instead, and what the log says.
//! Reads nothing itself.

use super::reload::Trouble;
use super::{Actions, Effect, Reading, Supervisor};
use crate::model::{Blame, Config, Fingerprint, KeptText, Load, LoadError, Mistake, MonoTime, Notice};
use std::rc::Rc;

/// How many mistakes are logged; `pmtr -t` shows all.
const MISTAKES_LOGGED: usize = 20;

/// Whether a start needs the last good text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// No: the configuration can be applied.
    No,
    /// The configuration is missing or empty, so all jobs would be down. Without another text, pmtr starts like that.
    Rather,
    /// The configuration can't be applied. Without another text, pmtr does not start.
    Must,
}

/// What a start uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Configuration,
    LastGood,
    Nothing,
}

/// The last good text, used instead of an unusable configuration.
#[derive(Debug)]
pub struct Recovery {
    /// The result of reading the configuration.
    pub instead_of: Result<Load, LoadError>,
    pub content: Fingerprint,
    pub config: Config,
    /// Warnings about the last good text and the place where it is kept.
    pub warnings: Vec<Mistake>,
    pub kept: Rc<KeptText>,
}

/// What a start needs that has this result of reading the configuration.
pub fn want(found: &Result<Load, LoadError>) -> Want {
    match found {
        // A full disk or a power failure can empty any file. A comment can only come from its owner.
        Ok(Load::New(content, ..)) if content.bytes == 0 => Want::Rather,
        Ok(Load::New(..) | Load::Same | Load::More) => Want::No,
        Err(LoadError::Missing) => Want::Rather,
        Err(LoadError::Mistakes(_) | LoadError::Unreadable(_) | LoadError::NotAFile | LoadError::Busy(_)) => {
            Want::Must
        }
    }
}

/// What a start uses, if this is the last good configuration.
pub fn beginning(want: Want, last: Option<&Config>) -> Beginning {
    match (want, last) {
        (Want::No, _) | (Want::Rather, None) => Beginning::Configuration,
        (Want::Rather, Some(last)) if last.jobs.is_empty() => Beginning::Configuration,
        (Want::Rather | Want::Must, Some(_)) => Beginning::LastGood,
        (Want::Must, None) => Beginning::Nothing,
    }
}

/// The log lines about an unusable configuration at a start.
pub fn blame(file: &Rc<[u8]>, found: &Result<Load, LoadError>) -> Vec<Notice> {
    let blame = match found {
        Err(LoadError::Mistakes(mistakes)) => return mistaken(file, mistakes).collect(),
        Err(LoadError::Missing) => Blame::Missing,
        Err(LoadError::Unreadable(errno)) => Blame::Unreadable(*errno),
        Err(LoadError::NotAFile) => Blame::NotAFile,
        Err(LoadError::Busy(_)) => Blame::Written,
        Ok(_) => Blame::Empty,
    };
    vec![Notice::Unusable { file: file.clone(), blame }]
}

/// The log lines about a file with errors.
pub(super) fn mistaken<'a>(file: &'a Rc<[u8]>, mistakes: &'a [Mistake]) -> impl Iterator<Item = Notice> + 'a {
    std::iter::once(Notice::ParseFailed { file: file.clone() }).chain(noticed(mistakes))
}

/// The first errors and warnings as log lines, and how many more there are.
pub(super) fn noticed(mistakes: &[Mistake]) -> impl Iterator<Item = Notice> + '_ {
    let notice = |mistake: &Mistake| Notice::Mistake(mistake.clone());
    let rest = mistakes.get(MISTAKES_LOGGED..).filter(|rest| !rest.is_empty());
    let more = rest.map(|rest| Notice::MoreMistakes(Mistake::count(rest)));
    told(mistakes).iter().map(notice).chain(more)
}

/// Those that are logged.
pub(super) fn told(mistakes: &[Mistake]) -> &[Mistake] {
    mistakes.get(..MISTAKES_LOGGED).unwrap_or(mistakes)
}

impl Supervisor {
    /// The line that says that the last good text is in force instead of the configuration.
    pub fn last_good(&self) -> Option<Notice> {
        let kept = self.reload.last_good()?.clone();
        Some(Notice::LastGood { file: self.file.clone(), kept })
    }

    /// Puts the last good text into force at a start.
    pub(super) fn recovered(&mut self, now: MonoTime, from: Recovery, actions: &mut Actions) {
        let Recovery { instead_of, content, config, warnings, kept } = from;
        self.end_left_behind(now, &config.jobs, actions);
        actions.log_all(blame(&self.file, &instead_of));
        // What has been logged here is not new when the file is read the next time.
        match &instead_of {
            Ok(Load::New(content, ..)) => {
                self.reload.rescanned(Reading::Always, Some(*content));
                self.reload.trouble(Some(Trouble::Empty));
            }
            Ok(Load::Same | Load::More) | Err(LoadError::Busy(_)) => {}
            Err(LoadError::Mistakes(mistakes)) => {
                self.reload.mistaken(told(mistakes), mistakes.len());
            }
            Err(LoadError::Missing) => {
                self.reload.trouble(Some(Trouble::Missing));
            }
            Err(LoadError::Unreadable(errno)) => {
                self.reload.trouble(Some(Trouble::Unreadable(*errno)));
            }
            Err(LoadError::NotAFile) => {
                self.reload.trouble(Some(Trouble::NotAFile));
            }
        }
        self.reload.apply(content);
        actions.log_all(noticed(&warnings));
        self.reload.recovered(kept);
        actions.log_all(self.last_good());
        self.enforce(now, config, actions);
        actions.act(Effect::TrimMemory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Errno, JobDraft, JobSpec, Severity};

    fn content(bytes: u64, jobs: usize) -> (Fingerprint, Config) {
        let job = || JobSpec::from(JobDraft { name: b"a".to_vec(), ..JobDraft::default() });
        let jobs = std::iter::repeat_with(job).take(jobs).collect();
        (Fingerprint { bytes, hash: 1 }, Config { jobs, ..Config::default() })
    }

    fn load(bytes: u64, jobs: usize) -> Result<Load, LoadError> {
        let (content, config) = content(bytes, jobs);
        Ok(Load::New(content, config, Vec::new()))
    }

    #[test]
    fn only_a_configuration_of_no_use_gives_way_to_the_last_good_text() {
        use Beginning::*;
        let busy = LoadError::Busy(Fingerprint { bytes: 1, hash: 1 });
        for (found, without, jobless, with) in [
            (load(9, 1), Configuration, Configuration, Configuration),
            // Somebody has written a file without jobs.
            (load(9, 0), Configuration, Configuration, Configuration),
            (load(0, 0), Configuration, Configuration, LastGood),
            (Err(LoadError::Missing), Configuration, Configuration, LastGood),
            (Err(LoadError::Mistakes(Vec::new())), Nothing, LastGood, LastGood),
            (Err(LoadError::Unreadable(Errno(13))), Nothing, LastGood, LastGood),
            (Err(LoadError::NotAFile), Nothing, LastGood, LastGood),
            (Err(busy), Nothing, LastGood, LastGood),
        ] {
            let want = want(&found);
            let begins = |jobs| beginning(want, Some(&content(9, jobs).1));
            assert_eq!((beginning(want, None), begins(0), begins(1)), (without, jobless, with), "{found:?}");
        }
    }

    #[test]
    fn each_reason_has_its_lines() {
        let file: Rc<[u8]> = (*b"/c").into();
        let mistake =
            |line| Mistake { line, column: 1, width: 1, ..Mistake::of_file(*b"/c", Severity::Error, "odd") };
        let mistakes = |count| Err(LoadError::Mistakes((1..=count).map(mistake).collect()));
        for (found, first, count) in [
            (load(0, 0), "/c is empty", 1),
            (Err(LoadError::Missing), "/c is missing", 1),
            (Err(LoadError::Unreadable(Errno(13))), "can't read /c: Permission denied", 1),
            (Err(LoadError::NotAFile), "/c is not a regular file", 1),
            (mistakes(20), "FAILED to parse /c", 21),
            (mistakes(22), "FAILED to parse /c", 22),
        ] {
            let lines = blame(&file, &found);
            assert_eq!((lines[0].to_string().as_str(), lines.len()), (first, count));
        }
    }
}

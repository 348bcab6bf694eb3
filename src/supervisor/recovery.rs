//! A start whose configuration is of no use: whether it begins with the text that was applied last, and how the log
//! tells. Reads nothing itself.

use super::reload::Trouble;
use super::{Actions, Reading, Supervisor};
use crate::model::{Blame, Config, Fingerprint, KeptText, Load, LoadError, Mistake, MonoTime, Notice};
use std::rc::Rc;

/// How many mistakes go to the log; `pmtr -t` shows all.
const MISTAKES_LOGGED: usize = 20;

/// Whether a start is in want of the text that was applied last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The configuration can be applied.
    No,
    /// It says nothing, so that all jobs would be down. Without another text that is how pmtr begins.
    Rather,
    /// It can't be applied. Without another text pmtr does not begin.
    Must,
}

/// What a start begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Configuration,
    LastGood,
    Nothing,
}

/// The text that was applied last takes the place of a configuration of no use.
#[derive(Debug)]
pub struct Recovery {
    /// What reading the configuration has found.
    pub instead_of: Result<Load, LoadError>,
    pub content: Fingerprint,
    pub config: Config,
    /// What there is to warn of in where it was read.
    pub warnings: Vec<Mistake>,
    pub kept: Rc<KeptText>,
}

/// What a start that has found this in the configuration wants.
pub fn want(found: &Result<Load, LoadError>) -> Want {
    match found {
        // A full disk and a power failure make this of any file. A comment is a word of its owner.
        Ok(Load::New(content, ..)) if content.bytes == 0 => Want::Rather,
        Ok(Load::New(..) | Load::Same | Load::More) => Want::No,
        Err(LoadError::Missing) => Want::Rather,
        Err(LoadError::Mistakes(_) | LoadError::Unreadable(_) | LoadError::NotAFile | LoadError::Busy(_)) => {
            Want::Must
        }
    }
}

/// What it begins with when this was applied last, if that is known.
pub fn beginning(want: Want, last: Option<&Config>) -> Beginning {
    match (want, last) {
        (Want::No, _) | (Want::Rather, None) => Beginning::Configuration,
        (Want::Rather, Some(last)) if last.jobs.is_empty() => Beginning::Configuration,
        (Want::Rather | Want::Must, Some(_)) => Beginning::LastGood,
        (Want::Must, None) => Beginning::Nothing,
    }
}

/// How the log tells at a start that a configuration is of no use.
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

/// A file with errors as the log shows it.
pub(super) fn mistaken<'a>(file: &'a Rc<[u8]>, mistakes: &'a [Mistake]) -> impl Iterator<Item = Notice> + 'a {
    std::iter::once(Notice::ParseFailed { file: file.clone() }).chain(noticed(mistakes))
}

/// Errors and warnings as lines of the log, the first ones and how many more there are.
pub(super) fn noticed(mistakes: &[Mistake]) -> impl Iterator<Item = Notice> + '_ {
    let notice = |mistake: &Mistake| Notice::Mistake(mistake.clone());
    let rest = mistakes.get(MISTAKES_LOGGED..).filter(|rest| !rest.is_empty());
    let more = rest.map(|rest| Notice::MoreMistakes(Mistake::count(rest)));
    told(mistakes).iter().map(notice).chain(more)
}

/// Those that the log shows.
pub(super) fn told(mistakes: &[Mistake]) -> &[Mistake] {
    mistakes.get(..MISTAKES_LOGGED).unwrap_or(mistakes)
}

impl Supervisor {
    /// The line that tells that the text that was applied last is in force instead of the configuration.
    pub fn last_good(&self) -> Option<Notice> {
        let kept = self.reload.last_good()?.clone();
        Some(Notice::LastGood { file: self.file.clone(), kept })
    }

    /// The first content to be in force is not that of the configuration.
    pub(super) fn recovered(&mut self, now: MonoTime, from: Recovery, actions: &mut Actions) {
        let Recovery { instead_of, content, config, warnings, kept } = from;
        actions.log_all(blame(&self.file, &instead_of));
        // What has been told here is no news when the file is read the next time.
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
            // Somebody has written that there is no job.
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
        let many = LoadError::Mistakes((1..=22).map(mistake).collect());
        for (found, first, count) in [
            (load(0, 0), "/c is empty", 1),
            (Err(LoadError::Missing), "/c is missing", 1),
            (Err(LoadError::Unreadable(Errno(13))), "can't read /c: Permission denied", 1),
            (Err(LoadError::NotAFile), "/c is not a regular file", 1),
            (Err(many), "FAILED to parse /c", 22),
        ] {
            let lines = blame(&file, &found);
            assert_eq!((lines[0].to_string().as_str(), lines.len()), (first, count));
        }
    }
}

//! What a start uses: the configuration, or the last good text if the configuration is unusable. The core decides;
//! this module reads, and reports to the process that started pmtr.
#![forbid(unsafe_code)]

use super::environment::with_environment;
use super::last_good::{LastGood, LastGoodText, Search};
use super::watch::{Content, Watch};
use crate::config::{self, Parsed};
use crate::model::{Clean, Config, Errno, Level, Load, LoadError, Notice};
use crate::supervisor::{Beginning, Event, Reading, Recovery, Want, beginning, blame, want};
use crate::sys::{numbers, process};
use std::fmt::Write;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What a start uses.
pub(super) struct Opening {
    pub(super) event: Event,
    /// The first notice for the log.
    pub(super) notice: Option<Notice>,
    /// Text for stderr, for an operator who does not see the log.
    pub(super) words: String,
}

/// Why the start failed.
pub(super) struct OpeningFailure {
    /// For stderr.
    pub(super) text: String,
    /// The same for the log, for readers who do not see stderr; empty if only the caller can correct it.
    pub(super) notices: Vec<Notice>,
}

impl From<String> for OpeningFailure {
    fn from(text: String) -> OpeningFailure {
        OpeningFailure { text, notices: Vec::new() }
    }
}

impl Opening {
    /// The configuration that comes into force.
    pub(super) fn config(&self) -> Option<&Config> {
        if let Event::Loaded(_, Ok(Load::New(_, config, ..))) = &self.event {
            return Some(config);
        }
        if let Event::Recovered(recovery) = &self.event { Some(&recovery.config) } else { None }
    }
}

/// Reads the configuration, and the last good text if it is needed.
pub(super) fn open(
    file: &Path,
    watch: &mut Watch,
    last_good: Option<&mut LastGood>,
) -> Result<Opening, OpeningFailure> {
    let name = file.as_os_str().as_bytes();
    let mut found = load(watch);
    let (mut last, mut trouble, mut spoilt) = (None, None, false);
    let wanted = want(&found);
    if wanted != Want::No
        && let Some(last_good) = &last_good
    {
        let path = Clean(last_good.path().as_os_str().as_bytes());
        match last_good.find() {
            Search::Found(there) => last = Some(there),
            Search::Missing => {
                trouble = Some(format!("there is no last good configuration: {path} is missing"))
            }
            Search::Empty => trouble = Some(format!("there is no last good configuration: {path} is empty")),
            Search::Unfit(why) => {
                spoilt = true;
                trouble = Some(format!("cannot use the last good configuration {path}: it {why}"));
            }
        }
    }
    match (beginning(wanted, last.as_ref().map(|last| &last.config)), last) {
        (Beginning::LastGood, Some(last)) => return Ok(recover(name, found, last)),
        (Beginning::Nothing, _) => {
            let mut why = told(name, &found);
            let mut notices = blame(&name.into(), &found);
            if let Some(trouble) = trouble {
                let _ = write!(why, "\n{trouble}");
                notices.push(Notice::Shell(Level::Error, trouble.into()));
            }
            return Err(OpeningFailure { text: why, notices });
        }
        (Beginning::LastGood | Beginning::Configuration, _) => {}
    }
    // A missing file is created empty, for its owner alone: pmtr waits for its first jobs.
    if matches!(found, Err(LoadError::Missing)) {
        let fail = |text: String| OpeningFailure {
            notices: vec![Notice::Shell(Level::Error, text.clone().into())],
            text,
        };
        create(file).map_err(fail)?;
        found = load(watch);
    }
    let Ok(Load::New(content, config, ..)) = &found else {
        return Err(OpeningFailure { text: told(name, &found), notices: blame(&name.into(), &found) });
    };
    // A missing one is normal on a new machine. An unusable one may still be useful to its owner.
    let notice = trouble.filter(|_| spoilt).map(|why| Notice::Shell(Level::Warning, why.into()));
    if let Some(last_good) = last_good.filter(|_| !spoilt) {
        last_good.loaded(*content, config);
    }
    Ok(Opening { event: Event::Loaded(Reading::Always, found), notice, words: String::new() })
}

fn recover(name: &[u8], found: Result<Load, LoadError>, last: LastGoodText) -> Opening {
    let LastGoodText { content, config, warnings, kept } = last;
    let line = Notice::LastGood { file: name.into(), kept: kept.clone() };
    let words = format!("pmtr: {}\npmtr: {line}\n", told(name, &found));
    let event = Event::Recovered(Box::new(Recovery { instead_of: found, content, config, warnings, kept }));
    Opening { event, notice: None, words }
}

/// Reads the configuration.
fn load(watch: &mut Watch) -> Result<Load, LoadError> {
    let (content, texts) = match watch.load(Reading::Always)? {
        Content::Same => return Ok(Load::Same),
        Content::New(content, texts) => (content, texts),
    };
    let Parsed { config, mut warnings, .. } =
        config::parse(with_environment(texts.sources)).map_err(LoadError::Mistakes)?;
    warnings.extend(watch.exposures(process::effective_uid()));
    Ok(Load::New(content, config, warnings, texts.losses))
}

/// What is wrong with the configuration, for stderr.
fn told(name: &[u8], found: &Result<Load, LoadError>) -> String {
    let why = match found {
        Err(LoadError::Mistakes(mistakes)) => {
            let failed = Notice::ParseFailed { file: name.into() };
            return format!("{failed}\n{}", config::render(mistakes).to_string().trim_end());
        }
        Err(LoadError::Missing) => format!("can't read it: {}", Errno(numbers::ENOENT)),
        Err(LoadError::Unreadable(errno)) => format!("can't read it: {errno}"),
        Err(LoadError::PartUnreadable(part, errno)) => format!("can't read {}: {errno}", Clean(part)),
        Err(LoadError::NotAFile) => "not a regular file".to_owned(),
        Err(LoadError::Busy(_)) => "a program is writing to it; try again".to_owned(),
        Ok(Load::New(..)) => "it is empty".to_owned(),
        Ok(Load::Same | Load::More) => "can't read it".to_owned(),
    };
    format!("{}: {why}", Clean(name))
}

fn create(file: &Path) -> Result<(), String> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // It may exist all the same, on a file system that is mounted read-only.
        Err(_) if file.symlink_metadata().is_ok() => Ok(()),
        Err(error) => Err(format!(
            "{} is missing and can't be created: {}",
            Clean(file.as_os_str().as_bytes()),
            Errno::of(&error)
        )),
    }
}

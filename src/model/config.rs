//! A whole configuration, and the outcomes of loading one.

use super::{Clean, Errno, JobSpec, Losses, Mistake};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// The contents of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The jobs in the order of the file. No two have the same name.
    pub jobs: Vec<JobSpec>,
    /// `listen on`, in the order of the file.
    pub listen: Vec<Endpoint>,
    /// `report to`, in the order of the file.
    pub report: Vec<Endpoint>,
    /// `end when done` and `end within`.
    pub end: EndRules,
}

impl Config {
    /// Notes the `PATH=...` of pmtr itself for the jobs whose commands are searched there.
    pub fn inherit_path(&mut self, path: &Rc<[u8]>) {
        let mut last = [Rc::default(), Rc::default()];
        self.jobs.iter_mut().for_each(|job| job.launch.inherit_path(path, &mut last));
    }
}

/// When and how pmtr ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndRules {
    /// `end when done`.
    pub when_done: bool,
    /// `end within`.
    pub within: Option<Duration>,
}

/// Where reports go or commands come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The numeric address and the port.
    pub address: SocketAddr,
    /// The interface for multicast: the name after `@`.
    pub interface: Option<Box<str>>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "udp://{}", self.address)?;
        self.interface.iter().try_for_each(|name| write!(f, "@{name}"))
    }
}

/// Identifies the content of a file: equal contents have equal fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    /// The length in bytes.
    pub bytes: u64,
    /// A hash over them.
    pub hash: u64,
}

/// The result of reading the configuration.
#[derive(Debug)]
pub enum Load {
    /// The content still has the given fingerprint.
    Same,
    /// The content has changed, and only a portion of it has been read.
    More,
    /// The content has changed. These are the configuration, warnings about it and about its files, and what has
    /// become of included files since a configuration was applied.
    New(Fingerprint, Config, Vec<Mistake>, Losses),
}

/// The text that was applied last, kept for a start with a configuration that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptText {
    /// The file that keeps it.
    pub file: Rc<[u8]>,
    /// When it was kept, in local time.
    pub since: Box<str>,
}

/// Why the file provides no configuration at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The file has errors, and perhaps warnings.
    Mistakes(Vec<Mistake>),
    /// The file is missing.
    Missing,
    /// The file exists but can't be read.
    Unreadable(Errno),
    /// An included file, or the directory of a pattern, can't be read.
    PartUnreadable(Rc<[u8]>, Errno),
    /// The path leads to something that is not a regular file.
    NotAFile,
    /// It is open for writing, or changed while it was read, so it may be half written. The fingerprint identifies its
    /// state: the content, the length and the times.
    Busy(Fingerprint),
}

/// Why a start can't use a configuration, if not because of its mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Missing,
    Unreadable(Errno),
    NotAFile,
    Written,
    Empty,
}

impl Blame {
    /// The reason as a message says it.
    pub fn of(self, file: &[u8]) -> String {
        let file = Clean(file);
        match self {
            Blame::Missing => format!("{file} is missing"),
            Blame::Unreadable(errno) => format!("can't read {file}: {errno}"),
            Blame::NotAFile => format!("{file} is not a regular file"),
            Blame::Written => format!("a program is writing to {file}"),
            Blame::Empty => format!("{file} is empty"),
        }
    }
}

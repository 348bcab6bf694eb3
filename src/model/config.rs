//! A whole configuration, and what can come of loading one.

use super::{Clean, Errno, JobSpec, Mistake};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The jobs in the order of the file; no two have one name.
    pub jobs: Vec<JobSpec>,
    /// `listen on`, in the order of the file.
    pub listen: Vec<Endpoint>,
    /// `report to`, in the order of the file.
    pub report: Vec<Endpoint>,
}

/// Where reports go or commands come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Numeric address and port.
    pub address: SocketAddr,
    /// The interface for multicast, as named behind `@`.
    pub interface: Option<Box<str>>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "udp://{}", self.address)?;
        self.interface.iter().try_for_each(|name| write!(f, "@{name}"))
    }
}

/// Stands for the content of a file: equal contents have equal fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint {
    /// The length in bytes.
    pub bytes: u64,
    /// A hash over them.
    pub hash: u64,
}

/// What reading the configuration found.
#[derive(Debug)]
pub enum Load {
    /// The content is still the one with the fingerprint that was given.
    Same,
    /// Another content, of which a portion has been read: there is more.
    More,
    /// Another content, what it says, and the warnings about it and about where it was read.
    New(Fingerprint, Config, Vec<Mistake>),
}

/// The text that was applied last, kept for a start whose configuration is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptText {
    /// Where it is kept.
    pub file: Rc<[u8]>,
    /// Since when, as the clock on the wall says it.
    pub since: Box<str>,
}

/// Why there is no configuration to be had from the file at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The file has errors, and perhaps warnings as well.
    Mistakes(Vec<Mistake>),
    /// The file is not there.
    Missing,
    /// The file is there but can't be read.
    Unreadable(Errno),
    /// The path leads to something that is not a file.
    NotAFile,
    /// Somebody has it open for writing, or it changed while it was read: it may be half written. The fingerprint
    /// stands for its state, which is its content with its length and times.
    Busy(Fingerprint),
}

/// Why a configuration is of no use to a start, other than by its mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Missing,
    Unreadable(Errno),
    NotAFile,
    Written,
    Empty,
}

impl Blame {
    /// In words.
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

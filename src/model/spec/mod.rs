//! The definition of one job, packed: ten thousand of them take a few megabytes.

mod codes;
mod launch;
mod limit;
mod name;
mod policy;
mod restart;
mod stop;
mod surroundings;

pub use codes::Codes;
pub use launch::{Attributes, Launch, Output, SYSLOG, SYSTEM_PATH};
pub use limit::{Infinity, Limit, Resource};
pub use name::JobName;
pub use policy::{Fixed, Labels, Policy};
pub use restart::{Delay, GiveUp, Growth, Lasting, Restart};
pub use stop::{ReloadRules, Stop};
pub use surroundings::{EnvFile, MakeDir};

use super::Words;
use std::fmt;
use std::rc::Rc;

/// The definition of a job before it is packed, as the parser and tests write it. No text in it contains a NUL byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDraft {
    pub name: Vec<u8>,
    pub cmd: Words,
    pub dir: Option<Vec<u8>>,
    pub input: Option<Vec<u8>>,
    pub out: Option<Vec<u8>>,
    pub err: Option<Vec<u8>>,
    pub user: Option<Vec<u8>>,
    /// `VAR=VALUE`, no variable twice.
    pub env: Words,
    pub depends: Words,
    pub attributes: Attributes,
    pub policy: Policy,
}

/// The definition of a job. Two definitions are equal if all options are equal. [`JobSpec::compare`] says what a
/// change means for the process.
#[derive(Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// `name`.
    pub name: JobName,
    /// What its processes are started with.
    pub launch: Launch,
    /// When they start and end.
    pub policy: Rc<Policy>,
}

/// What a new definition of a job means for its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// All options are equal.
    None,
    /// Only rules have changed that do not affect the process.
    Policy,
    /// The process must be restarted.
    Run,
}

impl From<JobDraft> for JobSpec {
    fn from(mut draft: JobDraft) -> JobSpec {
        let policy = Rc::new(std::mem::take(&mut draft.policy));
        let attributes = Rc::new(std::mem::take(&mut draft.attributes));
        let launch = Launch::new(&draft, attributes, None, &mut Vec::new());
        JobSpec { name: JobName::new(&draft.name), launch, policy }
    }
}

impl JobSpec {
    /// Compares this definition with a new one of the same job.
    pub fn compare(&self, new: &JobSpec) -> Difference {
        if self.launch != new.launch || self.policy.fixed != new.policy.fixed {
            Difference::Run
        } else if self.policy != new.policy {
            Difference::Policy
        } else {
            Difference::None
        }
    }
}

impl fmt::Debug for JobSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSpec")
            .field("name", &self.name)
            .field("cmd", &self.launch.cmd().collect::<Vec<_>>())
            .field("order", &self.policy.order)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

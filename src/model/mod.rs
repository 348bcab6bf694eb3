//! The nouns: what all other modules speak about. Knows nothing but std, and does nothing.
#![forbid(unsafe_code)]

mod config;
mod cpus;
mod errno;
mod event;
mod mistake;
mod network;
mod notice;
mod notify;
mod pid;
mod spec;
mod status;
mod text;
mod throttle;
mod time;
mod words;

pub use config::{Blame, Config, Endpoint, Fingerprint, Kept, Load, LoadError};
pub use cpus::CpuSet;
pub use errno::Errno;
pub use event::{Birth, Detail, Ending, Exit, SpawnError, Stage, Survivors, Target, Verb};
pub use mistake::{Count, Mistake, Severity};
pub use network::{
    Command, Head, JobLine, NetError, Origin, Part, Process, Role, SocketId, Station, Verdict,
};
pub use notice::{Level, Notice};
pub use notify::{Milestone, NotifyMessage, Summary};
pub use pid::{JobId, Pid, Signal};
pub use spec::{
    Attributes, Difference, Fixed, Infinity, JobDraft, JobName, JobSpec, Launch, Limit, Output, Policy,
    Resource, SYSLOG,
};
pub use status::{FailedStart, JobStatus, Phase};
pub use text::{Clean, Counted};
pub use throttle::Throttle;
pub use time::MonoTime;
pub use words::{Texts, Words};

#[cfg(test)]
#[path = "../../tests/shared/rng.rs"]
#[allow(dead_code, reason = "other tests share it")]
pub(crate) mod rng;

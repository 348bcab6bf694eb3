//! The types that all other modules share. Depends on std only, and does nothing.
#![forbid(unsafe_code)]

mod capability;
mod config;
mod cpus;
mod env_file;
mod errno;
mod level;
mod losses;
mod mistake;
mod network;
mod notice;
mod notify;
mod pid;
mod process;
mod signal;
mod spec;
mod stage;
mod status;
mod text;
mod throttle;
mod time;
mod words;

pub use capability::{Capabilities, Capability};
pub use config::{Blame, Config, EndRules, Endpoint, Fingerprint, KeptText, Load, LoadError};
pub use cpus::CpuSet;
pub use env_file::{ENV_FILE_BYTES, ENV_FILE_VARIABLES, EnvFault, read_env_file};
pub use errno::Errno;
pub use level::Level;
pub use losses::{FilesLost, Loss, Losses};
pub use mistake::{Count, Mistake, Severity};
pub use network::{
    Command, Head, JobLine, NetError, Origin, Part, ReportedProcess, Role, SocketId, Station, Verb, Verdict,
};
pub use notice::Notice;
pub use notify::{Milestone, NotifyMessage, Summary};
pub use pid::{JobId, Pid};
pub use process::{Birth, Detail, Ending, Exit, SpawnError, Survivors, Target};
pub use signal::{Signal, SignalName};
pub use spec::{
    Attributes, Codes, Delay, Difference, EnvFile, Fixed, GiveUp, Growth, Infinity, JobDraft, JobName,
    JobSpec, Labels, Lasting, Launch, Limit, MakeDir, Output, Policy, ReloadRules, Resource, Restart, SYSLOG,
    SYSTEM_PATH, Stop,
};
pub use stage::{FilePlace, Stage};
pub use status::{FailedStart, JobStatus, Phase};
pub use text::{Clean, Counted};
pub use throttle::Throttle;
pub use time::{InUnits, MonoTime, UNITS};
pub use words::{Texts, Words};

#[cfg(test)]
#[path = "../../tests/shared/rng.rs"]
#[allow(dead_code, reason = "other tests share it")]
pub(crate) mod rng;

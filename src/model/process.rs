//! How processes start and end, and who receives signals.

use super::{Clean, Errno, Pid, Signal, Stage};
use std::fmt;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// This signal killed it.
    Signal(Signal),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit status {code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// How a child that has been reaped ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ran the command of the job, which ended like this.
    Ran(Exit),
    /// It failed before it executed the command.
    NeverStarted(SpawnError),
}

/// A process that was created for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Birth {
    /// It runs the command of the job.
    Executed(Pid),
    /// It has not executed the command yet, or has failed and was not reaped yet.
    Underway(Pid),
}

impl Birth {
    /// The process.
    pub fn pid(self) -> Pid {
        match self {
            Birth::Executed(pid) | Birth::Underway(pid) => pid,
        }
    }
}

/// Why a job could not be started. The definition of the job has the path that the stage worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// The step that failed.
    pub stage: Stage,
    /// The error. Some steps have reasons of their own: zero for no such user or group, for a symbolic link on
    /// the way of `make dir`, for an `env file` that is no regular file, and for a command that is not in the `PATH` of
    /// an `env file`; the number of an [`EnvFault`](super::EnvFault) for a line that is wrong.
    pub errno: Errno,
}

/// The receivers of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The process group of this leader, which has not been reaped.
    Job(Pid),
    /// This process alone, which has not been reaped.
    Main(Pid),
    /// The remaining processes of the group and session whose leader had this pid and has been reaped.
    Rest(Pid),
    /// Of those, the members of the session that are not in the group: a signal to the group does not reach them.
    Others(Pid),
}

/// How much to find out about the remaining processes of a group and session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Only whether there are any.
    Whether,
    /// Their pids and names.
    Names,
}

/// The remaining processes of a group and session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// None.
    None,
    /// Some. Named if that was requested and could be found out.
    Some(Box<[(Pid, Box<[u8]>)]>),
}

impl fmt::Display for Survivors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Survivors::None => f.write_str("nothing"),
            Survivors::Some(list) if list.is_empty() => f.write_str("processes that can't be named"),
            Survivors::Some(list) => {
                for (i, (pid, name)) in list.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{} [{pid}]", Clean(name))?;
                }
                Ok(())
            }
        }
    }
}

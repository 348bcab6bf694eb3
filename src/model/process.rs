//! What happens to processes, and what is asked of them.

use super::{Clean, Errno, Pid, Signal};
use std::fmt;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It called exit with this status.
    Code(i32),
    /// This signal ended it.
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

/// What a child that is gone has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ran the job's command, which ended so.
    Ran(Exit),
    /// It never got as far as the command.
    NeverStarted(SpawnError),
}

/// A process that was made for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Birth {
    /// It runs the job's command.
    Executed(Pid),
    /// It is on its way there, or has failed and not been reaped.
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

/// Why a job could not be started. The path belongs to the job's definition, which names it by stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// The step that failed.
    pub stage: Stage,
    /// Why; for `Stage::User`, zero when there is no such user.
    pub errno: Errno,
}

/// The steps of starting a process, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Room, descriptors and pipes on our side.
    Prepare,
    /// Making the process.
    Fork,
    /// Closing what is not the job's.
    Close,
    /// A session of its own.
    Session,
    /// Looking up the user.
    User,
    /// `dir`.
    Dir,
    /// `nice`.
    Nice,
    /// `cpu`.
    Cpu,
    /// The `ulimit` with this index.
    Limit(u8),
    /// Supplementary groups.
    Groups,
    /// Group id.
    Gid,
    /// User id.
    Uid,
    /// Opening `in`.
    In,
    /// Opening `out`.
    Out,
    /// Opening `err`.
    Err,
    /// Signal mask and dispositions.
    Signals,
    /// The command itself.
    Exec,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Prepare => "prepare",
            Stage::Fork => "fork",
            Stage::Close => "close descriptors",
            Stage::Session => "make a session",
            Stage::User => "user",
            Stage::Dir => "dir",
            Stage::Nice => "nice",
            Stage::Cpu => "cpu",
            Stage::Limit(_) => "ulimit",
            Stage::Groups => "groups of user",
            Stage::Gid => "group id of user",
            Stage::Uid => "user id of user",
            Stage::In => "open in",
            Stage::Out => "open out",
            Stage::Err => "open err",
            Stage::Signals => "reset signals",
            Stage::Exec => "exec",
        })
    }
}

/// Whom a signal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The group of this leader, which has not been reaped.
    Job(Pid),
    /// What is left of the group and session whose leader had this pid and has been reaped.
    Rest(Pid),
    /// Of those the ones that have the session and are not in the group: they have not heard what the group was told.
    Others(Pid),
}

/// How closely to look at what is left of a process group and session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Only whether anything is left.
    Whether,
    /// What it is, by pid and name.
    Names,
}

/// What is left of a process group and session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// Nothing.
    None,
    /// Something; named as far as that was asked for and could be found out.
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

//! The events: what has happened.

use super::Recovery;
use crate::model::{
    Birth, Command, Ending, Fingerprint, JobId, JobName, Load, LoadError, MonoTime, NetError, NotifyMessage,
    Origin, Pid, Signal, SocketId, SpawnError, Survivors,
};
use std::rc::Rc;

/// An event.
#[derive(Debug)]
pub enum Event {
    /// A pmtr that was killed has left these main processes of jobs. They are not our children. Comes before the first
    /// file, if at all.
    LeftBehind(Vec<LeftBehind>),
    /// The configuration is unusable at the start, so the last good one is to be put into force. Comes instead of the
    /// first [`Event::Loaded`], if at all.
    Recovered(Box<Recovery>),
    /// A child has been reaped; the last field says what is left of its process group and session.
    Exited(Pid, Ending, Survivors),
    /// The answer to [`Action::Look`](super::Action::Look). Also comes without a question, when nothing is left.
    Looked(Pid, Survivors),
    /// The answer to [`Action::Spawn`](super::Action::Spawn).
    Spawned(JobId, Result<Birth, SpawnError>),
    /// The answer to [`Action::Help`](super::Action::Help).
    Helped(JobId, Result<Birth, SpawnError>),
    /// A process that had not executed its command when it was spawned has done so now. Comes before it is reaped,
    /// once.
    Executed(Pid),
    /// The answer to [`Action::LoadConfig`](super::Action::LoadConfig) and to
    /// [`Action::ReadOn`](super::Action::ReadOn).
    Loaded(Reading, Result<Load, LoadError>),
    /// The configuration file was saved: its writer closed it, or it was put in place.
    ConfigSaved,
    /// Something else happened to the configuration file.
    ConfigTouched,
    /// Somebody is writing the configuration file and has not closed it.
    ConfigWritten,
    /// The operator wants the file to be read in any case.
    ReloadAsked,
    /// The job of this name is to read its configuration again.
    JobReloadAsked(Box<[u8]>),
    /// A watched file contains this now, or is missing or unreadable.
    FileSeen(Rc<[u8]>, Option<Fingerprint>),
    /// The answer to [`Action::Open`](super::Action::Open).
    Opened(SocketId, Result<(), NetError>),
    /// A report could not be sent or was refused, or the socket can no longer receive.
    SocketFails(SocketId, NetError),
    /// The answer to [`Action::Notify`](super::Action::Notify): whether the message was sent.
    Notified(NotifyMessage, bool),
    /// A remote command.
    Command(Origin, Vec<Command>),
    /// A message that is not a command.
    Invalid(Origin),
    /// pmtr is to exit.
    EndAsked(Signal),
    /// Time has passed, or there is time for more work: do what is due.
    Tick,
}

/// A process that a pmtr that was killed has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftBehind {
    /// The job that it belongs to.
    pub job: JobName,
    /// Its number.
    pub pid: Pid,
    /// Whether it is the job's main process, not a helper.
    pub is_main: bool,
}

/// How to read the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Not if its content is still this one, or if somebody is writing it.
    IfChanged(Option<Fingerprint>),
    /// The same, but its writer has not changed it for a while: read it as long as it is in this state.
    IfUnwritten(Option<Fingerprint>, Fingerprint),
    /// Read it in any case.
    Always,
}

/// When the next [`Event::Tick`] is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTick {
    /// At once: there is more to do.
    Now,
    /// At this time, which lies in the future.
    At(MonoTime),
    /// Not before the next event.
    Never,
}

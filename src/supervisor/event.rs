//! What the supervisor is told.

use super::Recovery;
use crate::model::{
    Birth, Command, Ending, Fingerprint, JobId, JobName, Load, LoadError, MonoTime, NetError, NotifyMessage,
    Origin, Pid, Signal, SocketId, SpawnError, Survivors,
};
use std::rc::Rc;

/// What has happened.
#[derive(Debug)]
pub enum Event {
    /// These main processes of jobs were left by a pmtr that was killed, and are no children of ours. Before the
    /// first file, if at all.
    LeftBehind(Vec<(JobName, Pid)>),
    /// The configuration is of no use at the start, so what was applied last is to be in force. Instead of the first
    /// [`Event::Loaded`], if at all.
    Recovered(Box<Recovery>),
    /// A child has been reaped; what is left of its process group and session is told with it.
    Exited(Pid, Ending, Survivors),
    /// The answer to [`Action::Look`](super::Action::Look); also comes by itself when it was found out that nothing is left.
    Looked(Pid, Survivors),
    /// The answer to [`Action::Spawn`](super::Action::Spawn).
    Spawned(JobId, Result<Birth, SpawnError>),
    /// A process whose spawn left that open runs its command. Before it is reaped, and only once.
    Executed(Pid),
    /// The answer to [`Action::LoadConfig`](super::Action::LoadConfig) and to [`Action::ReadOn`](super::Action::ReadOn).
    Loaded(Reading, Result<Load, LoadError>),
    /// The configuration file was saved: closed by who wrote it, or put in its place.
    ConfigSaved,
    /// Something else happened to the configuration file.
    ConfigTouched,
    /// Somebody is writing the configuration file and has not closed it.
    ConfigWritten,
    /// The operator wants the file read, whatever has become of it.
    ReloadAsked,
    /// A watched file has this content now, or can't be read.
    FileSeen(Rc<[u8]>, Option<Fingerprint>),
    /// The answer to [`Action::Open`](super::Action::Open).
    Opened(SocketId, Result<(), NetError>),
    /// A report could not be sent, or was refused where it went; or nothing can be received by the socket any more.
    SocketFails(SocketId, NetError),
    /// The answer to [`Action::Notify`](super::Action::Notify): whether the message is on its way.
    Notified(NotifyMessage, bool),
    /// A remote command.
    Command(Origin, Vec<Command>),
    /// A message that is no command.
    Invalid(Origin),
    /// pmtr is to end.
    EndAsked(Signal),
    /// Time has passed, or there is time for more: what is due is done.
    Tick,
}

/// How the configuration is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Leave it when its content is still this one, or somebody is writing it.
    IfChanged(Option<Fingerprint>),
    /// The same, but whoever is writing it has not changed it for a while: as long as it is in this state it is read.
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
    /// Not before something happens.
    Never,
}

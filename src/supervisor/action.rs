//! The actions: what the supervisor wants done.

use super::Reading;
use crate::model::{Detail, Fingerprint, JobId, Notice, Origin, Pid, Signal, SocketId, Target, Verdict};
use std::collections::VecDeque;
use std::rc::Rc;

/// An action.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the job. Answered by [`Event::Spawned`](super::Event::Spawned) in the same turn.
    Spawn(JobId),
    /// Start this helper. Answered by [`Event::Helped`](super::Event::Helped) in the same turn.
    Help(JobId),
    /// Read the file. Answered by [`Event::Loaded`](super::Event::Loaded) in the same turn.
    LoadConfig(Reading),
    /// Read the next portion of the file. Answered by [`Event::Loaded`](super::Event::Loaded) in the same turn.
    ReadOn(Reading),
    /// Look at what is left of a group and session. Answered by [`Event::Looked`](super::Event::Looked) in the same
    /// turn.
    Look(Pid, Detail),
    /// Open this socket; if it is open, close it first. Answered by [`Event::Opened`](super::Event::Opened) in the same
    /// turn.
    Open(SocketId),
    /// Send the service manager the message that is due, if any. Answered by
    /// [`Event::Notified`](super::Event::Notified) in the same turn.
    Notify,
    /// Send a report on every socket that is open for reports. It has no answer, but it asks for one job after another.
    Report,
    /// Carry out an effect.
    Act(Effect),
}

/// An action without an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a signal. It is no error if nobody is left to receive it.
    Signal(Target, Signal),
    /// Write a line to the log.
    Log(Notice),
    /// Report by [`Event::FileSeen`](super::Event::FileSeen) what this file contains, now and after each change.
    Watch(Rc<[u8]>),
    /// Stop reporting this file.
    Unwatch(Rc<[u8]>),
    /// Close this socket, if it is open.
    Close(SocketId),
    /// This content, which was loaded last, is in force: keep its text, if pmtr keeps texts.
    Keep(Fingerprint),
    /// Give memory that an applied file has freed back to the kernel.
    TrimMemory,
    /// Answer a command, if it can be done without waiting.
    Answer(Origin, Vec<Verdict>),
    /// Drop what is kept for the group of this leader. If a new process already has the same number, keep what belongs
    /// to that one.
    Release(Pid),
    /// Drop what is kept for this job. It is forgotten, and its number may be reused.
    Forget(JobId),
}

/// Actions in the order in which they are done. Helpers are started after all else: a new process may have a number
/// that was free and to which a signal is still to be sent.
#[derive(Debug, Default)]
pub struct Actions {
    now: VecDeque<Action>,
    helpers: VecDeque<JobId>,
}

impl Actions {
    /// Removes and returns the next one.
    pub(super) fn next(&mut self) -> Option<Action> {
        self.now.pop_front().or_else(|| self.helpers.pop_front().map(Action::Help))
    }

    pub(super) fn push(&mut self, action: Action) {
        self.now.push_back(action);
    }

    /// Starts this helper.
    pub(super) fn help(&mut self, id: JobId) {
        self.helpers.push_back(id);
    }

    pub(super) fn act(&mut self, effect: Effect) {
        self.push(Action::Act(effect));
    }

    pub(super) fn log(&mut self, notice: Notice) {
        self.act(Effect::Log(notice));
    }

    pub(super) fn extend(&mut self, actions: impl IntoIterator<Item = Action>) {
        self.now.extend(actions);
    }

    pub(super) fn act_all(&mut self, effects: impl IntoIterator<Item = Effect>) {
        self.extend(effects.into_iter().map(Action::Act));
    }

    pub(super) fn log_all(&mut self, notices: impl IntoIterator<Item = Notice>) {
        self.act_all(notices.into_iter().map(Effect::Log));
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.now.iter()
    }
}

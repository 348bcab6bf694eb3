//! What the supervisor wants done.

use super::Reading;
use crate::job::Wish;
use crate::model::{Detail, Fingerprint, JobId, Notice, Origin, Pid, Signal, SocketId, Target, Verdict};
use std::collections::VecDeque;
use std::rc::Rc;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Start the job. Answered by [`Event::Spawned`](super::Event::Spawned) in the same turn.
    Spawn(JobId),
    /// Read the file. Answered by [`Event::Loaded`](super::Event::Loaded) in the same turn.
    LoadConfig(Reading),
    /// Read the next portion of the file. Answered by [`Event::Loaded`](super::Event::Loaded) in the same turn.
    ReadOn(Reading),
    /// Look at what is left of a group and session. Answered by [`Event::Looked`](super::Event::Looked) in the same
    /// turn.
    Look(Pid, Detail),
    /// Open this socket, anew if it is open. Answered by [`Event::Opened`](super::Event::Opened) in the same turn.
    Open(SocketId),
    /// Send the service manager the message that is due by now, if any. Answered by
    /// [`Event::Notified`](super::Event::Notified) in the same turn.
    Notify,
    /// Send a report to every socket that is open for it. Has no answer, but asks for the jobs while it is made.
    Report,
    /// What has no answer and needs to know nothing more.
    Act(Effect),
}

/// An action without an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a signal; that nobody is there any more is no error.
    Signal(Target, Signal),
    /// Write a line to the log.
    Log(Notice),
    /// Tell by [`Event::FileSeen`](super::Event::FileSeen) what this file holds, now and whenever that changes.
    Watch(Rc<[u8]>),
    /// This file is of no interest any more.
    Unwatch(Rc<[u8]>),
    /// Close this socket, if it is open.
    Close(SocketId),
    /// This content, which was loaded last, is in force: keep its text, if texts are kept.
    Keep(Fingerprint),
    /// Answer a command, if that can be done at once.
    Answer(Origin, Vec<Verdict>),
    /// Drop what is kept for the group of this leader. A process that has just been spawned may have its number by
    /// then: what is kept for that one stays.
    Release(Pid),
    /// Drop what is kept for this job: it is forgotten, and its number may be given to another.
    Forget(JobId),
}

impl From<Wish> for Action {
    fn from(wish: Wish) -> Action {
        match wish {
            Wish::Log(notice) => Action::Act(Effect::Log(notice)),
            Wish::Signal(target, signal) => Action::Act(Effect::Signal(target, signal)),
            Wish::Look(group, detail) => Action::Look(group, detail),
            Wish::Release(group) => Action::Act(Effect::Release(group)),
        }
    }
}

/// Actions in the order in which they are done.
#[derive(Debug, Default)]
pub struct Actions(VecDeque<Action>);

impl Actions {
    /// Takes the next one out.
    pub(super) fn next(&mut self) -> Option<Action> {
        self.0.pop_front()
    }

    pub(super) fn push(&mut self, action: Action) {
        self.0.push_back(action);
    }

    pub(super) fn act(&mut self, effect: Effect) {
        self.push(Action::Act(effect));
    }

    pub(super) fn log(&mut self, notice: Notice) {
        self.act(Effect::Log(notice));
    }

    pub(super) fn extend(&mut self, actions: impl IntoIterator<Item = Action>) {
        self.0.extend(actions);
    }

    pub(super) fn act_all(&mut self, effects: impl IntoIterator<Item = Effect>) {
        self.extend(effects.into_iter().map(Action::Act));
    }

    pub(super) fn log_all(&mut self, notices: impl IntoIterator<Item = Notice>) {
        self.act_all(notices.into_iter().map(Effect::Log));
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.0.iter()
    }
}

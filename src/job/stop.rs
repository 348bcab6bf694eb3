//! How a job is stopped: signals that escalate, and looks at what is left of its group and session.

use super::{Escalation, Job, State, Wish};
use crate::model::{MonoTime, Notice, Pid, Signal, Survivors, Target};
use std::time::Duration;

/// The time from SIGTERM to SIGKILL.
pub const KILL_AFTER: Duration = Duration::from_secs(10);
/// The time from SIGKILL until a process that does not end counts as stuck.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// The shortest and the longest time between two looks at what is left of a group.
pub const LOOK_EVERY: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];
/// In between, the next look comes after this fraction of the time since the last signal.
const LOOK_SHARE: u32 = 4;

impl Job {
    /// The answer to a look at what is left of its group.
    pub fn looked(&mut self, now: MonoTime, survivors: &Survivors, wishes: &mut Vec<Wish>) {
        let State::Sweeping { group, escalation, .. } = self.state else { return };
        match (survivors, escalation) {
            (Survivors::None, _) => {}
            (Survivors::Some(_), Escalation::Stuck) => {
                let (job, left) = (self.spec.name.clone(), survivors.clone());
                wishes.push(Wish::Log(Notice::LeftOver { job, group, left }));
            }
            (Survivors::Some(_), Escalation::Term { .. } | Escalation::Kill { .. }) => return,
        }
        wishes.push(Wish::Release(group));
        self.state = State::Down;
        self.reconcile(now, wishes);
    }

    /// Whether it has a process that did not end after SIGKILL.
    pub fn given_up(&self) -> bool {
        matches!(self.state, State::Stopping { escalation: Escalation::Stuck, .. })
    }

    /// A process has ended, which may have been the last of the group: look at once.
    pub fn look_soon(&mut self, now: MonoTime) {
        if let State::Sweeping { look_at, .. } = &mut self.state {
            *look_at = now.min(*look_at);
        }
    }

    /// The group whose remaining processes it waits for.
    pub fn sweeps(&self) -> Option<Pid> {
        match self.state {
            State::Sweeping { group, .. } => Some(group),
            State::Down | State::Waiting | State::Queued | State::Launching => None,
            State::Starting { .. } | State::Running { .. } | State::Stopping { .. } => None,
        }
    }

    /// A pmtr that was killed has left this process: it is stopped, and the file decides what starts instead.
    pub fn left_behind(&mut self, pid: Pid, now: MonoTime, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::Log(Notice::LeftBehind { job: self.spec.name.clone(), pid }));
        send(Target::Rest(pid), Signal::TERM, wishes);
        self.removed = true;
        self.sweep(pid, now, Escalation::Term { kill_at: now + KILL_AFTER });
    }

    /// A second request to exit: whatever is being stopped gets SIGKILL now.
    pub fn kill(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        use State::*;
        let hurry = |escalation| match escalation {
            Escalation::Term { .. } => Escalation::Term { kill_at: now },
            Escalation::Kill { .. } | Escalation::Stuck => escalation,
        };
        match &mut self.state {
            Stopping { escalation, .. } | Sweeping { escalation, .. } => *escalation = hurry(*escalation),
            Down | Waiting | Queued | Launching | Starting { .. } | Running { .. } => return,
        }
        self.expire(now, wishes);
    }

    pub(super) fn stop(&mut self, pid: Pid, since: MonoTime, now: MonoTime, wishes: &mut Vec<Wish>) {
        let job = self.spec.name.clone();
        wishes.push(Wish::Log(Notice::Sending { signal: Signal::TERM, job, pid }));
        send(Target::Job(pid), Signal::TERM, wishes);
        self.state =
            State::Stopping { pid, since, escalation: Escalation::Term { kill_at: now + KILL_AFTER } };
    }

    /// Takes the next step if it is due.
    pub(super) fn escalate(
        &self,
        escalation: Escalation,
        target: Target,
        now: MonoTime,
        wishes: &mut Vec<Wish>,
    ) -> Escalation {
        let job = || self.spec.name.clone();
        match escalation {
            Escalation::Term { kill_at } if kill_at <= now => {
                let signal = Signal::KILL;
                wishes.push(Wish::Log(match target {
                    Target::Job(pid) => Notice::Sending { signal, job: job(), pid },
                    Target::Rest(group) | Target::Others(group) => {
                        Notice::SendingToRest { signal, job: job(), group }
                    }
                }));
                wishes.push(Wish::Signal(target, signal));
                Escalation::Kill { give_up_at: now + GIVE_UP_AFTER }
            }
            Escalation::Kill { give_up_at } if give_up_at <= now => {
                if let Target::Job(pid) = target {
                    wishes.push(Wish::Log(Notice::Outlived { job: job(), pid }));
                }
                Escalation::Stuck
            }
            Escalation::Term { .. } | Escalation::Kill { .. } | Escalation::Stuck => escalation,
        }
    }

    pub(super) fn sweep(&mut self, group: Pid, now: MonoTime, escalation: Escalation) {
        self.state = State::Sweeping { group, look_at: next_look(now, escalation), escalation };
    }
}

/// When to look at what is left of the group next: soon after a signal, later less often.
pub(super) fn next_look(now: MonoTime, escalation: Escalation) -> MonoTime {
    let [first, last] = LOOK_EVERY;
    let left = |until: MonoTime, of: Duration| of.saturating_sub(until.since(now));
    let waited = match escalation {
        Escalation::Term { kill_at } => left(kill_at, KILL_AFTER),
        Escalation::Kill { give_up_at } => left(give_up_at, GIVE_UP_AFTER),
        Escalation::Stuck => last,
    };
    now + (waited / LOOK_SHARE).clamp(first, last)
}

/// As long as the main process lived, the members of the session outside of its group got no signal. They get it now.
pub(super) fn pass_on(pid: Pid, escalation: Escalation, wishes: &mut Vec<Wish>) {
    match escalation {
        Escalation::Term { .. } => send(Target::Others(pid), Signal::TERM, wishes),
        Escalation::Kill { .. } | Escalation::Stuck => {
            wishes.push(Wish::Signal(Target::Others(pid), Signal::KILL));
        }
    }
}

/// SIGCONT follows SIGTERM, so that a stopped process can handle it.
pub(super) fn send(target: Target, signal: Signal, wishes: &mut Vec<Wish>) {
    wishes.push(Wish::Signal(target, signal));
    wishes.push(Wish::Signal(target, Signal::CONT));
}

//! One job's life: a goal, a state, and the one function that closes the gap between them.
//! Knows no other job, no clock and no process but its own.
#![forbid(unsafe_code)]

mod changes;
mod failure;
pub mod policy;
mod state;
mod stop;
mod switch;

use crate::model::{
    Birth, Detail, Ending, JobSpec, MonoTime, Notice, Phase, Pid, Policy, Signal, SpawnError, Stage,
    Survivors, Target,
};
use changes::{ChangeOutcome, FileChanges};
use failure::FailureStreak;
pub use failure::REMIND_EVERY;
pub use policy::next_pause;
pub use state::{Escalation, FirstRun, Goal, State, Wish};
use std::rc::Rc;
use std::time::Duration;
pub use stop::{GIVE_UP_AFTER, KILL_AFTER, LOOK_EVERY};
use stop::{next_look, pass_on, send};

/// One job.
#[derive(Debug)]
pub struct Job {
    spec: JobSpec,
    state: State,
    /// No start before this time. The restart policy sets it when a run ends.
    not_before: MonoTime,
    /// The failed starts since the last successful one.
    failure: Option<Box<FailureStreak>>,
    /// The pause after a failed start; reset when a process is made.
    pause: Option<Duration>,
    first_run: FirstRun,
    /// Changes of the files that it depends on; None until the first change.
    changes: Option<Box<FileChanges>>,
    /// No longer in the file; forgotten once nothing of it runs.
    removed: bool,
    /// Set by the file, or by the last remote command.
    enabled: bool,
    /// Ended for good under this definition.
    finished: bool,
}

impl Job {
    /// A job that has not run yet. The first [`Job::reconcile`] sets it going.
    pub fn new(spec: JobSpec) -> Job {
        Job {
            enabled: !spec.policy.fixed.disable,
            spec,
            state: State::Down,
            not_before: MonoTime::ZERO,
            failure: None,
            pause: None,
            first_run: FirstRun::Pending,
            changes: None,
            removed: false,
            finished: false,
        }
    }

    /// The definition in force; a process of an older one may still be stopping.
    pub fn spec(&self) -> &JobSpec {
        &self.spec
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        self.state
    }

    /// What state it is meant to reach.
    pub fn goal(&self) -> Goal {
        if self.removed {
            Goal::Gone
        } else if self.enabled && !self.finished {
            Goal::Up
        } else {
            Goal::Down
        }
    }

    /// The state of its first run under this definition.
    pub fn first_run(&self) -> FirstRun {
        self.first_run
    }

    /// Whether the file or the last command enables it.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// Whether it has ended for good under this definition.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// The process or group that it is responsible for.
    pub fn pid(&self) -> Option<Pid> {
        match self.state {
            State::Down | State::Waiting | State::Queued | State::Launching => None,
            State::Starting { pid, .. } | State::Running { pid, .. } | State::Stopping { pid, .. } => {
                Some(pid)
            }
            State::Sweeping { group, .. } => Some(group),
        }
    }

    /// The time of its next action, if no event comes before.
    pub fn deadline(&self) -> Option<MonoTime> {
        let own = match self.state {
            State::Down | State::Queued | State::Launching => None,
            State::Waiting => Some(self.not_before),
            State::Starting { since, .. } | State::Running { since, .. } => self.bounce_at(since),
            State::Stopping { escalation, .. } => escalation.deadline(),
            State::Sweeping { look_at, escalation, .. } => {
                Some(escalation.deadline().map_or(look_at, |at| at.min(look_at)))
            }
        };
        let change = self.changes.as_ref().and_then(|changes| changes.due());
        own.into_iter().chain(change).min()
    }

    /// It does not start before this time.
    pub fn not_before(&self) -> MonoTime {
        self.not_before
    }

    /// What a status shows of it.
    pub fn phase(&self, now: MonoTime) -> Phase {
        match self.state {
            State::Down if self.finished => Phase::Finished,
            State::Down => Phase::Disabled,
            State::Waiting => Phase::Waiting(self.not_before.since(now)),
            State::Queued | State::Launching => Phase::Queued,
            // The core knows no more; the child itself may have reported a later stage.
            State::Starting { pid, .. } => Phase::Starting(pid, Stage::Exec),
            State::Running { pid, since } => Phase::Running(pid, now.since(since)),
            State::Stopping { pid, since, .. } => Phase::Stopping(pid, now.since(since)),
            State::Sweeping { group, .. } => Phase::Sweeping(group),
        }
    }

    /// Closes the gap between goal and state by one step.
    pub fn reconcile(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        use State::*;
        if self.removed || !self.enabled {
            self.forget_change();
        }
        match (self.goal(), self.state) {
            (Goal::Up, Down) if self.not_before > now => self.state = Waiting,
            // Queued has no deadline: an expired one would make the loop spin.
            (Goal::Up, Down) => self.state = Queued,
            (Goal::Up, Waiting) if self.not_before <= now => self.state = Queued,
            (Goal::Down | Goal::Gone, Waiting | Queued) => self.state = Down,
            (Goal::Down | Goal::Gone, Starting { pid, since } | Running { pid, since }) => {
                self.stop(pid, since, now, wishes);
            }
            (Goal::Up, Waiting | Queued | Starting { .. } | Running { .. }) => {}
            (Goal::Down | Goal::Gone, Down) => {}
            (_, Launching | Stopping { .. } | Sweeping { .. }) => {}
        }
    }

    /// The gate lets it start; the supervisor asks for the spawn.
    pub fn launch(&mut self) {
        self.state = State::Launching;
    }

    /// The answer to the spawn.
    pub fn spawned(&mut self, now: MonoTime, answer: Result<Birth, SpawnError>, wishes: &mut Vec<Wish>) {
        match answer {
            Ok(birth) => {
                self.state = State::Starting { pid: birth.pid(), since: now };
                if let Birth::Executed(_) = birth {
                    self.executed(wishes);
                }
                self.pause = None;
                // The new process sees the files as they are now.
                self.forget_change();
                if self.first_run == FirstRun::Pending {
                    self.first_run = FirstRun::Started;
                }
            }
            Err(error) => {
                self.state = State::Down;
                self.start_failed(error, now, wishes);
            }
        }
        self.reconcile(now, wishes);
    }

    /// Its main process runs the command.
    pub fn executed(&mut self, wishes: &mut Vec<Wish>) {
        let pid = match self.state {
            State::Starting { pid, since } => {
                self.state = State::Running { pid, since };
                pid
            }
            // It was stopped before it executed its command.
            State::Stopping { pid, .. } => pid,
            State::Down | State::Waiting | State::Queued | State::Launching => return,
            State::Running { .. } | State::Sweeping { .. } => return,
        };
        self.failure = None;
        wishes.push(Wish::Log(Notice::Started { job: self.spec.name.clone(), pid }));
    }

    /// Its main process has been reaped; `rest` says whether others of its group and session are left.
    pub fn exited(&mut self, now: MonoTime, ending: Ending, rest: &Survivors, wishes: &mut Vec<Wish>) {
        use State::*;
        let pid = match self.state {
            Starting { pid, since } | Running { pid, since } => {
                self.report(pid, since, ending, now, wishes);
                self.ran_to_its_end(since, ending, now, wishes);
                pid
            }
            Stopping { pid, since, .. } => {
                // A failed start while stopping may belong to an older definition, so the log gets
                // nothing about this one.
                if let Ending::Ran(_) = ending {
                    self.report(pid, since, ending, now, wishes);
                }
                self.not_before = now;
                pid
            }
            Down | Waiting | Queued | Launching | Sweeping { .. } => return,
        };
        if self.first_run == FirstRun::Started {
            self.first_run = FirstRun::Over;
        }
        match (rest, self.state) {
            (Survivors::None, _) => self.state = Down,
            (Survivors::Some(_), Stopping { escalation, .. }) => {
                pass_on(pid, escalation, wishes);
                self.sweep(pid, now, escalation);
            }
            (Survivors::Some(_), _) => {
                let job = self.spec.name.clone();
                wishes.push(Wish::Log(Notice::SendingToRest { signal: Signal::TERM, job, group: pid }));
                send(Target::Rest(pid), Signal::TERM, wishes);
                self.sweep(pid, now, Escalation::Term { kill_at: now + KILL_AFTER });
            }
        }
        self.reconcile(now, wishes);
    }

    /// Does what is due. Afterwards its deadline is in the future, or it has none.
    pub fn expire(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        use State::*;
        if self.changes.as_mut().is_some_and(|changes| changes.expire(now)) {
            self.restart_for_change(now, wishes);
        }
        match self.state {
            Down | Queued | Launching | Waiting => {}
            Starting { pid, since } | Running { pid, since } => {
                if self.bounce_at(since).is_some_and(|at| at <= now) {
                    wishes.push(Wish::Log(Notice::Bouncing { job: self.spec.name.clone() }));
                    self.stop(pid, since, now, wishes);
                }
            }
            Stopping { pid, since, escalation } => {
                let escalation = self.escalate(escalation, Target::Job(pid), now, wishes);
                self.state = Stopping { pid, since, escalation };
            }
            Sweeping { group, look_at, escalation } => {
                let escalated = self.escalate(escalation, Target::Rest(group), now, wishes);
                let given_up = escalated == Escalation::Stuck;
                if look_at <= now || given_up {
                    let detail = if given_up { Detail::Names } else { Detail::Whether };
                    wishes.push(Wish::Look(group, detail));
                }
                let next = next_look(now, escalated);
                // A signal moves the next look forward, never back.
                let look_at = if look_at <= now { next } else { look_at.min(next) };
                self.state = Sweeping { group, look_at, escalation: escalated };
            }
        }
        self.reconcile(now, wishes);
    }

    /// Takes another definition. A running process is stopped, and the new one starts without delay.
    /// The exit of the old run does not affect the new definition.
    pub fn redefine(&mut self, spec: JobSpec, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.obey_file(!spec.policy.fixed.disable, wishes);
        self.spec = spec;
        self.first_run = FirstRun::Pending;
        self.removed = false;
        self.failure = None;
        self.pause = None;
        self.changes = None;
        self.restart(now, wishes);
    }

    /// Takes other rules, under which a process runs on.
    pub fn retune(&mut self, policy: Rc<Policy>, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.spec.policy = policy;
        self.confirm(now, wishes);
    }

    /// An applied file keeps this definition. Only the effect of a remote command ends.
    pub fn confirm(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.obey_file(!self.spec.policy.fixed.disable, wishes);
        self.removed = false;
        self.reconcile(now, wishes);
    }

    /// A file that it depends on has changed: it restarts without delay, unless such changes keep coming.
    pub fn depends_changed(&mut self, file: &Rc<[u8]>, now: MonoTime, wishes: &mut Vec<Wish>) {
        match self.changes.get_or_insert_default().changed(now) {
            ChangeOutcome::Restart => self.restart_for_change(now, wishes),
            ChangeOutcome::Later(at) => {
                let (job, file) = (self.spec.name.clone(), file.clone());
                wishes.push(Wish::Log(Notice::DependsRestless { job, file, wait: at.since(now) }));
            }
            ChangeOutcome::Pending => {}
        }
    }

    fn restart_for_change(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        wishes.push(Wish::Log(Notice::DependsChanged { job: self.spec.name.clone() }));
        self.restart(now, wishes);
    }

    fn forget_change(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.forget();
        }
    }

    /// Restarts without delay, whatever its state.
    pub fn restart(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.finished = false;
        self.not_before = now;
        if let State::Starting { pid, since } | State::Running { pid, since } = self.state {
            self.stop(pid, since, now, wishes);
        }
        self.reconcile(now, wishes);
    }

    /// Removes it: it is forgotten once nothing of it runs.
    pub fn remove(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.removed = true;
        self.reconcile(now, wishes);
    }

    fn bounce_at(&self, since: MonoTime) -> Option<MonoTime> {
        self.spec.policy.fixed.bounce_every.map(|every| since + every)
    }

    fn report(&mut self, pid: Pid, since: MonoTime, ending: Ending, now: MonoTime, wishes: &mut Vec<Wish>) {
        match ending {
            Ending::Ran(exit) => {
                let (job, secs) = (self.spec.name.clone(), now.since(since).as_secs());
                wishes.push(Wish::Log(Notice::Exited { job, pid, secs, exit }));
            }
            Ending::NeverStarted(error) => self.failed(error, now, wishes),
        }
    }

    fn ran_to_its_end(&mut self, since: MonoTime, ending: Ending, now: MonoTime, wishes: &mut Vec<Wish>) {
        match ending {
            Ending::Ran(exit) => match policy::after_end(self.spec.policy.fixed.once, exit, now.since(since))
            {
                policy::AfterEnd::Never => self.finished = true,
                policy::AfterEnd::AtOnce => self.not_before = now,
                policy::AfterEnd::After(delay) => {
                    self.not_before = now + delay;
                    wishes.push(Wish::Log(Notice::TooFast));
                }
            },
            Ending::NeverStarted(_) => self.not_before = now + policy::QUICK,
        }
    }

    /// No process was made. The machine, not the command, is the cause, and the cause may pass soon.
    fn start_failed(&mut self, error: SpawnError, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.failed(error, now, wishes);
        self.first_run = FirstRun::Over;
        let pause = next_pause(self.pause);
        self.pause = Some(pause);
        self.not_before = now + pause;
    }
}

#[cfg(test)]
mod tests;

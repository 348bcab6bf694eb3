//! One job's life: a goal, a state, and the one function that closes the gap between them.
//! Knows no other job, no clock and no process but its own.
#![forbid(unsafe_code)]

mod changes;
mod definition;
mod exit;
mod failure;
mod past;
pub mod policy;
mod state;
mod stop;
mod switch;

use crate::model::{Birth, JobSpec, MonoTime, Notice, Phase, Pid, Policy, SpawnError, Stage, Target};
use changes::{ChangeOutcome, FileChanges};
pub use failure::REMIND_EVERY;
use past::Past;
pub use policy::next_pause;
pub use state::{Escalation, FirstRun, Goal, Outcome, Purpose, State, Step, Wish};
use std::rc::Rc;
pub use stop::{GIVE_UP_AFTER, KILL_AFTER, LOOK_EVERY, WITH_LEAST, signals, step_time};

/// One job.
#[derive(Debug)]
pub struct Job {
    spec: JobSpec,
    state: State,
    /// No start before this time, whatever the rules are.
    floor: MonoTime,
    /// What is remembered of earlier runs, if anything is.
    past: Option<Box<Past>>,
    /// The rules by which a process of an earlier definition is ended.
    ends_by: Option<Rc<Policy>>,
    first_run: FirstRun,
    /// Changes of the files that it depends on; None until the first change.
    changes: Option<Box<FileChanges>>,
    /// No longer in the file; forgotten once nothing of it runs.
    removed: bool,
    /// Set by the file, or by the last remote command.
    enabled: bool,
    /// How it has ended for good under this definition, if it has.
    outcome: Option<Outcome>,
}

impl Job {
    /// A job that has not run yet. The first [`Job::reconcile`] sets it going.
    pub fn new(spec: JobSpec) -> Job {
        Job {
            enabled: !spec.policy.fixed.disable,
            spec,
            state: State::Down,
            floor: MonoTime::ZERO,
            past: None,
            ends_by: None,
            first_run: FirstRun::Pending,
            changes: None,
            removed: false,
            outcome: None,
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
        } else if self.enabled && !self.finished() {
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
        self.outcome.is_some()
    }

    /// How it has ended for good under this definition, if it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Whether it runs, or will by itself.
    pub fn is_busy(&self) -> bool {
        self.goal() == Goal::Up || self.state != State::Down || self.is_put_off()
    }

    /// Whether a restart for a changed file is to come.
    pub fn is_put_off(&self) -> bool {
        self.changes.as_ref().is_some_and(|changes| changes.due().is_some())
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
            State::Waiting => Some(self.not_before()),
            State::Starting { since, .. } | State::Running { since, .. } => self.bounce_at(since),
            State::Stopping { escalation, .. } => escalation.until,
            State::Sweeping { look_at, escalation, .. } => {
                Some(escalation.until.map_or(look_at, |at| at.min(look_at)))
            }
        };
        let change = self.changes.as_ref().and_then(|changes| changes.due());
        own.into_iter().chain(change).min()
    }

    /// What a status shows of it.
    pub fn phase(&self, now: MonoTime) -> Phase {
        match self.state {
            State::Down if self.outcome == Some(Outcome::GaveUp) => Phase::GaveUp,
            State::Down if self.finished() => Phase::Finished,
            State::Down => Phase::Disabled,
            State::Waiting => Phase::Waiting(self.not_before().since(now)),
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
            // Other rules can delay one that was about to start.
            (Goal::Up, Down | Queued) if self.not_before() > now => self.state = Waiting,
            // Queued has no deadline: an expired one would make the loop spin.
            (Goal::Up, Down) => self.state = Queued,
            (Goal::Up, Waiting) if self.not_before() <= now => self.state = Queued,
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
                if self.past.is_some() {
                    self.remember(|past| (past.pause, past.delayed) = (None, None));
                }
                // The new process sees the files as they are now.
                self.forget_change();
                if self.first_run == FirstRun::Pending {
                    self.first_run = FirstRun::Started;
                }
            }
            Err(error) => {
                self.is_down();
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
        if self.past.is_some() {
            self.remember(|past| past.failure = None);
        }
        wishes.push(Wish::Log(Notice::Started { job: self.spec.name.clone(), pid }));
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
            Sweeping { group, escalation, .. } => {
                let escalated = self.escalate(escalation, Target::Rest(group), now, wishes);
                self.sweep_on(escalated, now, wishes);
            }
        }
        self.reconcile(now, wishes);
    }

    /// Nothing of it is left.
    fn is_down(&mut self) {
        (self.state, self.ends_by) = (State::Down, None);
    }

    fn bounce_at(&self, since: MonoTime) -> Option<MonoTime> {
        self.spec.policy.fixed.bounce_every.map(|every| since + every)
    }
}

#[cfg(test)]
mod tests;

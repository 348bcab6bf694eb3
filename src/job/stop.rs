//! How a job is stopped: a command, signals that escalate, and looks at what is left of its group and session.

use super::{Escalation, Job, Purpose, State, Step, Wish};
use crate::model::{Detail, Lasting, MonoTime, Notice, Pid, Policy, Signal, Stop, Survivors, Target};
use std::rc::Rc;
use std::time::Duration;

/// The time from one step to the next, unless the job has its own.
pub const KILL_AFTER: Duration = Duration::from_secs(10);
/// `stop with` has at least this long, however short the stop is.
pub const WITH_LEAST: Duration = Duration::from_secs(1);
/// The time from SIGKILL until a process that does not end counts as stuck.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// The shortest and the longest time between two looks at what is left of a group.
pub const LOOK_EVERY: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(1)];
/// In between, the next look comes after this fraction of the time since the last signal.
const LOOK_SHARE: u32 = 4;

/// The signals of a job that names none.
const SIGNALS: [Signal; 1] = [Signal::TERM];

/// The signals of a stop before SIGKILL.
pub fn signals(rules: &Stop) -> &[Signal] {
    if rules.signals.is_empty() { &SIGNALS } else { &rules.signals }
}

/// How long each step before SIGKILL lasts.
pub fn step_time(rules: &Stop) -> Duration {
    match rules.timeout {
        Some(Lasting::For(time)) => time,
        Some(Lasting::Never) | None => KILL_AFTER,
    }
}

/// What follows a step whose time is over.
fn next_step(rules: &Stop, step: Step) -> Step {
    let next = match step {
        Step::Untold | Step::With => 0,
        Step::Signal(sent) => sent + 1,
        Step::Kill | Step::Stuck => return Step::Stuck,
    };
    if next < signals(rules).len() { Step::Signal(next) } else { Step::Kill }
}

/// How long this step lasts; none if it has no end.
fn length(rules: &Stop, step: Step) -> Option<Duration> {
    match step {
        Step::Untold => Some(Duration::ZERO),
        Step::With => Some(step_time(rules).max(WITH_LEAST)),
        Step::Signal(sent) => {
            let last = sent + 1 >= signals(rules).len();
            let ends = !last || rules.timeout != Some(Lasting::Never);
            ends.then(|| step_time(rules))
        }
        Step::Kill => Some(GIVE_UP_AFTER),
        Step::Stuck => None,
    }
}

impl Job {
    /// The answer to a look at what is left of its group.
    pub fn looked(&mut self, now: MonoTime, survivors: &Survivors, wishes: &mut Vec<Wish>) {
        let State::Sweeping { group, escalation, .. } = self.state else { return };
        match (survivors, escalation.step) {
            (Survivors::None, _) => {}
            (Survivors::Some(_), Step::Stuck) => {
                let (job, left) = (self.spec.name.clone(), survivors.clone());
                wishes.push(Wish::Log(Notice::LeftOver { job, group, left }));
            }
            (Survivors::Some(_), Step::Untold | Step::With | Step::Signal(_) | Step::Kill) => return,
        }
        wishes.push(Wish::Release(group));
        self.is_down();
        self.reconcile(now, wishes);
    }

    /// Whether it has a process that did not end after SIGKILL.
    pub fn given_up(&self) -> bool {
        matches!(self.state, State::Stopping { escalation: Escalation { step: Step::Stuck, .. }, .. })
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

    /// A pmtr that was killed has left this process: it is stopped, and the file decides how, and what starts instead.
    pub fn left_behind(&mut self, pid: Pid, now: MonoTime) {
        self.removed = true;
        let escalation = Escalation { step: Step::Untold, until: Some(now) };
        self.state = State::Sweeping { group: pid, look_at: now, escalation };
    }

    /// Whether it has such a process, which has not been told to end.
    pub fn is_left_behind(&self) -> bool {
        matches!(self.state, State::Sweeping { escalation: Escalation { step: Step::Untold, .. }, .. })
    }

    /// The rules of the file for the process that was left. It is told to end.
    pub fn end_left_behind(&mut self, rules: Rc<Policy>, now: MonoTime, wishes: &mut Vec<Wish>) {
        self.ends_by = Some(rules);
        self.expire(now, wishes);
    }

    /// A second request to exit: whatever is being stopped gets SIGKILL now.
    pub fn kill(&mut self, now: MonoTime, wishes: &mut Vec<Wish>) {
        use State::*;
        let (target, escalation) = match self.state {
            Stopping { pid, escalation, .. } => (Target::Job(pid), escalation),
            Sweeping { group, escalation, .. } => (Target::Rest(group), escalation),
            Down | Waiting | Queued | Launching | Starting { .. } | Running { .. } => return,
        };
        if !matches!(escalation.step, Step::Kill | Step::Stuck) {
            let killed = self.step(Step::Kill, target, now, wishes);
            self.escalated(killed, now, wishes);
        }
    }

    /// The command of `stop with` has ended. If it has failed, the signals follow at once.
    pub fn stop_helped(&mut self, success: bool, now: MonoTime, wishes: &mut Vec<Wish>) {
        if let State::Stopping { pid, escalation: Escalation { step: Step::With, .. }, .. } = self.state
            && !success
        {
            let told = self.begin(Target::Job(pid), now, wishes);
            self.escalated(told, now, wishes);
        }
    }

    /// It is to read its configuration again.
    pub fn reload(&mut self, wishes: &mut Vec<Wish>) {
        if let State::Running { pid, .. } = self.state {
            match self.spec.policy.reload.with.is_empty() {
                true => self.send_reload(pid, wishes),
                false => wishes.push(Wish::Help(Purpose::Reload, pid, Box::new(self.spec.clone()))),
            }
        }
    }

    /// The command of `reload with` has ended, which was run for this process. The signal follows its success.
    pub fn reload_helped(&mut self, of: Pid, success: bool, wishes: &mut Vec<Wish>) {
        if let State::Running { pid, .. } = self.state
            && pid == of
            && success
        {
            self.send_reload(pid, wishes);
        }
    }

    fn send_reload(&self, pid: Pid, wishes: &mut Vec<Wish>) {
        if let Some(signal) = self.spec.policy.reload.signal {
            wishes.push(Wish::Log(Notice::Sending { signal, job: self.spec.name.clone(), pid }));
            wishes.push(Wish::Signal(Target::Main(pid), signal));
        }
    }

    /// Begins to stop a process. Other rules change the steps that follow, but not the time of the next one.
    pub(super) fn stop(&mut self, pid: Pid, since: MonoTime, now: MonoTime, wishes: &mut Vec<Wish>) {
        let rules = &self.spec.policy.stop;
        let escalation = if rules.with.is_empty() {
            self.begin(Target::Job(pid), now, wishes)
        } else {
            wishes.push(Wish::Help(Purpose::Stop, pid, Box::new(self.spec.clone())));
            let begun = self.step(Step::With, Target::Job(pid), now, wishes);
            self.escalate(begun, Target::Job(pid), now, wishes)
        };
        self.state = State::Stopping { pid, since, escalation };
    }

    /// Sends the first signal, and those whose time has come with it.
    fn begin(&self, target: Target, now: MonoTime, wishes: &mut Vec<Wish>) -> Escalation {
        let told = self.step(Step::Signal(0), target, now, wishes);
        self.escalate(told, target, now, wishes)
    }

    /// Takes the steps that are due.
    pub(super) fn escalate(
        &self,
        escalation: Escalation,
        target: Target,
        now: MonoTime,
        wishes: &mut Vec<Wish>,
    ) -> Escalation {
        let mut escalation = escalation;
        while escalation.until.is_some_and(|at| at <= now) {
            escalation = self.step(next_step(self.stop_rules(), escalation.step), target, now, wishes);
        }
        escalation
    }

    /// Takes this step.
    fn step(&self, step: Step, target: Target, now: MonoTime, wishes: &mut Vec<Wish>) -> Escalation {
        let rules = self.stop_rules();
        match step {
            Step::Signal(nth) => {
                let signal = signals(rules).get(nth).copied().unwrap_or(Signal::TERM);
                self.say(target, signal, wishes);
                send(if rules.main_only { main_of(target) } else { target }, signal, wishes);
            }
            Step::Kill => {
                self.say(target, Signal::KILL, wishes);
                wishes.push(Wish::Signal(target, Signal::KILL));
            }
            Step::Stuck => {
                if let Target::Job(pid) = target {
                    wishes.push(Wish::Log(Notice::Outlived { job: self.spec.name.clone(), pid }));
                }
            }
            Step::Untold | Step::With => {}
        }
        Escalation { step, until: length(rules, step).map(|time| now + time) }
    }

    /// Logs a signal of a stop.
    fn say(&self, target: Target, signal: Signal, wishes: &mut Vec<Wish>) {
        let job = self.spec.name.clone();
        wishes.push(Wish::Log(match target {
            Target::Job(pid) | Target::Main(pid) => Notice::Sending { signal, job, pid },
            Target::Rest(pid) if self.is_left_behind() => Notice::LeftBehind { signal, job, pid },
            Target::Rest(group) | Target::Others(group) => Notice::SendingToRest { signal, job, group },
        }));
    }

    /// A stop or a sweep has come this far.
    fn escalated(&mut self, to: Escalation, now: MonoTime, wishes: &mut Vec<Wish>) {
        match &mut self.state {
            State::Stopping { escalation, .. } => *escalation = to,
            State::Sweeping { .. } => self.sweep_on(to, now, wishes),
            State::Down | State::Waiting | State::Queued | State::Launching => {}
            State::Starting { .. } | State::Running { .. } => {}
        }
    }

    /// The sweep has come this far. Looks at what is left if that is due.
    pub(super) fn sweep_on(&mut self, to: Escalation, now: MonoTime, wishes: &mut Vec<Wish>) {
        let State::Sweeping { group, look_at, .. } = self.state else { return };
        let given_up = to.step == Step::Stuck;
        let told_now = self.is_left_behind();
        if look_at <= now && !told_now || given_up {
            let detail = if given_up { Detail::Names } else { Detail::Whether };
            wishes.push(Wish::Look(group, detail));
        }
        let next = self.next_look(now, to);
        // A signal moves the next look forward, never back.
        let look_at = if look_at <= now { next } else { look_at.min(next) };
        self.state = State::Sweeping { group, look_at, escalation: to };
    }

    /// Its main process has ended and others are left. The sweep goes on with the stop, or begins one of its own.
    pub(super) fn sweep(
        &mut self,
        group: Pid,
        stop: Option<Escalation>,
        now: MonoTime,
        wishes: &mut Vec<Wish>,
    ) {
        let rest = Target::Rest(group);
        let escalation = match stop {
            // Nobody has been told anything.
            None | Some(Escalation { step: Step::Untold | Step::With, .. }) => self.begin(rest, now, wishes),
            Some(escalation) => {
                self.pass_on(group, escalation.step, wishes);
                escalation
            }
        };
        self.state = State::Sweeping { group, look_at: self.next_look(now, escalation), escalation };
    }

    /// As long as the main process lived, the members of the session outside of its group got no signal, and with
    /// `stop main only` nobody did. They get it now.
    fn pass_on(&self, group: Pid, step: Step, wishes: &mut Vec<Wish>) {
        let rules = self.stop_rules();
        match step {
            Step::Signal(sent) => {
                let signal = signals(rules).get(sent).copied().unwrap_or(Signal::TERM);
                let unreached = if rules.main_only { Target::Rest(group) } else { Target::Others(group) };
                send(unreached, signal, wishes);
            }
            Step::Kill | Step::Stuck => wishes.push(Wish::Signal(Target::Others(group), Signal::KILL)),
            Step::Untold | Step::With => {}
        }
    }

    /// The rules by which what it has is ended.
    fn stop_rules(&self) -> &Stop {
        &self.ends_by.as_ref().unwrap_or(&self.spec.policy).stop
    }

    /// When to look at what is left of the group next: soon after a signal, later less often.
    fn next_look(&self, now: MonoTime, escalation: Escalation) -> MonoTime {
        let [first, last] = LOOK_EVERY;
        let length = length(self.stop_rules(), escalation.step);
        let waited = match (escalation.until, length) {
            (Some(until), Some(length)) => length.saturating_sub(until.since(now)),
            (None, _) if escalation.step == Step::Stuck => last,
            (None, _) | (_, None) => last.saturating_mul(LOOK_SHARE),
        };
        now + (waited / LOOK_SHARE).clamp(first, last)
    }
}

/// The main process alone, if it lives.
fn main_of(target: Target) -> Target {
    match target {
        Target::Job(pid) => Target::Main(pid),
        Target::Main(_) | Target::Rest(_) | Target::Others(_) => target,
    }
}

/// SIGCONT follows a signal that asks for the end, so that a stopped process can handle it.
fn send(target: Target, signal: Signal, wishes: &mut Vec<Wish>) {
    wishes.push(Wish::Signal(target, signal));
    wishes.push(Wish::Signal(target, Signal::CONT));
}

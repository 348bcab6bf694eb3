//! How a run is ended: by a command, then signal by signal.

use super::{Reference, Run, TEN};
use crate::rules::Ended;
use pmtr::model::{MonoTime, Signal, Target};
use std::time::Duration;

/// The signals before SIGKILL.
pub(super) fn list(ended: Ended) -> Vec<Signal> {
    match ended.signals {
        [] => vec![Signal::TERM],
        signals => signals.iter().map(|number| Signal(*number)).collect(),
    }
}

/// How long each of them has.
pub(super) fn step(ended: Ended) -> Duration {
    ended.timeout.flatten().map_or(TEN, |ms| Duration::from_millis(ms.into()))
}

impl Run {
    /// A step of its stop begins.
    fn begins(&mut self, now: MonoTime) {
        let last = self.sent >= list(self.def.ended).len();
        let never = self.def.ended.timeout == Some(None) && last;
        self.until = (!never).then(|| now + step(self.def.ended));
        self.asked.get_or_insert(now);
    }

    /// A command is to end it, and signals follow at that time.
    pub(super) fn begins_with(&mut self, until: MonoTime, now: MonoTime) {
        (self.with, self.until) = (true, Some(until));
        self.asked.get_or_insert(now);
    }

    /// That command has failed.
    pub(super) fn with_failed(&mut self, now: MonoTime) {
        if self.with && self.reaped.is_none() {
            self.until = Some(now);
        }
    }

    /// When its next signal is due, if it is being ended.
    pub(super) fn next_due(&self) -> Option<MonoTime> {
        self.until.filter(|_| self.killed.is_none())
    }
}

impl Reference {
    /// Returns the serial of the group that the signal is for.
    pub fn signals(&mut self, now: MonoTime, target: Target, signal: Signal) -> Option<u64> {
        if let Some(due) = self.cont_due.take() {
            if (due, Signal::CONT) != (target, signal) {
                self.broken("SIGCONT follows a signal that asks for the end", &(target, signal));
            }
        } else if signal == Signal::CONT {
            self.broken("SIGCONT follows a signal that asks for the end", &(target, signal));
        }
        let at = self.lives.iter().position(|life| match (&life.run, target) {
            (Some(run), Target::Job(pid) | Target::Main(pid)) => run.pid == pid && run.reaped.is_none(),
            (Some(run), Target::Rest(pid) | Target::Others(pid)) => run.pid == pid && run.reaped.is_some(),
            (None, _) => false,
        });
        let Some(at) = at else {
            return self.helper_signals(now, target, signal);
        };
        let mut life = self.lives[at].clone();
        let must_stop = self.must_stop(&life, now);
        let run = life.run.as_mut().unwrap();
        let serial = run.serial;
        if signal == Signal::CONT {
            return Some(serial);
        }
        if self.others_due == Some((target, signal)) {
            self.others_due = None;
            self.cont_due = (signal != Signal::KILL).then_some(target);
            return Some(serial);
        }
        if let Target::Others(_) = target {
            self.broken("the others are told once, when the main process has gone", &(target, signal));
        }
        if let (Target::Main(pid), Some(due)) = (target, self.reload_due)
            && due == (pid, signal)
        {
            self.reload_due = None;
            return Some(serial);
        }
        let due = run.next_due();
        let exact =
            due.is_some_and(|at| at == now || at < now && self.last_wake.is_none_or(|slept| slept < at));
        let list = list(run.def.ended);
        if signal == Signal::KILL {
            let all = run.sent >= list.len();
            let hurried = (run.asked.is_some() || must_stop) && self.hurried == Some(now);
            if run.killed.is_some() || !(exact && all || hurried) {
                self.broken("SIGKILL comes once, after the last signal and its time", &(now, &run));
            }
            run.killed = Some(now);
            run.asked.get_or_insert(now);
            run.with = false;
        } else {
            if list.get(run.sent) != Some(&signal) {
                self.broken("the signals of a stop come one after the other", &(signal, &run));
            }
            let begins = run.asked.is_none()
                && (run.reaped.is_some() || must_stop && (!run.def.ended.with || run.retuned));
            let freed = run.sent == 0 && run.reaped.is_some();
            if !(begins || exact || freed) {
                self.broken("a signal of a stop comes when its time has come", &(now, &run));
            }
            let main = run.def.ended.main_only && run.reaped.is_none();
            if main != matches!(target, Target::Main(_)) {
                self.broken("with `stop main only` the main process alone is told", &(target, &run));
            }
            (run.with, run.sent) = (false, run.sent + 1);
            run.begins(now);
            self.cont_due = Some(target);
        }
        self.lives[at] = life;
        Some(serial)
    }
}

//! What the end of a job's main process means, and a start that made none.

use super::policy::{self, AfterEnd};
use super::{FirstRun, Job, Outcome, State, Wish};
use crate::model::{Ending, Lasting, MonoTime, Notice, Pid, SpawnError, Survivors};

impl Job {
    /// Its main process has been reaped; `rest` says whether others of its group and session are left. `draw` is any
    /// number, for a delay with `jitter`.
    pub fn exited(
        &mut self,
        now: MonoTime,
        ending: Ending,
        rest: &Survivors,
        draw: u32,
        wishes: &mut Vec<Wish>,
    ) {
        use State::*;
        let (pid, stop) = match self.state {
            Starting { pid, since } | Running { pid, since } => {
                let told = self.report(pid, since, ending, now, wishes);
                self.ran_to_its_end(since, ending, now, draw, told, wishes);
                (pid, None)
            }
            Stopping { pid, since, escalation } => {
                // A failed start while stopping may belong to an older definition, so the log gets
                // nothing about this one.
                if let Ending::Ran(_) = ending {
                    self.report(pid, since, ending, now, wishes);
                }
                if self.past.is_some()
                    && !policy::is_quick(&self.spec.policy.restart, ending, now.since(since))
                {
                    self.remember(|past| past.quick = 0);
                }
                self.floor = now;
                (pid, Some(escalation))
            }
            Down | Waiting | Queued | Launching | Sweeping { .. } => return,
        };
        if self.first_run == FirstRun::Started {
            self.first_run = FirstRun::Over;
        }
        match rest {
            Survivors::None => self.is_down(),
            Survivors::Some(_) => self.sweep(pid, stop, now, wishes),
        }
        self.reconcile(now, wishes);
    }

    /// True if the log says how it has ended.
    fn report(
        &mut self,
        pid: Pid,
        since: MonoTime,
        ending: Ending,
        now: MonoTime,
        wishes: &mut Vec<Wish>,
    ) -> bool {
        match ending {
            Ending::Ran(exit) => {
                let (job, secs) = (self.spec.name.clone(), now.since(since).as_secs());
                wishes.push(Wish::Log(Notice::Exited { job, pid, secs, exit }));
                true
            }
            Ending::NeverStarted(error) => self.failed(error, now, wishes),
        }
    }

    /// Nobody has stopped the run that has ended. `told`: the log says how.
    fn ran_to_its_end(
        &mut self,
        since: MonoTime,
        ending: Ending,
        now: MonoTime,
        draw: u32,
        told: bool,
        wishes: &mut Vec<Wish>,
    ) {
        let policy = self.spec.policy.clone();
        let rule = policy.restart.give_up;
        let quick = policy::is_quick(&policy.restart, ending, now.since(since));
        let (runs, ends) = self.remember(|past| past.count(quick, rule, now));
        let apart = now.max(since + policy::STARTS_APART);
        match policy::after_end(&policy, ending, runs, ends) {
            AfterEnd::AtOnce => self.floor = apart,
            AfterEnd::Delayed => {
                self.floor = apart;
                self.remember(|past| past.delayed = Some((now, draw)));
                if told {
                    self.say_delay(now, wishes);
                }
            }
            AfterEnd::Over(outcome) => {
                self.outcome = Some(outcome);
                if outcome == Outcome::GaveUp {
                    let (job, within) = (self.spec.name.clone(), rule.and_then(|rule| rule.within));
                    let count = within.map_or(u64::from(runs), |_| ends as u64);
                    wishes.push(Wish::Log(Notice::GaveUp { job, count, within }));
                }
            }
        }
    }

    /// Logs that the restart is delayed: in the words of old, unless the job has rules of its own.
    fn say_delay(&self, now: MonoTime, wishes: &mut Vec<Wish>) {
        let restart = &self.spec.policy.restart;
        let wait = self.not_before().since(now);
        if restart.delay.is_none() && restart.steady != Some(Lasting::Never) {
            wishes.push(Wish::Log(Notice::TooFast));
        } else if wait > policy::STARTS_APART {
            let (job, runs) = (self.spec.name.clone(), self.quick_runs());
            wishes.push(Wish::Log(Notice::Delayed { job, wait, runs }));
        }
    }

    /// No process was made. The machine, not the command, is the cause, and the cause may pass soon.
    pub(super) fn start_failed(&mut self, error: SpawnError, now: MonoTime, wishes: &mut Vec<Wish>) {
        if self.failed(error, now, wishes) {
            wishes.push(Wish::Log(Notice::TooFast));
        }
        self.first_run = FirstRun::Over;
        let pause = self.remember(|past| {
            let pause = policy::next_pause(past.pause);
            (past.pause, past.delayed) = (Some(pause), None);
            pause
        });
        self.floor = now + pause;
    }
}

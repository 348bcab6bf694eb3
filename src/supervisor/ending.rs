//! The end of pmtr: who asks for it, how long it may take, and with which status.

use super::{Actions, JobId, Rank, Supervisor};
use crate::job::{Job, Outcome};
use crate::model::{Ending, Exit, MonoTime, Notice, Signal};

/// The end, once it has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exiting {
    /// The exit status of pmtr.
    status: u8,
    /// Somebody has asked for it by a signal.
    asked: bool,
    /// When what is left gets SIGKILL.
    kill_at: Option<MonoTime>,
}

/// Why pmtr ends.
enum Cause {
    Signal(Signal),
    /// This essential job has ended for good.
    Essential(JobId, u8),
    /// No job runs and none will by itself.
    Done(u8),
}

impl Supervisor {
    /// The exit status of pmtr.
    pub fn exit_status(&self) -> u8 {
        self.exiting.map_or(0, |exiting| exiting.status)
    }

    /// A signal asks for the end. The second one kills what is left.
    pub(super) fn end(&mut self, now: MonoTime, signal: Signal, actions: &mut Actions) {
        match &mut self.exiting {
            None => self.begin_to_end(now, Cause::Signal(signal), actions),
            Some(exiting) if exiting.asked => self.kill_all(now, actions),
            // It ends for another reason already.
            Some(exiting) => {
                exiting.asked = true;
                actions.log(Notice::ExitingOn(signal));
            }
        }
    }

    /// A job has ended for good by itself.
    pub(super) fn over(&mut self, now: MonoTime, id: JobId, ending: Ending, actions: &mut Actions) {
        let essential = self.spec(id).is_some_and(|spec| spec.policy.restart.essential);
        if essential && self.exiting.is_none() {
            let status = match ending {
                Ending::Ran(Exit::Code(code)) => u8::try_from(code).unwrap_or(1),
                Ending::Ran(Exit::Signal(Signal(number))) => {
                    u8::try_from(number).unwrap_or(0).saturating_add(128)
                }
                Ending::NeverStarted(_) => 1,
            };
            self.begin_to_end(now, Cause::Essential(id, status), actions);
        }
    }

    /// Ends pmtr if it is to end when all is done, and all is; and what takes too long to end.
    pub(super) fn tick_end(&mut self, now: MonoTime, actions: &mut Actions) {
        if self.exiting.is_some() {
            self.kill_overdue(now, actions);
        } else if self.ends_by_itself() {
            let good = |job: &Job| !job.enabled() || matches!(job.outcome(), None | Some(Outcome::Done));
            let status = u8::from(!self.jobs().all(|(_, job)| good(job)));
            self.begin_to_end(now, Cause::Done(status), actions);
        }
    }

    /// When what is left of an end gets SIGKILL.
    pub(super) fn end_deadline(&self) -> Option<MonoTime> {
        self.exiting.and_then(|exiting| exiting.kill_at)
    }

    /// Whether the next tick ends pmtr, for no job runs and none will by itself.
    pub(super) fn ends_by_itself(&self) -> bool {
        let done = self.reload.applied().is_some() && self.index.census().busy == 0 && !self.helpers.any();
        // A service manager takes an end before the start is complete for a failure.
        done && self.end_rules.when_done && self.exiting.is_none() && self.is_announced()
    }

    fn begin_to_end(&mut self, now: MonoTime, cause: Cause, actions: &mut Actions) {
        let (status, asked, notice) = match cause {
            Cause::Signal(signal) => (0, true, Notice::ExitingOn(signal)),
            Cause::Essential(id, status) => match self.spec(id) {
                Some(spec) => (status, false, Notice::ExitingFor { job: spec.name.clone() }),
                None => return,
            },
            Cause::Done(status) => (status, false, Notice::ExitingDone),
        };
        let kill_at = self.end_rules.within.map(|within| now + within);
        self.exiting = Some(Exiting { status, asked, kill_at });
        actions.log(notice);
        self.network.close(actions);
        self.complaints = Default::default();
        self.switches = Default::default();
        if let Some(notifier) = &mut self.notifier {
            notifier.ending();
        }
        for id in self.in_reverse() {
            self.with(id, actions, |job, wishes| job.remove(now, wishes));
        }
        self.kill_overdue(now, actions);
    }

    /// Kills what is left when the time of `end within` is over.
    fn kill_overdue(&mut self, now: MonoTime, actions: &mut Actions) {
        let Some(exiting) = &mut self.exiting else { return };
        if exiting.kill_at.take_if(|at| *at <= now).is_some() {
            let within = self.end_rules.within.unwrap_or_default();
            actions.log(Notice::EndingNow { within });
            self.kill_all(now, actions);
        }
    }

    fn kill_all(&mut self, now: MonoTime, actions: &mut Actions) {
        for id in self.in_reverse() {
            self.with(id, actions, |job, wishes| job.kill(now, wishes));
        }
        self.kill_helpers(now, actions);
    }

    /// In reverse order: a job may need those that were started before it.
    fn in_reverse(&self) -> Vec<JobId> {
        let ranks = self.jobs().filter_map(|(id, _)| Some((self.slot(id)?.rank, id)));
        let mut order: Vec<(Rank, JobId)> = ranks.collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        order.into_iter().map(|(_, id)| id).collect()
    }
}

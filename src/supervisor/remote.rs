//! Commands from other machines, their answers, and reports.

use super::{Actions, Effect, JobSlot, Supervisor};
use crate::job::{Goal, State};
use crate::model::{
    Command, JobId, JobLine, MonoTime, Notice, Origin, ReportedProcess, SocketId, Station, Verb, Verdict,
};

impl Supervisor {
    /// The station of this socket, as the file describes it.
    pub fn station(&self, id: SocketId) -> Option<&Station> {
        self.network.station(id)
    }

    /// The lines of a report, in the order in which the jobs start.
    pub fn report(&self, now: MonoTime) -> impl Iterator<Item = JobLine<'_>> {
        let told = self.slots.iter().flatten().filter(|s| s.job.goal() != Goal::Gone && !s.job.finished());
        let mut slots: Vec<&JobSlot> = told.collect();
        slots.sort_unstable_by_key(|slot| slot.rank);
        slots.into_iter().map(move |slot| {
            let (seconds, process) = match slot.job.state() {
                State::Starting { pid, since }
                | State::Running { pid, since }
                | State::Stopping { pid, since, .. } => {
                    (now.since(since).as_secs(), ReportedProcess::Pid(pid))
                }
                State::Down | State::Waiting | State::Queued | State::Launching | State::Sweeping { .. } => {
                    (0, ReportedProcess::None)
                }
            };
            let spec = slot.job.spec();
            let (name, path) = (spec.name.as_bytes(), spec.launch.path().to_bytes());
            JobLine { name, enabled: slot.job.enabled(), seconds, process, path }
        })
    }

    /// Obeys a message, job by job, and answers it.
    pub(super) fn command(
        &mut self,
        now: MonoTime,
        from: Origin,
        commands: Vec<Command>,
        actions: &mut Actions,
    ) {
        actions.log_all(self.complaints.message(now, from));
        let mut verdicts = Vec::with_capacity(commands.len());
        for command in commands {
            let id = self.find(&command.name);
            if let Some(id) = id {
                self.switch(now, id, command.verb == Verb::Enable, from, actions);
            }
            verdicts.push(Verdict { command, known: id.is_some() });
        }
        let unknown = verdicts.iter().filter(|verdict| !verdict.known).map(|verdict| &*verdict.command.name);
        let unknown: Vec<&[u8]> = unknown.collect();
        if !unknown.is_empty() {
            actions.log_all(self.complaints.unknown(now, from, &unknown));
        }
        if unknown.len() < verdicts.len() {
            self.network.switched(now);
        }
        if !verdicts.is_empty() {
            actions.act(Effect::Answer(from, verdicts));
        }
    }

    fn switch(&mut self, now: MonoTime, id: JobId, enabled: bool, from: Origin, actions: &mut Actions) {
        let Some(slot) = self.slot(id).filter(|slot| slot.job.is_switched_by(enabled)) else { return };
        let job = slot.job.spec().name.clone();
        if self.switches.may_be_told(now, from) {
            actions.log(Notice::Switched { job, enabled });
        }
        self.with(id, actions, |job, wishes| job.switch(enabled, now, wishes));
    }

    /// A message that is not a command gets no answer, only a log line.
    pub(super) fn invalid(&mut self, now: MonoTime, from: Origin, actions: &mut Actions) {
        let flood = self.complaints.message(now, from);
        let invalid = self.complaints.invalid(now, from);
        actions.log_all(flood.into_iter().chain(invalid));
    }
}

//! One turn: an event, its actions, and the answers to them, until the queue is empty.

use super::{Action, Actions, Effect, Event, Reading, Supervisor};
use crate::model::{
    Birth, Detail, JobId, JobLine, JobSpec, Load, LoadError, MonoTime, NetError, NotifyMessage, Pid,
    SocketId, SpawnError, Station, Survivors, Words,
};

/// The world on which the supervisor acts: one method for each question, and one for everything without an answer.
/// No method may block.
pub trait System {
    /// Starts a process for the job.
    fn spawn(&mut self, id: JobId, spec: &JobSpec) -> Result<Birth, SpawnError>;
    /// Starts a helper with this command in the surroundings of the job, whose main process is `main`.
    fn help(&mut self, id: JobId, spec: &JobSpec, command: &Words, main: Pid) -> Result<Birth, SpawnError>;
    /// Reads the configuration.
    fn load_config(&mut self, reading: Reading) -> Result<Load, LoadError>;
    /// Reads the next portion of the configuration that [`System::load_config`] has begun to read.
    fn read_on(&mut self) -> Result<Load, LoadError>;
    /// Returns what is left of the group and session whose leader was `group`.
    fn look(&mut self, group: Pid, detail: Detail) -> Survivors;
    /// Opens a socket; one that is open under this number is closed before.
    fn open(&mut self, id: SocketId, station: &Station) -> Result<(), NetError>;
    /// Sends a message to the service manager. False if it has to be sent again.
    fn notify(&mut self, message: &NotifyMessage) -> bool;
    /// Sends a report of these jobs on every socket that is open for reports. Each job is computed when it is asked
    /// for.
    fn report(&mut self, jobs: &mut dyn Iterator<Item = JobLine<'_>>);
    /// Carries out an action without an answer.
    fn act(&mut self, effect: Effect);
}

/// Takes one event to its end. Afterwards no action is pending and every pid has an owner.
pub fn turn(supervisor: &mut Supervisor, system: &mut impl System, now: MonoTime, event: Event) {
    let mut actions = Actions::default();
    supervisor.handle(now, event, &mut actions);
    while let Some(action) = actions.next() {
        let answer = match action {
            Action::Spawn(id) => {
                let Some(spec) = supervisor.spec(id) else { continue };
                Event::Spawned(id, system.spawn(id, spec))
            }
            Action::Help(id) => {
                let Some((spec, command, main)) = supervisor.helper(id) else { continue };
                Event::Helped(id, system.help(id, spec, command, main))
            }
            Action::LoadConfig(reading) => Event::Loaded(reading, system.load_config(reading)),
            Action::ReadOn(reading) => Event::Loaded(reading, system.read_on()),
            Action::Look(group, detail) => Event::Looked(group, system.look(group, detail)),
            Action::Open(id) => {
                let Some(station) = supervisor.station(id) else { continue };
                Event::Opened(id, system.open(id, station))
            }
            Action::Notify => {
                let Some(message) = supervisor.notify_message(now) else { continue };
                Event::Notified(message, system.notify(&message))
            }
            Action::Report => {
                system.report(&mut supervisor.report(now));
                continue;
            }
            Action::Act(effect) => {
                system.act(effect);
                continue;
            }
        };
        supervisor.handle(now, answer, &mut actions);
    }
}

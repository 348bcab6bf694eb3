//! One turn: an event, its actions, and the answers to those, until nothing is queued.

use super::{Action, Event, Reading, Supervisor};
use crate::model::{
    Birth, Bulletin, Detail, Fingerprint, JobId, JobLine, JobSpec, Load, LoadError, MonoTime, NetError,
    Notice, Origin, Pid, Signal, SocketId, SpawnError, Station, Survivors, Target, Verdict,
};
use std::collections::VecDeque;
use std::rc::Rc;

/// The world as the supervisor acts upon it. Nothing here may block.
pub trait System {
    /// Starts a process for the job.
    fn spawn(&mut self, id: JobId, spec: &JobSpec) -> Result<Birth, SpawnError>;
    /// Reads the configuration.
    fn load_config(&mut self, reading: Reading) -> Result<Load, LoadError>;
    /// Reads the next portion of the configuration that [`System::load_config`] has begun to read.
    fn read_on(&mut self) -> Result<Load, LoadError>;
    /// Keeps the text of this content, which was loaded last, if texts are kept.
    fn keep(&mut self, content: Fingerprint);
    /// Tells what is left of the group and session whose leader was `group`.
    fn look(&mut self, group: Pid, detail: Detail) -> Survivors;
    /// Sends a signal; that nobody is there any more is no error.
    fn signal(&mut self, target: Target, signal: Signal);
    /// Writes a line to the log.
    fn log(&mut self, notice: &Notice);
    /// Begins to tell what a file holds.
    fn watch(&mut self, path: Rc<[u8]>);
    /// Ceases to.
    fn unwatch(&mut self, path: &[u8]);
    /// Opens a socket; one that is open under this number is closed before.
    fn open(&mut self, id: SocketId, station: &Station) -> Result<(), NetError>;
    /// Closes a socket, if it is open.
    fn close(&mut self, id: SocketId);
    /// Sends a report of these jobs to every socket that is open for it.
    fn report(&mut self, jobs: &mut dyn Iterator<Item = JobLine<'_>>);
    /// Sends a message to the service manager; false when it has to be sent again.
    fn tell(&mut self, bulletin: &Bulletin) -> bool;
    /// Answers a command, if that can be done at once.
    fn answer(&mut self, to: Origin, verdicts: &[Verdict]);
    /// Drops what is kept for the group of this leader. A process that has just been spawned may have
    /// its number by then: what is kept for that one stays.
    fn release(&mut self, group: Pid);
    /// Drops what is kept for this job.
    fn forget(&mut self, id: JobId);
}

/// Takes one event to its end. Afterwards no action waits and every pid has an owner.
pub fn turn(supervisor: &mut Supervisor, system: &mut impl System, now: MonoTime, event: Event) {
    let mut actions = VecDeque::new();
    supervisor.handle(now, event, &mut actions);
    while let Some(action) = actions.pop_front() {
        let answer = match action {
            Action::Spawn(id) => {
                let Some(spec) = supervisor.spec(id) else { continue };
                Event::Spawned(id, system.spawn(id, spec))
            }
            Action::LoadConfig(reading) => Event::Loaded(reading, system.load_config(reading)),
            Action::ReadOn(reading) => Event::Loaded(reading, system.read_on()),
            Action::Look(group, detail) => Event::Looked(group, system.look(group, detail)),
            Action::Signal(target, signal) => {
                system.signal(target, signal);
                continue;
            }
            Action::Log(notice) => {
                system.log(&notice);
                continue;
            }
            Action::Watch(path) => {
                system.watch(path);
                continue;
            }
            Action::Unwatch(path) => {
                system.unwatch(&path);
                continue;
            }
            Action::Open(id) => {
                let Some(station) = supervisor.station(id) else { continue };
                Event::Opened(id, system.open(id, station))
            }
            Action::Close(id) => {
                system.close(id);
                continue;
            }
            Action::Keep(content) => {
                system.keep(content);
                continue;
            }
            Action::Report => {
                system.report(&mut supervisor.report(now));
                continue;
            }
            Action::Tell => {
                let Some(bulletin) = supervisor.bulletin(now) else { continue };
                Event::Told(bulletin, system.tell(&bulletin))
            }
            Action::Answer(to, verdicts) => {
                system.answer(to, &verdicts);
                continue;
            }
            Action::Release(group) => {
                system.release(group);
                continue;
            }
            Action::Forget(id) => {
                system.forget(id);
                continue;
            }
        };
        supervisor.handle(now, answer, &mut actions);
    }
}

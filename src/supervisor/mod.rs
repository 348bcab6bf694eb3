//! All jobs: events go in, actions come out.
//! Owns the rules that concern several jobs (the gate, the reload, the exit) and
//! the trait [`System`], through which actions reach the world. Has no clock: `now` is an argument.
#![forbid(unsafe_code)]

mod action;
mod apply;
mod chance;
mod complaints;
mod ending;
mod event;
mod files;
mod gate;
mod helpers;
mod included;
mod index;
mod network;
mod notify;
mod processes;
mod recovery;
mod reload;
mod remote;
mod switches;
mod turn;

pub use action::{Action, Actions, Effect};
pub use complaints::FLOOD;
pub use event::{Event, LeftBehind, NextTick, Reading};
pub use gate::STARTS_PER_TURN;
pub use helpers::{HELPER_KILL_AFTER, HELPER_LIMIT};
pub use included::{IncludedText, compare};
pub use network::{REPORT_AFTER_COMMAND, REPORT_EVERY};
pub use notify::READY_PATIENCE;
pub use processes::Owner;
pub use recovery::{Beginning, Recovery, Want, beginning, blame, want};
pub use reload::{EMPTY_FOR, QUIET, QUIET_AT_MOST, UNWRITTEN_FOR, WRITER_TOLD_AFTER};
pub use switches::SWITCHES_TOLD;
pub use turn::{System, turn};

use crate::job::{FirstRun, Goal, Job, Outcome, State, Wish};
use crate::model::{EndRules, JobId, JobSpec, JobStatus, MonoTime, Notice, Phase, Pid};
use chance::Chance;
use complaints::Complaints;
use ending::Exiting;
use files::{Files, Need};
use helpers::Helpers;
use index::{Index, IndexEntry, Rank, StartQueue};
use network::Network;
use notify::Notifier;
use processes::Processes;
use reload::Reload;
use std::rc::Rc;
use switches::Switches;

/// One job, and what the supervisor knows about it.
#[derive(Debug)]
struct JobSlot {
    job: Job,
    rank: Rank,
    /// Where it is filed in the index; changed only by [`Supervisor::refile`].
    entry: IndexEntry,
    need: Need,
}

/// All jobs.
#[derive(Debug)]
pub struct Supervisor {
    /// The path of the configuration, for messages.
    file: Rc<[u8]>,
    slots: Vec<Option<JobSlot>>,
    free: Vec<JobId>,
    /// All jobs, sorted by name.
    names: Vec<JobId>,
    processes: Processes,
    helpers: Helpers,
    index: Index,
    files: Files,
    reload: Reload,
    network: Network,
    complaints: Complaints,
    switches: Switches,
    /// None if there is no service manager to notify.
    notifier: Option<Notifier>,
    /// The job that the log last named as holding the others.
    paused_for: Option<JobId>,
    /// `end when done` and `end within`.
    end_rules: EndRules,
    /// Some once pmtr is ending.
    exiting: Option<Exiting>,
    /// For what is to be left to chance.
    chance: Chance,
}

impl Supervisor {
    /// A supervisor without jobs; [`Event::Loaded`] brings some. `file` names the configuration in messages. What is
    /// left to chance follows from `seed`.
    pub fn new(file: &[u8], seed: u64) -> Supervisor {
        Supervisor {
            file: file.into(),
            slots: Vec::new(),
            free: Vec::new(),
            names: Vec::new(),
            processes: Processes::default(),
            helpers: Helpers::default(),
            index: Index::default(),
            files: Files::default(),
            reload: Reload::default(),
            network: Network::default(),
            complaints: Complaints::default(),
            switches: Switches::default(),
            notifier: None,
            paused_for: None,
            end_rules: EndRules::default(),
            exiting: None,
            chance: Chance::new(seed),
        }
    }

    /// Takes an event, and appends the actions that follow from it.
    pub fn handle(&mut self, now: MonoTime, event: Event, actions: &mut Actions) {
        match event {
            Event::Exited(pid, ending, rest) => self.exited(now, pid, ending, &rest, actions),
            Event::Looked(group, survivors) => self.looked(now, group, &survivors, actions),
            Event::Executed(pid) => self.executed(pid, actions),
            Event::Spawned(id, answer) => self.spawned(now, id, answer, actions),
            Event::Helped(id, answer) => self.helped(now, id, answer, actions),
            Event::EndAsked(signal) => self.end(now, signal, actions),
            Event::Tick => {
                self.tick(now, actions);
                self.notify(actions);
            }
            // While pmtr is exiting, files and commands are ignored.
            Event::Loaded(..) | Event::ReloadAsked if self.is_ending() => {}
            Event::ConfigSaved | Event::ConfigTouched | Event::ConfigWritten if self.is_ending() => {}
            Event::FileSeen(..) | Event::Command(..) | Event::Invalid(_) if self.is_ending() => {}
            Event::Recovered(_) | Event::JobReloadAsked(_) if self.is_ending() => {}
            Event::Recovered(recovery) => {
                self.recovered(now, *recovery, actions);
                self.tick_network(now, actions);
            }
            Event::LeftBehind(left) => self.left_behind(now, left, actions),
            Event::Loaded(reading, answer) => {
                self.loaded(now, reading, answer, actions);
                // The tick that had the file read has left this to its answer. A new station gets a report at once.
                self.tick_network(now, actions);
            }
            Event::ConfigSaved => self.reload.saved(now),
            Event::ConfigTouched => self.reload.touched(now),
            Event::ConfigWritten => self.reload.written(now),
            Event::ReloadAsked => {
                self.reload.asked();
                actions.push(Action::LoadConfig(Reading::Always));
                self.reloading();
                self.notify(actions);
            }
            Event::JobReloadAsked(name) => {
                if let Some(id) = self.find(&name) {
                    self.with(id, actions, |job, wishes| job.reload(wishes));
                }
            }
            Event::FileSeen(path, content) => self.file_seen(now, &path, content, actions),
            Event::Opened(id, answer) => self.network.opened(now, id, answer, actions),
            Event::SocketFails(id, error) => self.network.fails(now, id, error, actions),
            Event::Notified(message, sent) => self.notified(now, message, sent),
            Event::Command(from, commands) => self.command(now, from, commands, actions),
            Event::Invalid(from) => self.invalid(now, from, actions),
        }
    }

    /// When the next tick is wanted.
    pub fn next(&self) -> NextTick {
        let reading = !self.is_ending() && self.reload.reading().is_some();
        if reading || self.index.ready() || self.is_pause_news() || self.ends_by_itself() {
            return NextTick::Now;
        }
        let notification = match self.next_notification() {
            NextTick::Now => return NextTick::Now,
            NextTick::At(at) => Some(at),
            NextTick::Never => None,
        };
        let reload = if self.is_ending() { None } else { self.reload.deadline() };
        let network = self.network.deadline();
        let lines = [self.complaints.deadline(), self.switches.deadline()].into_iter().flatten().min();
        let own = [self.index.deadline(), self.helpers.deadline(), self.end_deadline()];
        let others = [reload, network, lines, notification];
        match own.into_iter().chain(others).flatten().min() {
            Some(at) => NextTick::At(at),
            None => NextTick::Never,
        }
    }

    /// Whether pmtr was told to exit and no longer waits for anything.
    pub fn ended(&self) -> bool {
        self.is_ending() && self.processes.owners().all(|owner| self.has_given_up(owner))
    }

    fn is_ending(&self) -> bool {
        self.exiting.is_some()
    }

    /// A job's definition.
    pub fn spec(&self, id: JobId) -> Option<&JobSpec> {
        self.slot(id).map(|slot| slot.job.spec())
    }

    /// The number and the status of the first job whose number is at least `from`.
    /// Asking again from the next number lists all jobs, in portions of any size.
    pub fn status_from(&self, from: JobId, now: MonoTime) -> Option<(JobId, JobStatus)> {
        let slots = self.slots.iter().enumerate().skip(from.0 as usize);
        let (place, slot) = slots.filter_map(|(i, slot)| Some((i, slot.as_ref()?))).next()?;
        let id = JobId(u32::try_from(place).ok()?);
        let phase = match (slot.job.state(), slot.need) {
            (State::Queued, Need::Missing) => Phase::Missing,
            (State::Queued, _) => self.helpers.held_by(id).map_or(Phase::Queued, Phase::Helper),
            _ => slot.job.phase(now),
        };
        let name = slot.job.spec().name.clone();
        let told = slot.job.goal() == Goal::Up || slot.job.outcome() == Some(Outcome::GaveUp);
        let failed = slot.job.failed_start().filter(|_| told);
        Some((id, JobStatus { name, phase, failed }))
    }

    /// The jobs in the order of their numbers, for tests.
    pub fn jobs(&self) -> impl Iterator<Item = (JobId, &Job)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(i, slot)| Some((JobId(u32::try_from(i).ok()?), &slot.as_ref()?.job)))
    }

    /// How many unreaped processes have an owner.
    pub fn processes(&self) -> usize {
        self.processes.count()
    }

    /// The unreaped processes that have an owner, in the order of the owners.
    pub fn pids(&self) -> Vec<Pid> {
        self.processes.pids()
    }

    /// The owner of this process, if it is unreaped.
    pub fn owner_of(&self, pid: Pid) -> Option<Owner> {
        self.processes.owner_of(pid)
    }

    fn slot(&self, id: JobId) -> Option<&JobSlot> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    fn slot_mut(&mut self, id: JobId) -> Option<&mut JobSlot> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    /// The job of this name, unless it is being removed.
    fn find(&self, name: &[u8]) -> Option<JobId> {
        let at = self.names.binary_search_by(|id| self.name_of(*id).cmp(name)).ok()?;
        self.names.get(at).copied().filter(|id| self.slot(*id).is_some_and(|s| s.job.goal() != Goal::Gone))
    }

    fn name_of(&self, id: JobId) -> &[u8] {
        self.slot(id).map_or(b"", |slot| slot.job.spec().name.as_bytes())
    }

    /// Changes one job, turns its wishes into actions, and refiles it.
    fn with(&mut self, id: JobId, actions: &mut Actions, change: impl FnOnce(&mut Job, &mut Vec<Wish>)) {
        let Some(slot) = self.slot_mut(id) else { return };
        let mut wishes = Vec::new();
        let before = slot.job.sweeps();
        change(&mut slot.job, &mut wishes);
        let after = slot.job.sweeps();
        self.processes.regroup(Owner::Main(id), before, after);
        for wish in wishes {
            match wish {
                Wish::Log(notice) => actions.log(notice),
                Wish::Signal(target, signal) => actions.act(Effect::Signal(target, signal)),
                Wish::Look(group, detail) => actions.push(Action::Look(group, detail)),
                Wish::Release(group) => actions.act(Effect::Release(group)),
                Wish::Help(purpose, main, spec) => self.help(id, purpose, main, spec, actions),
            }
        }
        self.refile(id, actions);
    }

    /// Brings the index in line with the job, or forgets the job if it is gone.
    fn refile(&mut self, id: JobId, actions: &mut Actions) {
        let helped = self.helpers.of(id);
        let Some(slot) = self.slots.get_mut(id.0 as usize).and_then(Option::as_mut) else { return };
        if slot.job.goal() == Goal::Gone && slot.job.state() == State::Down && !helped {
            self.index.refile(id, &mut slot.entry, IndexEntry::default());
            self.forget(id, actions);
            return;
        }
        let held = slot.job.first_run() == FirstRun::Pending;
        let queued = slot.job.state() == State::Queued && slot.need == Need::Met && !helped;
        let lacks = slot.job.state() == State::Queued && slot.need == Need::Missing;
        // A file that disappears while the job runs changes nothing, neither for it nor for the jobs after it.
        let able = match slot.job.first_run() {
            FirstRun::Pending => slot.need != Need::Missing,
            FirstRun::Started => true,
            FirstRun::Over => false,
        };
        let holds = slot.job.spec().policy.fixed.wait && slot.job.goal() == Goal::Up && able;
        let queue = match (queued, held) {
            (false, _) => StartQueue::None,
            (true, true) => StartQueue::First,
            (true, false) => StartQueue::Again(slot.job.not_before()),
        };
        let entry = IndexEntry {
            deadline: slot.job.deadline(),
            rank: slot.rank,
            queue,
            holds,
            lacks,
            unsure: slot.job.state() == State::Queued && slot.need == Need::Unknown,
            listed: slot.job.goal() != Goal::Gone,
            running: matches!(slot.job.state(), State::Starting { .. } | State::Running { .. }),
            left: slot.job.pid().is_some(),
            busy: slot.job.is_busy(),
        };
        if lacks != slot.entry.lacks && slot.job.goal() == Goal::Up {
            let job = slot.job.spec().name.clone();
            match self.files.need(slot.job.spec()) {
                (Need::Missing, Some(file)) => {
                    actions.log(Notice::DependsMissing { job, file });
                }
                (Need::Met, _) => actions.log(Notice::DependsBack { job }),
                // A new definition names other files, which may not have been looked at.
                (Need::Missing | Need::Unknown, _) => {}
            }
        }
        self.index.refile(id, &mut slot.entry, entry);
    }

    fn tick(&mut self, now: MonoTime, actions: &mut Actions) {
        // First, as what is asked about jobs below may be answered before a signal that is sent after it.
        self.tick_end(now, actions);
        while let Some(id) = self.index.due(now) {
            self.with(id, actions, |job, wishes| job.expire(now, wishes));
        }
        self.tick_helpers(now, actions);
        if self.is_ending() {
            return;
        }
        let told = self.complaints.tick(now).into_iter().chain(self.switches.tick(now));
        actions.log_all(told);
        if let Some(reading) = self.reload.reading() {
            // Until the file has been read to its end, the previous one is in force.
            self.start(actions);
            actions.push(Action::ReadOn(reading));
        } else if let Some(reading) = self.reload.due(now) {
            // Nothing starts in this turn: the answer may remove, change or hold what is ready now.
            actions.push(Action::LoadConfig(reading));
        } else {
            self.start(actions);
            self.tick_network(now, actions);
        }
    }

    fn tick_network(&mut self, now: MonoTime, actions: &mut Actions) {
        self.network.tick(now, self.index.ready(), actions);
    }
}

#[cfg(test)]
mod tests;

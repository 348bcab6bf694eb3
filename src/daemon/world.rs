//! The world on which the supervisor acts: processes, the file, the log, the network.
#![forbid(unsafe_code)]

use super::births::Births;
use super::event_source::Shared;
use super::last_good::LastGood;
use super::manager::ServiceManager;
use super::mounts::Mounts;
use super::net::Sockets;
use super::output::{Outputs, Streams};
use super::own_path;
use super::rests::Rests;
use super::tokens::Descriptor;
use super::trust::Trust;
use super::watch::{Content, Watch};
use crate::config::{Parsed, Parsing, Portion};
use crate::model::{
    Birth, Detail, Ending, Errno, Exit, Fingerprint, JobId, JobLine, JobSpec, Load, LoadError, Losses,
    MonoTime, NetError, Notice, NotifyMessage, Output, Pid, Signal, SocketId, SpawnError, Stage, Station,
    Survivors, Target, Words,
};
use crate::supervisor::{Effect, Reading, System};
use crate::sys::child_spec::ChildSpec;
use crate::sys::group::{self, Group};
use crate::sys::spawn::{Made, Way};
use crate::sys::{clock, memory, numbers, process};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// If the log has less room than this, lines are sent before the turn is over.
const ROOM_FOR_MORE: usize = 256;

/// The memory that a configuration with small jobs needs for each of its bytes until it is in force, and in any case.
const ROOM_PER_BYTE: usize = 20;
const ROOM: usize = 64 << 10;
/// How much of a configuration is parsed in one turn: 2 ms of a usual file, 40 ms of the worst.
const PORTION_BYTES: usize = 256 << 10;

/// How long an exit waits for a log daemon that does not read.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Everything the supervisor's actions work on.
pub(super) struct World {
    pub(super) shared: Shared,
    pub(super) outputs: Outputs,
    pub(super) watch: Watch,
    /// A configuration that is being parsed, and what has become of its files.
    pub(super) parsing: Option<(Fingerprint, Losses, Parsing)>,
    pub(super) sockets: Sockets,
    pub(super) births: Births,
    pub(super) trust: Trust,
    pub(super) manager: Option<ServiceManager>,
    pub(super) last_good: Option<LastGood>,
    pub(super) rests: Rests,
}

impl World {
    /// The meaning of a child's end. Its pid is free from now on.
    pub(super) fn ending(&mut self, pid: Pid, exit: Exit) -> Ending {
        match self.shared.spawner.reaped(pid) {
            Some(error) => Ending::NeverStarted(error),
            None => Ending::Ran(exit),
        }
    }

    /// Keeps what is left of a run, if anything is. Its main process was reaped after the time `before`.
    pub(super) fn keep_rest(&mut self, id: JobId, pid: Pid, group: Group, before: u64) -> Survivors {
        self.rests.keep(id, pid, group, before, self.shared.state.as_ref())
    }

    /// Starts a process for the job, with its outputs.
    fn launch(
        &mut self,
        id: JobId,
        spec: &JobSpec,
        helper: Option<HelperCommand>,
    ) -> Result<Birth, SpawnError> {
        if memory::is_short() {
            return Err(SpawnError { stage: Stage::Prepare, errno: Errno(numbers::ENOMEM) });
        }
        let streams = match [spec.launch.out(), spec.launch.err()].map(|output| output == Output::Syslog) {
            [false, false] => return self.start(id, spec, helper, [None, None]),
            [true, false] => Streams::Out,
            [false, true] => Streams::Err,
            [true, true] => Streams::Both,
        };
        let ends = self
            .outputs
            .prepare(&self.shared.registry, id, &spec.name, streams)
            .map_err(|error| SpawnError { stage: Stage::Prepare, errno: Errno::of(&error) })?;
        let out = ends.out.as_ref().map(AsFd::as_fd);
        let err = ends.err.as_ref().map(AsFd::as_fd);
        let answer = self.start(id, spec, helper, [out, err]);
        match answer {
            Ok(birth) => self.outputs.born(id, birth.pid()),
            Err(_) => self.outputs.unborn(id),
        }
        answer
    }

    /// Starts the process, which writes its record if there is a state file.
    fn start(
        &mut self,
        id: JobId,
        spec: &JobSpec,
        helper: Option<HelperCommand>,
        outputs: [Option<BorrowedFd>; 2],
    ) -> Result<Birth, SpawnError> {
        let mounts = self.watch.mounts();
        let program = helper.as_ref().map_or(spec.launch.path(), HelperCommand::program);
        let shared = can_be_waited_for(&mut self.trust, mounts, spec, program);
        let way = if shared { Way::Shared(mounts.prompt()) } else { Way::Copy };
        let (place, notice) = self.shared.state.as_mut().map(|state| state.place(id)).unwrap_or_default();
        if let Some(notice) = notice {
            self.shared.log.notice(&notice);
        }
        let child = match &helper {
            None => ChildSpec::of_job(spec, outputs, place),
            Some(helper) => ChildSpec::of_helper(spec, outputs, place, &helper.command, &helper.env),
        };
        Ok(match self.shared.spawner.spawn(&child, way)? {
            Made::Executed(pid) => Birth::Executed(pid),
            Made::Failed(pid) => Birth::Underway(pid),
            Made::Copy(pid, pipe) => {
                let added = pipe.map(|pipe| self.births.add(&self.shared.registry, pid, pipe).is_ok());
                // If nothing can report it, the command counts as executed, so the job counts as started.
                if added == Some(true) { Birth::Underway(pid) } else { Birth::Executed(pid) }
            }
        })
    }

    fn signal(&mut self, target: Target, signal: Signal) {
        match target {
            Target::Job(pid) => group::signal_job(pid, signal),
            // One that has just ended needs no signal.
            Target::Main(pid) => drop(group::signal_child(pid, signal)),
            Target::Rest(pid) => self.rests.signal(pid, signal),
            Target::Others(pid) => self.rests.signal_others(pid, signal),
        }
    }

    fn say(&mut self, notice: &Notice) {
        self.shared.log.notice(notice);
        // A turn can produce more lines than the ring holds, for example when ten thousand jobs are stopped.
        if self.shared.log.room() < ROOM_FOR_MORE {
            self.flush(clock::now());
        }
    }

    fn keep(&mut self, content: Fingerprint) {
        self.watch.applied(content);
        if let Some(notice) = self.last_good.as_mut().and_then(|last_good| last_good.keep(content)) {
            self.shared.log.notice(&notice);
        }
    }

    /// This child has ended. Whether it has executed its command and nothing has reported that yet.
    pub(super) fn has_executed_unnoticed(&mut self, pid: Pid) -> bool {
        self.births.executes(pid, &self.shared)
    }

    /// The poll reports something.
    pub(super) fn ready(&mut self, event: &mio::event::Event) {
        match Descriptor::of(event.token()) {
            // These are read on every wake-up.
            Some(Descriptor::Signals) | None => {}
            Some(Descriptor::Inotify) => self.watch.is_notified(),
            Some(Descriptor::Mounts) => self.watch.mounts_change(),
            Some(Descriptor::Log(reader)) => self.shared.log.ready(reader),
            Some(Descriptor::Output(stream)) => self.outputs.ready(stream),
            Some(Descriptor::Birth(pid)) => self.births.ready(pid),
            Some(Descriptor::Socket(id)) => self.sockets.ready(id, event),
        }
    }

    /// Sends what the log holds, as far as that is possible now.
    pub(super) fn flush(&mut self, now: MonoTime) {
        self.shared.log.flush(now, &self.shared.registry);
    }

    /// The exit: logs what the jobs wrote last, as far as it is in the pipes.
    pub(super) fn finish(&mut self) {
        while self.outputs.more(&self.shared.log) {
            self.outputs.work(clock::now(), &mut self.shared.log, &self.shared.registry);
            self.flush(clock::now());
        }
        self.shared.log.finish(LAST_WORDS);
    }
}

/// What a helper has that its job's process does not.
struct HelperCommand {
    command: Words,
    /// The variables of the job, and the number of its main process.
    env: Words,
}

impl HelperCommand {
    fn new(spec: &JobSpec, command: &Words, main: Pid) -> HelperCommand {
        HelperCommand { command: command.clone(), env: spec.launch.env_beside(main) }
    }

    fn program(&self) -> &CStr {
        self.command.texts().next().unwrap_or(c"")
    }
}

/// Whether nobody else can delay a child of this job before its command runs, as far as that can be known before.
/// The child itself checks the directory and the files: here a path is taken literally.
fn can_be_waited_for(trust: &mut Trust, mounts: &Mounts, spec: &JobSpec, program: &CStr) -> bool {
    let absolute = |path: &&CStr| path.to_bytes().starts_with(b"/");
    let mut files = [spec.launch.input(), spec.launch.out().file(), spec.launch.err().file()]
        .into_iter()
        .flatten()
        .filter(absolute);
    spec.launch.user().is_none()
        && program.to_bytes().starts_with(b"/")
        && mounts.is_prompt(spec.launch.dir().to_bytes())
        && files.all(|file| mounts.is_prompt(file.to_bytes()))
        && trust.has(program.to_bytes(), mounts, clock::now())
}

impl System for World {
    fn spawn(&mut self, id: JobId, spec: &JobSpec) -> Result<Birth, SpawnError> {
        self.launch(id, spec, None)
    }

    fn help(&mut self, id: JobId, spec: &JobSpec, command: &Words, main: Pid) -> Result<Birth, SpawnError> {
        self.launch(id, spec, Some(HelperCommand::new(spec, command, main)))
    }

    fn load_config(&mut self, reading: Reading) -> Result<Load, LoadError> {
        self.parsing = None;
        match self.watch.load(reading)? {
            Content::Same => Ok(Load::Same),
            Content::New(fingerprint, texts) => {
                // Later would be too late: running out of memory ends pmtr.
                if !memory::has_room(texts.bytes.saturating_mul(ROOM_PER_BYTE).saturating_add(ROOM)) {
                    return Err(LoadError::Unreadable(Errno(numbers::ENOMEM)));
                }
                self.parsing = Some((fingerprint, texts.losses, Parsing::new(texts.sources)));
                self.read_on()
            }
        }
    }

    fn read_on(&mut self) -> Result<Load, LoadError> {
        let Some((fingerprint, losses, parsing)) = self.parsing.take() else {
            return self.load_config(Reading::Always);
        };
        match parsing.go_on(PORTION_BYTES) {
            Portion::More(parsing) => {
                self.parsing = Some((fingerprint, losses, parsing));
                Ok(Load::More)
            }
            Portion::Done(answer) => {
                let Parsed { config, mut warnings, .. } = answer.map_err(LoadError::Mistakes)?;
                if let Some(last_good) = &mut self.last_good {
                    last_good.loaded(fingerprint, &config);
                }
                warnings.extend(self.watch.exposures(process::effective_uid()));
                Ok(Load::New(fingerprint, own_path::noted_in(config), warnings, losses))
            }
        }
    }

    fn look(&mut self, group: Pid, detail: Detail) -> Survivors {
        self.rests.look(group, detail, self.shared.state.as_ref())
    }

    fn open(&mut self, id: SocketId, station: &Station) -> Result<(), NetError> {
        self.sockets.open(&self.shared.registry, id, station)
    }

    fn report(&mut self, jobs: &mut dyn Iterator<Item = JobLine<'_>>) {
        self.sockets.report(&self.shared.registry, jobs);
    }

    fn notify(&mut self, message: &NotifyMessage) -> bool {
        self.manager.as_mut().is_none_or(|manager| manager.notify(message))
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Signal(target, signal) => self.signal(target, signal),
            Effect::Log(notice) => self.say(&notice),
            Effect::Watch(path) => self.watch.add(path),
            Effect::Unwatch(path) => self.watch.remove(&path),
            Effect::Close(id) => self.sockets.close(&self.shared.registry, id),
            Effect::Keep(content) => self.keep(content),
            Effect::TrimMemory => memory::trim(),
            Effect::Answer(to, verdicts) => self.sockets.answer(to, &verdicts),
            Effect::Release(group) => self.rests.release(group),
            Effect::Forget(id) => self.outputs.forget(id),
        }
    }
}

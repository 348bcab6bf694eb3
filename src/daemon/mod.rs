//! The shell around the supervisor: one thread, one loop, nothing in it blocks.
//! Brings events in and carries actions out; decides nothing about jobs.
#![forbid(unsafe_code)]

mod background;
mod births;
mod check;
mod claim;
mod claims;
mod exposure;
mod last_good;
pub mod log;
mod manager;
pub mod mounts;
pub mod net;
mod opening;
pub mod output;
mod pace;
mod pidfile;
mod reaper;
mod regular;
mod rests;
mod sole;
mod start;
mod state;
mod stderr;
mod tokens;
mod trail;
mod trust;
pub mod watch;
mod way;
mod world;

pub use crate::sys::memory::WithReserve;
pub use start::run;

use crate::model::{
    Ending, Fingerprint, JobId, Level, MonoTime, Notice, Phase, Pid, Signal, Survivors, Throttle,
};
use crate::supervisor::{Event, Next, Owner, Supervisor, turn};
use crate::sys::clock;
use crate::sys::group::{self, Group};
use crate::sys::memory;
use crate::sys::reap::{self, Peeked, Waited};
use crate::sys::signals::{Caught, SignalPipe};
use last_good::LastGood;
use mio::{Events, Poll};
use pace::Words;
use reaper::Reaper;
use std::io;
use std::time::Duration;
use tokens::Descriptor;
use watch::Seen;
use world::World;

/// When a walk over all children has found so many, the rest of ours is asked one by one.
const MERGED: usize = 16;
/// How many lines of a state dump go to the log in one turn.
const DUMP_LINES: usize = 256;
/// How much room a dump leaves to others in the log.
const DUMP_LEAVES: usize = 1_024;
/// How long the end waits for a log daemon that does not read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The loop and what it works on.
struct Daemon {
    poll: Poll,
    supervisor: Supervisor,
    world: World,
    signals: SignalPipe,
    reaper: Reaper,
    /// The next job of a state dump that is under way.
    dump: Option<JobId>,
    dumped: usize,
    /// The content of the file for which memory was given back last.
    tidied: Option<Fingerprint>,
    words: Words,
    /// SIGHUP and SIGUSR1.
    reload: Throttle,
    report: Throttle,
}

impl Daemon {
    /// Runs until pmtr was told to end and nothing of its jobs is left.
    fn run(&mut self) {
        let mut events = Events::with_capacity(256);
        let mut caught = Vec::new();
        let mut seen = Vec::new();
        let mut more_signals = false;
        while !self.supervisor.ended() {
            // The pipe tells of its edges only: what is left in it would not wake us.
            let timeout = if more_signals { Some(Duration::ZERO) } else { self.timeout(clock::now()) };
            // Every error is a wake-up; EINTR is the usual one, and no other may end the daemon.
            if self.poll.poll(&mut events, timeout).is_err_and(|e| e.kind() != io::ErrorKind::Interrupted) {
                events.clear();
            }
            more_signals = self.signals.read(&mut caught);
            let woken = clock::now();
            // A single death is the usual case: its successor does not wait for a walk that mostly finds nothing.
            let single = self.reap_named(woken, &caught) == 1;
            if !single {
                self.walk();
            }
            // Anew: reaping thousands takes a while.
            let now = clock::now();
            for event in &events {
                self.ready(now, event);
            }
            self.world.outputs.work(now, &mut self.world.log, &self.world.registry);
            self.world.watch.work(now, &self.world.registry, &mut seen);
            for fact in seen.drain(..) {
                self.take(
                    now,
                    match fact {
                        Seen::Saved => Event::ConfigSaved,
                        Seen::Config => Event::ConfigTouched,
                        Seen::Writing => Event::ConfigWritten,
                        Seen::File(path, content) => Event::FileSeen(path, content),
                        Seen::Say(notice) => {
                            self.world.log.notice(&notice);
                            continue;
                        }
                    },
                );
            }
            self.world.sockets.work(now);
            if let Some(notice) = self.world.last_good.as_mut().and_then(|last_good| last_good.work(now)) {
                self.world.log.notice(&notice);
            }
            while let Some(event) = self.world.sockets.hear(clock::now()) {
                self.take(now, event);
            }
            self.obey(now, &caught);
            caught.clear();
            self.take(now, Event::Tick);
            for gone in self.world.sweep() {
                self.take(clock::now(), Event::Looked(gone, Survivors::None));
            }
            if single {
                self.walk();
            }
            self.tidy();
            self.dump(now);
            self.speak(now);
        }
        // What the jobs wrote last, as far as it is in the pipes.
        while self.world.outputs.more(&self.world.log) {
            self.world.outputs.work(clock::now(), &mut self.world.log, &self.world.registry);
            self.world.log.flush(clock::now(), &self.world.registry);
        }
        self.world.log.finish(LAST_WORDS);
    }

    /// Sends what is to be said.
    fn speak(&mut self, now: MonoTime) {
        if self.words.due(now, self.supervisor.next() == Next::Now) {
            self.world.log.flush(now, &self.world.registry);
        }
    }

    /// Gives back what a reload has freed: the C library would keep it.
    fn tidy(&mut self) {
        let applied = self.supervisor.applied();
        if applied != self.tidied {
            memory::trim();
            self.tidied = applied;
        }
    }

    fn take(&mut self, now: MonoTime, event: Event) {
        turn(&mut self.supervisor, &mut self.world, now, event);
    }

    fn timeout(&self, now: MonoTime) -> Option<Duration> {
        let world = &self.world;
        let dumping = self.dump.is_some() && world.log.room() > DUMP_LEAVES;
        let more = world.watch.more() || world.log.more() || world.sockets.more() || world.rests.more();
        if dumping || more || world.outputs.more(&world.log) {
            return Some(Duration::ZERO);
        }
        let jobs = match self.supervisor.next() {
            Next::Now => Some(now),
            Next::At(at) => Some(at),
            Next::Never => None,
        };
        let sources = [world.watch.deadline(), world.log.deadline(), world.sockets.deadline()];
        let report = self.report.deadline().filter(|_| self.dump.is_none());
        let others = [world.outputs.deadline(), world.rests.deadline(), jobs, self.reaper.deadline()];
        let due = sources.into_iter().chain(others).chain([self.reload.deadline(), report]);
        let due = due.chain([world.last_good.as_ref().and_then(LastGood::deadline)]);
        pace::sleep(now, due, memory::is_short())
    }

    fn ready(&mut self, now: MonoTime, event: &mio::event::Event) {
        match Descriptor::of(event.token()) {
            // Read on every wake-up.
            Some(Descriptor::Signals) | None => {}
            Some(Descriptor::Inotify) => self.world.watch.is_notified(),
            Some(Descriptor::Mounts) => self.world.watch.mounts_change(),
            Some(Descriptor::Log(reader)) => self.world.log.ready(reader),
            Some(Descriptor::Output(stream)) => self.world.outputs.ready(stream),
            Some(Descriptor::Birth(pid)) if self.world.born(pid) => self.take(now, Event::Executed(pid)),
            Some(Descriptor::Birth(_)) => {}
            Some(Descriptor::Socket(id)) => self.world.sockets.ready(id, event),
        }
    }

    /// Asks for the children that were named, and tells how many deaths signals have told of.
    fn reap_named(&mut self, now: MonoTime, caught: &[Caught]) -> usize {
        for signal in caught {
            if let Caught::Child(pid) = signal {
                self.reap_one(*pid);
            }
        }
        let told = reaper::deaths(caught);
        self.reaper.told_of(told, now);
        told
    }

    /// Asks for all children when that is owed. Whoever is found after the tick has one that comes at once.
    fn walk(&mut self) {
        if !self.reaper.due(clock::now()) {
            return;
        }
        let mut found = 0;
        loop {
            let asked = clock::now();
            match reap::peek_any() {
                Ok(Some(Peeked::Ended(pid))) if self.reap_one(pid) => found += 1,
                Ok(Some(Peeked::Held(pid))) => self.let_go(pid),
                Ok(None) => {
                    let now = clock::now();
                    return self.reaper.rest(now, now.since(asked));
                }
                // The kernel contradicts itself. To believe it could cost a job its restart.
                Ok(Some(Peeked::Ended(_))) => return self.reaper.again(clock::now()),
                Err(_) if self.supervisor.processes() > 0 => return self.reaper.again(clock::now()),
                Err(_) => return,
            }
            if found == MERGED {
                // Each walk begins at the oldest child; asking ours by number is cheaper by now.
                let ours: Vec<Pid> = self.supervisor.pids();
                for pid in ours.into_iter().filter(|pid| reap::has_ended(*pid)) {
                    self.reap_one(pid);
                    if self.reaper.over(clock::now()) {
                        break;
                    }
                }
            }
            // Orphans may come as fast as they are reaped.
            if self.reaper.over(clock::now()) {
                return self.reaper.owe(clock::now());
            }
        }
    }

    /// Lets a child go on that has made us its tracer, or kills it.
    fn let_go(&mut self, pid: Pid) {
        if self.reaper.is_let_go(pid) {
            return reap::let_go(pid);
        }
        // It has not been reaped, so the number is still its own.
        if group::kill_child(pid) {
            let what = format!("killed process {pid}, which kept making pmtr its tracer");
            self.world.log.notice(&Notice::Shell(Level::Warning, what.into()));
        }
    }

    /// Reaps a child if it has ended; false when it has not.
    fn reap_one(&mut self, pid: Pid) -> bool {
        // Taken before the number can be given to another.
        let owner = self.supervisor.owner_of(pid).map(|owner| (owner, Group::of(pid), clock::since_start()));
        let Waited::Ended(exit) = reap::wait_for(pid) else { return false };
        if self.world.born(pid) {
            self.take(clock::now(), Event::Executed(pid));
        }
        let ending: Ending = self.world.ending(pid, exit);
        self.world.outputs.reaped(pid);
        let rest = match owner {
            Some((Owner::Main(id), group, before)) => self.world.keep_rest(id, pid, group, before),
            None => Survivors::None,
        };
        // Not the time of the wake-up: it may have ended since, and its delay would be too short.
        self.take(clock::now(), Event::Exited(pid, ending, rest));
        true
    }

    /// Signals that are an operator's word. Several of one kind at once are one. A reload and a state dump are expensive,
    /// so a storm of signals gets one a second.
    fn obey(&mut self, now: MonoTime, caught: &[Caught]) {
        let came = |signal| caught.contains(&Caught::Signal(signal));
        for signal in start::ENDING.into_iter().filter(|signal| came(*signal)) {
            self.take(now, Event::EndAsked(signal));
        }
        if came(Signal::HUP) {
            self.reload.ask();
        }
        if came(Signal::USR1) {
            self.report.ask();
        }
        if self.reload.due(now) {
            self.take(now, Event::ReloadAsked);
        }
        // A dump under way is finished first.
        if self.dump.is_none() && self.report.due(now) {
            if let Some(notice) = self.supervisor.last_good() {
                self.world.log.notice(&notice);
            }
            self.dump = Some(JobId(0));
            self.dumped = 0;
        }
    }

    /// Writes the state of the jobs to the log, in portions as the log takes them.
    fn dump(&mut self, now: MonoTime) {
        for _ in 0..DUMP_LINES {
            let Some(from) = self.dump.filter(|_| self.world.log.room() > DUMP_LEAVES) else { return };
            self.dump = match self.supervisor.status_from(from, now) {
                Some((id, mut status)) => {
                    self.dumped += 1;
                    // Whether it has got to its command, only the child itself has told.
                    if let Phase::Running(pid, _) | Phase::Starting(pid, _) = status.phase
                        && let Some(stage) = self.world.spawner.stage(pid)
                    {
                        status.phase = Phase::Starting(pid, stage);
                    }
                    self.world.log.notice(&Notice::Status(status));
                    Some(JobId(id.0.saturating_add(1)))
                }
                None => {
                    self.world.log.notice(&Notice::StatusEnd { jobs: self.dumped });
                    None
                }
            };
        }
    }
}

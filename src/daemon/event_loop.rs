//! The loop: what happens in one wake-up, in this order.
#![forbid(unsafe_code)]

use super::dump::Dump;
use super::pace::{self, FlushPace};
use super::reaper::Reaper;
use super::sources::{self, AFTER_TICK, BEFORE_TICK, PickSource};
use super::world::World;
use crate::model::{MonoTime, Signal, Throttle};
use crate::supervisor::{Event, NextTick, Supervisor, turn};
use crate::sys::signals::{Caught, SignalPipe};
use crate::sys::{clock, memory};
use mio::{Events, Poll};
use std::io;
use std::time::Duration;

/// The signals that end pmtr.
const ENDING: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::QUIT];

/// The loop and what it works on.
pub(super) struct EventLoop {
    poll: Poll,
    pub(super) supervisor: Supervisor,
    pub(super) world: World,
    signals: SignalPipe,
    pub(super) reaper: Reaper,
    dump: Dump,
    flush_pace: FlushPace,
    /// Requests by SIGHUP.
    reload: Throttle,
}

impl EventLoop {
    pub(super) fn new(poll: Poll, supervisor: Supervisor, world: World, signals: SignalPipe) -> EventLoop {
        EventLoop {
            poll,
            supervisor,
            world,
            signals,
            reaper: Reaper::default(),
            dump: Dump::default(),
            flush_pace: FlushPace::default(),
            reload: Throttle::default(),
        }
    }

    /// Runs until pmtr was told to exit and nothing of its jobs is left.
    pub(super) fn run(&mut self) {
        let mut events = Events::with_capacity(256);
        let mut caught = Vec::new();
        let mut more_signals = false;
        while !self.supervisor.ended() {
            // The pipe reports only edges, so what is left in it would not wake the loop.
            let timeout = if more_signals { Some(Duration::ZERO) } else { self.timeout(clock::now()) };
            // Every error counts as a wake-up. EINTR is the usual one, and no other may end the daemon.
            if self.poll.poll(&mut events, timeout).is_err_and(|e| e.kind() != io::ErrorKind::Interrupted) {
                events.clear();
            }
            more_signals = self.signals.read(&mut caught);
            let woken = clock::now();
            // Usually a single process has died. Its successor does not wait for a walk that mostly finds nothing.
            let single = self.reap_named(woken, &caught) == 1;
            if !single {
                self.walk();
            }
            // Read the clock again: reaping thousands of children takes a while.
            let now = clock::now();
            events.iter().for_each(|event| self.world.ready(event));
            BEFORE_TICK.iter().for_each(|source| self.serve(*source, now, || now));
            self.obey(now, &caught);
            caught.clear();
            self.take(now, Event::Tick);
            AFTER_TICK.iter().for_each(|source| self.serve(*source, clock::now(), clock::now));
            if single {
                self.walk();
            }
            self.dump.work(now, &self.supervisor, &mut self.world);
            self.speak(now);
        }
        self.world.finish();
    }

    /// Takes one event to its end.
    pub(super) fn take(&mut self, now: MonoTime, event: Event) {
        turn(&mut self.supervisor, &mut self.world, now, event);
    }

    /// Lets a source do a portion of its work, and takes its events. `time` gives the time of each.
    fn serve(&mut self, source: PickSource, now: MonoTime, time: impl Fn() -> MonoTime) {
        let (picked, shared) = source(&mut self.world);
        picked.work(now, shared);
        loop {
            let (picked, shared) = source(&mut self.world);
            let Some(event) = picked.next_event(shared) else { return };
            self.take(time(), event);
        }
    }

    /// Sends the log, unless it is to wait for starts.
    fn speak(&mut self, now: MonoTime) {
        if self.flush_pace.due(now, self.supervisor.next() == NextTick::Now) {
            self.world.flush(now);
        }
    }

    /// How long the poll may wait.
    fn timeout(&mut self, now: MonoTime) -> Option<Duration> {
        let log = &self.world.shared.log;
        if self.dump.more(&self.world) || log.more() || sources::more(&mut self.world) {
            return Some(Duration::ZERO);
        }
        let jobs = match self.supervisor.next() {
            NextTick::Now => Some(now),
            NextTick::At(at) => Some(at),
            NextTick::Never => None,
        };
        let operator = [self.reload.deadline(), self.dump.deadline()];
        let own = [jobs, self.reaper.deadline(), self.world.shared.log.deadline()];
        let sources = sources::deadlines(&mut self.world);
        pace::sleep(now, sources.chain(own).chain(operator), memory::is_short())
    }

    /// Obeys the operator's signals. Several of one kind at once count as one. A reload and a state dump are
    /// expensive, so under a storm of signals there is one a second.
    fn obey(&mut self, now: MonoTime, caught: &[Caught]) {
        let came = |signal| caught.contains(&Caught::Signal(signal));
        for signal in ENDING.into_iter().filter(|signal| came(*signal)) {
            self.take(now, Event::EndAsked(signal));
        }
        if came(Signal::HUP) {
            self.reload.ask();
        }
        if came(Signal::USR1) {
            self.dump.ask();
        }
        if self.reload.due(now) {
            self.take(now, Event::ReloadAsked);
        }
        self.dump.begin(now, &self.supervisor, &mut self.world);
    }
}

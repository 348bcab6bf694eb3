//! The loop of pmtr-rptserver.

use super::digest::Digest;
use super::doubt::Doubt;
use super::inbox::Inbox;
use super::log::{StderrLine, StderrLog};
use super::publication::{Publication, page};
use super::runner::Runner;
use crate::fleet::pages::PageForm;
use crate::fleet::{Fleet, FleetNote};
use crate::model::{Errno, Level, MonoTime, Signal, Throttle};
use crate::sys::clock;
use crate::sys::signals::{self, Caught, SignalPipe};
use mio::{Events, Poll, Token};
use std::io::{self, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::time::Duration;

pub(super) const SIGNALS: Token = Token(0);
pub(super) const INBOX: Token = Token(1);

/// The signals that end it.
const ENDING: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::QUIT];

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything that was asked for is done.
    Done,
    /// A signal ended it before that.
    Unfinished,
}

/// The loop and what it works on.
pub(super) struct Receiver {
    pub(super) poll: Poll,
    pub(super) signals: SignalPipe,
    pub(super) inbox: Inbox,
    pub(super) fleet: Fleet,
    pub(super) publications: Vec<Publication>,
    pub(super) runner: Runner,
    pub(super) log: StderrLog,
    pub(super) digest: Digest,
    pub(super) doubt: Doubt,
    pub(super) once: Option<NonZeroUsize>,
    /// SIGHUP.
    pub(super) hurry: Throttle,
}

impl Receiver {
    /// Runs until a signal ends it, or until it has seen as many hosts as `once` says.
    pub(super) fn run(&mut self) -> Result<End, String> {
        let mut events = Events::with_capacity(16);
        let mut caught = Vec::new();
        let mut more_signals = false;
        loop {
            // The pipe is edge-triggered: what is left in it would not wake the poll.
            let timeout = if more_signals { Some(Duration::ZERO) } else { self.timeout(clock::now()) };
            // Every error is a wake-up; EINTR is the usual one.
            if self.poll.poll(&mut events, timeout).is_err() {
                events.clear();
            }
            let now = clock::now();
            more_signals = self.signals.read(&mut caught);
            // On every wake-up: a host may be called silent only after its datagrams have been read.
            self.inbox.ready();
            if let Some(end) = self.obey(now, &caught) {
                return Ok(end);
            }
            caught.clear();
            self.take(now);
            match self.once {
                Some(hosts) if self.fleet.complete() >= hosts.get() => return self.show(now),
                // The files are written once, at the end.
                Some(_) => {}
                None => self.publish(now),
            }
        }
    }

    /// Ends the running command. The last step before the exit.
    pub(super) fn end(self) {
        self.runner.end();
    }

    fn timeout(&self, now: MonoTime) -> Option<Duration> {
        let files = match self.once {
            Some(_) => None,
            None => self.publications.iter().map(Publication::deadline).min(),
        };
        let lines = self.digest.deadline().into_iter().chain(self.hurry.deadline()).min();
        let due = [files, self.inbox.deadline(), self.fleet.deadline(), self.runner.deadline(), lines];
        due.into_iter().flatten().min().map(|at| at.since(now))
    }

    fn obey(&mut self, now: MonoTime, caught: &[Caught]) -> Option<End> {
        let came = |signal| caught.contains(&Caught::Signal(signal));
        if let Some(signal) = ENDING.into_iter().find(|signal| came(*signal)) {
            self.log.say(&StderrLine::new(Level::Info, format!("exiting on signal {signal}")));
            return Some(if self.once.is_some() { End::Unfinished } else { End::Done });
        }
        if came(Signal::HUP) {
            self.hurry.ask();
        }
        if self.hurry.due(now) {
            self.publications.iter_mut().for_each(|publication| publication.hurry(now));
        }
        None
    }

    /// Reads what has arrived, and does what is due.
    fn take(&mut self, now: MonoTime) {
        let (mut notes, mut lines) = (Vec::new(), Vec::new());
        lines.extend(self.digest.tick(now));
        self.inbox.work(now, &mut self.fleet, &mut notes, &mut lines);
        if self.doubt.is_over(now, self.inbox.is_drained()) {
            self.fleet.tick(now, &mut notes);
        }
        // Notes that are not shown must not use up the lines of those that are.
        notes.retain(|note: &FleetNote| self.log.shows(note.level()));
        lines.extend(notes.iter().filter_map(|note| self.digest.line(now, note)));
        self.runner.work(now, &mut self.fleet, &mut lines);
        lines.iter().for_each(|line| self.log.say(line));
    }

    fn publish(&mut self, now: MonoTime) {
        let mut lines = Vec::new();
        for publication in &mut self.publications {
            publication.work(now, &self.fleet, &mut lines);
        }
        lines.iter().for_each(|line| self.log.say(line));
    }

    /// The end of `--once`.
    fn show(&mut self, now: MonoTime) -> Result<End, String> {
        for publication in &mut self.publications {
            publication.publish(now, &self.fleet).map_err(|why| why.to_string())?;
        }
        // The reader of stdout may be slow: from here on these signals end the process at once.
        ENDING.into_iter().for_each(signals::set_default);
        let mut caught = Vec::new();
        self.signals.read(&mut caught);
        if let Some(end) = self.obey(now, &caught) {
            return Ok(end);
        }
        print(page(PageForm::Status, now, &self.fleet)).map(|()| End::Done)
    }
}

fn print(pieces: Vec<Vec<u8>>) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    let written = pieces.iter().try_for_each(|piece| stdout.write_all(piece)).and_then(|()| stdout.flush());
    // A reader that has seen enough is not an error.
    let failed = written.err().filter(|error| error.kind() != ErrorKind::BrokenPipe);
    failed.map_or(Ok(()), |error| Err(format!("can't write to stdout: {}", Errno::of(&error))))
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;

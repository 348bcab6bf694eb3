//! The loop of pmtr-rptserver.

use super::inbox::Inbox;
use super::log::{Line, Log};
use super::publication::{Publication, page};
use super::runner::Runner;
use crate::fleet::pages::Form;
use crate::fleet::{Fleet, Note};
use crate::model::{Errno, Level, MonoTime, Signal};
use crate::sys::clock;
use crate::sys::signals::{Caught, SignalPipe};
use mio::{Events, Poll, Token};
use std::io::{self, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::time::Duration;

pub(super) const SIGNALS: Token = Token(0);
pub(super) const INBOX: Token = Token(1);

/// The signals that end it.
const ENDING: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::QUIT];
/// How long a host may go without being called silent because its reports may still be among what was not read.
const BENEFIT_OF_DOUBT: Duration = Duration::from_secs(2);

/// How it came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All that was asked for has been done.
    Done,
    /// It was told to end before.
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
    pub(super) log: Log,
    pub(super) once: Option<NonZeroUsize>,
}

impl Receiver {
    /// Runs until it is told to end, or has seen as many hosts as it was asked for.
    pub(super) fn run(&mut self) -> Result<End, String> {
        let mut events = Events::with_capacity(16);
        let mut caught = Vec::new();
        let mut more_signals = false;
        loop {
            // The pipe tells of its edges only: what is left in it would not wake us.
            let timeout = if more_signals { Some(Duration::ZERO) } else { self.timeout(clock::now()) };
            // Every error is a wake-up; EINTR is the usual one.
            if self.poll.poll(&mut events, timeout).is_err() {
                events.clear();
            }
            let now = clock::now();
            more_signals = self.signals.read(&mut caught);
            if events.iter().any(|event| event.token() == INBOX) {
                self.inbox.ready(now);
            }
            if let Some(end) = self.obey(now, &caught) {
                return Ok(end);
            }
            caught.clear();
            self.take(now);
            match self.once {
                Some(hosts) if self.fleet.complete() >= hosts.get() => return self.show(now),
                // The files are written at the end, once.
                Some(_) => {}
                None => self.publish(now),
            }
        }
    }

    /// The last thing that is done.
    pub(super) fn end(self) {
        self.runner.end();
    }

    fn timeout(&self, now: MonoTime) -> Option<Duration> {
        let files = match self.once {
            Some(_) => None,
            None => self.publications.iter().map(Publication::deadline).min(),
        };
        let due = [files, self.inbox.deadline(), self.fleet.deadline(), self.runner.deadline()];
        due.into_iter().flatten().min().map(|at| at.since(now))
    }

    fn obey(&mut self, now: MonoTime, caught: &[Caught]) -> Option<End> {
        let came = |signal| caught.contains(&Caught::Signal(signal));
        if let Some(signal) = ENDING.into_iter().find(|signal| came(*signal)) {
            self.log.say(&Line::new(Level::Info, format!("exiting on signal {signal}")));
            return Some(if self.once.is_some() { End::Unfinished } else { End::Done });
        }
        if came(Signal::HUP) {
            self.publications.iter_mut().for_each(|publication| publication.hurry(now));
        }
        None
    }

    /// Takes in what has come, and what time brings.
    fn take(&mut self, now: MonoTime) {
        let (mut notes, mut lines) = (Vec::new(), Vec::new());
        self.inbox.work(now, &mut self.fleet, &mut notes, &mut lines);
        if may_tick(now, &self.inbox) {
            self.fleet.tick(now, &mut notes);
        }
        lines.extend(notes.iter().map(|note: &Note| Line::new(note.level(), note.to_string())));
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
        let shown = print(page(Form::Status, now, &self.fleet));
        for publication in &mut self.publications {
            publication.publish(now, &self.fleet).map_err(|why| why.to_string())?;
        }
        shown.map(|()| End::Done)
    }
}

fn print(pieces: Vec<Vec<u8>>) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    let written = pieces.iter().try_for_each(|piece| stdout.write_all(piece)).and_then(|()| stdout.flush());
    // A reader that has seen enough is no error.
    let failed = written.err().filter(|error| error.kind() != ErrorKind::BrokenPipe);
    failed.map_or(Ok(()), |error| Err(format!("can't write to stdout: {}", Errno::of(&error))))
}

/// Whether hosts may fall silent. After a hold-up of ours, be it a slow disk or a SIGSTOP, what they sent
/// meanwhile still lies in the socket; but a flood that never ends is no reason to believe that everybody lives.
fn may_tick(now: MonoTime, inbox: &Inbox) -> bool {
    inbox.undrained_since().is_none_or(|since| since + BENEFIT_OF_DOUBT <= now)
}

#[cfg(test)]
#[path = "receiver_tests.rs"]
mod tests;

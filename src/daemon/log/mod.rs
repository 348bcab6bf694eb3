//! The log: lines of pmtr and of its jobs, to the log daemon and to stderr, without ever blocking.
//!
//! Lines wait in rings while a reader is full or away, and go on in order; what a ring had to drop is
//! counted and told. A failed write only counts: the log never logs about itself but for that.
//! Without lines to send it makes no system call and wants no wake-up.

mod backlog;
mod channel;
mod line;
mod ring;
mod transport;

#[cfg(test)]
mod tests;

pub use line::{MAX_TEXT_BYTES, Stream};
pub use transport::{Stderr, is_there};

use super::tokens::Descriptor;
use crate::model::{JobName, Level, MonoTime, Notice, Pid};
use crate::sys::memory;
use backlog::Backlog;
use channel::Channel;
use line::LineWriter;
use mio::{Events, Poll, Registry};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use transport::{LogDaemon, Terminal};

/// Where log daemons listen.
pub const SOCKETS: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// The readers by their place in each ring.
const DAEMON: usize = 0;
const STDERR: usize = 1;

/// How the log is to be kept.
pub struct LogOptions {
    /// The process that speaks.
    pub pid: Pid,
    /// Whether notices of level `Debug` are logged.
    pub verbose: bool,
    /// The sockets of the log daemon, tried in this order.
    pub sockets: Vec<PathBuf>,
    /// The local time as `Nov  5 09:03:07 `.
    pub stamp: fn() -> [u8; 16],
}

/// The log.
pub struct Log {
    writer: LineWriter,
    verbose: bool,
    backlog: Backlog,
    channels: Vec<Channel>,
}

impl Log {
    /// A log that writes to stderr as well when it is given. Opens nothing yet, and never fails: a log daemon
    /// that is not there is waited for.
    pub fn new(options: LogOptions, stderr: Option<Box<dyn Stderr>>) -> Log {
        let backlog = Backlog::new([true, stderr.is_some()]);
        let mut channels = vec![Channel::new(DAEMON, Box::new(LogDaemon::new(options.sockets)))];
        channels.extend(stderr.map(|stderr| Channel::new(STDERR, Box::new(Terminal::new(stderr)))));
        let writer = LineWriter { pid: options.pid, stamp: options.stamp, buffer: String::new() };
        Log { writer, verbose: options.verbose, backlog, channels }
    }

    /// Logs what pmtr has to say. Only queues it.
    pub fn notice(&mut self, notice: &Notice) {
        if self.verbose || notice.level() > Level::Debug {
            self.backlog.push_main(self.writer.notice(notice));
        }
    }

    /// Logs one line of a job; `cut` says that there was more of it than `text`. Only queues it.
    pub fn job_line(&mut self, name: &JobName, pid: Pid, stream: Stream, text: &[u8], cut: bool) {
        let line = self.writer.job(name, pid, stream, text, cut);
        self.backlog.push_job(name, line);
    }

    /// Whether this job should not be read on for now: its ring is full, and lines get out or did so a
    /// second ago; or memory is short, and what it says is well kept in its pipe.
    pub fn holds(&self, name: &JobName) -> bool {
        if memory::is_short() {
            return true;
        }
        let mut channels = self.channels.iter().filter(|channel| channel.has_hope());
        channels.any(|channel| self.backlog.is_full(name, channel.reader))
    }

    /// Sends what can be sent now, up to a budget, and has the poll tell when there is room again.
    pub fn flush(&mut self, now: MonoTime, registry: &Registry) {
        if memory::is_short() {
            // What nobody may ever read is the first to go.
            let hopeless = self.channels.iter().filter(|channel| !channel.has_hope());
            hopeless.for_each(|channel| self.backlog.lose_job_lines(channel.reader));
        }
        for channel in &mut self.channels {
            channel.flush(now, registry, &mut self.backlog, &mut self.writer);
        }
    }

    /// Something happened to the descriptor of this reader: the poll says that there is room, or an error.
    pub fn ready(&mut self, reader: usize) {
        self.channels.iter_mut().filter(|channel| channel.reader == reader).for_each(Channel::ready);
    }

    /// When to flush though nothing happened.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.channels.iter().filter_map(|channel| channel.deadline(&self.backlog)).min()
    }

    /// Whether another flush would send more at once.
    pub fn more(&self) -> bool {
        self.channels.iter().any(|channel| channel.has_more(&self.backlog))
    }

    /// How many notices can be logged before one is lost. Who is given up on does not count, so that a dump
    /// in portions does not wait for him.
    pub fn room(&self) -> usize {
        let hopeful = self.channels.iter().filter(|channel| channel.has_hope());
        let room = hopeful.map(|channel| self.backlog.room(channel.reader)).min();
        room.unwrap_or_else(|| self.backlog.room_of_all())
    }

    /// The end: sends what is left, and waits at most so long for readers that are there but have no room.
    /// One that is away is tried once and not waited for: shutting down a machine must not take longer
    /// because its log daemon went first.
    pub fn finish(&mut self, wait: Duration) {
        let Ok(mut poll) = Poll::new() else { return };
        let (begin, mut events) = (Instant::now(), Events::with_capacity(4));
        self.channels.iter_mut().for_each(Channel::hurry);
        loop {
            self.flush(MonoTime::ZERO, poll.registry());
            let left = wait.saturating_sub(begin.elapsed());
            let blocked = self.channels.iter().any(Channel::is_blocked);
            if left.is_zero() || !blocked && !self.more() {
                return;
            }
            let timeout = if self.more() { Duration::ZERO } else { left };
            match poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return,
                Ok(()) | Err(_) => {}
            }
            for event in &events {
                if let Some(Descriptor::Log(reader)) = Descriptor::of(event.token()) {
                    self.ready(reader);
                }
            }
        }
    }
}

//! The log: lines of pmtr and of its jobs, to the log daemon and to stderr, without ever blocking.
//!
//! Lines wait in rings while a reader is full or absent, and are sent in order; what a ring had to drop is counted
//! and reported. A failed write is only counted: the log never logs about itself otherwise.
//! Without lines to send it makes no system call and needs no wake-up.

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

/// The readers, by their place in each ring.
const DAEMON: usize = 0;
const STDERR: usize = 1;

/// How to keep the log.
pub struct LogOptions {
    /// The process that logs.
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
    /// A log that also writes to stderr, if it is given. Opens nothing yet, and never fails: it waits for a log daemon
    /// that is absent.
    pub fn new(options: LogOptions, stderr: Option<Box<dyn Stderr>>) -> Log {
        let backlog = Backlog::new([true, stderr.is_some()]);
        let mut channels = vec![Channel::new(DAEMON, Box::new(LogDaemon::new(options.sockets)))];
        channels.extend(stderr.map(|stderr| Channel::new(STDERR, Box::new(Terminal::new(stderr)))));
        let writer = LineWriter { pid: options.pid, stamp: options.stamp, buffer: String::new() };
        Log { writer, verbose: options.verbose, backlog, channels }
    }

    /// Logs a notice of pmtr. Only queues it.
    pub fn notice(&mut self, notice: &Notice) {
        if self.verbose || notice.level() > Level::Debug {
            self.backlog.push_main(self.writer.notice(notice));
        }
    }

    /// Logs one line of a job; `cut` says that `text` is only its beginning. Only queues it.
    pub fn job_line(&mut self, name: &JobName, pid: Pid, stream: Stream, text: &[u8], cut: bool) {
        let line = self.writer.job(name, pid, stream, text, cut);
        self.backlog.push_job(name, line);
    }

    /// Whether this job must not be read now: its ring is full, and lines get out or did so a second ago; or memory is
    /// short, and its output is safe in its pipe.
    pub fn holds(&self, name: &JobName) -> bool {
        if memory::is_short() {
            return true;
        }
        let mut channels = self.channels.iter().filter(|channel| channel.has_hope());
        channels.any(|channel| self.backlog.is_full(name, channel.reader))
    }

    /// Sends what can be sent now, up to a limit, and has the poll report when there is room again.
    pub fn flush(&mut self, now: MonoTime, registry: &Registry) {
        if memory::is_short() {
            // The lines that may never be read are dropped first.
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

    /// When to flush if nothing happens before.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.channels.iter().filter_map(|channel| channel.deadline(&self.backlog)).min()
    }

    /// Whether another flush would send more at once.
    pub fn more(&self) -> bool {
        self.channels.iter().any(|channel| channel.has_more(&self.backlog))
    }

    /// How many notices can be logged before one is lost. A reader that was given up does not count, so that a dump in
    /// portions does not wait for it.
    pub fn room(&self) -> usize {
        let hopeful = self.channels.iter().filter(|channel| channel.has_hope());
        let room = hopeful.map(|channel| self.backlog.room(channel.reader)).min();
        room.unwrap_or_else(|| self.backlog.room_of_all())
    }

    /// The exit: sends what is left, and waits at most this long for readers that are present but have no room.
    /// A reader that is absent is tried once: shutting down a machine must not take longer because its log daemon
    /// ended first.
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

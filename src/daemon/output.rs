//! What jobs write to `out syslog` and `err syslog`: pipes on one side, lines for the log on the other.
//!
//! Each run of a job has its own pipes. When its main process is reaped, what is in them is read, and a
//! last line without an end is a line. A pipe that somebody else holds open is read on until its end,
//! and closed at the latest when the next run ends. Never blocks, and never opens the log.

mod source;
mod splitter;
#[cfg(test)]
mod tests;

use super::log::{Log, Stream};
use crate::model::{JobId, JobName, MonoTime, Pid};
use crate::sys::{descriptors, numbers};
use mio::{Interest, Registry, Token};
use source::{Source, Stage, Turn};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// Streams that have their turn in one call, so that other work gets done.
const TURNS: usize = 16;
/// What is read of a stream that is to be closed: as much as a pipe of an unprivileged process can hold.
/// Without a bound, somebody who writes on and on could keep it open.
const LAST_BYTES: usize = 1 << 20;
/// When a stream that could not be read is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// What one call of read gets at most.
const BUFFER_BYTES: usize = 8 << 10;

/// Which streams of a job go to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// `out syslog`.
    Out,
    /// `err syslog`.
    Err,
    /// Both, each by a pipe of its own: they have different severities.
    Both,
}

/// The ends of the pipes that the job's process gets.
#[derive(Debug)]
pub struct Ends {
    /// For its standard output.
    pub out: Option<OwnedFd>,
    /// For its standard error.
    pub err: Option<OwnedFd>,
}

/// All streams of all jobs.
pub struct Outputs {
    base: usize,
    /// Counts up: a token is not used again while an event for its former owner can be under way.
    next: usize,
    streams: BTreeMap<usize, Source>,
    /// The jobs that have streams, or a main process that began with some.
    jobs: BTreeMap<JobId, Owner>,
    /// The jobs of those main processes.
    pids: BTreeMap<Pid, JobId>,
    /// The streams that want to be read, in the order of their turns.
    ready: VecDeque<usize>,
    /// Those that could not be read, and when they want to be again.
    failed: BTreeSet<usize>,
    again_at: Option<MonoTime>,
    buffer: Box<[u8]>,
}

/// What belongs to one job that is not forgotten.
#[derive(Default)]
struct Owner {
    tokens: Vec<usize>,
    /// The main process, until it is reaped.
    pid: Option<Pid>,
}

impl Outputs {
    /// No streams yet. Their tokens will be `base` and above.
    pub fn new(base: usize) -> Outputs {
        Outputs {
            base,
            next: base,
            streams: BTreeMap::new(),
            jobs: BTreeMap::new(),
            pids: BTreeMap::new(),
            ready: VecDeque::new(),
            failed: BTreeSet::new(),
            again_at: None,
            buffer: Box::default(),
        }
    }

    /// Makes the pipes for a run that is about to be started. `born` or `unborn` must follow.
    pub fn prepare(
        &mut self,
        registry: &Registry,
        job: JobId,
        name: &JobName,
        streams: Streams,
    ) -> io::Result<Ends> {
        let (out, err) = match streams {
            Streams::Out => (true, false),
            Streams::Err => (false, true),
            Streams::Both => (true, true),
        };
        let out = out.then(io::pipe).transpose()?;
        let err = err.then(io::pipe).transpose()?;
        let mut ends = Ends { out: None, err: None };
        for (pipe, stream) in [(out, Stream::Out), (err, Stream::Err)] {
            let Some((reader, writer)) = pipe else { continue };
            // The configuration must remain readable.
            if descriptors::is_among_last(reader.as_fd()) {
                self.unborn(job);
                return Err(io::Error::from_raw_os_error(numbers::EMFILE));
            }
            if let Err(error) = self.add(registry, job, name, stream, reader.into()) {
                self.unborn(job);
                return Err(error);
            }
            match stream {
                Stream::Out => ends.out = Some(writer.into()),
                Stream::Err => ends.err = Some(writer.into()),
            }
        }
        Ok(ends)
    }

    /// The run that was prepared has this main process.
    pub fn born(&mut self, job: JobId, pid: Pid) {
        let unborn = self.unborn_tokens(job);
        if unborn.is_empty() {
            return;
        }
        for token in unborn {
            if let Some(source) = self.streams.get_mut(&token) {
                source.pid = Some(pid);
            }
            self.queue(token);
        }
        self.pids.insert(pid, job);
        if let Some(owner) = self.jobs.get_mut(&job) {
            owner.pid = Some(pid);
        }
    }

    /// The run that was prepared could not be started.
    pub fn unborn(&mut self, job: JobId) {
        for token in self.unborn_tokens(job) {
            self.enter(token, Stage::Closing { left: 0 });
        }
    }

    /// Hands in an event of the poll, of whatever kind. False when the token is none of these streams'.
    pub fn ready(&mut self, token: Token) -> bool {
        self.queue(token.0);
        (self.base..self.next).contains(&token.0)
    }

    /// Gives a number of streams their turn.
    pub fn work(&mut self, now: MonoTime, log: &mut Log, registry: &Registry) {
        if self.again_at.take_if(|at| *at <= now).is_some() {
            for token in std::mem::take(&mut self.failed) {
                self.queue(token);
            }
        }
        if self.ready.is_empty() {
            return;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            buffer = vec![0; BUFFER_BYTES].into();
        }
        let mut turns = TURNS;
        for _ in 0..self.ready.len() {
            if turns == 0 {
                break;
            }
            let Some(token) = self.ready.pop_front() else { break };
            let Some(source) = self.streams.get_mut(&token) else { continue };
            if log.holds(&source.name) {
                self.ready.push_back(token);
                continue;
            }
            turns -= 1;
            match source.turn(log, &mut buffer) {
                Turn::More => self.ready.push_back(token),
                Turn::Empty => source.queued = false,
                Turn::Failed => {
                    source.queued = false;
                    self.failed.insert(token);
                    self.again_at.get_or_insert(now + AGAIN_AFTER);
                }
                Turn::Ended => self.close(token, registry),
            }
        }
        if self.ready.is_empty() && self.ready.capacity() > 64 {
            self.ready = VecDeque::new();
        }
        self.buffer = buffer;
    }

    /// When there is work to do though nothing happens before.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.again_at
    }

    /// Whether `work` would get on at once.
    pub fn more(&self, log: &Log) -> bool {
        let mut ready = self.ready.iter().filter_map(|token| self.streams.get(token));
        ready.any(|source| !log.holds(&source.name))
    }

    /// This process has been reaped. If it was the main process of a run with streams, what is in them now
    /// will be read, and those of earlier runs will be closed after that.
    pub fn reaped(&mut self, pid: Pid) {
        let Some(job) = self.pids.remove(&pid) else { return };
        let Some(owner) = self.jobs.get_mut(&job) else { return };
        owner.pid = None;
        for token in owner.tokens.clone() {
            match self.streams.get(&token).map(|source| source.stage) {
                Some(Stage::Young) => self.enter(token, Stage::Reaped { left: LAST_BYTES }),
                Some(Stage::Reaped { .. } | Stage::Orphan) => {
                    self.enter(token, Stage::Closing { left: LAST_BYTES });
                }
                Some(Stage::Closing { .. }) | None => {}
            }
        }
        self.drop_idle(job);
    }

    /// The job is gone: its streams are read once more and closed. Its number may be given away again.
    pub fn forget(&mut self, job: JobId) {
        let Some(owner) = self.jobs.remove(&job) else { return };
        owner.pid.and_then(|pid| self.pids.remove(&pid));
        for token in owner.tokens {
            self.enter(token, Stage::Closing { left: LAST_BYTES });
        }
    }

    fn unborn_tokens(&self, job: JobId) -> Vec<usize> {
        let tokens = self.jobs.get(&job).into_iter().flat_map(|owner| &owner.tokens).copied();
        let is_unborn = |token: &usize| {
            let source = self.streams.get(token);
            source.is_some_and(|source| source.pid.is_none() && source.stage == Stage::Young)
        };
        tokens.filter(is_unborn).collect()
    }

    fn add(
        &mut self,
        registry: &Registry,
        job: JobId,
        name: &JobName,
        stream: Stream,
        reader: OwnedFd,
    ) -> io::Result<()> {
        let mut source = Source::new(job, name.clone(), stream, reader)?;
        registry.register(&mut source.pipe, Token(self.next), Interest::READABLE)?;
        self.streams.insert(self.next, source);
        self.jobs.entry(job).or_default().tokens.push(self.next);
        self.next += 1;
        Ok(())
    }

    fn enter(&mut self, token: usize, stage: Stage) {
        if let Some(source) = self.streams.get_mut(&token) {
            source.stage = stage;
        }
        self.queue(token);
    }

    fn queue(&mut self, token: usize) {
        if let Some(source) = self.streams.get_mut(&token).filter(|source| !source.queued) {
            source.queued = true;
            self.ready.push_back(token);
        }
    }

    fn close(&mut self, token: usize, registry: &Registry) {
        let Some(mut source) = self.streams.remove(&token) else { return };
        // A process between clone and exec may hold a copy, which would keep the registration alive.
        // It fails when there is none, which is as good.
        let _ = registry.deregister(&mut source.pipe);
        // Not there when the job is forgotten, and another job's when its number was given away since.
        if let Some(owner) = self.jobs.get_mut(&source.job) {
            owner.tokens.retain(|other| *other != token);
        }
        self.drop_idle(source.job);
    }

    fn drop_idle(&mut self, job: JobId) {
        if self.jobs.get(&job).is_some_and(|owner| owner.tokens.is_empty() && owner.pid.is_none()) {
            self.jobs.remove(&job);
        }
    }
}

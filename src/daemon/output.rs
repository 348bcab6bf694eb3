//! What jobs write to `out syslog` and `err syslog`: pipes on one side, lines for the log on the other.
//!
//! Each run of a job has its own pipes. When its main process is reaped, what is in them is read, and an unfinished
//! line becomes a line. A pipe that another process holds open is read up to its end, and closed at the latest when
//! the next run ends. Never blocks, and never opens the log.

mod splitter;
mod stream_reader;
#[cfg(test)]
mod tests;

use super::event_source::{EventSource, Shared};
use super::log::{Log, Stream};
use super::tokens::Descriptor;
use crate::model::{JobId, JobName, MonoTime, Pid};
use crate::sys::{descriptors, numbers};
use mio::{Interest, Registry};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use stream_reader::{ReadOutcome, StreamReader, StreamStage};

/// How many streams have a turn in one call.
const TURNS: usize = 16;
/// What is read of a stream that is to be closed: as much as a pipe of an unprivileged process can hold.
/// Without a limit, a process that keeps writing could keep it open.
const LAST_BYTES: usize = 1 << 20;
/// When a stream is read again that could not be read.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// What one read returns at most.
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

/// All streams of all jobs; at first there are none.
#[derive(Default)]
pub struct Outputs {
    /// The number of the next stream. Counts up, because an event for the former owner of a number may be under way.
    next: usize,
    streams: BTreeMap<usize, StreamReader>,
    /// The jobs that have streams, or whose main process started with some.
    jobs: BTreeMap<JobId, JobStreams>,
    /// The jobs of those main processes.
    pids: BTreeMap<Pid, JobId>,
    /// The streams that want to be read, in the order of their turns.
    ready: VecDeque<usize>,
    /// The streams that could not be read, and when they are read again.
    failed: BTreeSet<usize>,
    again_at: Option<MonoTime>,
    buffer: Box<[u8]>,
}

/// What belongs to one job, until it is forgotten.
#[derive(Default)]
struct JobStreams {
    streams: Vec<usize>,
    /// The main process, until it is reaped.
    pid: Option<Pid>,
}

impl Outputs {
    /// Makes the pipes for a run that is about to start. `born` or `unborn` must follow.
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
            // Enough descriptors must remain to read the configuration.
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

    /// The prepared run has this main process.
    pub fn born(&mut self, job: JobId, pid: Pid) {
        let unborn = self.unborn_streams(job);
        if unborn.is_empty() {
            return;
        }
        for number in unborn {
            if let Some(reader) = self.streams.get_mut(&number) {
                reader.pid = Some(pid);
            }
            self.queue(number);
        }
        self.pids.insert(pid, job);
        if let Some(owner) = self.jobs.get_mut(&job) {
            owner.pid = Some(pid);
        }
    }

    /// The prepared run could not be started.
    pub fn unborn(&mut self, job: JobId) {
        for number in self.unborn_streams(job) {
            self.enter(number, StreamStage::Closing { left: 0 });
        }
    }

    /// Something happened to the pipe of this stream.
    pub fn ready(&mut self, stream: usize) {
        self.queue(stream);
    }

    /// Gives a number of streams a turn.
    pub fn work(&mut self, now: MonoTime, log: &mut Log, registry: &Registry) {
        if self.again_at.take_if(|at| *at <= now).is_some() {
            for number in std::mem::take(&mut self.failed) {
                self.queue(number);
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
            let Some(number) = self.ready.pop_front() else { break };
            let Some(reader) = self.streams.get_mut(&number) else { continue };
            if log.holds(&reader.name) {
                self.ready.push_back(number);
                continue;
            }
            turns -= 1;
            match reader.turn(log, &mut buffer) {
                ReadOutcome::More => self.ready.push_back(number),
                ReadOutcome::Empty => reader.queued = false,
                ReadOutcome::Failed => {
                    reader.queued = false;
                    self.failed.insert(number);
                    self.again_at.get_or_insert(now + AGAIN_AFTER);
                }
                ReadOutcome::Ended => self.close(number, registry),
            }
        }
        if self.ready.is_empty() && self.ready.capacity() > 64 {
            self.ready = VecDeque::new();
        }
        self.buffer = buffer;
    }

    /// When there is work to do if nothing happens before.
    pub fn deadline(&self) -> Option<MonoTime> {
        self.again_at
    }

    /// Whether `work` has something to do at once.
    pub fn more(&self, log: &Log) -> bool {
        let mut ready = self.ready.iter().filter_map(|number| self.streams.get(number));
        ready.any(|reader| !log.holds(&reader.name))
    }

    /// This process has been reaped. If it was the main process of a run with streams, what is in them now is read, and
    /// those of earlier runs are closed after that.
    pub fn reaped(&mut self, pid: Pid) {
        let Some(job) = self.pids.remove(&pid) else { return };
        let Some(owner) = self.jobs.get_mut(&job) else { return };
        owner.pid = None;
        for number in owner.streams.clone() {
            match self.streams.get(&number).map(|reader| reader.stage) {
                Some(StreamStage::Young) => self.enter(number, StreamStage::Reaped { left: LAST_BYTES }),
                Some(StreamStage::Reaped { .. } | StreamStage::Orphan) => {
                    self.enter(number, StreamStage::Closing { left: LAST_BYTES });
                }
                Some(StreamStage::Closing { .. }) | None => {}
            }
        }
        self.drop_idle(job);
    }

    /// The job is gone: its streams are read once more and closed. Its number may be reused.
    pub fn forget(&mut self, job: JobId) {
        let Some(owner) = self.jobs.remove(&job) else { return };
        owner.pid.and_then(|pid| self.pids.remove(&pid));
        for number in owner.streams {
            self.enter(number, StreamStage::Closing { left: LAST_BYTES });
        }
    }

    fn unborn_streams(&self, job: JobId) -> Vec<usize> {
        let numbers = self.jobs.get(&job).into_iter().flat_map(|owner| &owner.streams).copied();
        let is_unborn = |number: &usize| {
            let reader = self.streams.get(number);
            reader.is_some_and(|reader| reader.pid.is_none() && reader.stage == StreamStage::Young)
        };
        numbers.filter(is_unborn).collect()
    }

    fn add(
        &mut self,
        registry: &Registry,
        job: JobId,
        name: &JobName,
        stream: Stream,
        pipe: OwnedFd,
    ) -> io::Result<()> {
        let mut reader = StreamReader::new(job, name.clone(), stream, pipe)?;
        registry.register(&mut reader.pipe, Descriptor::Output(self.next).token(), Interest::READABLE)?;
        self.streams.insert(self.next, reader);
        self.jobs.entry(job).or_default().streams.push(self.next);
        self.next += 1;
        Ok(())
    }

    fn enter(&mut self, number: usize, stage: StreamStage) {
        if let Some(reader) = self.streams.get_mut(&number) {
            reader.stage = stage;
        }
        self.queue(number);
    }

    fn queue(&mut self, number: usize) {
        if let Some(reader) = self.streams.get_mut(&number).filter(|reader| !reader.queued) {
            reader.queued = true;
            self.ready.push_back(number);
        }
    }

    fn close(&mut self, number: usize, registry: &Registry) {
        let Some(mut reader) = self.streams.remove(&number) else { return };
        // A process between clone and exec may have a copy, which would keep the registration alive.
        // An error means that there is no registration, which is the goal.
        let _ = registry.deregister(&mut reader.pipe);
        // There is none if the job is forgotten, and another job's if the number has been reused.
        if let Some(owner) = self.jobs.get_mut(&reader.job) {
            owner.streams.retain(|other| *other != number);
        }
        self.drop_idle(reader.job);
    }

    fn drop_idle(&mut self, job: JobId) {
        if self.jobs.get(&job).is_some_and(|owner| owner.streams.is_empty() && owner.pid.is_none()) {
            self.jobs.remove(&job);
        }
    }
}

impl EventSource for Outputs {
    fn work(&mut self, now: MonoTime, shared: &mut Shared) {
        Outputs::work(self, now, &mut shared.log, &shared.registry);
    }

    fn more(&self, shared: &Shared) -> bool {
        Outputs::more(self, &shared.log)
    }

    fn deadline(&self) -> Option<MonoTime> {
        Outputs::deadline(self)
    }
}

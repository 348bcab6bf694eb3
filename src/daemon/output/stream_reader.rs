//! One stream of one run of a job: reads it in portions, splits it into lines, and follows it to its end.

use super::splitter::Splitter;
use crate::daemon::log::{Log, Stream};
use crate::model::{JobId, JobName, Pid};
use mio::unix::pipe::Receiver;
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;

/// How many bytes of a stream are read before the next one has its turn.
const PORTION_BYTES: usize = 64 << 10;

/// If the job has ended and reading its stream fails this often in a row, the stream counts as empty.
const FAILURES: u8 = 5;

/// One stream of one run of a job.
pub(super) struct StreamReader {
    pub(super) job: JobId,
    pub(super) name: JobName,
    /// None until there is a process; then the stream has its first turn.
    pub(super) pid: Option<Pid>,
    stream: Stream,
    pub(super) pipe: Receiver,
    pub(super) stage: StreamStage,
    /// Exactly when the stream is in `ready`.
    pub(super) queued: bool,
    lines: Splitter,
    /// How often in a row reading failed.
    failures: u8,
    /// Read, but not taken by a full log; at most one buffer.
    held: Vec<u8>,
}

/// The stage of a stream's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamStage {
    /// The main process runs.
    Young,
    /// The main process is reaped. When the stream is empty or this many bytes are read, an unfinished line becomes a
    /// line.
    Reaped { left: usize },
    /// All of that is done; another process may still write to it.
    Orphan,
    /// Is closed as soon as it is empty, or when this many bytes are read.
    Closing { left: usize },
}

/// The result of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadOutcome {
    /// There may be more.
    More,
    /// There is nothing more for now; the poll reports when there is.
    Empty,
    /// Reading failed, and nothing reports when it will succeed.
    Failed,
    /// There will be nothing more.
    Ended,
}

impl StreamReader {
    /// A stream that is read from `reader`.
    pub(super) fn new(
        job: JobId,
        name: JobName,
        stream: Stream,
        reader: OwnedFd,
    ) -> io::Result<StreamReader> {
        let pipe = Receiver::from(reader);
        pipe.set_nonblocking(true)?;
        let (stage, lines, held) = (StreamStage::Young, Splitter::default(), Vec::new());
        Ok(StreamReader {
            job,
            name,
            pid: None,
            stream,
            pipe,
            stage,
            queued: false,
            lines,
            failures: 0,
            held,
        })
    }

    /// Reads a portion, as much as the log takes.
    pub(super) fn turn(&mut self, log: &mut Log, buffer: &mut [u8]) -> ReadOutcome {
        if self.pid.is_none() && self.stage == StreamStage::Young {
            return ReadOutcome::Empty;
        }
        let mut portion = PORTION_BYTES;
        loop {
            if !self.held.is_empty() {
                let held = std::mem::take(&mut self.held);
                self.split(log, &held);
            }
            // What is held comes first, even if the log has room by now.
            if !self.held.is_empty() || log.holds(&self.name) {
                return ReadOutcome::More;
            }
            if self.is_over() {
                return self.empty(log);
            }
            if portion == 0 {
                return ReadOutcome::More;
            }
            match self.pipe.read(buffer) {
                Ok(0) => {
                    self.last_line(log);
                    return ReadOutcome::Ended;
                }
                Ok(bytes) => {
                    portion = portion.saturating_sub(bytes);
                    self.failures = 0;
                    self.count(bytes);
                    self.split(log, buffer.get(..bytes).unwrap_or_default());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return self.empty(log),
                // Closing the pipe would kill the job at its next write, and leaving it alone would block the job for
                // ever. So it is read again later.
                Err(_) if self.failures >= FAILURES && self.is_ending() => return self.empty(log),
                Err(_) => {
                    self.failures = self.failures.saturating_add(1);
                    return ReadOutcome::Failed;
                }
            }
        }
    }

    /// What to do when everything that is read in this stage has been read.
    fn empty(&mut self, log: &mut Log) -> ReadOutcome {
        match self.stage {
            StreamStage::Young | StreamStage::Orphan => ReadOutcome::Empty,
            StreamStage::Reaped { left } => {
                self.last_line(log);
                self.stage = StreamStage::Orphan;
                // A process that keeps writing has not been read to the end.
                if left == 0 { ReadOutcome::More } else { ReadOutcome::Empty }
            }
            StreamStage::Closing { .. } => {
                self.last_line(log);
                ReadOutcome::Ended
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, StreamStage::Reaped { left: 0 } | StreamStage::Closing { left: 0 })
    }

    fn is_ending(&self) -> bool {
        matches!(self.stage, StreamStage::Reaped { .. } | StreamStage::Closing { .. })
    }

    fn count(&mut self, bytes: usize) {
        match &mut self.stage {
            StreamStage::Reaped { left } | StreamStage::Closing { left } => {
                *left = left.saturating_sub(bytes)
            }
            StreamStage::Young | StreamStage::Orphan => {}
        }
    }

    /// Splits what was read into lines until the log is full; holds the rest.
    fn split(&mut self, log: &mut Log, mut bytes: &[u8]) {
        let Some(pid) = self.pid else { return };
        while !bytes.is_empty() {
            if log.holds(&self.name) {
                self.held = bytes.to_vec();
                return;
            }
            bytes = self.lines.take(bytes, |line, cut| log.job_line(&self.name, pid, self.stream, line, cut));
        }
    }

    fn last_line(&mut self, log: &mut Log) {
        let Some(pid) = self.pid else { return };
        self.lines.end(|line, cut| log.job_line(&self.name, pid, self.stream, line, cut));
    }
}

//! One stream of one run of a job: read in portions, split into lines, followed to its end.

use super::splitter::Splitter;
use crate::daemon::log::{Log, Stream};
use crate::model::{JobId, JobName, Pid};
use mio::unix::pipe::Receiver;
use std::io::{self, ErrorKind, Read};
use std::os::fd::OwnedFd;

/// What one stream is read of before the next one has its turn.
const PORTION_BYTES: usize = 64 << 10;

/// A stream whose job has ended and that could not be read so often in a row is empty as far as we are concerned.
const FAILURES: u8 = 5;

/// One stream of one run of a job.
pub(super) struct StreamReader {
    pub(super) job: JobId,
    pub(super) name: JobName,
    /// None until the process is born, with which the stream gets its first turn.
    pub(super) pid: Option<Pid>,
    stream: Stream,
    pub(super) pipe: Receiver,
    pub(super) stage: StreamStage,
    /// Exactly when the stream is in `ready`.
    pub(super) queued: bool,
    lines: Splitter,
    /// How often in a row it could not be read.
    failures: u8,
    /// Read, but not yet taken by a log that was full; at most one buffer.
    held: Vec<u8>,
}

/// How far the life of a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamStage {
    /// Its main process runs.
    Young,
    /// Its main process is reaped: when it is empty or so many bytes are read, the last line is a line.
    Reaped { left: usize },
    /// All of that is done; somebody else may still write to it.
    Orphan,
    /// To be closed as soon as it is empty, or when so many bytes are read.
    Closing { left: usize },
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadOutcome {
    /// There may be more.
    More,
    /// There is nothing more for now; the poll tells when there is.
    Empty,
    /// It could not be read, and nothing tells when it can.
    Failed,
    /// There will never be more.
    Ended,
}

impl StreamReader {
    /// A stream that is to be read from `reader`.
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

    /// Reads a portion, as far as the log takes it.
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
            // What is held comes first, whatever the log says by now.
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
                // Whatever it is, to close the pipe now would kill the job that writes next, and to leave it alone
                // would hold that job up for ever.
                Err(_) if self.failures >= FAILURES && self.is_ending() => return self.empty(log),
                Err(_) => {
                    self.failures = self.failures.saturating_add(1);
                    return ReadOutcome::Failed;
                }
            }
        }
    }

    /// What follows when all has been read that is to be read at this stage.
    fn empty(&mut self, log: &mut Log) -> ReadOutcome {
        match self.stage {
            StreamStage::Young | StreamStage::Orphan => ReadOutcome::Empty,
            StreamStage::Reaped { left } => {
                self.last_line(log);
                self.stage = StreamStage::Orphan;
                // Whoever writes on and on has not been read to the end.
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

    /// Makes lines of what was read until the log has enough; the rest is held.
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

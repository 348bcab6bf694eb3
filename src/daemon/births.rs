//! Children that are copies of pmtr and have not executed their command yet. Each has a pipe that comes to its end
//! when the child executes the command, or when it ends before that.
#![forbid(unsafe_code)]

use super::event_source::{EventSource, Shared};
use super::tokens::Descriptor;
use crate::model::Pid;
use crate::supervisor::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, PipeReader};
use std::os::fd::AsRawFd;

/// The pipes.
#[derive(Debug, Default)]
pub(super) struct Births {
    pipes: BTreeMap<Pid, PipeReader>,
    /// Children whose pipe was closed at the other end.
    ended: VecDeque<Pid>,
}

impl Births {
    /// Registers the pipe of this child with the poll.
    pub(super) fn add(&mut self, registry: &Registry, pid: Pid, pipe: PipeReader) -> io::Result<()> {
        registry.register(
            &mut SourceFd(&pipe.as_raw_fd()),
            Descriptor::Birth(pid).token(),
            Interest::READABLE,
        )?;
        // An earlier child with this number has been reaped.
        self.pipes.insert(pid, pipe);
        Ok(())
    }

    /// The pipe of this child was closed at the other end.
    pub(super) fn ready(&mut self, pid: Pid) {
        self.ended.push_back(pid);
    }

    /// Whether this child has executed its command and nothing has reported that yet. Asked when its pipe was
    /// closed or the child has ended.
    pub(super) fn executes(&mut self, pid: Pid, shared: &Shared) -> bool {
        self.remove(&shared.registry, pid) && shared.spawner.has_executed(pid)
    }

    /// Drops the pipe of a child that has ended or has executed its command. False if there was none.
    fn remove(&mut self, registry: &Registry, pid: Pid) -> bool {
        let Some(pipe) = self.pipes.remove(&pid) else { return false };
        // A copy that was made later has the pipe open for a moment, so closing it here would not be enough.
        let _ = registry.deregister(&mut SourceFd(&pipe.as_raw_fd()));
        true
    }
}

impl EventSource for Births {
    fn next_event(&mut self, shared: &mut Shared) -> Option<Event> {
        while let Some(pid) = self.ended.pop_front() {
            if self.executes(pid, shared) {
                return Some(Event::Executed(pid));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::time::Duration;

    #[test]
    fn the_end_of_a_pipe_is_told_once_and_that_of_one_that_was_removed_never() {
        let (mut births, mut poll) = (Births::default(), Poll::new().unwrap());
        let registry = poll.registry().try_clone().unwrap();
        let mut writers = Vec::new();
        for number in [7, 8, 9] {
            let (reader, writer) = io::pipe().unwrap();
            births.add(&registry, Pid::new(number).unwrap(), reader).unwrap();
            writers.push(writer);
        }
        let mut told = |births: &mut Births| {
            let mut events = Events::with_capacity(8);
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            let pids = events.iter().filter_map(|event| match Descriptor::of(event.token()) {
                Some(Descriptor::Birth(pid)) => births.remove(&registry, pid).then_some(pid.as_raw()),
                other => panic!("{other:?}"),
            });
            pids.collect::<Vec<_>>()
        };
        assert_eq!(told(&mut births), [0; 0]);
        writers.pop();
        assert_eq!((told(&mut births), told(&mut births)), (vec![9], vec![]));
        assert!(births.remove(&registry, Pid::new(8).unwrap()));
        assert!(!births.remove(&registry, Pid::new(8).unwrap()));
        writers.clear();
        assert_eq!(told(&mut births), [7]);
    }
}

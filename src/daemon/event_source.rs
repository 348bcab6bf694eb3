//! The trait by which the loop serves the sources of events.
//!
//! A new source implements the trait, has a [`Descriptor`](super::tokens::Descriptor) if the poll watches one for it,
//! and has a line in one of the two lists in `sources`.
#![forbid(unsafe_code)]

use super::log::Log;
use super::state::StateFile;
use crate::model::MonoTime;
use crate::supervisor::Event;
use crate::sys::spawn::Spawner;
use mio::Registry;

/// A part of the daemon that has work of its own and reports events. In one wake-up it does no more than a portion,
/// so that others are served too.
pub(super) trait EventSource {
    /// Does a portion of what is due.
    fn work(&mut self, _: MonoTime, _: &mut Shared) {}

    /// The next event that resulted. The supervisor takes each event before the next one is asked for, until
    /// there is none.
    fn next_event(&mut self, _: &mut Shared) -> Option<Event> {
        None
    }

    /// Whether there is work to do at once.
    fn more(&self, _: &Shared) -> bool {
        false
    }

    /// When there is work to do if nothing happens before.
    fn deadline(&self) -> Option<MonoTime> {
        None
    }
}

/// A source that need not exist.
impl<S: EventSource> EventSource for Option<S> {
    fn work(&mut self, now: MonoTime, shared: &mut Shared) {
        if let Some(source) = self {
            source.work(now, shared);
        }
    }

    fn next_event(&mut self, shared: &mut Shared) -> Option<Event> {
        self.as_mut()?.next_event(shared)
    }

    fn more(&self, shared: &Shared) -> bool {
        self.as_ref().is_some_and(|source| source.more(shared))
    }

    fn deadline(&self) -> Option<MonoTime> {
        self.as_ref()?.deadline()
    }
}

/// What several sources use.
pub(super) struct Shared {
    pub(super) registry: Registry,
    pub(super) log: Log,
    pub(super) spawner: Spawner,
    pub(super) state: Option<StateFile>,
}

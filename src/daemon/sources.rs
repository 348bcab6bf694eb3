//! The list of all sources of events.
#![forbid(unsafe_code)]

use super::event_source::{EventSource, Shared};
use super::world::World;
use crate::model::MonoTime;

/// Picks one source of the world, and what it shares with others.
pub(super) type PickSource = fn(&mut World) -> (&mut dyn EventSource, &mut Shared);

/// The sources that are served before the tick, in this order: their events may make something due.
pub(super) const BEFORE_TICK: &[PickSource] = &[
    |world| (&mut world.births, &mut world.shared),
    |world| (&mut world.outputs, &mut world.shared),
    |world| (&mut world.watch, &mut world.shared),
    |world| (&mut world.last_good, &mut world.shared),
    |world| (&mut world.sockets, &mut world.shared),
];

/// The sources that are served after the tick, in this order: they carry out what it has requested.
pub(super) const AFTER_TICK: &[PickSource] = &[|world| (&mut world.rests, &mut world.shared)];

/// Whether one of them has work to do at once.
pub(super) fn more(world: &mut World) -> bool {
    all().any(|source| {
        let (source, shared) = source(world);
        source.more(shared)
    })
}

/// The times at which they have work to do though nothing happens before.
pub(super) fn deadlines(world: &mut World) -> impl Iterator<Item = Option<MonoTime>> {
    all().map(|source| source(world).0.deadline())
}

fn all() -> impl Iterator<Item = &'static PickSource> {
    BEFORE_TICK.iter().chain(AFTER_TICK)
}

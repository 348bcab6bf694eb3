//! Writes the state of all jobs to the log, for SIGUSR1, in portions that the log has room for.
#![forbid(unsafe_code)]

use super::world::World;
use crate::model::{JobId, MonoTime, Notice, Phase, Throttle};
use crate::supervisor::Supervisor;

/// How many lines are written in one turn.
const LINES: usize = 256;
/// How much room in the log is left to others.
const LEAVES: usize = 1_024;

/// A dump that is requested or under way.
#[derive(Debug, Default)]
pub(super) struct Dump {
    asked: Throttle,
    /// The next job of the dump that is under way.
    next: Option<JobId>,
    /// How many jobs it has written.
    shown: usize,
}

impl Dump {
    /// The operator requests a dump. Several waiting requests are one.
    pub(super) fn ask(&mut self) {
        self.asked.ask();
    }

    /// Begins a dump if that is due. One that is under way is completed first.
    pub(super) fn begin(&mut self, now: MonoTime, supervisor: &Supervisor, world: &mut World) {
        if self.next.is_none() && self.asked.due(now) {
            if let Some(notice) = supervisor.last_good() {
                world.shared.log.notice(&notice);
            }
            self.next = Some(JobId(0));
            self.shown = 0;
        }
    }

    /// Whether there is more to write and the log has room for it.
    pub(super) fn more(&self, world: &World) -> bool {
        self.next.is_some() && world.shared.log.room() > LEAVES
    }

    /// When the next dump begins.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.asked.deadline().filter(|_| self.next.is_none())
    }

    /// Writes a portion.
    pub(super) fn work(&mut self, now: MonoTime, supervisor: &Supervisor, world: &mut World) {
        for _ in 0..LINES {
            let Some(from) = self.next.filter(|_| world.shared.log.room() > LEAVES) else { return };
            self.next = match supervisor.status_from(from, now) {
                Some((id, mut status)) => {
                    self.shown += 1;
                    // Only the child itself has reported whether it has executed its command.
                    if let Phase::Running(pid, _) | Phase::Starting(pid, _) = status.phase
                        && let Some(stage) = world.shared.spawner.stage(pid)
                    {
                        status.phase = Phase::Starting(pid, stage);
                    }
                    world.shared.log.notice(&Notice::Status(status));
                    Some(JobId(id.0.saturating_add(1)))
                }
                None => {
                    world.shared.log.notice(&Notice::StatusEnd { jobs: self.shown });
                    None
                }
            };
        }
    }
}

//! The state of all jobs in the log, for SIGUSR1: in portions, as the log takes them.
#![forbid(unsafe_code)]

use super::world::World;
use crate::model::{JobId, MonoTime, Notice, Phase, Throttle};
use crate::supervisor::Supervisor;

/// How many lines go to the log in one turn.
const LINES: usize = 256;
/// How much room is left to others in the log.
const LEAVES: usize = 1_024;

/// A dump that is asked for or under way.
#[derive(Debug, Default)]
pub(super) struct Dump {
    asked: Throttle,
    /// The next job of the one that is under way.
    next: Option<JobId>,
    /// How many jobs it has shown.
    shown: usize,
}

impl Dump {
    /// The operator wants one. Those that are asked for at once are one.
    pub(super) fn ask(&mut self) {
        self.asked.ask();
    }

    /// Begins if that is due. One that is under way is finished first.
    pub(super) fn begin(&mut self, now: MonoTime, supervisor: &Supervisor, world: &mut World) {
        if self.next.is_none() && self.asked.due(now) {
            if let Some(notice) = supervisor.last_good() {
                world.shared.log.notice(&notice);
            }
            self.next = Some(JobId(0));
            self.shown = 0;
        }
    }

    /// Whether the log takes more of it at once.
    pub(super) fn more(&self, world: &World) -> bool {
        self.next.is_some() && world.shared.log.room() > LEAVES
    }

    /// When the next one begins.
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
                    // Whether it has got to its command, only the child itself has told.
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

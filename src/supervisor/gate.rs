//! The gate: starts jobs in their order, a portion at a time, and logs which job the others wait for.

use super::{Action, Actions, Supervisor};
use crate::model::Notice;

/// How many jobs are started in one turn, so that signals and deaths are served in between.
pub const STARTS_PER_TURN: usize = 64;

impl Supervisor {
    pub(super) fn start(&mut self, actions: &mut Actions) {
        // Before the starts: a job that begins to hold others in this turn logs `started` first, and the next turn,
        // which comes at once, logs `pausing`.
        self.say_when_paused(actions);
        for start in 0..STARTS_PER_TURN {
            // In turn, if more are due than can be started: jobs that crash repeatedly must not keep others from
            // their first start.
            let (again, first) = (self.index.again(), self.index.first());
            let Some(id) = (if start % 2 == 0 { again.or(first) } else { first.or(again) }) else { break };
            self.with(id, actions, |job, _| job.launch());
            actions.push(Action::Spawn(id));
        }
    }

    /// Logs when jobs begin to wait for another one.
    fn say_when_paused(&mut self, actions: &mut Actions) {
        let holder = self.index.held_by();
        if self.is_pause_news()
            && let Some(job) = holder.and_then(|id| self.spec(id)).map(|spec| spec.name.clone())
        {
            actions.log(Notice::Pausing { job });
        }
        self.paused_for = holder;
    }

    /// Whether jobs wait for a job that they did not wait for at the last tick.
    pub(super) fn is_pause_news(&self) -> bool {
        let holder = self.index.held_by();
        holder.is_some() && holder != self.paused_for
    }
}

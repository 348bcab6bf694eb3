//! The service manager of the invented world, and what may be told to it.

use pmtr::job::{Goal, State};
use pmtr::model::{Milestone, MonoTime, NotifyMessage, Summary};
use pmtr::supervisor::Supervisor;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Manager {
    /// Nothing gets through.
    pub away: bool,
    pub watchdog: Option<Duration>,
    pub told: Vec<(MonoTime, String)>,
    ready: bool,
    reloading: bool,
    stopping: bool,
    status: Option<(MonoTime, Summary)>,
    alive: Option<MonoTime>,
    /// Since then something was lost and nothing got through.
    failed: Option<MonoTime>,
}

impl Manager {
    /// Takes a message; returns the promise that it breaks.
    pub fn tell(
        &mut self,
        now: MonoTime,
        message: &NotifyMessage,
        out: bool,
        text: String,
    ) -> Option<&'static str> {
        if *message == NotifyMessage::default() {
            return Some("a message tells something");
        }
        if !out {
            self.failed = self.failed.or(Some(now));
            return None;
        }
        self.failed = None;
        self.told.push((now, text));
        if let Some(summary) = message.summary {
            let early = self.status.is_some_and(|(at, _)| at + SECOND > now);
            if message.milestone.is_none() && early {
                return Some("a status comes at most once a second");
            }
            self.status = Some((now, summary));
        }
        if message.alive {
            if self.alive.is_some_and(|at| Some(now.since(at)) < self.watchdog) {
                return Some("the watchdog is not fed before its time");
            }
            self.alive = Some(now);
        }
        match message.milestone {
            Some(_) if self.stopping => Some("after the end nothing comes"),
            Some(Milestone::Ready) if self.ready && !self.reloading => {
                Some("it is ready once, and once after each reload")
            }
            Some(Milestone::Ready) => {
                (self.ready, self.reloading) = (true, false);
                message.summary.is_none().then_some("who is ready says what runs")
            }
            Some(Milestone::Reloading) => {
                self.reloading = true;
                (!self.ready).then_some("who is not ready yet does not reload")
            }
            Some(Milestone::Stopping) => {
                self.stopping = true;
                None
            }
            None if !self.ready && !self.stopping && message.summary.is_some() => {
                Some("the first status comes with the first start")
            }
            None => None,
        }
    }

    /// After a wake-up: returns the promise that is broken.
    pub fn check(&self, now: MonoTime, supervisor: &Supervisor) -> Option<&'static str> {
        if self.failed.is_some() || !self.ready && !self.stopping {
            return None;
        }
        if self.reloading && !self.stopping {
            return Some("a reload comes to its end in the wake-up in which it begins");
        }
        let (at, told) = self.status?;
        if told != seen(supervisor, told) && at + SECOND <= now {
            return Some("what is told is no older than a second");
        }
        let hungry = self.watchdog.is_some_and(|every| self.alive.is_none_or(|at| at + every <= now));
        hungry.then_some("the watchdog is fed")
    }
}

/// What the jobs are doing, counted one by one. Of the mistakes nothing is known here.
fn seen(supervisor: &Supervisor, told: Summary) -> Summary {
    match told {
        Summary::Serving { mistakes, last_good, .. } => Summary::Serving {
            jobs: supervisor.jobs().filter(|(_, job)| job.goal() != Goal::Gone).count(),
            running: supervisor
                .jobs()
                .filter(|(_, job)| matches!(job.state(), State::Starting { .. } | State::Running { .. }))
                .count(),
            mistakes,
            last_good,
        },
        Summary::Ending { .. } => {
            Summary::Ending { running: supervisor.jobs().filter(|(_, job)| job.pid().is_some()).count() }
        }
    }
}

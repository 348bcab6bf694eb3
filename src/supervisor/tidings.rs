//! What the service manager is told, and when: that the first start is over, what the jobs are doing, that a file is
//! being applied, that the end has come, and that the loop still turns. What does not go out is told again soon.
//! Knows neither sockets nor the words; counts no jobs.

use super::{Action, Actions, Next, Supervisor};
use crate::model::{Bulletin, Milestone, MonoTime, Summary};
use std::time::Duration;

/// From one status to the next.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How long the first start waits for a look at the files of `depends`, which a dead file system may hold up.
pub const READY_PATIENCE: Duration = Duration::from_secs(1);
/// When a message that did not go out is tried again; with each failure in a row the wait doubles.
const RETRY: Duration = Duration::from_millis(100);
/// The longest wait: where there is no manager any more, pmtr is to sleep all the same.
const RETRY_AT_MOST: Duration = Duration::from_secs(5);

/// What was told, and what is still to be.
#[derive(Debug)]
pub(super) struct Tidings {
    stage: Stage,
    /// The last status that was told, and when there may be another.
    status: Option<Summary>,
    status_at: MonoTime,
    /// From one sign of life to the next, if any is wanted, and when the next is due.
    watchdog: Option<Duration>,
    alive_at: MonoTime,
    /// Since the last message did not go out: when the next try is, and how long that was put off.
    retry: Option<(MonoTime, Duration)>,
}

/// How far pmtr has come, and which part of that is still to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The first start. It is taken to be over at this time though files have not been looked at.
    Starting { until: MonoTime },
    /// All has been told.
    Serving,
    /// A file was read and nobody knows.
    Reloading,
    /// The manager knows of a reload, but not that it is over.
    Reloaded,
    /// pmtr was told to end and nobody knows.
    Stopping,
    /// The manager knows that the end has come.
    Ending,
}

/// How far the jobs have come.
#[derive(Clone, Copy, Debug)]
struct Scene {
    summary: Summary,
    start: Start,
    /// Whether a file is being read in portions.
    reading: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// Some job is about to start, or no file has been applied.
    UnderWay,
    /// Some job would start if it was known that its files are there.
    Unsure,
    /// It has come as far as it can.
    Over,
}

impl Tidings {
    fn new(now: MonoTime, watchdog: Option<Duration>) -> Tidings {
        let stage = Stage::Starting { until: now + READY_PATIENCE };
        Tidings { stage, status: None, status_at: now, watchdog, alive_at: now, retry: None }
    }

    /// The operator has asked for the file to be applied.
    fn reloading(&mut self) {
        self.stage = match self.stage {
            Stage::Serving | Stage::Reloading | Stage::Reloaded => Stage::Reloading,
            // It is ready when it is.
            Stage::Starting { .. } => self.stage,
            Stage::Stopping | Stage::Ending => self.stage,
        };
    }

    /// A file is being applied: news, unless the manager has been told and has not been told that it is over.
    fn applying(&mut self) {
        if self.stage != Stage::Reloaded {
            self.reloading();
        }
    }

    /// The end has come, and is told at once: there may be no other time.
    pub(super) fn ending(&mut self) {
        self.stage = Stage::Stopping;
        self.retry = None;
    }

    /// What is to be told next of how far pmtr has come: from this time on, or at once.
    fn milestone(&self, scene: &Scene) -> Option<(Milestone, Option<MonoTime>)> {
        match (self.stage, scene.start) {
            (Stage::Starting { .. }, Start::UnderWay) => None,
            (Stage::Starting { until }, Start::Unsure) => Some((Milestone::Ready, Some(until))),
            (Stage::Starting { .. }, Start::Over) => Some((Milestone::Ready, None)),
            (Stage::Reloading, _) => Some((Milestone::Reloading, None)),
            (Stage::Reloaded, _) if scene.reading => None,
            (Stage::Reloaded, _) => Some((Milestone::Ready, None)),
            (Stage::Stopping, _) => Some((Milestone::Stopping, None)),
            (Stage::Serving | Stage::Ending, _) => None,
        }
    }

    fn next(&self, scene: &Scene) -> Next {
        let ready = match self.milestone(scene) {
            Some((_, None)) => return self.retry.map_or(Next::Now, |(at, _)| Next::At(at)),
            Some((_, until)) => until,
            None => None,
        };
        let status = self.is_status_news(scene).then_some(self.status_at);
        let alive = self.watchdog.map(|_| self.alive_at);
        let due = [ready, status, alive].into_iter().flatten().min();
        due.map_or(Next::Never, |at| Next::At(self.retry.map_or(at, |(retry, _)| at.max(retry))))
    }

    fn bulletin(&self, now: MonoTime, scene: &Scene) -> Option<Bulletin> {
        if self.retry.is_some_and(|(at, _)| at > now) {
            return None;
        }
        let milestone = self.milestone(scene);
        let milestone = milestone.filter(|(_, until)| until.is_none_or(|at| at <= now)).map(|(what, _)| what);
        let told = match milestone {
            Some(Milestone::Ready | Milestone::Stopping) => true,
            Some(Milestone::Reloading) => false,
            None => self.is_status_news(scene) && self.status_at <= now,
        };
        let alive = self.watchdog.is_some() && self.alive_at <= now;
        let bulletin = Bulletin { milestone, summary: told.then_some(scene.summary), alive };
        (bulletin != Bulletin::default()).then_some(bulletin)
    }

    /// Whether there is a status to tell that no milestone brings along.
    fn is_status_news(&self, scene: &Scene) -> bool {
        match self.stage {
            Stage::Starting { .. } => false,
            Stage::Serving | Stage::Reloading | Stage::Reloaded | Stage::Stopping | Stage::Ending => {
                self.status != Some(scene.summary)
            }
        }
    }

    fn told(&mut self, now: MonoTime, bulletin: Bulletin, sent: bool) {
        if !sent {
            // A sign of life is never put off for longer than it may take.
            let at_most = self.watchdog.map_or(RETRY_AT_MOST, |every| every.min(RETRY_AT_MOST));
            let before = self.retry.map_or(Duration::ZERO, |(_, pause)| pause);
            let pause = (before * 2).max(RETRY).min(at_most);
            self.retry = Some((now + pause, pause));
            return;
        }
        self.retry = None;
        self.stage = match bulletin.milestone {
            None => self.stage,
            Some(Milestone::Ready) => Stage::Serving,
            Some(Milestone::Reloading) => Stage::Reloaded,
            Some(Milestone::Stopping) => Stage::Ending,
        };
        if bulletin.summary.is_some() {
            self.status = bulletin.summary;
            self.status_at = now + STATUS_EVERY;
        }
        if let Some(every) = self.watchdog.filter(|_| bulletin.alive) {
            self.alive_at = now + every;
        }
    }
}

impl Supervisor {
    /// From now on there is a service manager to tell; `watchdog` is the time from one sign of life to the next.
    pub fn serve_manager(&mut self, now: MonoTime, watchdog: Option<Duration>) {
        self.tidings = Some(Tidings::new(now, watchdog));
    }

    /// What the service manager is to be told by now.
    pub fn bulletin(&self, now: MonoTime) -> Option<Bulletin> {
        self.tidings.as_ref()?.bulletin(now, &self.scene())
    }

    /// The answer to [`Action::Tell`].
    pub(super) fn told(&mut self, now: MonoTime, bulletin: Bulletin, sent: bool) {
        if let Some(tidings) = &mut self.tidings {
            tidings.told(now, bulletin, sent);
        }
    }

    pub(super) fn reloading(&mut self) {
        if let Some(tidings) = &mut self.tidings {
            tidings.reloading();
        }
    }

    /// A file that was read comes into force.
    pub(super) fn applying(&mut self) {
        if let Some(tidings) = &mut self.tidings {
            tidings.applying();
        }
    }

    /// Behind what this turn does, so that the message tells what came of it.
    pub(super) fn tell(&self, actions: &mut Actions) {
        actions.extend(self.tidings.as_ref().map(|_| Action::Tell));
    }

    pub(super) fn next_tidings(&self) -> Next {
        self.tidings.as_ref().map_or(Next::Never, |tidings| tidings.next(&self.scene()))
    }

    fn scene(&self) -> Scene {
        let census = self.index.census();
        let summary = if self.ending {
            Summary::Ending { running: census.left }
        } else {
            let (jobs, running) = (census.listed, census.running);
            let (mistakes, last_good) = (self.reload.has_mistakes(), self.reload.last_good().is_some());
            Summary::Serving { jobs, running, mistakes, last_good }
        };
        let start = if self.index.ready() || self.reload.applied().is_none() {
            Start::UnderWay
        } else if census.unsure > 0 {
            Start::Unsure
        } else {
            Start::Over
        };
        Scene { summary, start, reading: self.reload.reading().is_some() }
    }
}

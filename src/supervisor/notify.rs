//! What the service manager is told, and when: that the first start is over, what the jobs are doing, that a file is
//! being applied, that the end has come, and that the loop still turns. What does not go out is told again soon.
//! Knows neither sockets nor the words; counts no jobs.

use super::{Action, Actions, NextTick, Supervisor};
use crate::model::{Milestone, MonoTime, NotifyMessage, Summary};
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
pub(super) struct Notifier {
    stage: NotifyStage,
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
enum NotifyStage {
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
struct Overview {
    summary: Summary,
    start: FirstStart,
    /// Whether a file is being read in portions.
    reading: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstStart {
    /// Some job is about to start, or no file has been applied.
    UnderWay,
    /// Some job would start if it was known that its files are there.
    Unsure,
    /// It has come as far as it can.
    Over,
}

impl Notifier {
    fn new(now: MonoTime, watchdog: Option<Duration>) -> Notifier {
        let stage = NotifyStage::Starting { until: now + READY_PATIENCE };
        Notifier { stage, status: None, status_at: now, watchdog, alive_at: now, retry: None }
    }

    /// The operator has asked for the file to be applied.
    fn reloading(&mut self) {
        self.stage = match self.stage {
            NotifyStage::Serving | NotifyStage::Reloading | NotifyStage::Reloaded => NotifyStage::Reloading,
            // It is ready when it is.
            NotifyStage::Starting { .. } => self.stage,
            NotifyStage::Stopping | NotifyStage::Ending => self.stage,
        };
    }

    /// A file is being applied: news, unless the manager has been told and has not been told that it is over.
    fn applying(&mut self) {
        if self.stage != NotifyStage::Reloaded {
            self.reloading();
        }
    }

    /// The end has come, and is told at once: there may be no other time.
    pub(super) fn ending(&mut self) {
        self.stage = NotifyStage::Stopping;
        self.retry = None;
    }

    /// What is to be told next of how far pmtr has come: from this time on, or at once.
    fn milestone(&self, overview: &Overview) -> Option<(Milestone, Option<MonoTime>)> {
        match (self.stage, overview.start) {
            (NotifyStage::Starting { .. }, FirstStart::UnderWay) => None,
            (NotifyStage::Starting { until }, FirstStart::Unsure) => Some((Milestone::Ready, Some(until))),
            (NotifyStage::Starting { .. }, FirstStart::Over) => Some((Milestone::Ready, None)),
            (NotifyStage::Reloading, _) => Some((Milestone::Reloading, None)),
            (NotifyStage::Reloaded, _) if overview.reading => None,
            (NotifyStage::Reloaded, _) => Some((Milestone::Ready, None)),
            (NotifyStage::Stopping, _) => Some((Milestone::Stopping, None)),
            (NotifyStage::Serving | NotifyStage::Ending, _) => None,
        }
    }

    fn next(&self, overview: &Overview) -> NextTick {
        let ready = match self.milestone(overview) {
            Some((_, None)) => return self.retry.map_or(NextTick::Now, |(at, _)| NextTick::At(at)),
            Some((_, until)) => until,
            None => None,
        };
        let status = self.is_status_news(overview).then_some(self.status_at);
        let alive = self.watchdog.map(|_| self.alive_at);
        let due = [ready, status, alive].into_iter().flatten().min();
        due.map_or(NextTick::Never, |at| NextTick::At(self.retry.map_or(at, |(retry, _)| at.max(retry))))
    }

    fn message(&self, now: MonoTime, overview: &Overview) -> Option<NotifyMessage> {
        if self.retry.is_some_and(|(at, _)| at > now) {
            return None;
        }
        let milestone = self.milestone(overview);
        let milestone = milestone.filter(|(_, until)| until.is_none_or(|at| at <= now)).map(|(what, _)| what);
        let told = match milestone {
            Some(Milestone::Ready | Milestone::Stopping) => true,
            Some(Milestone::Reloading) => false,
            None => self.is_status_news(overview) && self.status_at <= now,
        };
        let alive = self.watchdog.is_some() && self.alive_at <= now;
        let message = NotifyMessage { milestone, summary: told.then_some(overview.summary), alive };
        (message != NotifyMessage::default()).then_some(message)
    }

    /// Whether there is a status to tell that no milestone brings along.
    fn is_status_news(&self, overview: &Overview) -> bool {
        match self.stage {
            NotifyStage::Starting { .. } => false,
            NotifyStage::Serving
            | NotifyStage::Reloading
            | NotifyStage::Reloaded
            | NotifyStage::Stopping
            | NotifyStage::Ending => self.status != Some(overview.summary),
        }
    }

    fn notified(&mut self, now: MonoTime, message: NotifyMessage, sent: bool) {
        if !sent {
            // A sign of life is never put off for longer than it may take.
            let at_most = self.watchdog.map_or(RETRY_AT_MOST, |every| every.min(RETRY_AT_MOST));
            let before = self.retry.map_or(Duration::ZERO, |(_, pause)| pause);
            let pause = (before * 2).max(RETRY).min(at_most);
            self.retry = Some((now + pause, pause));
            return;
        }
        self.retry = None;
        self.stage = match message.milestone {
            None => self.stage,
            Some(Milestone::Ready) => NotifyStage::Serving,
            Some(Milestone::Reloading) => NotifyStage::Reloaded,
            Some(Milestone::Stopping) => NotifyStage::Ending,
        };
        if message.summary.is_some() {
            self.status = message.summary;
            self.status_at = now + STATUS_EVERY;
        }
        if let Some(every) = self.watchdog.filter(|_| message.alive) {
            self.alive_at = now + every;
        }
    }
}

impl Supervisor {
    /// From now on there is a service manager to tell; `watchdog` is the time from one sign of life to the next.
    pub fn serve_manager(&mut self, now: MonoTime, watchdog: Option<Duration>) {
        self.notifier = Some(Notifier::new(now, watchdog));
    }

    /// What the service manager is to be told by now.
    pub fn notify_message(&self, now: MonoTime) -> Option<NotifyMessage> {
        self.notifier.as_ref()?.message(now, &self.overview())
    }

    /// The answer to [`Action::Notify`].
    pub(super) fn notified(&mut self, now: MonoTime, message: NotifyMessage, sent: bool) {
        if let Some(notifier) = &mut self.notifier {
            notifier.notified(now, message, sent);
        }
    }

    pub(super) fn reloading(&mut self) {
        if let Some(notifier) = &mut self.notifier {
            notifier.reloading();
        }
    }

    /// A file that was read comes into force.
    pub(super) fn applying(&mut self) {
        if let Some(notifier) = &mut self.notifier {
            notifier.applying();
        }
    }

    /// Behind what this turn does, so that the message tells what came of it.
    pub(super) fn notify(&self, actions: &mut Actions) {
        actions.extend(self.notifier.as_ref().map(|_| Action::Notify));
    }

    pub(super) fn next_notification(&self) -> NextTick {
        self.notifier.as_ref().map_or(NextTick::Never, |notifier| notifier.next(&self.overview()))
    }

    fn overview(&self) -> Overview {
        let census = self.index.census();
        let summary = if self.ending {
            Summary::Ending { running: census.left }
        } else {
            let (jobs, running) = (census.listed, census.running);
            let (mistakes, last_good) = (self.reload.has_mistakes(), self.reload.last_good().is_some());
            Summary::Serving { jobs, running, mistakes, last_good }
        };
        let start = if self.index.ready() || self.reload.applied().is_none() {
            FirstStart::UnderWay
        } else if census.unsure > 0 {
            FirstStart::Unsure
        } else {
            FirstStart::Over
        };
        Overview { summary, start, reading: self.reload.reading().is_some() }
    }
}

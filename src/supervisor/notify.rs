//! What the service manager is sent, and when: ready, status, reload, exit, watchdog. A message that could not be
//! sent is soon tried again.
//! Knows neither sockets nor the text of a message, and counts no jobs.

use super::{Action, Actions, NextTick, Supervisor};
use crate::model::{Milestone, MonoTime, NotifyMessage, Summary};
use std::time::Duration;

/// The time between two status messages.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How long the first start waits for the first look at files of `depends`; a dead file system may delay it.
pub const READY_PATIENCE: Duration = Duration::from_secs(1);
/// When a message is tried again that could not be sent. The pause doubles with each failure in a row.
const RETRY: Duration = Duration::from_millis(100);
/// The longest pause. If the manager is gone, pmtr must be able to sleep.
const RETRY_AT_MOST: Duration = Duration::from_secs(5);

/// What the manager knows, and what it has to be told.
#[derive(Debug)]
pub(super) struct Notifier {
    stage: NotifyStage,
    /// The last status that was sent, and the earliest time of the next.
    status: Option<Summary>,
    status_at: MonoTime,
    /// The time between two watchdog messages, if the manager wants them, and when the next is due.
    watchdog: Option<Duration>,
    alive_at: MonoTime,
    /// Since the last failure: when to try again, and the pause before that.
    retry: Option<(MonoTime, Duration)>,
}

/// How far pmtr has come, and what of that the manager does not know yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotifyStage {
    /// The first start. At this time it counts as complete even if files have not been looked at.
    Starting { until: MonoTime },
    /// The manager knows everything.
    Serving,
    /// A file is being applied, and the manager does not know it.
    Reloading,
    /// The manager knows of the reload, but not that it is complete.
    Reloaded,
    /// pmtr is exiting, and the manager does not know it.
    Stopping,
    /// The manager knows that pmtr is exiting.
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
    /// Some job waits for the first look at its files.
    Unsure,
    /// Every job that can start has started.
    Over,
}

impl Notifier {
    fn new(now: MonoTime, watchdog: Option<Duration>) -> Notifier {
        let stage = NotifyStage::Starting { until: now + READY_PATIENCE };
        Notifier { stage, status: None, status_at: now, watchdog, alive_at: now, retry: None }
    }

    /// The operator has asked for a reload.
    fn reloading(&mut self) {
        self.stage = match self.stage {
            NotifyStage::Serving | NotifyStage::Reloading | NotifyStage::Reloaded => NotifyStage::Reloading,
            // The first start reports ready at its end in any case.
            NotifyStage::Starting { .. } => self.stage,
            NotifyStage::Stopping | NotifyStage::Ending => self.stage,
        };
    }

    /// A file is being applied. This is new unless the manager knows of a reload that is not complete.
    fn applying(&mut self) {
        if self.stage != NotifyStage::Reloaded {
            self.reloading();
        }
    }

    /// pmtr is exiting, and says so at once: there may be no later time.
    pub(super) fn ending(&mut self) {
        self.stage = NotifyStage::Stopping;
        self.retry = None;
    }

    /// The next milestone to report: at once, or from this time on.
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

    /// Whether there is a new status that no milestone carries.
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
            // A watchdog message must not be delayed for longer than the time between two of them.
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
    /// Begins to notify a service manager; `watchdog` is the time between two signs of life.
    pub fn serve_manager(&mut self, now: MonoTime, watchdog: Option<Duration>) {
        self.notifier = Some(Notifier::new(now, watchdog));
    }

    /// Whether the service manager knows that pmtr is ready, or can't be told now.
    pub(super) fn is_announced(&self) -> bool {
        let starts = |stage| matches!(stage, NotifyStage::Starting { .. });
        self.notifier.as_ref().is_none_or(|notifier| !starts(notifier.stage) || notifier.retry.is_some())
    }

    /// The message that is due, if any.
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

    /// A file that was read is being put into force.
    pub(super) fn applying(&mut self) {
        if let Some(notifier) = &mut self.notifier {
            notifier.applying();
        }
    }

    /// At the end of the turn, so that the message reports its result.
    pub(super) fn notify(&self, actions: &mut Actions) {
        actions.extend(self.notifier.as_ref().map(|_| Action::Notify));
    }

    pub(super) fn next_notification(&self) -> NextTick {
        self.notifier.as_ref().map_or(NextTick::Never, |notifier| notifier.next(&self.overview()))
    }

    fn overview(&self) -> Overview {
        let census = self.index.census();
        let summary = if self.is_ending() {
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

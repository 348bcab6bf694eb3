//! What is remembered of a job's earlier runs. Most jobs whose last run was long have nothing of it.

use super::failure::FailureStreak;
use super::{Job, policy};
use crate::model::{GiveUp, MonoTime};
use std::collections::VecDeque;
use std::time::Duration;

/// The earlier runs, as far as they decide about the next one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    /// The failed starts since the last successful one.
    pub(super) failure: Option<FailureStreak>,
    /// The pause after a failed start; none once a process was made.
    pub(super) pause: Option<Duration>,
    /// How many runs in a row were quick.
    pub(super) quick: u32,
    /// The end of the run after which the restart is delayed, and a number that was drawn for that.
    pub(super) delayed: Option<(MonoTime, u32)>,
    /// The ends within the time of `give up after N in D`.
    ends: VecDeque<MonoTime>,
}

impl Job {
    /// How many runs in a row were quick.
    pub fn quick_runs(&self) -> u32 {
        self.past.as_ref().map_or(0, |past| past.quick)
    }

    /// It does not start before this time.
    pub fn not_before(&self) -> MonoTime {
        let delayed = self.past.as_ref().and_then(|past| past.delayed);
        delayed.map_or(self.floor, |(ended, draw)| {
            // Counters that were set back leave the delay of a first quick run.
            self.floor.max(ended + policy::delay(&self.spec.policy.restart, self.quick_runs(), draw))
        })
    }

    /// Changes what is remembered, and lets go of it if it is nothing.
    pub(super) fn remember<T>(&mut self, change: impl FnOnce(&mut Past) -> T) -> T {
        let mut past = self.past.take().unwrap_or_default();
        let answer = change(&mut past);
        self.past = Some(past).filter(|past| **past != Past::default());
        answer
    }

    /// Sets the counters back. A delay that has begun goes on.
    pub(super) fn forgive(&mut self) {
        if self.past.is_some() {
            self.remember(|past| {
                past.quick = 0;
                past.ends = VecDeque::new();
            });
        }
    }
}

impl Past {
    /// Counts an end, and returns how many quick runs in a row and how many ends within the time of the rule there are.
    pub(super) fn count(&mut self, quick: bool, rule: Option<GiveUp>, now: MonoTime) -> (u32, usize) {
        self.quick = if quick { self.quick.saturating_add(1) } else { 0 };
        if let Some(GiveUp { after, within: Some(within) }) = rule {
            self.ends.push_back(now);
            while self.ends.len() > usize::from(after)
                || self.ends.front().is_some_and(|end| now.since(*end) > within)
            {
                self.ends.pop_front();
            }
        }
        (self.quick, self.ends.len())
    }
}

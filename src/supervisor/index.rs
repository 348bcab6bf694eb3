//! Which job is next: the jobs by deadline and by place before the gate, so that no question and no change walks all
//! jobs. What is filed here follows from the jobs; the jobs never ask for it.

use crate::model::{JobId, MonoTime};
use std::collections::BTreeSet;

/// A job's place in the order of starts: its `order`, then its place in the file.
pub(super) type Rank = (i32, u32);

/// Where one job is filed. Each job has one, so it is kept small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexEntry {
    /// When the job has something to do.
    pub(super) deadline: Option<MonoTime>,
    /// Its place in the order of start.
    pub(super) rank: Rank,
    /// The queue for a start in which it waits.
    pub(super) queue: StartQueue,
    /// Whether it holds back the first starts of later jobs.
    pub(super) holds: bool,
    /// Whether only a missing file of `depends` keeps it from starting.
    pub(super) lacks: bool,
    /// Whether it waits for the first look at its files of `depends`.
    pub(super) unsure: bool,
    /// Whether it is in force, not being removed.
    pub(super) listed: bool,
    /// Whether its command runs and is not being stopped.
    pub(super) running: bool,
    /// Whether it has processes that an exit of pmtr waits for.
    pub(super) left: bool,
    /// Whether it runs, or will by itself.
    pub(super) busy: bool,
}

/// How many jobs are in each of these conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// Jobs that are in force.
    pub(super) listed: usize,
    /// Those of them that run.
    pub(super) running: usize,
    /// Jobs that have processes.
    pub(super) left: usize,
    /// Jobs whose files have not been looked at yet.
    pub(super) unsure: usize,
    /// Jobs that run, or will by themselves.
    pub(super) busy: usize,
}

/// The queues for a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StartQueue {
    /// Wants no start.
    #[default]
    None,
    /// Waits for its first start under its definition.
    First,
    /// Waits for a restart since this time, at which its delay was over.
    Again(MonoTime),
}

impl IndexEntry {
    fn first(self) -> Option<Rank> {
        (self.queue == StartQueue::First).then_some(self.rank)
    }

    fn again(self) -> Option<(MonoTime, Rank)> {
        match self.queue {
            StartQueue::Again(since) => Some((since, self.rank)),
            StartQueue::None | StartQueue::First => None,
        }
    }

    fn holder(self) -> Option<Rank> {
        self.holds.then_some(self.rank)
    }
}

/// All entries.
#[derive(Debug, Default)]
pub(super) struct Index {
    deadlines: BTreeSet<(MonoTime, JobId)>,
    firsts: BTreeSet<(Rank, JobId)>,
    /// The longest waiting job is first, so that none is overtaken forever when more are due than can be started.
    agains: BTreeSet<((MonoTime, Rank), JobId)>,
    holders: BTreeSet<(Rank, JobId)>,
    census: Census,
}

impl Index {
    /// Moves a job from one entry to another.
    pub(super) fn refile(&mut self, id: JobId, entry: &mut IndexEntry, to: IndexEntry) {
        let from = std::mem::replace(entry, to);
        move_in(&mut self.deadlines, id, from.deadline, to.deadline);
        move_in(&mut self.firsts, id, from.first(), to.first());
        move_in(&mut self.agains, id, from.again(), to.again());
        move_in(&mut self.holders, id, from.holder(), to.holder());
        let census = &mut self.census;
        count(&mut census.listed, from.listed, to.listed);
        count(&mut census.running, from.running, to.running);
        count(&mut census.left, from.left, to.left);
        count(&mut census.unsure, from.unsure, to.unsure);
        count(&mut census.busy, from.busy, to.busy);
    }

    /// The number of jobs in each condition.
    pub(super) fn census(&self) -> Census {
        self.census
    }

    /// The earliest deadline.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// A job whose deadline has passed.
    pub(super) fn due(&self, now: MonoTime) -> Option<JobId> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// Whether any job may start.
    pub(super) fn ready(&self) -> bool {
        self.again().is_some() || self.first().is_some()
    }

    /// The gate: the next job to restart. Restarts are never held.
    pub(super) fn again(&self) -> Option<JobId> {
        self.agains.first().map(|(_, id)| *id)
    }

    /// The next job to have its first start, unless an earlier job with `wait` holds it.
    pub(super) fn first(&self) -> Option<JobId> {
        self.firsts.first().filter(|first| !self.is_held(first)).map(|(_, id)| *id)
    }

    /// The job that holds the others.
    pub(super) fn held_by(&self) -> Option<JobId> {
        let first = self.firsts.first()?;
        self.holders.first().filter(|_| self.is_held(first)).map(|(_, id)| *id)
    }

    fn is_held(&self, first: &(Rank, JobId)) -> bool {
        self.holders.first().is_some_and(|holder| holder.0 < first.0)
    }
}

fn move_in<K: Ord + Copy>(set: &mut BTreeSet<(K, JobId)>, id: JobId, from: Option<K>, to: Option<K>) {
    if from != to {
        from.map(|key| set.remove(&(key, id)));
        to.map(|key| set.insert((key, id)));
    }
}

fn count(number: &mut usize, from: bool, to: bool) {
    *number = number.saturating_sub(usize::from(from)).saturating_add(usize::from(to));
}

//! Who is next: the jobs by deadline and by their place before the gate, so that no question
//! and no change walks them all. What is filed here follows from the jobs and is never asked of it.

use crate::model::{JobId, MonoTime};
use std::collections::BTreeSet;

/// A job's place in the order of start: its `order`, then its place in the file.
pub(super) type Rank = (i32, u32);

/// Where one job is filed. There is one for each job, so it is kept small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexEntry {
    /// When it has something to do.
    pub(super) deadline: Option<MonoTime>,
    /// Its place in the order of start.
    pub(super) rank: Rank,
    /// In which queue for a start it stands.
    pub(super) queue: StartQueue,
    /// Whether it holds back the first starts of later jobs.
    pub(super) holds: bool,
    /// Whether it would start if a file that it depends on were there.
    pub(super) lacks: bool,
    /// Whether it would start if more were known of the files that it depends on.
    pub(super) unsure: bool,
    /// Whether it is to be there at all.
    pub(super) listed: bool,
    /// Whether its command runs and nobody wants it to end.
    pub(super) running: bool,
    /// Whether anything of it is left that an end waits for.
    pub(super) left: bool,
}

/// How many jobs there are of each kind that somebody asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Census {
    /// Jobs that are to be there.
    pub(super) listed: usize,
    /// Those of them that run.
    pub(super) running: usize,
    /// Jobs of which there are processes.
    pub(super) left: usize,
    /// Jobs of whose files nothing is known yet.
    pub(super) unsure: usize,
}

/// The queues for a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StartQueue {
    /// Wants no start.
    #[default]
    None,
    /// Wants its first start under its definition.
    First,
    /// Wants to be started again; the delay that it had to wait for, if it had, was over then.
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

/// All places.
#[derive(Debug, Default)]
pub(super) struct Index {
    deadlines: BTreeSet<(MonoTime, JobId)>,
    firsts: BTreeSet<(Rank, JobId)>,
    /// Who has waited longest comes first: when more are due than can be started, none is overtaken for ever.
    agains: BTreeSet<((MonoTime, Rank), JobId)>,
    holders: BTreeSet<(Rank, JobId)>,
    census: Census,
}

impl Index {
    /// Moves a job from one place to another.
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
    }

    /// The jobs by number.
    pub(super) fn census(&self) -> Census {
        self.census
    }

    /// The earliest deadline.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// A job whose deadline has come.
    pub(super) fn due(&self, now: MonoTime) -> Option<JobId> {
        self.deadlines.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// Whether any job may start.
    pub(super) fn ready(&self) -> bool {
        self.again().is_some() || self.first().is_some()
    }

    /// The gate: the job that may be started again next. A restart is never held.
    pub(super) fn again(&self) -> Option<JobId> {
        self.agains.first().map(|(_, id)| *id)
    }

    /// The job that may have its first start next: an earlier one that has `wait` holds it.
    pub(super) fn first(&self) -> Option<JobId> {
        self.firsts.first().filter(|first| !self.is_held(first)).map(|(_, id)| *id)
    }

    /// The job for which others are waiting.
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

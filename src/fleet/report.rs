//! One report of one host: a whole one, or one with missing parts.

use super::pages::Cost;
use super::{HostJob, HostKey};
use crate::model::{JobLine, MonoTime, Part};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::size_of;

/// The bytes of an allocation besides its contents.
const ALLOCATION_BYTES: usize = 16;
/// The bytes of a part besides its jobs.
pub(super) const PART_BYTES: usize = 64;
/// The bytes of an incomplete report besides its parts.
pub(super) const ASSEMBLY_BYTES: usize = 512;

/// Weighs the jobs of one host: the bytes that they take here, plus those on the largest page, so that one limit holds
/// for both. The other two pages are no larger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale(Cost);

/// The jobs of one datagram, each name once.
#[derive(Debug)]
pub(super) struct Jobs {
    pub(super) list: Box<[HostJob]>,
    /// How many more jobs there were, beyond the limit.
    pub(super) left_out: u64,
    pub(super) weight: usize,
}

/// A report of which all parts have come.
#[derive(Debug)]
pub(super) struct Report {
    /// When its last part came.
    pub(super) at: MonoTime,
    /// No name occurs twice.
    pub(super) jobs: Box<[HostJob]>,
    pub(super) left_out: u64,
    pub(super) weight: usize,
}

/// A report of which some parts are missing.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) serial: u64,
    pub(super) of: u32,
    /// When the first part came.
    pub(super) since: MonoTime,
    /// When the latest part came.
    pub(super) at: MonoTime,
    /// The parts that have come, by number. Only these take memory, even if a sender claims four billion parts.
    parts: BTreeMap<u32, Box<[HostJob]>>,
    /// How many jobs are kept.
    pub(super) jobs: usize,
    pub(super) left_out: u64,
    pub(super) weight: usize,
}

impl Scale {
    pub(super) fn new(host: &HostKey) -> Scale {
        Scale(Cost::new(host))
    }

    /// The weight of a job with this name.
    pub(super) fn weigh(self, name: &[u8]) -> usize {
        size_of::<HostJob>() + ALLOCATION_BYTES + name.len() + self.0.of_job(name)
    }
}

impl Jobs {
    /// Takes at most `most` jobs from a datagram. Of two with the same name, the first counts. `None` if they weigh
    /// more than `room`.
    pub(super) fn gather(
        lines: &mut dyn Iterator<Item = JobLine<'_>>,
        most: usize,
        room: usize,
        scale: Scale,
    ) -> Option<Jobs> {
        let mut names = BTreeSet::new();
        let mut list = Vec::new();
        let (mut left_out, mut weight) = (0, 0);
        for line in lines.filter(|line| names.insert(line.name)) {
            if list.len() >= most {
                left_out += 1;
                continue;
            }
            weight += scale.weigh(line.name);
            if weight > room {
                return None;
            }
            let JobLine { name, enabled, seconds, process, path: _ } = line;
            list.push(HostJob { name: name.into(), enabled, seconds, process });
        }
        Some(Jobs { list: list.into(), left_out, weight })
    }
}

impl Report {
    /// A report that came in one piece.
    pub(super) fn new(now: MonoTime, jobs: Jobs) -> Report {
        let Jobs { list, left_out, weight } = jobs;
        Report { at: now, jobs: list, left_out, weight }
    }
}

impl Assembly {
    pub(super) fn new(now: MonoTime, part: Part) -> Assembly {
        Assembly {
            serial: part.serial,
            of: part.of,
            since: now,
            at: now,
            parts: BTreeMap::new(),
            jobs: 0,
            left_out: 0,
            weight: ASSEMBLY_BYTES,
        }
    }

    /// Whether this is one of its parts. The number of parts of a report never changes.
    pub(super) fn owns(&self, part: Part) -> bool {
        (self.serial, self.of) == (part.serial, part.of)
    }

    /// Whether the part with this number has come.
    pub(super) fn has(&self, index: u32) -> bool {
        self.parts.contains_key(&index)
    }

    /// How many parts have come.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Adds a part that has not come before.
    pub(super) fn add(&mut self, now: MonoTime, index: u32, jobs: Jobs) {
        self.at = now;
        self.jobs += jobs.list.len();
        self.left_out += jobs.left_out;
        self.weight += PART_BYTES + jobs.weight;
        self.parts.insert(index, jobs.list);
    }

    /// How many parts are still missing.
    pub(super) fn missing(&self) -> u64 {
        u64::from(self.of).saturating_sub(u64::try_from(self.parts.len()).unwrap_or(u64::MAX))
    }

    /// The jobs that have come, in the order of the report. Of two with the same name, the first counts.
    pub(super) fn jobs(&self) -> Vec<&HostJob> {
        let mut names = BTreeSet::new();
        let all = self.parts.values().flat_map(|jobs| jobs.iter());
        all.filter(|job| names.insert(&job.name)).collect()
    }

    /// Joins the parts.
    pub(super) fn into_report(self, now: MonoTime, scale: Scale) -> Report {
        let mut jobs: Vec<HostJob> = self.parts.into_values().flatten().collect();
        let mut names = BTreeSet::new();
        let is_first: Vec<bool> = jobs.iter().map(|job| names.insert(&*job.name)).collect();
        let mut is_first = is_first.into_iter();
        jobs.retain(|_| is_first.next().unwrap_or(false));
        let weight = jobs.iter().map(|job| scale.weigh(&job.name)).sum();
        Report { at: now, jobs: jobs.into(), left_out: self.left_out, weight }
    }
}

#[cfg(test)]
impl Assembly {
    /// Its weight, computed from scratch.
    pub(super) fn weight_by_hand(&self, scale: Scale) -> usize {
        let jobs = self.parts.values().flat_map(|jobs| jobs.iter());
        let jobs = jobs.map(|job| scale.weigh(&job.name));
        ASSEMBLY_BYTES + self.parts.len() * PART_BYTES + jobs.sum::<usize>()
    }
}

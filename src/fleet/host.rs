//! One host: which of its reports is shown, and what happens to parts that come late, twice or never.
//!
//! Only one report is ever shown: the newest whole one, or, while there is none, the parts of the newest one that have
//! come.

use super::report::{ASSEMBLY_BYTES, Assembly, Jobs, PART_BYTES, Report, Scale};
use super::{HostJob, HostKey};
use crate::model::{Head, JobLine, MonoTime, Part};
use std::time::Duration;

/// How long parts of a report are awaited, and how long a lower serial is taken for that of an older report.
pub(super) const LATE: Duration = Duration::from_secs(10);
/// Two: the last part of a report may come after the first part of the next.
const ASSEMBLIES: usize = 2;

/// A host that is heard.
#[derive(Debug)]
pub struct Host {
    /// Weighs its jobs.
    scale: Scale,
    /// When its last datagram came, of any kind.
    heard: MonoTime,
    /// The newest whole report.
    whole: Option<Report>,
    /// The incomplete reports that are awaited, in the order in which they began; at most [`ASSEMBLIES`].
    assemblies: Vec<Assembly>,
    /// The newest report that was given up. None while there is a whole report.
    remnant: Option<Assembly>,
    mark: Option<Mark>,
    /// How many parts are missing from the reports that were given up since the whole report came.
    lost: u64,
    /// Whether anything was dropped for lack of memory since the last whole report.
    refused: bool,
}

/// The newest report that came in parts, complete or not.
#[derive(Clone, Copy, Debug)]
struct Mark {
    serial: u64,
    /// When its latest part came.
    at: MonoTime,
    /// Whether further parts are ignored.
    closed: bool,
}

/// The limits of one host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) jobs: usize,
    pub(super) bytes: usize,
    pub(super) stale_after: Duration,
}

/// What was dropped from a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortage {
    /// The jobs beyond the limit of a host.
    Jobs,
    /// All of it.
    Bytes,
}

/// What is shown of a host.
#[derive(Clone, Copy, Debug)]
enum ShownReport<'a> {
    /// Nothing could be stored yet.
    Nothing,
    Whole(&'a Report),
    Some(&'a Assembly),
}

impl Host {
    pub(super) fn new(now: MonoTime, key: &HostKey) -> Host {
        Host {
            scale: Scale::new(key),
            heard: now,
            whole: None,
            assemblies: Vec::new(),
            remnant: None,
            mark: None,
            lost: 0,
            refused: false,
        }
    }

    /// Whether the shown report is whole.
    pub fn is_complete(&self) -> bool {
        self.whole.is_some()
    }

    /// The jobs of the shown report, in its order. No name occurs twice.
    pub fn jobs(&self) -> Vec<&HostJob> {
        match self.shown() {
            ShownReport::Nothing => Vec::new(),
            ShownReport::Whole(report) => report.jobs.iter().collect(),
            ShownReport::Some(assembly) => assembly.jobs(),
        }
    }

    /// How long ago the last part of the shown report came.
    pub fn age(&self, now: MonoTime) -> Duration {
        now.since(match self.shown() {
            ShownReport::Nothing => self.heard,
            ShownReport::Whole(report) => report.at,
            ShownReport::Some(assembly) => assembly.at,
        })
    }

    /// How many parts are missing: from the shown report, or, if that is whole, from the later ones that therefore
    /// could not be shown.
    pub fn lost_parts(&self) -> u64 {
        match self.shown() {
            ShownReport::Nothing => 0,
            ShownReport::Whole(_) => self.lost,
            ShownReport::Some(assembly) => assembly.missing(),
        }
    }

    /// How many parts the shown report has; `None` unless it is incomplete.
    pub fn parts(&self) -> Option<u32> {
        match self.shown() {
            ShownReport::Nothing | ShownReport::Whole(_) => None,
            ShownReport::Some(assembly) => Some(assembly.of),
        }
    }

    /// How many jobs of the shown report were dropped because they exceeded the limit.
    pub fn left_out(&self) -> u64 {
        match self.shown() {
            ShownReport::Nothing => 0,
            ShownReport::Whole(report) => report.left_out,
            ShownReport::Some(assembly) => assembly.left_out,
        }
    }

    /// Whether anything newer was dropped for lack of memory.
    pub fn is_short_of_memory(&self) -> bool {
        self.refused
    }

    /// Takes in one datagram.
    pub(super) fn take(
        &mut self,
        now: MonoTime,
        head: &Head<'_>,
        lines: &mut dyn Iterator<Item = JobLine<'_>>,
        bounds: Bounds,
    ) -> Option<Shortage> {
        self.expire(now, bounds.stale_after);
        self.heard = now;
        let shortage = match head.part {
            None => self.take_whole(now, lines, bounds),
            Some(part) => self.take_part(now, part, lines, bounds),
        };
        self.expire(now, bounds.stale_after);
        self.refused |= shortage == Some(Shortage::Bytes);
        shortage
    }

    /// Does what is due by now, except falling silent.
    pub(super) fn expire(&mut self, now: MonoTime, stale_after: Duration) {
        let outdated = self.whole.as_ref().is_some_and(|whole| whole.at + stale_after <= now);
        if outdated && !self.assemblies.is_empty() {
            self.whole = None;
            self.lost = 0;
        }
        while self.assemblies.first().is_some_and(|first| first.since + LATE <= now) {
            self.give_up_first();
        }
    }

    /// Whether it has been silent for `stale_after`.
    pub(super) fn is_silent(&self, now: MonoTime, stale_after: Duration) -> bool {
        self.heard + stale_after <= now
    }

    /// When time alone changes something. It is in the future unless the host is silent or something of it has expired.
    pub(super) fn deadline(&self, stale_after: Duration) -> MonoTime {
        let silent = self.heard + stale_after;
        let Some(first) = self.assemblies.first() else { return silent };
        let outdated = self.whole.as_ref().map_or(silent, |whole| whole.at + stale_after);
        silent.min(outdated).min(first.since + LATE)
    }

    /// The weight of all its reports.
    pub(super) fn weight(&self) -> usize {
        let whole = self.whole.as_ref().map_or(0, |whole| whole.weight);
        let rest = self.assemblies.iter().chain(&self.remnant);
        whole + rest.map(|assembly| assembly.weight).sum::<usize>()
    }

    fn shown(&self) -> ShownReport<'_> {
        match (&self.whole, self.assemblies.last().or(self.remnant.as_ref())) {
            (Some(whole), _) => ShownReport::Whole(whole),
            (None, Some(assembly)) => ShownReport::Some(assembly),
            (None, None) => ShownReport::Nothing,
        }
    }

    fn take_whole(
        &mut self,
        now: MonoTime,
        lines: &mut dyn Iterator<Item = JobLine<'_>>,
        bounds: Bounds,
    ) -> Option<Shortage> {
        // It replaces everything else, so its room is all that the host may take.
        let jobs = Jobs::gather(lines, bounds.jobs, bounds.bytes, self.scale);
        let Some(jobs) = jobs else { return Some(Shortage::Bytes) };
        let shortage = (jobs.left_out > 0).then_some(Shortage::Jobs);
        self.assemblies.clear();
        self.mark = self.mark.map(|mark| Mark { closed: true, ..mark });
        self.show(Report::new(now, jobs));
        shortage
    }

    fn take_part(
        &mut self,
        now: MonoTime,
        part: Part,
        lines: &mut dyn Iterator<Item = JobLine<'_>>,
        bounds: Bounds,
    ) -> Option<Shortage> {
        let known = self.assemblies.iter().rposition(|assembly| assembly.owns(part));
        if known.is_none() {
            if self.is_late(now, part.serial) {
                return None;
            }
            if self.assemblies.len() >= ASSEMBLIES {
                self.give_up_first();
            }
        }
        let room = bounds.bytes.saturating_sub(self.weight());
        let mut assembly = match known {
            Some(at) => self.assemblies.remove(at),
            None => Assembly::new(now, part),
        };
        let at = known.unwrap_or(self.assemblies.len());
        let shortage = if assembly.has(part.index) {
            None
        } else if assembly.parts() >= bounds.jobs {
            // Every real part has at least one job: the rest is beyond the limit, or these parts are empty.
            Some(Shortage::Jobs)
        } else {
            let overhead = PART_BYTES + if known.is_none() { ASSEMBLY_BYTES } else { 0 };
            let most = bounds.jobs.saturating_sub(assembly.jobs);
            let room = room.checked_sub(overhead);
            let jobs = room.and_then(|room| Jobs::gather(lines, most, room, self.scale));
            match jobs {
                Some(jobs) => {
                    let shortage = (jobs.left_out > 0).then_some(Shortage::Jobs);
                    assembly.add(now, part.index, jobs);
                    self.note_newest(now, part.serial, known.is_none());
                    shortage
                }
                None => Some(Shortage::Bytes),
            }
        };
        if assembly.missing() == 0 {
            self.complete(now, at, assembly);
        } else if assembly.parts() > 0 {
            self.assemblies.insert(at, assembly);
        }
        shortage
    }

    /// Whether a part that belongs to no awaited report is a late one. A lower serial is accepted after [`LATE`]: its
    /// sender was restarted.
    fn is_late(&self, now: MonoTime, serial: u64) -> bool {
        let mark = self.mark.filter(|mark| now.since(mark.at) < LATE);
        mark.is_some_and(|mark| serial < mark.serial || serial == mark.serial && mark.closed)
    }

    /// Notes that a part was stored. `begins`: it is the first one of its report.
    fn note_newest(&mut self, now: MonoTime, serial: u64, begins: bool) {
        if begins || self.mark.is_none_or(|mark| serial == mark.serial) {
            self.mark = Some(Mark { serial, at: now, closed: false });
        }
    }

    /// Shows a report of which all parts have come. `at` is its place among those awaited.
    fn complete(&mut self, now: MonoTime, at: usize, assembly: Assembly) {
        // The reports that began earlier are older.
        self.assemblies.drain(..at.min(self.assemblies.len()));
        self.close(assembly.serial);
        self.show(assembly.into_report(now, self.scale));
    }

    fn show(&mut self, report: Report) {
        self.whole = Some(report);
        self.remnant = None;
        self.lost = 0;
        self.refused = false;
    }

    fn give_up_first(&mut self) {
        if self.assemblies.is_empty() {
            return;
        }
        let assembly = self.assemblies.remove(0);
        self.close(assembly.serial);
        if self.whole.is_some() {
            self.lost = self.lost.saturating_add(assembly.missing());
        } else {
            self.remnant = Some(assembly);
        }
    }

    fn close(&mut self, serial: u64) {
        if let Some(mark) = self.mark.as_mut().filter(|mark| mark.serial == serial) {
            mark.closed = true;
        }
    }
}

#[cfg(test)]
impl Host {
    /// The weight of everything that is stored, computed from scratch.
    pub(super) fn weight_by_hand(&self) -> usize {
        let jobs = |jobs: Vec<&HostJob>| jobs.iter().map(|job| self.scale.weigh(&job.name)).sum::<usize>();
        let whole = self.whole.iter().map(|whole| jobs(whole.jobs.iter().collect()));
        let rest = self.assemblies.iter().chain(&self.remnant);
        let rest = rest.map(|some| some.weight_by_hand(self.scale));
        whole.chain(rest).sum()
    }
}

//! One host: which of its reports is shown, and what becomes of parts that come late, twice or never.
//!
//! What is shown is always one report alone: the newest whole one, or, as long as there is none, what came
//! of the newest one.

use super::report::{ASSEMBLY_BYTES, Assembly, Jobs, PART_BYTES, Report, Scale};
use super::{HostJob, HostKey};
use crate::model::{Head, JobLine, MonoTime, Part};
use std::time::Duration;

/// So long parts of a report are waited for, and so long a lower serial is taken for that of an old one.
pub(super) const LATE: Duration = Duration::from_secs(10);
/// The last part of a report may come behind the first one of the next.
const ASSEMBLIES: usize = 2;

/// One host that is heard.
#[derive(Debug)]
pub struct Host {
    /// What its jobs weigh.
    scale: Scale,
    /// When any datagram of it came last.
    heard: MonoTime,
    /// The newest whole report.
    whole: Option<Report>,
    /// Those in the making in the order in which they began, at most [`ASSEMBLIES`].
    assemblies: Vec<Assembly>,
    /// The newest one that was given up. None while there is a whole one.
    remnant: Option<Assembly>,
    mark: Option<Mark>,
    /// How many parts are missing of the reports that were given up since the whole one came.
    lost: u64,
    /// Whether something was not kept, for want of memory, since the last whole report.
    refused: bool,
}

/// The newest report that came in parts, whether whole or not.
#[derive(Clone, Copy, Debug)]
struct Mark {
    serial: u64,
    /// When the latest of it came.
    at: MonoTime,
    /// No more of it is wanted.
    closed: bool,
}

/// What a host may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) jobs: usize,
    pub(super) bytes: usize,
    pub(super) stale_after: Duration,
}

/// What of a datagram was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortage {
    /// Jobs beyond those that a host may have.
    Jobs,
    /// All of it.
    Bytes,
}

/// What is shown of a host.
#[derive(Clone, Copy, Debug)]
enum ShownReport<'a> {
    /// Nothing could be kept yet.
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

    /// Whether the report that is shown is a whole one.
    pub fn is_complete(&self) -> bool {
        self.whole.is_some()
    }

    /// The jobs of the report that is shown, in its order. No name is among them twice.
    pub fn jobs(&self) -> Vec<&HostJob> {
        match self.shown() {
            ShownReport::Nothing => Vec::new(),
            ShownReport::Whole(report) => report.jobs.iter().collect(),
            ShownReport::Some(assembly) => assembly.jobs(),
        }
    }

    /// How long ago the last of what is shown came.
    pub fn age(&self, now: MonoTime) -> Duration {
        now.since(match self.shown() {
            ShownReport::Nothing => self.heard,
            ShownReport::Whole(report) => report.at,
            ShownReport::Some(assembly) => assembly.at,
        })
    }

    /// How many parts are missing: of the report that is shown, if that is not whole, and otherwise of the
    /// later ones that could not be shown for it.
    pub fn lost_parts(&self) -> u64 {
        match self.shown() {
            ShownReport::Nothing => 0,
            ShownReport::Whole(_) => self.lost,
            ShownReport::Some(assembly) => assembly.missing(),
        }
    }

    /// How many parts the report that is shown has, as far as that is known.
    pub fn parts(&self) -> Option<u32> {
        match self.shown() {
            ShownReport::Nothing | ShownReport::Whole(_) => None,
            ShownReport::Some(assembly) => Some(assembly.of),
        }
    }

    /// How many jobs of the report that is shown were too many to be kept.
    pub fn left_out(&self) -> u64 {
        match self.shown() {
            ShownReport::Nothing => 0,
            ShownReport::Whole(report) => report.left_out,
            ShownReport::Some(assembly) => assembly.left_out,
        }
    }

    /// Whether something newer was not kept for want of memory.
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

    /// Does what time alone brings, short of falling silent.
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

    /// Whether it has been silent for so long.
    pub(super) fn is_silent(&self, now: MonoTime, stale_after: Duration) -> bool {
        self.heard + stale_after <= now
    }

    /// When time alone will change something. Lies in the future once the host is neither silent nor
    /// anything of it expired.
    pub(super) fn deadline(&self, stale_after: Duration) -> MonoTime {
        let silent = self.heard + stale_after;
        let Some(first) = self.assemblies.first() else { return silent };
        let outdated = self.whole.as_ref().map_or(silent, |whole| whole.at + stale_after);
        silent.min(outdated).min(first.since + LATE)
    }

    /// What its reports take.
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
        // It takes the place of all else, so that its room is all that the host may take.
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
            // Every part has a job at least: the rest is beyond the limit, or there never was any.
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

    /// Whether a part that belongs to no report in the making is one that was long on its way. A lower
    /// serial is believed after a while: its sender was started anew.
    fn is_late(&self, now: MonoTime, serial: u64) -> bool {
        let mark = self.mark.filter(|mark| now.since(mark.at) < LATE);
        mark.is_some_and(|mark| serial < mark.serial || serial == mark.serial && mark.closed)
    }

    /// A new part was kept: of a report that has just begun, or of one in the making.
    fn note_newest(&mut self, now: MonoTime, serial: u64, begins: bool) {
        if begins || self.mark.is_none_or(|mark| serial == mark.serial) {
            self.mark = Some(Mark { serial, at: now, closed: false });
        }
    }

    /// All parts have come of the report that has this place among those in the making.
    fn complete(&mut self, now: MonoTime, at: usize, assembly: Assembly) {
        // Those that began before are older.
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
    /// The weight of everything that is kept, as a walk over it finds it.
    pub(super) fn weight_by_hand(&self) -> usize {
        let jobs = |jobs: Vec<&HostJob>| jobs.iter().map(|job| self.scale.weigh(&job.name)).sum::<usize>();
        let whole = self.whole.iter().map(|whole| jobs(whole.jobs.iter().collect()));
        let rest = self.assemblies.iter().chain(&self.remnant);
        let rest = rest.map(|some| some.weight_by_hand(self.scale));
        whole.chain(rest).sum()
    }
}

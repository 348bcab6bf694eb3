//! The log lines about hosts that come and go: one for each, or one for all if there are too many to read.

use super::log::StderrLine;
use crate::fleet::FleetNote;
use crate::model::{Level, MonoTime};
use std::time::Duration;

/// The most separate lines in one second.
const LINES: u32 = 20;
const SECOND: Duration = Duration::from_secs(1);

/// What was logged in this second, and what was held back.
#[derive(Debug, Default)]
pub(super) struct Digest {
    /// When the second began.
    since: Option<MonoTime>,
    lines: u32,
    first: u64,
    silent: u64,
    back: u64,
}

impl Digest {
    /// The line of a note; None if the note is only counted.
    pub(super) fn line(&mut self, now: MonoTime, note: &FleetNote) -> Option<StderrLine> {
        let line = || Some(StderrLine::new(note.level(), note.to_string()));
        let held = match note {
            FleetNote::First { .. } => &mut self.first,
            FleetNote::Silent { .. } => &mut self.silent,
            FleetNote::Back { .. } => &mut self.back,
            // These are rare.
            FleetNote::HostsFull { .. }
            | FleetNote::NamesFull { .. }
            | FleetNote::JobsFull { .. }
            | FleetNote::BytesFull { .. } => return line(),
        };
        if self.since.is_none_or(|since| since + SECOND <= now) {
            self.since = Some(now);
            self.lines = 0;
        }
        if self.lines < LINES {
            self.lines += 1;
            return line();
        }
        *held = held.saturating_add(1);
        None
    }

    /// When the summary is due, if something was held back.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        let held = self.first > 0 || self.silent > 0 || self.back > 0;
        self.since.filter(|_| held).map(|since| since + SECOND)
    }

    /// The summary, once it is due. Call this before the notes of a turn.
    pub(super) fn tick(&mut self, now: MonoTime) -> Option<StderrLine> {
        self.deadline().filter(|at| *at <= now)?;
        let parts = [
            (self.first, "report for the first time"),
            (self.silent, "are silent"),
            (self.back, "are heard again"),
        ];
        let told = parts.iter().filter(|(count, _)| *count > 0);
        let text = told.map(|(count, what)| format!("{count} more {what}")).collect::<Vec<_>>().join(", ");
        let level = if self.silent > 0 { Level::Warning } else { Level::Info };
        *self = Digest::default();
        Some(StderrLine::new(level, format!("hosts: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::HostKey;

    fn at(millis: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_millis(millis)
    }

    fn host() -> HostKey {
        HostKey { name: Some((*b"app1").into()), address: [10, 0, 0, 5].into() }
    }

    #[test]
    fn a_few_have_a_line_each_and_the_others_are_counted() {
        let mut digest = Digest::default();
        let silent = || FleetNote::Silent { host: host(), after: Duration::from_secs(60) };
        let told = (0..500).filter_map(|_| digest.line(at(0), &silent())).count();
        assert_eq!((told, digest.deadline()), (20, Some(at(1_000))));
        assert!(digest.line(at(900), &FleetNote::Back { host: host() }).is_none());
        assert_eq!(digest.tick(at(999)), None);
        let text = "hosts: 480 more are silent, 1 more are heard again";
        assert_eq!(digest.tick(at(1_000)), Some(StderrLine::new(Level::Warning, text)));
        assert_eq!((digest.tick(at(1_000)), digest.deadline()), (None, None));
        assert!(digest.line(at(1_000), &FleetNote::Back { host: host() }).is_some());
    }

    #[test]
    fn limits_are_always_reported() {
        let mut digest = Digest::default();
        for _ in 0..100 {
            digest.line(at(0), &FleetNote::Back { host: host() });
        }
        assert!(digest.line(at(0), &FleetNote::HostsFull { host: host(), limit: 7 }).is_some());
    }
}

//! What is said of hosts that come and go: a line for each, unless they are so many that nobody could read them.

use super::log::StderrLine;
use crate::fleet::FleetNote;
use crate::model::{Level, MonoTime};
use std::time::Duration;

/// So many lines of their own in one second.
const LINES: u32 = 20;
const SECOND: Duration = Duration::from_secs(1);

/// What was said in this second, and what was not.
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
    /// The line that a note has, if it has one of its own.
    pub(super) fn line(&mut self, now: MonoTime, note: &FleetNote) -> Option<StderrLine> {
        let line = || Some(StderrLine::new(note.level(), note.to_string()));
        let held = match note {
            FleetNote::First { .. } => &mut self.first,
            FleetNote::Silent { .. } => &mut self.silent,
            FleetNote::Back { .. } => &mut self.back,
            // These are rare by themselves.
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

    /// When there is something to say that was held back.
    pub(super) fn deadline(&self) -> Option<MonoTime> {
        let held = self.first > 0 || self.silent > 0 || self.back > 0;
        self.since.filter(|_| held).map(|since| since + SECOND)
    }

    /// Says it, once its time has come. To be asked before the notes of a turn.
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
    fn limits_are_told_whatever_else_there_is_to_tell() {
        let mut digest = Digest::default();
        for _ in 0..100 {
            digest.line(at(0), &FleetNote::Back { host: host() });
        }
        assert!(digest.line(at(0), &FleetNote::HostsFull { host: host(), limit: 7 }).is_some());
    }
}

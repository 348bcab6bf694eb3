//! Sets of ends: exit statuses and signals.

use crate::model::{Exit, Signal};
use std::fmt;

/// A set of ends, as `restart on` and others name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Codes {
    /// Exit statuses: bit `status % 64` of word `status / 64`.
    statuses: [u64; 4],
    /// Signals: bit `number - 1`.
    signals: u64,
    /// `success`: every end that `success on` names.
    success: bool,
    /// `failure`: every other end.
    failure: bool,
}

impl Codes {
    /// The exit status by which a job asks not to be restarted.
    pub const STAY_DOWN: u8 = 33;

    /// No end: `none`.
    pub const NONE: Codes = Codes { statuses: [0; 4], signals: 0, success: false, failure: false };

    /// These exit statuses.
    pub fn statuses(statuses: impl IntoIterator<Item = u8>) -> Codes {
        let mut codes = Codes::NONE;
        statuses.into_iter().for_each(|status| codes.add_status(status));
        codes
    }

    /// Adds an exit status.
    pub fn add_status(&mut self, status: u8) {
        let (word, bit) = place(status);
        self.statuses.get_mut(word).into_iter().for_each(|word| *word |= bit);
    }

    /// Adds a signal.
    pub fn add_signal(&mut self, signal: Signal) {
        self.signals |= bit_of(signal);
    }

    /// Adds every end by a signal.
    pub fn add_all_signals(&mut self) {
        self.signals = u64::MAX;
    }

    /// Adds every success.
    pub fn add_success(&mut self) {
        self.success = true;
    }

    /// Adds every end that is not a success.
    pub fn add_failure(&mut self) {
        self.failure = true;
    }

    /// Whether this end is one of them. `success` says whether it counts as one.
    pub fn contain(&self, exit: Exit, success: bool) -> bool {
        let named = match exit {
            Exit::Code(status) => u8::try_from(status).is_ok_and(|status| self.has_status(status)),
            Exit::Signal(signal) => self.signals & bit_of(signal) != 0,
        };
        named || if success { self.success } else { self.failure }
    }

    fn has_status(&self, status: u8) -> bool {
        let (word, bit) = place(status);
        self.statuses.get(word).is_some_and(|word| word & bit != 0)
    }
}

fn place(status: u8) -> (usize, u64) {
    (usize::from(status / 64), 1 << (status % 64))
}

fn bit_of(signal: Signal) -> u64 {
    u32::try_from(signal.0.saturating_sub(1)).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or(0)
}

impl fmt::Display for Codes {
    /// As a file says it: `failure 3 5-9 SEGV`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Codes::NONE {
            return f.write_str("none");
        }
        let mut words = Vec::new();
        words.extend(self.success.then(|| "success".to_owned()));
        words.extend(self.failure.then(|| "failure".to_owned()));
        let mut first = None;
        for status in 0..=u8::MAX {
            let begin = *first.get_or_insert(status);
            if !self.has_status(status) {
                first = None;
            } else if status == u8::MAX || !self.has_status(status + 1) {
                words.push(if begin == status { status.to_string() } else { format!("{begin}-{status}") });
            }
        }
        if self.signals == u64::MAX {
            words.push("signal".to_owned());
        } else {
            let signals =
                (1..=Signal::LAST.0).map(Signal).filter(|signal| self.signals & bit_of(*signal) != 0);
            words.extend(signals.map(|signal| signal.name().to_string()));
        }
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_in_the_set_by_its_number_or_by_what_it_counts_as() {
        let mut codes = Codes::statuses([3, 63, 64, 255]);
        codes.add_signal(Signal::KILL);
        for (exit, is_in) in [
            (Exit::Code(3), true),
            (Exit::Code(63), true),
            (Exit::Code(64), true),
            (Exit::Code(255), true),
            (Exit::Code(0), false),
            (Exit::Code(9), false),
            (Exit::Code(256), false),
            (Exit::Code(-1), false),
            (Exit::Signal(Signal::KILL), true),
            (Exit::Signal(Signal(3)), false),
            (Exit::Signal(Signal(0)), false),
            (Exit::Signal(Signal(99)), false),
        ] {
            assert_eq!((codes.contain(exit, true), codes.contain(exit, false)), (is_in, is_in), "{exit:?}");
        }
        let [mut good, mut bad] = [Codes::NONE; 2];
        good.add_success();
        bad.add_failure();
        let end = Exit::Code(1);
        assert_eq!((good.contain(end, true), good.contain(end, false)), (true, false));
        assert_eq!((bad.contain(end, true), bad.contain(end, false)), (false, true));
    }

    #[test]
    fn a_set_is_shown_as_it_is_written() {
        assert_eq!(Codes::NONE.to_string(), "none");
        let mut codes = Codes::statuses((0..=2).chain([4, 6, 7]).chain(254..=255));
        assert_eq!(codes.to_string(), "0-2 4 6-7 254-255");
        codes.add_signal(Signal(11));
        codes.add_signal(Signal(37));
        codes.add_failure();
        assert_eq!(codes.to_string(), "failure 0-2 4 6-7 254-255 SEGV RTMIN+3");
        codes.add_all_signals();
        codes.add_success();
        assert_eq!(codes.to_string(), "success failure 0-2 4 6-7 254-255 signal");
        assert!(codes.contain(Exit::Signal(Signal(64)), true));
    }
}

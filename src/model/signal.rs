//! Signals and their names.

use std::fmt;

/// A signal by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(pub i32);

/// The names without `SIG`, and their numbers on all Linux architectures but Alpha, MIPS and SPARC. Where a number has
/// two names, the first one is its name.
const NAMES: [(&str, i32); 34] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
    ("IOT", 6),
    ("CLD", 17),
    ("POLL", 29),
];

/// The real-time signals that programs may use. The C library keeps those before the first one for itself.
const REAL_TIME: [i32; 2] = [34, 64];

impl Signal {
    /// The terminal was closed, or: read the configuration again.
    pub const HUP: Signal = Signal(1);
    /// Ctrl-C.
    pub const INT: Signal = Signal(2);
    /// Ctrl-\\.
    pub const QUIT: Signal = Signal(3);
    /// Defined by the program.
    pub const USR1: Signal = Signal(10);
    /// Asks a process to end.
    pub const TERM: Signal = Signal(15);
    /// Ends a process.
    pub const KILL: Signal = Signal(9);
    /// A child has ended.
    pub const CHLD: Signal = Signal(17);
    /// Continues a stopped process.
    pub const CONT: Signal = Signal(18);
    /// The highest number.
    pub const LAST: Signal = Signal(64);

    /// All names without `SIG`, apart from those of real-time signals.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// The signal of this name, with or without `SIG`, or of this number: `TERM`, `SIGTERM`, `15`, `RTMIN+3`.
    pub fn named(word: &str) -> Option<Signal> {
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            digits.parse().ok().filter(|_| plain)
        };
        if let Some(number) = number(word) {
            return (1..=Signal::LAST.0).contains(&number).then_some(Signal(number));
        }
        let name = word.strip_prefix("SIG").unwrap_or(word);
        if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(Signal(*number));
        }
        let [first, last] = REAL_TIME;
        let (from, rest) = match name.strip_prefix("RTMIN") {
            Some(rest) => (first, rest.strip_prefix('+')),
            None => (last, name.strip_prefix("RTMAX").map(|rest| rest.strip_prefix('-'))?),
        };
        let by: i32 = match (name, rest) {
            ("RTMIN" | "RTMAX", _) => 0,
            (_, Some(digits)) => number(digits)?,
            (_, None) => return None,
        };
        let number = if from == first { first.checked_add(by) } else { last.checked_sub(by) };
        number.filter(|number| (first..=last).contains(number)).map(Signal)
    }

    /// Its name as `named` reads it: `TERM`, `RTMIN+3`, or the number of one without a name.
    pub fn name(self) -> SignalName {
        SignalName(self)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a signal.
#[derive(Clone, Copy, Debug)]
pub struct SignalName(Signal);

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.0;
        let [first, last] = REAL_TIME;
        match NAMES.iter().find(|(_, known)| *known == number) {
            Some((name, _)) => f.write_str(name),
            None if number == first => f.write_str("RTMIN"),
            None if (first..=last).contains(&number) => write!(f, "RTMIN+{}", number - first),
            None => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_names_and_a_number() {
        for (word, number, name) in [
            ("TERM", 15, "TERM"),
            ("SIGTERM", 15, "TERM"),
            ("15", 15, "TERM"),
            ("IOT", 6, "ABRT"),
            ("RTMIN", 34, "RTMIN"),
            ("SIGRTMIN+3", 37, "RTMIN+3"),
            ("RTMAX-1", 63, "RTMIN+29"),
            ("RTMAX", 64, "RTMIN+30"),
            ("33", 33, "33"),
            ("1", 1, "HUP"),
        ] {
            let signal = Signal::named(word);
            assert_eq!(signal, Some(Signal(number)), "{word}");
            assert_eq!(Signal(number).name().to_string(), name);
        }
    }

    #[test]
    fn each_signal_is_read_back_by_its_name() {
        for number in 1..=64 {
            assert_eq!(Signal::named(&Signal(number).name().to_string()), Some(Signal(number)));
        }
        assert!(Signal::names().all(|name| Signal::named(name).is_some()));
    }

    #[test]
    fn what_is_no_signal_is_none() {
        for word in [
            "",
            "0",
            "65",
            "-1",
            "+9",
            "term",
            "SIG",
            "SIGSIGTERM",
            "RTMIN+31",
            "RTMIN-1",
            "RTMIN+",
            "RTMAX+1",
            "RTMINX",
            "9x",
        ] {
            assert_eq!(Signal::named(word), None, "{word}");
        }
    }
}

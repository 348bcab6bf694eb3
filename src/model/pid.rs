//! Processes, signals and jobs by number.

use std::fmt;
use std::num::NonZeroI32;

/// The number of one process; never zero or negative, so it can't be taken for a group or for "all".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// The pid with this number, if it can be one.
    pub fn new(raw: i32) -> Option<Pid> {
        NonZeroI32::new(raw).filter(|n| n.get() > 0).map(Pid)
    }

    /// The number as system calls take it.
    pub fn as_raw(self) -> i32 {
        self.0.get()
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A signal by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(pub i32);

impl Signal {
    /// The terminal is gone, or: read your configuration.
    pub const HUP: Signal = Signal(1);
    /// ^C.
    pub const INT: Signal = Signal(2);
    /// ^\\.
    pub const QUIT: Signal = Signal(3);
    /// Means what a program wants it to.
    pub const USR1: Signal = Signal(10);
    /// Asks a process to end.
    pub const TERM: Signal = Signal(15);
    /// Ends a process.
    pub const KILL: Signal = Signal(9);
    /// A child has ended.
    pub const CHLD: Signal = Signal(17);
    /// Lets a stopped process go on. The numbers are those of every Linux but Alpha, MIPS and SPARC.
    pub const CONT: Signal = Signal(18);
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One job among those of the supervisor, for as long as the supervisor knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_is_above_zero() {
        assert_eq!(Pid::new(0), None);
        assert_eq!(Pid::new(-1), None);
        assert_eq!(Pid::new(7).map(Pid::as_raw), Some(7));
    }
}

//! The rules of restarts.

use super::Codes;
use crate::model::InUnits;
use std::fmt;
use std::time::Duration;

/// When a job that has ended starts again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Restart {
    /// `restart on`. None: every end, or with `once` none.
    pub on: Option<Codes>,
    /// `stay down on`. None: 33.
    pub stay_down: Option<Codes>,
    /// `success on`. None: 0 and 33.
    pub success: Option<Codes>,
    /// `restart delay`.
    pub delay: Option<Delay>,
    /// `steady after`.
    pub steady: Option<Lasting>,
    /// `give up after`.
    pub give_up: Option<GiveUp>,
    /// `essential`.
    pub essential: bool,
}

/// How long a restart waits after the n-th quick run in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delay {
    /// After the first one.
    pub first: Duration,
    /// How it grows.
    pub growth: Growth,
    /// `up to`.
    pub up_to: Option<Duration>,
    /// `jitter`, in percent.
    pub jitter: u8,
}

/// How a delay grows from one quick run to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Growth {
    #[default]
    None,
    /// `plus`: by this time.
    Plus(Duration),
    /// `times`: by this factor.
    Times(u32),
}

/// `give up after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GiveUp {
    /// After this many quick runs in a row, or ends.
    pub after: u16,
    /// `in`: that many ends within this time.
    pub within: Option<Duration>,
}

/// A time, or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lasting {
    For(Duration),
    Never,
}

impl fmt::Display for Delay {
    /// As a file says it: `1s times 2 up to 1m jitter 10%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        InUnits(self.first).fmt(f)?;
        match self.growth {
            Growth::None => {}
            Growth::Plus(by) => write!(f, " plus {}", InUnits(by))?,
            Growth::Times(by) => write!(f, " times {by}")?,
        }
        self.up_to.iter().try_for_each(|most| write!(f, " up to {}", InUnits(*most)))?;
        match self.jitter {
            0 => Ok(()),
            percent => write!(f, " jitter {percent}%"),
        }
    }
}

impl fmt::Display for GiveUp {
    /// As a file says it: `5 in 1m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.after.fmt(f)?;
        self.within.iter().try_for_each(|within| write!(f, " in {}", InUnits(*within)))
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lasting::For(duration) => InUnits(*duration).fmt(f),
            Lasting::Never => f.write_str("never"),
        }
    }
}

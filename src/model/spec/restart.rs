//! The rules of restarts.

use super::Codes;
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
    /// After so many quick runs in a row, or ends.
    pub after: u16,
    /// `in`: so many ends within this time.
    pub within: Option<Duration>,
}

/// A time, or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lasting {
    For(Duration),
    Never,
}

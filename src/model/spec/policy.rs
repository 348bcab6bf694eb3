//! What pmtr does with the runs of a job: when they begin and when they end.

use std::time::Duration;

/// The rules of a job. Thousands of jobs have the same ones, so they share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// `order`.
    pub order: i32,
    /// The rules that a run keeps to its end.
    pub fixed: Fixed,
}

/// Rules that hold for the whole of a run: a job whose process runs is restarted when one of them changes. A rule
/// that can change while the process runs is a field of [`Policy`] instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fixed {
    /// `bounce every`.
    pub bounce_every: Option<Duration>,
    /// `disable`.
    pub disable: bool,
    /// `wait`.
    pub wait: bool,
    /// `once`.
    pub once: bool,
}

impl From<Fixed> for Policy {
    fn from(fixed: Fixed) -> Policy {
        Policy { fixed, ..Policy::default() }
    }
}

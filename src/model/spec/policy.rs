//! The part of a job's definition that says when its processes start and end.

use super::{ReloadRules, Restart, Stop};
use crate::model::Words;
use std::time::Duration;

/// The rules of a job. Jobs with equal ones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Policy {
    /// `order`.
    pub order: i32,
    /// The rules that can't change while a process runs.
    pub fixed: Fixed,
    /// When it starts again.
    pub restart: Restart,
    /// How it is stopped.
    pub stop: Stop,
    /// How it reads its configuration again.
    pub reload: ReloadRules,
    /// What it is called besides its name.
    pub labels: Labels,
}

/// What a job is called by commands and for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    /// `tag`, none of them twice.
    pub tags: Words,
    /// `about`.
    pub about: Option<Box<[u8]>>,
}

/// Rules that hold as long as a process runs: if one of them changes, the process is restarted. A rule that can change
/// while the process runs is a field of [`Policy`].
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

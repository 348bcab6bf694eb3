//! The rules of stops and reloads.

use super::Lasting;
use crate::model::{Signal, Words};

/// How a job is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stop {
    /// `stop signal`. Empty: TERM.
    pub signals: Vec<Signal>,
    /// `stop timeout`.
    pub timeout: Option<Lasting>,
    /// `stop with`. Empty: none.
    pub with: Words,
    /// `stop main only`.
    pub main_only: bool,
}

/// How a job reads its configuration again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReloadRules {
    /// `reload with`. Empty: none.
    pub with: Words,
    /// `reload signal`.
    pub signal: Option<Signal>,
}

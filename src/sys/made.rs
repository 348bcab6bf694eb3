//! The outcome of making a child.

use crate::model::Pid;
use std::io::PipeReader;

/// A child that was made.
#[derive(Debug)]
pub enum Made {
    /// It runs its command.
    Executed(Pid),
    /// It failed, and has ended or is about to end.
    Failed(Pid),
    /// A copy that is being started. The pipe ends when the copy has executed its command or has ended without.
    Copy(Pid, Option<PipeReader>),
}

impl Made {
    /// The child.
    pub fn pid(&self) -> Pid {
        match self {
            Made::Executed(pid) | Made::Failed(pid) | Made::Copy(pid, _) => *pid,
        }
    }
}

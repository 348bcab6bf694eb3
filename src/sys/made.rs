//! What comes of making a child.

use crate::model::Pid;
use std::io::PipeReader;

/// A child that was made.
#[derive(Debug)]
pub enum Made {
    /// It runs its command.
    Executed(Pid),
    /// It could not, and has ended or is about to.
    Failed(Pid),
    /// A copy on its way. The pipe comes to its end when it has executed its command, or ends without.
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

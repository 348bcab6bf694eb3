//! Names of jobs.

use crate::model::Clean;
use std::fmt;
use std::rc::Rc;

/// The name of a job: not empty, no white space, no control characters, at most 255 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(Rc<[u8]>);

impl JobName {
    /// A name from bytes that were checked.
    pub fn new(bytes: &[u8]) -> JobName {
        JobName(bytes.into())
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Clean(&self.0).fmt(f)
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

//! Messages to a service manager.

/// One message to the service manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyMessage {
    /// What has happened to pmtr, if it is new.
    pub milestone: Option<Milestone>,
    /// The state of the jobs, if it is to be sent.
    pub summary: Option<Summary>,
    /// Whether the message is also a sign of life.
    pub alive: bool,
}

/// Something that happens to pmtr as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The first start or a reload is complete.
    Ready,
    /// A configuration is being applied.
    Reloading,
    /// pmtr is exiting.
    Stopping,
}

/// The state of all jobs in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// The number of jobs, and how many of them run; whether the file has mistakes; whether the last good configuration
    /// is in force instead of it.
    Serving { jobs: usize, running: usize, mistakes: bool, last_good: bool },
    /// How many jobs have not ended yet.
    Ending { running: usize },
}

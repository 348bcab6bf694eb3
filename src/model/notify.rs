//! What a service manager is told.

/// One message to the service manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotifyMessage {
    /// How far pmtr has come, when that is news.
    pub milestone: Option<Milestone>,
    /// What the jobs are doing, when that is to be told.
    pub summary: Option<Summary>,
    /// Whether the message is a sign of life too.
    pub alive: bool,
}

/// Something that happens to all of pmtr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The first start, or a reload, has come as far as it can.
    Ready,
    /// A file is being applied.
    Reloading,
    /// pmtr was told to end.
    Stopping,
}

/// All jobs in a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// So many jobs are in force, and so many of them run; the file has mistakes; what was applied last is in force
    /// instead of it.
    Serving { jobs: usize, running: usize, mistakes: bool, last_good: bool },
    /// So many jobs have not ended yet.
    Ending { running: usize },
}

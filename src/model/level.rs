//! How much a line of the log matters.

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown with `-v` only.
    Debug,
    /// The ordinary course of things.
    Info,
    /// Something is not as it should be, and pmtr copes.
    Warning,
    /// Something that was asked for could not be done.
    Error,
}

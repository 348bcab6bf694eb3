//! The severities of log lines.

/// The severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Shown with `-v` only.
    Debug,
    /// Normal operation.
    Info,
    /// A problem that pmtr can work around.
    Warning,
    /// Something that was requested failed.
    Error,
}

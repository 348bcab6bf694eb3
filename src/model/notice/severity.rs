//! How severe each log line is.

use super::Notice;
use crate::model::{Level, Severity};

impl Notice {
    /// The severity of the line.
    pub fn level(&self) -> Level {
        use Notice::*;
        match self {
            AdoptedEnded { .. } => Level::Debug,
            Starting | Managing { .. } | NoJobs { .. } | ExitingOn(_) | Started { .. } | Exited { .. } => {
                Level::Info
            }
            ExitingFor { .. } | ExitingDone | Helping { .. } => Level::Info,
            Delayed { .. } | HelperFailed { .. } | EndingNow { .. } => Level::Warning,
            GaveUp { .. } => Level::Error,
            Sending { .. } | SendingToRest { .. } | Pausing { .. } | Bouncing { .. } => Level::Info,
            DependsChanged { .. } | DependsBack { .. } | Rescanning => Level::Info,
            ConfigBack { .. } | ConfigInForce { .. } | Switched { .. } | Status(_) | StatusEnd { .. } => {
                Level::Info
            }
            LeftBehind { .. } | TooFast | UsingPrevious | Emptied { .. } => Level::Warning,
            DependsMissing { .. } | DependsRestless { .. } => Level::Warning,
            ConfigMissing { .. } | ConfigUnreadable { .. } | ConfigNotAFile { .. } => Level::Warning,
            FilesLost(_) | ConfigEmpty { .. } | WriterAwaited { .. } | NotKept { .. } => Level::Warning,
            Unusable { .. } | LastGood { .. } => Level::Error,
            Exposed { .. } | Unserved { .. } | InvalidControl { .. } | UnknownJobs { .. } => Level::Warning,
            MoreComplaints { .. } | Flood { .. } | Lost { .. } | LinesLost { .. } => Level::Warning,
            Listening { .. } | ReportingAgain { .. } | MoreSwitches { .. } | SwitchedBack { .. } => {
                Level::Info
            }
            Outlived { .. } | LeftOver { .. } | CantStart { .. } | StillCantStart { .. } => Level::Error,
            ParseFailed { .. } => Level::Error,
            Mistake(mistake) => match mistake.severity {
                Severity::Error => Level::Error,
                Severity::Warning => Level::Warning,
            },
            MoreMistakes(count) if count.errors > 0 => Level::Error,
            MoreMistakes(_) => Level::Warning,
            Shell(level, _) => *level,
        }
    }
}

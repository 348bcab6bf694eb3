//! The state of one job for the status in the log.

use super::{EnvFault, Errno, FilePlace, JobName, Pid, SpawnError, Stage};
use std::fmt;
use std::time::Duration;

/// The present state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Disabled in the file or by command.
    Disabled,
    /// Ended, not to be restarted: `once`, or exit status 33.
    Finished,
    /// Ended too often, not to be restarted.
    GaveUp,
    /// To be restarted after this time.
    Waiting(Duration),
    /// A file of `depends` is missing.
    Missing,
    /// Waits for an earlier `wait` job, or is about to start.
    Queued,
    /// Waits for the end of this process, which runs a command of the job.
    Helper(Pid),
    /// This process has not executed the command yet. It is at this step.
    Starting(Pid, Stage),
    /// Runs as this process, since this long.
    Running(Pid, Duration),
    /// This process was told to end.
    Stopping(Pid, Duration),
    /// Its process has ended, others of the group with this number have not.
    Sweeping(Pid),
}

/// Why a job could not be started, and how many times in a row for this reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStart {
    /// The reason.
    pub error: SpawnError,
    /// The file, user or limit of the step that failed.
    pub subject: Box<str>,
    /// The `PATH` in which the command was searched and not found, if that is the reason.
    pub searched: Option<Box<str>>,
    /// The number of tries.
    pub tries: u32,
}

impl fmt::Display for FailedStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SpawnError { stage, errno } = self.error;
        write!(f, "{stage}")?;
        if !self.subject.is_empty() {
            write!(f, " {}", self.subject)?;
        }
        if let Some(searched) = &self.searched {
            return write!(f, ": not found in {searched}");
        }
        match (stage, errno) {
            (Stage::User, Errno(0)) => f.write_str(": no such user"),
            (Stage::Group | Stage::Member(_), Errno(0)) => f.write_str(": no such group"),
            (Stage::MakeDir(_), Errno(0)) => f.write_str(": a symbolic link is on the way"),
            (Stage::EnvFile(FilePlace { line: 0, .. }), Errno(0)) => f.write_str(": not a regular file"),
            (Stage::EnvFile(FilePlace { line, .. }), Errno(fault)) if line > 0 => {
                write!(f, ", line {line}: {}", EnvFault::text(fault))
            }
            (_, errno) => write!(f, ": {errno}"),
        }
    }
}

/// A job and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStatus {
    /// Its name.
    pub name: JobName,
    /// Its state.
    pub phase: Phase,
    /// Why its last start failed.
    pub failed: Option<FailedStart>,
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {}: ", self.name)?;
        match self.phase {
            Phase::Disabled => f.write_str("disabled"),
            Phase::Finished => f.write_str("finished"),
            Phase::GaveUp => f.write_str("gave up"),
            Phase::Waiting(left) => write!(f, "restarts in {} sec", left.as_secs().max(1)),
            Phase::Missing => f.write_str("waiting for a file that it depends on"),
            Phase::Queued => f.write_str("waiting for its turn"),
            Phase::Helper(pid) => write!(f, "waiting for its command [{pid}] to end"),
            Phase::Starting(pid, stage) => write!(f, "starting [{pid}], at the step: {stage}"),
            Phase::Running(pid, time) => write!(f, "running [{pid}] for {} sec", time.as_secs()),
            Phase::Stopping(pid, time) => write!(f, "stopping [{pid}] after {} sec", time.as_secs()),
            Phase::Sweeping(pid) => write!(f, "exited; other processes of group [{pid}] are still running"),
        }?;
        match &self.failed {
            Some(start) if start.tries > 1 => {
                write!(f, "; can't start ({} tries): {start}", start.tries)
            }
            Some(start) => write!(f, "; can't start: {start}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_words() {
        let (pid, name) = (Pid::new(7).unwrap(), JobName::new(b"web"));
        for (phase, text) in [
            (Phase::Disabled, "disabled"),
            (Phase::Finished, "finished"),
            (Phase::GaveUp, "gave up"),
            (Phase::Waiting(Duration::from_secs(9)), "restarts in 9 sec"),
            // Rounded up, so that what is about to happen is not shown as due in 0 s.
            (Phase::Waiting(Duration::from_millis(3)), "restarts in 1 sec"),
            (Phase::Missing, "waiting for a file that it depends on"),
            (Phase::Queued, "waiting for its turn"),
            (Phase::Helper(pid), "waiting for its command [7] to end"),
            (Phase::Starting(pid, Stage::Out), "starting [7], at the step: open out"),
            (Phase::Running(pid, Duration::from_secs(61)), "running [7] for 61 sec"),
            (Phase::Stopping(pid, Duration::from_secs(2)), "stopping [7] after 2 sec"),
            (Phase::Sweeping(pid), "exited; other processes of group [7] are still running"),
        ] {
            let status = JobStatus { name: name.clone(), phase, failed: None };
            assert_eq!(status.to_string(), format!("job web: {text}"));
        }
    }

    #[test]
    fn a_command_that_was_searched_and_not_found_is_told_with_where() {
        let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
        let searched = Some("PATH=/bin:/usr/bin".into());
        let start = FailedStart { error, subject: "web".into(), searched, tries: 1 };
        assert_eq!(start.to_string(), "exec web: not found in PATH=/bin:/usr/bin");
    }

    #[test]
    fn the_reason_of_a_failed_start_is_told_with_what_the_job_does() {
        let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
        for (tries, count) in [(1, ""), (12, " (12 tries)")] {
            let failed = Some(FailedStart { error, subject: "/opt/web".into(), searched: None, tries });
            let phase = Phase::Waiting(Duration::from_secs(9));
            assert_eq!(
                JobStatus { name: JobName::new(b"web"), phase, failed }.to_string(),
                format!(
                    "job web: restarts in 9 sec; can't start{count}: exec /opt/web: No such file or directory"
                )
            );
        }
    }
}

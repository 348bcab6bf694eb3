//! Everything that pmtr logs: each log line is a value with one text.

mod severity;

use super::{
    Blame, Clean, Count, Counted, Endpoint, Errno, Exit, FailedStart, FilesLost, JobName, JobStatus,
    KeptText, Level, Mistake, NetError, Pid, Signal, Station, Survivors,
};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// One log line. The texts are an interface: people and programs read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Starting,
    Managing {
        jobs: usize,
    },
    /// At the start only.
    NoJobs {
        file: Rc<[u8]>,
    },
    ExitingOn(Signal),
    /// A job that pmtr does not outlive has ended.
    ExitingFor {
        job: JobName,
    },
    ExitingDone,
    /// The time of `end within` is over.
    EndingNow {
        within: Duration,
    },
    Started {
        job: JobName,
        pid: Pid,
    },
    Exited {
        job: JobName,
        pid: Pid,
        secs: u64,
        exit: Exit,
    },
    TooFast,
    /// The same, of a job with rules of its own.
    Delayed {
        job: JobName,
        wait: Duration,
        runs: u32,
    },
    GaveUp {
        job: JobName,
        count: u64,
        /// Ends within this time; none: quick runs in a row.
        within: Option<Duration>,
    },
    CantStart {
        job: JobName,
        start: FailedStart,
    },
    /// Repeated from time to time while the start keeps failing for the same reason.
    StillCantStart {
        job: JobName,
        start: FailedStart,
    },
    Sending {
        signal: Signal,
        job: JobName,
        pid: Pid,
    },
    SendingToRest {
        signal: Signal,
        job: JobName,
        group: Pid,
    },
    Outlived {
        job: JobName,
        pid: Pid,
    },
    LeftOver {
        job: JobName,
        group: Pid,
        left: Survivors,
    },
    LeftBehind {
        signal: Signal,
        job: JobName,
        pid: Pid,
    },
    /// A command of a job was started beside its process.
    Helping {
        job: JobName,
        purpose: &'static str,
        pid: Pid,
    },
    HelperFailed {
        job: JobName,
        purpose: &'static str,
        why: Box<str>,
    },
    Pausing {
        job: JobName,
    },
    Bouncing {
        job: JobName,
    },
    DependsChanged {
        job: JobName,
    },
    /// The restart follows after `wait`.
    DependsRestless {
        job: JobName,
        file: Rc<[u8]>,
        wait: Duration,
    },
    DependsMissing {
        job: JobName,
        file: Rc<[u8]>,
    },
    DependsBack {
        job: JobName,
    },
    Rescanning,
    ParseFailed {
        file: Rc<[u8]>,
    },
    Mistake(Mistake),
    MoreMistakes(Count),
    UsingPrevious,
    ConfigMissing {
        file: Rc<[u8]>,
    },
    ConfigUnreadable {
        file: Rc<[u8]>,
        errno: Errno,
    },
    ConfigNotAFile {
        file: Rc<[u8]>,
    },
    ConfigEmpty {
        file: Rc<[u8]>,
    },
    ConfigBack {
        file: Rc<[u8]>,
    },
    ConfigInForce {
        file: Rc<[u8]>,
    },
    Emptied {
        file: Rc<[u8]>,
    },
    FilesLost(FilesLost),
    WriterAwaited {
        file: Rc<[u8]>,
    },
    /// At the start only.
    Unusable {
        file: Rc<[u8]>,
        blame: Blame,
    },
    LastGood {
        file: Rc<[u8]>,
        kept: Rc<KeptText>,
    },
    /// The text that is in force could not be kept for such a start.
    NotKept {
        file: Rc<[u8]>,
        why: Box<str>,
    },
    Exposed {
        endpoint: Endpoint,
    },
    Listening {
        endpoint: Endpoint,
    },
    Unserved {
        station: Station,
        error: NetError,
    },
    ReportingAgain {
        endpoint: Endpoint,
    },
    InvalidControl {
        from: SocketAddr,
    },
    UnknownJobs {
        names: Vec<Box<[u8]>>,
        more: usize,
    },
    MoreComplaints {
        invalid: u64,
        unknown: u64,
        secs: u64,
        last: SocketAddr,
    },
    Flood {
        from: SocketAddr,
    },
    Switched {
        job: JobName,
        enabled: bool,
    },
    SwitchedBack {
        job: JobName,
        enabled: bool,
    },
    MoreSwitches {
        switches: u64,
        last: SocketAddr,
    },
    AdoptedEnded {
        pid: Pid,
    },
    Status(JobStatus),
    StatusEnd {
        jobs: usize,
    },
    Lost {
        lines: u64,
    },
    LinesLost {
        job: Box<[u8]>,
        lines: u64,
    },
    /// A line of the shell, about descriptors, watches and so on.
    Shell(Level, Box<str>),
}

/// `SIGTERM`, or `signal 33` for one without a name.
fn signal_name(signal: Signal) -> String {
    let name = signal.name().to_string();
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        format!("signal {name}")
    } else {
        format!("SIG{name}")
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Notice::*;
        match self {
            Starting => f.write_str("pmtr: starting"),
            Managing { jobs } => write!(f, "pmtr: managing {jobs} jobs"),
            NoJobs { file } => write!(f, "no jobs yet; add some to {}", Clean(file)),
            ExitingOn(signal) => write!(f, "pmtr: exiting on signal {signal}"),
            Started { job, pid } => write!(f, "started job {job} [{pid}]"),
            Exited { job, pid, secs, exit } => write!(f, "job {job} {pid} exited after {secs} sec: {exit}"),
            ExitingFor { job } => write!(f, "pmtr: exiting, for the essential job {job} has ended"),
            ExitingDone => f.write_str("pmtr: exiting, for all jobs have ended"),
            EndingNow { within } => {
                write!(f, "the jobs have not ended within {}, sending SIGKILL", Lasts(*within))
            }
            TooFast => f.write_str("job restarting too fast, delaying restart"),
            Delayed { job, wait, runs } => {
                let after = if *runs > 1 { Some(Counted(u64::from(*runs), "quick run")) } else { None };
                write!(f, "job {job} restarts in {}", Lasts(*wait))?;
                after.map_or(Ok(()), |runs| write!(f, ", after {runs} in a row"))
            }
            GaveUp { job, count, within: None } => {
                write!(f, "job {job} gave up after {}", Counted(*count, "quick run"))
            }
            GaveUp { job, count, within: Some(within) } => {
                write!(f, "job {job} gave up after {} in {}", Counted(*count, "end"), Lasts(*within))
            }
            CantStart { job, start } => write!(f, "can't start job {job}: {start}"),
            StillCantStart { job, start } => {
                write!(f, "still can't start job {job} ({} tries): {start}", start.tries)
            }
            Sending { signal, job, pid } => {
                write!(f, "sending {} to job {job} [{pid}]", signal_name(*signal))
            }
            SendingToRest { signal, job, group } => {
                write!(
                    f,
                    "sending {} to the remaining processes of job {job} [{group}]",
                    signal_name(*signal)
                )
            }
            Outlived { job, pid } => {
                write!(f, "job {job} [{pid}] has not ended 10 sec after SIGKILL, still waiting for it")
            }
            LeftOver { job, group, left } => {
                write!(
                    f,
                    "giving up on the remaining processes of job {job} [{group}] 10 sec after SIGKILL: {left}"
                )
            }
            LeftBehind { signal, job, pid } => {
                let signal = signal_name(*signal);
                write!(f, "job {job} [{pid}] was left by a pmtr that was killed, sending {signal}")
            }
            Helping { job, purpose, pid } => write!(f, "job {job}: running `{purpose}` [{pid}]"),
            HelperFailed { job, purpose, why } => write!(f, "job {job}: `{purpose}` failed: {why}"),
            Pausing { job } => write!(f, "pausing for job {job} to finish"),
            Bouncing { job } => write!(f, "job {job}: time to bounce"),
            DependsChanged { job } => write!(f, "job {job}: a file that it depends on has changed"),
            DependsRestless { job, file, wait } => {
                let (file, secs) = (Clean(file), wait.as_millis().div_ceil(1000));
                write!(
                    f,
                    "job {job}: {file}, which it depends on, keeps changing (does the job write it?); restarting in {secs} sec"
                )
            }
            DependsMissing { job, file } => {
                write!(f, "job {job} is waiting for {}, which it depends on: can't read it", Clean(file))
            }
            DependsBack { job } => write!(f, "job {job}: all files that it depends on exist"),
            Rescanning => f.write_str("rescanning job configuration"),
            ParseFailed { file } => write!(f, "FAILED to parse {}", Clean(file)),
            Mistake(mistake) => write!(f, "{}", mistake.headline()),
            MoreMistakes(Count { errors, warnings: 0 }) => {
                write!(f, "and {}; pmtr -t shows all", Counted(*errors, "more error"))
            }
            MoreMistakes(Count { errors: 0, warnings }) => {
                write!(f, "and {}; pmtr -t shows all", Counted(*warnings, "more warning"))
            }
            MoreMistakes(more) => write!(f, "and {more} more; pmtr -t shows all"),
            UsingPrevious => f.write_str("NOTE: using PREVIOUS job config"),
            ConfigMissing { file } => write!(f, "{} is missing; jobs keep running", Clean(file)),
            ConfigUnreadable { file, errno } => {
                write!(f, "can't read {}: {errno}; jobs keep running, trying again", Clean(file))
            }
            ConfigNotAFile { file } => write!(f, "{} is not a regular file; jobs keep running", Clean(file)),
            ConfigEmpty { file } => {
                write!(f, "{} is empty; jobs keep running, SIGHUP applies it", Clean(file))
            }
            ConfigBack { file } => write!(f, "{} can be read again", Clean(file)),
            ConfigInForce { file } => write!(f, "{} matches the running configuration again", Clean(file)),
            Emptied { file } => {
                write!(f, "{} has no jobs; stopping all jobs in 2 s", Clean(file))
            }
            FilesLost(lost) => write!(f, "{lost}"),
            WriterAwaited { file } => write!(f, "waiting for the writer of {} to close it", Clean(file)),
            Unusable { file, blame } => f.write_str(&blame.of(file)),
            LastGood { file, kept } => {
                let (from, file) = (Clean(&kept.file), Clean(file));
                write!(
                    f,
                    "NOTE: using the LAST GOOD job config of {}, from {from}, until {file} is fixed",
                    kept.since
                )
            }
            NotKept { file, why } => {
                let file = Clean(file);
                write!(
                    f,
                    "can't save the last good configuration to {file}: {why}; that file may be out of date"
                )
            }
            Exposed { endpoint } => {
                let local = endpoint.address.ip().to_canonical().is_loopback();
                let who = if local { "every local user" } else { "anyone who can reach it" };
                write!(f, "listen on {endpoint}: {who} can enable and disable jobs")
            }
            Listening { endpoint } => write!(f, "listening on {endpoint}"),
            Unserved { station, error } => {
                let reason = error.describe(&station.endpoint);
                write!(f, "can't {station}: {reason}; trying again within 10 sec")
            }
            ReportingAgain { endpoint } => write!(f, "reporting to {endpoint} again"),
            InvalidControl { from } => write!(f, "invalid control msg from {from}"),
            UnknownJobs { names, more } => {
                write!(f, "no such job:")?;
                for name in names {
                    write!(f, " {}", Clean(name))?;
                }
                if *more > 0 { write!(f, " and {more} more") } else { Ok(()) }
            }
            MoreComplaints { invalid, unknown, secs, last } => {
                let names = if *unknown == 1 { "names" } else { "name" };
                write!(f, "in {secs} sec ")?;
                match (*invalid, *unknown) {
                    (0, unknown) => {
                        write!(f, "{} that {names} no such job", Counted(unknown, "more control msg"))?;
                    }
                    (invalid, 0) => write!(f, "{}", Counted(invalid, "more invalid control msg"))?,
                    (invalid, unknown) => {
                        let invalid = Counted(invalid, "more invalid control msg");
                        write!(f, "{invalid} and {unknown} that {names} no such job")?;
                    }
                }
                write!(f, ", the last from {last}")
            }
            Flood { from } => {
                write!(f, "flood of control msgs, the last from {from}; jobs come first")
            }
            Switched { job, enabled: true } => write!(f, "job {job} enabled by command"),
            Switched { job, enabled: false } => write!(f, "job {job} disabled by command"),
            SwitchedBack { job, enabled: true } => write!(f, "job {job} is enabled again by the file"),
            SwitchedBack { job, enabled: false } => write!(f, "job {job} is disabled again by the file"),
            MoreSwitches { switches, last } => {
                let jobs = Counted(*switches, "more job");
                write!(f, "in 1 sec {jobs} switched by command, the last from {last}")
            }
            AdoptedEnded { pid } => write!(f, "adopted process {pid} ended"),
            Status(status) => write!(f, "{status}"),
            StatusEnd { jobs } => write!(f, "that was the state of {}", Counted(*jobs as u64, "job")),
            Lost { lines: 1 } => f.write_str("1 message was lost"),
            Lost { lines } => write!(f, "{lines} messages were lost"),
            LinesLost { job, lines: 1 } => write!(f, "1 line of job {} was lost", Clean(job)),
            LinesLost { job, lines } => write!(f, "{lines} lines of job {} were lost", Clean(job)),
            Shell(_, text) => f.write_str(text),
        }
    }
}

/// A time as a log line says it: in seconds, or a short one that is no whole number of them in milliseconds.
struct Lasts(Duration);

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_millis()) {
            (0..10, 1..) => write!(f, "{} ms", self.0.as_millis()),
            (secs, _) => write!(f, "{secs} sec"),
        }
    }
}

#[cfg(test)]
mod tests;

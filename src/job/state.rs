//! The state and the goal of a job, and what it asks for.

use crate::model::{Detail, JobSpec, MonoTime, Notice, Pid, Signal, Target};

/// What the job is meant to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A process runs.
    Up,
    /// None runs.
    Down,
    /// None runs, and the job is forgotten.
    Gone,
}

/// How far a stop has come, and when the next step is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// The last step.
    pub step: Step,
    /// When the next one is due; none if there is none.
    pub until: Option<MonoTime>,
}

/// The steps of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another pmtr has left the process, and it has not been told to end.
    Untold,
    /// `stop with` was asked for.
    With,
    /// The signal with this index was sent.
    Signal(usize),
    /// SIGKILL was sent.
    Kill,
    /// SIGKILL did not help; no further step is left.
    Stuck,
}

/// How a job has ended that is not started again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its last end was a success.
    Done,
    /// Its last end was no success.
    Failed,
    /// It ended too often.
    GaveUp,
}

/// What a command of a job is run for, beside its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `stop with`.
    Stop,
    /// `reload with`.
    Reload,
}

/// What the job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing runs and nothing is due.
    Down,
    /// Starts again at `not_before`.
    Waiting,
    /// Wants to start; the gate decides.
    Queued,
    /// The spawn is asked for; the answer comes in this turn.
    Launching,
    /// The main process is unreaped and has not executed the command yet, or has failed to.
    Starting { pid: Pid, since: MonoTime },
    /// The main process is unreaped and runs the command.
    Running { pid: Pid, since: MonoTime },
    /// The main process is unreaped and was told to end.
    Stopping { pid: Pid, since: MonoTime, escalation: Escalation },
    /// The main process has been reaped and others of its group or session have not, or none of them is our child.
    Sweeping { group: Pid, look_at: MonoTime, escalation: Escalation },
}

/// The state of the first run under the present definition. The gate asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRun {
    /// Not started yet.
    Pending,
    /// Running.
    Started,
    /// Ended, or failed to start.
    Over,
}

/// What the job asks for. The supervisor adds whose job it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A line for the log.
    Log(Notice),
    /// A signal to the job's processes.
    Signal(Target, Signal),
    /// A look at what is left of this group and session.
    Look(Pid, Detail),
    /// Drop what is kept for this group.
    Release(Pid),
    /// Run a command of this definition for its main process.
    Help(Purpose, Pid, Box<JobSpec>),
}

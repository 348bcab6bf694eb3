//! What a job can be in, be meant to come to, and wish for.

use crate::model::{Detail, MonoTime, Notice, Pid, Signal, Target};

/// What the job is meant to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A process runs.
    Up,
    /// None runs.
    Down,
    /// None runs, and the job is forgotten.
    Gone,
}

/// What has been done to make processes end, and when more is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escalation {
    /// SIGTERM was sent; SIGKILL is due at this time.
    Term { kill_at: MonoTime },
    /// SIGKILL was sent; at this time they count as stuck.
    Kill { give_up_at: MonoTime },
    /// SIGKILL was sent and did not help; there is nothing more to do.
    Stuck,
}

/// What the job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing runs and nothing is due.
    Down,
    /// To be started again at `not_before`.
    Waiting,
    /// Wants to start; the gate decides.
    Queued,
    /// The spawn was asked for; its answer comes in this turn.
    Launching,
    /// The main process is on its way to the command, or has failed there; it is unreaped.
    Starting { pid: Pid, since: MonoTime },
    /// The main process runs the command; it is unreaped.
    Running { pid: Pid, since: MonoTime },
    /// The main process was told to end; it is unreaped.
    Stopping { pid: Pid, since: MonoTime, escalation: Escalation },
    /// The main process is gone, others of its group or session are not; or none of them is a child of ours.
    Sweeping { group: Pid, look_at: MonoTime, escalation: Escalation },
}

/// How far the first run under the present definition has come: the gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRun {
    /// Not begun.
    Pending,
    /// Running.
    Begun,
    /// Ended, or failed to start.
    Over,
}

/// What the job wants done. The supervisor adds whose wish it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A line for the log.
    Log(Notice),
    /// A signal to the job's processes.
    Signal(Target, Signal),
    /// A look at what is left of this group and session.
    Look(Pid, Detail),
    /// The group is of no interest any more.
    Release(Pid),
}

impl Escalation {
    /// When more is done, if there is more to do.
    pub(super) fn deadline(self) -> Option<MonoTime> {
        match self {
            Escalation::Term { kill_at } => Some(kill_at),
            Escalation::Kill { give_up_at } => Some(give_up_at),
            Escalation::Stuck => None,
        }
    }
}

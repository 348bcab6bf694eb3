//! Runs the command of `--on-stale`: one at a time, and none forever.

use super::log::StderrLine;
use crate::fleet::{Fleet, HostChange, HostKey};
use crate::model::{Clean, Errno, Level, MonoTime, Pid, Signal};
use crate::sys::group::signal_job;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long a command may take.
const MAY_TAKE: Duration = Duration::from_secs(60);
/// How long after SIGTERM it is killed.
const KILL_AFTER: Duration = Duration::from_secs(5);

/// Runs the command.
pub(super) struct Runner {
    /// The command; empty when there is none.
    words: Vec<OsString>,
    running: Option<Running>,
    /// Why the last start failed, None if it succeeded; the same failure is reported once.
    failure: Option<Errno>,
}

/// A command that has not been reaped.
struct Running {
    child: Child,
    /// The host that it runs for, as it is shown.
    host: String,
    patience: Patience,
}

/// The next step against a command that takes too long.
enum Patience {
    /// SIGTERM at this moment.
    Until(MonoTime),
    /// SIGTERM was sent; SIGKILL at this moment.
    KillAt(MonoTime),
    /// SIGKILL was sent.
    Over,
}

impl Runner {
    pub(super) fn new(words: Vec<OsString>) -> Runner {
        Runner { words, running: None, failure: None }
    }

    pub(super) fn deadline(&self) -> Option<MonoTime> {
        match self.running.as_ref()?.patience {
            Patience::Until(at) | Patience::KillAt(at) => Some(at),
            Patience::Over => None,
        }
    }

    /// Reaps the running command or signals it if it takes too long, and starts the next one if a host has changed.
    pub(super) fn work(&mut self, now: MonoTime, fleet: &mut Fleet, lines: &mut Vec<StderrLine>) {
        self.reap(lines);
        self.hasten(now, lines);
        while self.running.is_none() {
            let Some((key, turn)) = fleet.change() else { return };
            // Without a command the change is dropped; if the start fails, the next change has its turn.
            if !self.words.is_empty() {
                self.start(now, &key, turn, lines);
            }
        }
    }

    /// Sends SIGTERM to the running command, and does not wait for its end.
    pub(super) fn end(self) {
        if let Some(running) = self.running {
            running.signal(Signal::TERM);
        }
    }

    fn reap(&mut self, lines: &mut Vec<StderrLine>) {
        let Some(running) = &mut self.running else { return };
        let host = &running.host;
        let text = match running.child.try_wait() {
            Ok(None) => return,
            Ok(Some(status)) if status.success() => None,
            Ok(Some(status)) => Some(format!("the command for {host} exited: {}", how(status))),
            Err(error) => Some(format!("can't wait for the command for {host}: {}", Errno::of(&error))),
        };
        lines.extend(text.map(|text| StderrLine::new(Level::Warning, text)));
        self.running = None;
    }

    fn hasten(&mut self, now: MonoTime, lines: &mut Vec<StderrLine>) {
        let Some(running) = &mut self.running else { return };
        let (signal, name) = match running.patience {
            Patience::Until(at) if at <= now => {
                running.patience = Patience::KillAt(now + KILL_AFTER);
                (Signal::TERM, "SIGTERM")
            }
            Patience::KillAt(at) if at <= now => {
                running.patience = Patience::Over;
                (Signal::KILL, "SIGKILL")
            }
            Patience::Until(_) | Patience::KillAt(_) | Patience::Over => return,
        };
        running.signal(signal);
        let text = format!("the command for {} takes too long: sending {name}", running.host);
        lines.push(StderrLine::new(Level::Warning, text));
    }

    fn start(&mut self, now: MonoTime, key: &HostKey, turn: HostChange, lines: &mut Vec<StderrLine>) {
        let Some((program, arguments)) = self.words.split_first() else { return };
        let address = key.address.to_string();
        let event = match turn {
            HostChange::Silent => "silent",
            HostChange::Back => "back",
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).process_group(0);
        command.env("PMTR_HOST", key.name.as_deref().map_or(OsStr::new(&address), OsStr::from_bytes));
        command.env("PMTR_ADDRESS", &address).env("PMTR_EVENT", event);
        match command.spawn() {
            Ok(child) => {
                let patience = Patience::Until(now + MAY_TAKE);
                self.running = Some(Running { child, host: key.to_string(), patience });
                self.failure = None;
            }
            Err(error) => {
                let (program, errno) = (Clean(program.as_bytes()), Errno::of(&error));
                if self.failure.replace(errno) == Some(errno) {
                    return;
                }
                lines.push(StderrLine::new(Level::Error, format!("can't run {program} for {key}: {errno}")));
            }
        }
    }
}

impl Running {
    /// Sends a signal to all that the command has started. It is not reaped, so the pid is still its own.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::new(self.child.id().cast_signed()) {
            signal_job(pid, signal);
        }
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;

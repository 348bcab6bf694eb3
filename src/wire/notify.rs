//! The messages to a service manager: one assignment per line. One message is one datagram.

use crate::model::{Milestone, MonoTime, NotifyMessage, Pid, Summary};
use std::fmt::{self, Write as _};

/// Encodes a message that is sent at `now`. [`Milestone::Ready`] includes `main_pid`: the service manager does not
/// know which process has stayed.
pub fn encode(message: &NotifyMessage, now: MonoTime, main_pid: Option<Pid>) -> Vec<u8> {
    let mut text = String::new();
    // Writing to a String can't fail.
    let _: fmt::Result = write(&mut text, message, now, main_pid);
    text.into_bytes()
}

fn write(text: &mut String, message: &NotifyMessage, now: MonoTime, main_pid: Option<Pid>) -> fmt::Result {
    match message.milestone {
        None => {}
        Some(Milestone::Ready) => {
            text.push_str("READY=1\n");
            if let Some(pid) = main_pid {
                writeln!(text, "MAINPID={pid}")?;
            }
        }
        Some(Milestone::Reloading) => {
            let micros = now.since(MonoTime::ZERO).as_micros();
            writeln!(text, "RELOADING=1\nMONOTONIC_USEC={micros}")?;
        }
        Some(Milestone::Stopping) => text.push_str("STOPPING=1\n"),
    }
    match message.summary {
        None => {}
        Some(Summary::Serving { jobs, running, mistakes, last_good }) => {
            let plural = if jobs == 1 { "" } else { "s" };
            let mistakes = if mistakes { ", the file has errors" } else { "" };
            let last_good = if last_good { ", using the last good configuration" } else { "" };
            writeln!(text, "STATUS={jobs} job{plural}, {running} running{mistakes}{last_good}")?;
        }
        Some(Summary::Ending { running }) => writeln!(text, "STATUS=exiting, {running} running")?,
    }
    if message.alive {
        text.push_str("WATCHDOG=1\n");
    }
    Ok(())
}

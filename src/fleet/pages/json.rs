//! The page for programs: one object, with one system per line.
//!
//! ```text
//! {"updated": 1383860290, "systems": [
//! {"host": "app1", "address": "10.0.0.5", "age": 3, "complete": true, "lost_parts": 0,
//!  "left_out_jobs": 0, "short_of_memory": false, "jobs": [
//!  {"name": "app-server", "enabled": true, "running": true, "seconds": 93784, "pid": 4711}]}
//! ]}
//! ```
//!
//! - `updated`: seconds since 1970. `age`: seconds since the shown report came.
//! - `host`: null if the reports give no name.
//! - `complete`: whether the shown report is whole. If so, `lost_parts` counts the missing parts of later reports,
//!   and otherwise those of this one.
//! - `left_out_jobs`: how many jobs were dropped because they exceeded the limit.
//! - `short_of_memory`: whether later reports were dropped for lack of memory.
//! - `running` and `pid`: null if the reports don't say; `pid` also if the job doesn't run.
//!
//! Invalid UTF-8 in a name becomes U+FFFD.

use super::Stamp;
use crate::fleet::{Host, HostJob, HostKey};
use crate::model::{MonoTime, ReportedProcess};
use std::io::Write;

/// The text after the last system.
pub(super) const TAIL: &[u8] = b"\n]}\n";

/// The text before the first system.
pub(super) fn head(stamp: Stamp<'_>) -> Vec<u8> {
    format!("{{\"updated\": {}, \"systems\": [", stamp.unix_seconds).into_bytes()
}

/// Appends a system. Writing to a Vec can't fail.
pub(super) fn add(now: MonoTime, key: &HostKey, host: &Host, page: &mut Vec<u8>) {
    page.extend_from_slice(b"{\"host\": ");
    match &key.name {
        Some(name) => add_string(name, page),
        None => page.extend_from_slice(b"null"),
    }
    let (age, complete, lost) = (host.age(now).as_secs(), host.is_complete(), host.lost_parts());
    let _ = write!(page, ", \"address\": \"{}\", \"age\": {age}", key.address);
    let _ = write!(page, ", \"complete\": {complete}, \"lost_parts\": {lost}");
    let (left_out, short) = (host.left_out(), host.is_short_of_memory());
    let _ = write!(page, ", \"left_out_jobs\": {left_out}, \"short_of_memory\": {short}, \"jobs\": [");
    for (number, job) in host.jobs().into_iter().enumerate() {
        page.extend_from_slice(if number == 0 { b"" } else { b", " });
        add_job(job, page);
    }
    page.extend_from_slice(b"]}");
}

fn add_job(job: &HostJob, page: &mut Vec<u8>) {
    page.extend_from_slice(b"{\"name\": ");
    add_string(&job.name, page);
    let _ = write!(page, ", \"enabled\": {}, \"running\": ", job.enabled);
    let running: &[u8] = match job.process {
        ReportedProcess::None => b"false",
        ReportedProcess::Pid(_) => b"true",
        ReportedProcess::Unsaid => b"null",
    };
    page.extend_from_slice(running);
    let _ = write!(page, ", \"seconds\": {}, \"pid\": ", job.seconds);
    let _ = match job.process {
        ReportedProcess::Pid(pid) => write!(page, "{pid}}}"),
        ReportedProcess::None | ReportedProcess::Unsaid => write!(page, "null}}"),
    };
}

fn add_string(bytes: &[u8], page: &mut Vec<u8>) {
    page.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let _ = match c {
                '"' | '\\' => write!(page, "\\{c}"),
                // The last two end a line in JavaScript.
                c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                    write!(page, "\\u{:04x}", u32::from(c))
                }
                c => write!(page, "{c}"),
            };
        }
        if !chunk.invalid().is_empty() {
            let _ = write!(page, "\u{fffd}");
        }
    }
    page.push(b'"');
}

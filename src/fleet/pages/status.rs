//! The page for people:
//!
//! ```text
//! update at Thu Nov  7 21:38:10 2013
//! 1 systems reporting
//!
//! app1 (10.0.0.5):
//! <TAB>app-server                               enabled              1d 2h 3m 4s
//! ```
//!
//! Each job has a line: its name in 40 columns, its state in 10, its time in 20. Notes about a host follow its jobs,
//! each on its own line in brackets.

use super::Stamp;
use crate::fleet::{Host, HostJob, HostKey};
use crate::model::{Clean, MonoTime};
use std::io::Write;

/// The lines above the first host.
pub(super) fn head(stamp: Stamp<'_>, hosts: usize) -> Vec<u8> {
    format!("update at {}\n{hosts} systems reporting\n", stamp.text).into_bytes()
}

/// Appends a host, after an empty line. Writing to a Vec can't fail.
pub(super) fn add(now: MonoTime, key: &HostKey, host: &Host, page: &mut Vec<u8>) {
    let _ = write!(page, "\n{key}:\n");
    for job in host.jobs() {
        add_job(job, page);
    }
    if host.left_out() > 0 {
        let _ = writeln!(page, "\t[and {} more jobs, which are too many]", host.left_out());
    }
    match (host.parts(), host.lost_parts()) {
        (_, 0) => {}
        (Some(of), lost) => {
            let _ = writeln!(page, "\t[{lost} of {of} parts of this report are lost]");
        }
        (None, lost) => {
            let age = host.age(now).as_secs();
            let _ = writeln!(page, "\t[{lost} parts of later reports are lost, this one is {age} sec old]");
        }
    }
    if host.is_short_of_memory() {
        let age = host.age(now).as_secs();
        let _ = writeln!(page, "\t[no memory for later reports, this one is {age} sec old]");
    }
}

fn add_job(job: &HostJob, page: &mut Vec<u8>) {
    let state = if job.enabled { "enabled" } else { "disabled" };
    let time = if job.enabled { time(job.seconds) } else { "-".to_owned() };
    let _ = writeln!(page, "\t{:<40} {state:<10}  {time:>20}", Clean(&job.name).to_string());
}

/// A time in days, hours, minutes and seconds, from the largest unit that isn't zero.
fn time(seconds: u64) -> String {
    let (minutes, s) = (seconds / 60, seconds % 60);
    let (hours, m) = (minutes / 60, minutes % 60);
    let (d, h) = (hours / 24, hours % 24);
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        (0, 0, _) => format!("{m}m {s}s"),
        (0, _, _) => format!("{h}h {m}m {s}s"),
        (_, _, _) => format!("{d}d {h}h {m}m {s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_begins_with_its_largest_unit() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 0s"),
            (184, "3m 4s"),
            (3_600, "1h 0m 0s"),
            (86_399, "23h 59m 59s"),
            (86_400, "1d 0h 0m 0s"),
            (93_784, "1d 2h 3m 4s"),
            (u64::MAX, "213503982334601d 7h 0m 15s"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }
}

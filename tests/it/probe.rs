//! A job that tells what it sees of itself: run by the integration tests, never installed.
//!
//! `probe FILE` writes a report to FILE, whole or not at all, and then runs until it is told to end.
//! `probe FILE once` ends with status 0 when the report is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::{env, fs, thread};

fn main() -> std::io::Result<()> {
    // Before anything is opened: what is open now came from the supervisor.
    let mut fds: Vec<u32> = fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    // The one through which they were listed is closed by now.
    fds.retain(|fd| fs::read_link(format!("/proc/self/fd/{fd}")).is_ok());
    fds.sort_unstable();
    let mut report = String::new();
    let _ = writeln!(report, "fds={fds:?}");
    for fd in 0..3 {
        let target = fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
        let _ = writeln!(report, "fd{fd}={}", target.display());
    }
    let _ = writeln!(report, "cwd={}", env::current_dir()?.display());
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    for (name, place) in [("ppid", 1), ("pgrp", 2), ("session", 3), ("tty", 4), ("nice", 16)] {
        let _ = writeln!(report, "{name}={}", fields.get(place).unwrap_or(&"?"));
    }
    let _ = writeln!(report, "pid={}", std::process::id());
    let _ = writeln!(report, "oom={}", fs::read_to_string("/proc/self/oom_score_adj")?.trim());
    for line in fs::read_to_string("/proc/self/status")?.lines() {
        if let Some((key, value)) = line.split_once(':') {
            let value: Vec<&str> = value.split_whitespace().collect();
            let _ = writeln!(report, "{key}={}", value.join(" "));
        }
    }
    for line in fs::read_to_string("/proc/self/limits")?.lines().skip(1) {
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        if let [name, soft, hard, ..] = words[..] {
            let _ = writeln!(report, "limit {name}={soft} {hard}");
        }
    }
    for (place, word) in env::args().enumerate() {
        let _ = writeln!(report, "arg{place}={word}");
    }
    for (name, value) in env::vars_os() {
        let _ = writeln!(report, "env {}={}", name.display(), value.display());
    }
    let Some(file) = env::args().nth(1) else {
        print!("{report}");
        return Ok(());
    };
    let part = format!("{file}.part");
    fs::write(&part, report)?;
    fs::rename(&part, &file)?;
    if env::args().nth(2).as_deref() != Some("once") {
        loop {
            thread::park();
        }
    }
    Ok(())
}

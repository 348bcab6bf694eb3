//! What the parser saw, for those who wonder: `-vv`.

use crate::model::{Clean, Config, JobSpec};
use std::ffi::CStr;
use std::fmt;

pub(super) struct Shown<'a>(pub(super) &'a Config);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.0;
        config.listen.iter().try_for_each(|endpoint| writeln!(f, "listen on {endpoint}"))?;
        config.report.iter().try_for_each(|endpoint| writeln!(f, "report to {endpoint}"))?;
        config.jobs.iter().try_for_each(|job| show(job, f))
    }
}

fn show(job: &JobSpec, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let quoted = |text: &CStr| format!("\"{}\"", Clean(text.to_bytes()));
    let one = |f: &mut fmt::Formatter<'_>, option: &str, text: Option<&CStr>| match text {
        Some(text) => writeln!(f, "  {option} {}", quoted(text)),
        None => Ok(()),
    };
    writeln!(f, "job {}", job.name())?;
    let words: Vec<String> = job.cmd().map(quoted).collect();
    writeln!(f, "  cmd {}", words.join(" "))?;
    one(f, "dir", Some(job.dir()))?;
    one(f, "in", job.input())?;
    one(f, "out", job.out())?;
    one(f, "err", job.err())?;
    one(f, "user", job.user())?;
    job.env().try_for_each(|env| one(f, "env", Some(env)))?;
    job.depends().try_for_each(|file| one(f, "depends", Some(file)))?;
    job.limits().iter().try_for_each(|limit| writeln!(f, "  ulimit {limit}"))?;
    if job.order() != 0 {
        writeln!(f, "  order {}", job.order())?;
    }
    job.nice().iter().try_for_each(|nice| writeln!(f, "  nice {nice}"))?;
    if let Some(cpus) = job.cpus() {
        let digits: String = cpus.0.iter().rev().map(|word| format!("{word:016x}")).collect();
        writeln!(f, "  cpu 0x{}", digits.trim_start_matches('0'))?;
    }
    job.bounce_every().iter().try_for_each(|every| writeln!(f, "  bounce every {}s", every.as_secs()))?;
    for (option, given) in [("disable", job.disabled()), ("wait", job.wait()), ("once", job.once())] {
        if given {
            writeln!(f, "  {option}")?;
        }
    }
    Ok(())
}

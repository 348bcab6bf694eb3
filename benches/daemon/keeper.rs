//! Who keeps jobs running: what each needs to be told, and what it can do.

use super::bare;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Somebody who keeps jobs running. Each at its fastest settings, in the foreground, in a directory of its own.
pub trait Keeper {
    fn name(&self) -> &str;

    /// With more jobs than this it is not measured.
    fn most(&self) -> usize {
        1_000
    }

    /// Lays out what it needs for so many jobs that run `job`, and tells how it is started.
    fn prepare(&self, dir: &Path, job: &Path, jobs: usize) -> Command;

    /// Whether it ends what a job leaves in other groups before it starts the job again.
    fn looks_after_rests(&self) -> bool {
        false
    }

    /// Adds jobs that run another program to what it needs.
    fn add(&self, _dir: &Path, _program: &Path, _count: usize) {}

    /// Asks it to end, with all its jobs.
    fn end(&self, _dir: &Path, pid: u32) {
        bare::kill(pid, libc::SIGTERM);
    }

    /// Changes one job of the file and has it applied. False where that can't be done.
    fn change(&self, _dir: &Path, _job: &Path, _jobs: usize, _version: usize) -> bool {
        false
    }

    /// Whether it takes commands by datagrams and files of ours.
    fn listens(&self) -> bool {
        false
    }

    /// How long it waits on purpose before it reads a changed file.
    fn quiet(&self) -> Duration {
        Duration::ZERO
    }
}

/// Typical jobs; another version changes the first one.
fn config(job: &Path, jobs: usize, version: usize) -> String {
    let block = |i: usize| {
        let version = if i == 0 { version } else { 0 };
        format!(
            "job {{\n  name job-number-{i}\n  cmd {} --config /etc/service-{i}.conf --listen 127.0.0.1 v{version}\n  \
             env \"MODE=production\"\n}}\n",
            job.display()
        )
    };
    (0..jobs).map(block).collect()
}

/// Puts a configuration in the place of the one before.
pub fn save(dir: &Path, text: &str) {
    let part = dir.join("part");
    fs::write(&part, text).unwrap();
    fs::rename(part, dir.join("pmtr.conf")).unwrap();
}

/// A pmtr: this one, or another build of it.
pub struct Pmtr {
    pub name: String,
    pub program: PathBuf,
}

impl Keeper for Pmtr {
    fn name(&self) -> &str {
        &self.name
    }

    fn most(&self) -> usize {
        10_000
    }

    fn prepare(&self, dir: &Path, job: &Path, jobs: usize) -> Command {
        save(dir, &config(job, jobs, 0));
        let mut command = Command::new(&self.program);
        command.arg("--state").arg(dir.join("state")).arg("-Fc").arg(dir.join("pmtr.conf"));
        command
    }

    fn looks_after_rests(&self) -> bool {
        true
    }

    fn add(&self, dir: &Path, program: &Path, count: usize) {
        let block = |i: usize| format!("job {{\n  name leaver-{i}\n  cmd {}\n}}\n", program.display());
        let others = fs::read_to_string(dir.join("pmtr.conf")).unwrap();
        save(dir, &(others + &(0..count).map(block).collect::<String>()));
    }

    fn change(&self, dir: &Path, job: &Path, jobs: usize, version: usize) -> bool {
        save(dir, &config(job, jobs, version));
        true
    }

    fn listens(&self) -> bool {
        true
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(100)
    }
}

/// The C original.
pub struct Original {
    pub program: PathBuf,
}

impl Keeper for Original {
    fn name(&self) -> &str {
        "original"
    }

    fn prepare(&self, dir: &Path, job: &Path, jobs: usize) -> Command {
        fs::write(dir.join("pmtr.conf"), config(job, jobs, 0)).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-F").arg("-c").arg(dir.join("pmtr.conf"));
        command
    }

    fn change(&self, dir: &Path, job: &Path, jobs: usize, version: usize) -> bool {
        // It watches the file itself, so that is written anew in its place.
        fs::write(dir.join("pmtr.conf"), config(job, jobs, version)).unwrap();
        true
    }
}

/// The limit: a loop of wait and clone, which is a mode of this very program.
pub struct Bare;

impl Keeper for Bare {
    fn name(&self) -> &str {
        super::report::LIMIT
    }

    fn most(&self) -> usize {
        10_000
    }

    fn prepare(&self, _dir: &Path, job: &Path, jobs: usize) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("bare").arg(jobs.to_string()).arg(job);
        command
    }
}

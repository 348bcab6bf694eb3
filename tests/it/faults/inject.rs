//! Makes system calls of the running daemon fail, by strace.

use crate::support::{Pmtr, kill, wait_until};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Faults in the system calls of the running daemon, until they are ended.
pub struct Faults {
    strace: Child,
    trace: PathBuf,
}

impl Faults {
    /// Begins to inject `rules`, as strace(1) writes them without `inject=`; none when that is not possible here.
    pub fn begin(pmtr: &Pmtr, rules: &[&str]) -> Option<Faults> {
        Faults::attach(pmtr, rules, &[])
    }

    /// The same, in the children that are made from now on as well.
    pub fn begin_with_children(pmtr: &Pmtr, rules: &[&str]) -> Option<Faults> {
        Faults::attach(pmtr, rules, &["-f"])
    }

    fn attach(pmtr: &Pmtr, rules: &[&str], options: &[&str]) -> Option<Faults> {
        let trace = pmtr.dir.join("trace");
        let _ = std::fs::remove_file(&trace);
        let mut command = Command::new("strace");
        command.arg("-o").arg(&trace).args(options).args(["-p", &pmtr.pid().to_string()]);
        let calls: Vec<&str> = rules.iter().map(|rule| rule.split(':').next().unwrap()).collect();
        command.args(["-e", &format!("trace={}", calls.join(","))]);
        for rule in rules {
            command.args(["-e", &format!("inject={rule}")]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let skipped = |why: &str| {
            eprintln!("skipped: faults {rules:?} need strace: {why}");
            None
        };
        let mut strace = match command.spawn() {
            Ok(strace) => strace,
            Err(error) => return skipped(&error.to_string()),
        };
        let mut said = String::new();
        let mut stderr = BufReader::new(strace.stderr.take().unwrap());
        let _ = stderr.read_line(&mut said);
        if !said.contains("attached") {
            let _ = strace.wait();
            return skipped(said.trim());
        }
        // It goes on saying so for each child, and must not be held up by a full pipe.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Some(Faults { strace, trace })
    }

    /// How many calls have failed so far.
    pub fn count(&self) -> usize {
        std::fs::read_to_string(&self.trace).unwrap_or_default().matches("(INJECTED)").count()
    }

    /// Waits until so many calls have failed.
    pub fn wait(&self, count: usize) {
        wait_until(&format!("{count} calls fail"), || self.count() >= count);
    }

    pub fn end(mut self) {
        self.detach();
    }

    fn detach(&mut self) {
        if self.strace.try_wait().is_ok_and(|status| status.is_none()) {
            kill(i32::try_from(self.strace.id()).unwrap(), "INT");
            let _ = self.strace.wait();
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.detach();
    }
}

//! The processes of the invented world: groups, numbers that are given out again, signals, zombies.

use pmtr::model::{Ending, Exit, Pid, Signal, Target};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// pmtr: it reaps.
    Us,
    /// Another process of the invented world, which reaps at once while it lives.
    Process(Pid),
    /// A process far away that reaps when it likes.
    Foreign,
}

/// How a process takes to being told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Temper {
    /// How long after SIGTERM, SIGINT or SIGQUIT it ends; never, if it ignores it.
    pub term: Option<Duration>,
    /// The status with which it ends then, if it does not let the signal end it.
    pub status: Option<i32>,
    /// Hangs in the kernel: not even SIGKILL ends it for now.
    pub stuck: bool,
}

pub const MEEK: Temper = Temper { term: Some(Duration::ZERO), status: None, stuck: false };
pub const DEAF: Temper = Temper { term: None, status: None, stuck: false };

#[derive(Clone, Debug)]
pub struct Process {
    pub pid: Pid,
    /// Never given out twice.
    pub serial: u64,
    pub group: Pid,
    /// The serial of the process that made the group.
    pub group_serial: u64,
    /// It has only the session of that one, and a group of its own.
    pub outside: bool,
    pub parent: Parent,
    pub temper: Temper,
    /// SIGKILL waits for it to come out of the kernel.
    pub doomed: bool,
    /// Set when it has ended and nobody has reaped it.
    pub zombie: Option<Ending>,
}

pub struct ProcessTable {
    pub table: Vec<Process>,
    /// Numbers are below this.
    pub pids: i32,
    last: i32,
    serials: u64,
}

impl ProcessTable {
    pub fn new(pids: i32) -> ProcessTable {
        ProcessTable { table: Vec::new(), pids, last: 1, serials: 0 }
    }

    /// The next number that is neither a process's nor a group's.
    fn free_pid(&mut self) -> Option<Pid> {
        for _ in 0..self.pids {
            self.last = if self.last + 1 < self.pids { self.last + 1 } else { 2 };
            let pid = Pid::new(self.last)?;
            if !self.table.iter().any(|p| p.pid == pid || p.group == pid) {
                return Some(pid);
            }
        }
        None
    }

    /// A new process; without a group of another it leads one of its own.
    pub fn fork(&mut self, parent: Parent, group: Option<(Pid, u64)>, temper: Temper) -> Option<&Process> {
        let pid = self.free_pid()?;
        self.serials += 1;
        let serial = self.serials;
        let (group, group_serial) = group.unwrap_or((pid, serial));
        let process = Process {
            pid,
            serial,
            group,
            group_serial,
            outside: false,
            parent,
            temper,
            doomed: false,
            zombie: None,
        };
        self.table.push(process);
        self.table.last()
    }

    pub fn find(&mut self, serial: u64) -> Option<&mut Process> {
        self.table.iter_mut().find(|p| p.serial == serial)
    }

    /// A new process with the session of another and a group of its own.
    pub fn fork_outside(&mut self, parent: Parent, session: (Pid, u64), temper: Temper) {
        let serial = self.fork(parent, Some(session), temper).map(|process| process.serial);
        if let Some(process) = serial.and_then(|serial| self.find(serial)) {
            process.outside = true;
        }
    }

    /// What is left of a session, with the zombies of the leader's group and without others.
    pub fn members(&self, group_serial: u64) -> impl Iterator<Item = &Process> {
        let counts = |p: &&Process| !p.outside || p.zombie.is_none();
        self.table.iter().filter(move |p| p.group_serial == group_serial).filter(counts)
    }

    /// Whether anybody has the session, be it a zombie.
    fn is_in_use(&self, group_serial: u64) -> bool {
        self.table.iter().any(|p| p.group_serial == group_serial)
    }

    /// The process ends. Its children are handed to us, the nearest subreaper.
    pub fn end(&mut self, serial: u64, ending: Ending) {
        let Some(process) = self.find(serial).filter(|p| p.zombie.is_none()) else { return };
        if process.temper.stuck {
            process.doomed = true;
            return;
        }
        process.zombie = Some(ending);
        let (pid, parent) = (process.pid, process.parent);
        for child in &mut self.table {
            if child.parent == Parent::Process(pid) {
                child.parent = Parent::Us;
            }
        }
        if let Parent::Process(_) = parent {
            self.table.retain(|p| p.serial != serial);
        }
    }

    /// Whom of those for whom it is the signal ends, when, and how.
    pub fn signal(
        &mut self,
        group_serial: u64,
        target: Target,
        signal: Signal,
    ) -> Vec<(u64, Duration, Ending)> {
        let mut deaths = Vec::new();
        let reached = |p: &&Process| match target {
            Target::Job(_) => !p.outside,
            Target::Rest(_) => true,
            Target::Others(_) => p.outside,
            Target::Main(pid) => p.pid == pid,
        };
        let living = self.table.iter().filter(|p| p.group_serial == group_serial && p.zombie.is_none());
        for p in living.filter(reached) {
            let by_signal = Ending::Ran(Exit::Signal(signal));
            if signal == Signal::KILL {
                deaths.push((p.serial, Duration::ZERO, by_signal));
            } else if [Signal::TERM, Signal::INT, Signal::QUIT].contains(&signal)
                && let Some(after) = p.temper.term
            {
                let ending = p.temper.status.map_or(by_signal, |status| Ending::Ran(Exit::Code(status)));
                deaths.push((p.serial, after, ending));
            }
        }
        deaths
    }

    /// The stuck come out of the kernel; returns those for whom SIGKILL is waiting.
    pub fn unstick(&mut self) -> Vec<u64> {
        let mut doomed = Vec::new();
        for p in &mut self.table {
            p.temper.stuck = false;
            if std::mem::take(&mut p.doomed) {
                doomed.push(p.serial);
            }
        }
        doomed
    }

    /// All our zombies, off the table one by one, each with whether others of its group were left then.
    pub fn reap(&mut self) -> Vec<(Process, Ending, bool)> {
        let mut reaped = Vec::new();
        let mut at = 0;
        while at < self.table.len() {
            match (self.table[at].parent, self.table[at].zombie) {
                (Parent::Us, Some(ending)) => {
                    let process = self.table.remove(at);
                    let rest = self.is_in_use(process.group_serial);
                    reaped.push((process, ending, rest));
                }
                _ => at += 1,
            }
        }
        reaped
    }

    /// The foreign parents look after their children.
    pub fn foreign_reap(&mut self) {
        self.table.retain(|p| p.parent != Parent::Foreign || p.zombie.is_none());
    }
}

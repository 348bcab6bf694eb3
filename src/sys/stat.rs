//! What /proc says about a process. Without /proc, nothing is known.

use super::listing::{self, Listing};
use crate::model::Pid;
use std::io;

/// One process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// May hold anything.
    pub name: Vec<u8>,
    /// It has ended and nobody has reaped it.
    pub zombie: bool,
    /// Its parent, zero if that is outside of our pid namespace.
    pub parent: i32,
    /// Its process group, zero if that is outside of our pid namespace.
    pub group: i32,
    /// Its session, likewise.
    pub session: i32,
    /// When it was created, in ticks since the machine was started.
    pub born_ticks: u64,
}

impl Stat {
    /// What /proc says about this process. None if there is none.
    pub fn of(pid: Pid) -> Option<Stat> {
        parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether it leads a session and group of its own, as each job does from its first step on.
    pub fn leads_session(&self, pid: Pid) -> bool {
        (self.group, self.session) == (pid.as_raw(), pid.as_raw())
    }
}

/// Whether /proc shows the processes of our pid namespace.
pub fn is_ours() -> bool {
    let own = super::process::own_pid().map(|pid| pid.to_string());
    let shown = std::fs::read_link("/proc/self").ok();
    own.is_some() && shown.as_deref().and_then(|path| path.to_str()) == own.as_deref()
}

/// Whether this process exists and has not ended.
pub fn runs(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::new) else { return false };
    match Stat::of(pid) {
        Some(stat) => !stat.zombie,
        // SAFETY: takes numbers; signal zero only asks.
        None => !is_ours() && super::check(unsafe { libc::kill(pid.as_raw(), 0) }).is_ok(),
    }
}

/// The numbers of all processes, read in portions. Processes that come or go meanwhile may be missing.
#[derive(Debug)]
pub struct List(Listing);

/// Begins to list all processes of the machine.
pub fn list() -> io::Result<List> {
    listing::list("/proc").map(List)
}

impl Iterator for List {
    type Item = io::Result<Pid>;

    fn next(&mut self) -> Option<io::Result<Pid>> {
        self.0.next_number().map(|number| number.and_then(Pid::new)).transpose()
    }
}

/// Reads `PID (NAME) STATE PARENT GROUP SESSION ... THREADS 0 BORN ...`, where THREADS is the 20th word.
fn parse(stat: &[u8]) -> Option<Stat> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(open.checked_add(1)?..close)?.to_vec();
    let rest = std::str::from_utf8(stat.get(close.checked_add(1)?..)?).ok()?;
    let mut words = rest.split_ascii_whitespace();
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    let group = words.next()?.parse().ok()?;
    let session = words.next()?.parse().ok()?;
    let threads: u32 = words.nth(13)?.parse().ok()?;
    let born_ticks = words.nth(1)?.parse().ok()?;
    // If the first thread has ended, the process looks like a zombie while its other threads run.
    let zombie = state == "X" || state == "Z" && threads <= 1;
    Some(Stat { name, zombie, parent, group, session, born_ticks })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ended, start};
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_may_hold_anything() {
        let line = b"12 (a) Z 1 (b)) S 3 44 45 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 7654321 9 9\n";
        let name = b"a) Z 1 (b)".to_vec();
        let stat = Stat { name, zombie: false, parent: 3, group: 44, session: 45, born_ticks: 7_654_321 };
        assert_eq!(parse(line), Some(stat));
        let zombie = b"12 (x) Z 3 4 4 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 7 9";
        assert!(parse(zombie).unwrap().zombie);
        let threads = b"12 (x) Z 3 4 4 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 2 0 7 9";
        assert!(!parse(threads).unwrap().zombie);
        for broken in [&b""[..], b"12", b"12 (x", b")(", b"12 (x) S", b"12 (x) S 1 y", b"12 (x) S 1 2 3 4"] {
            assert_eq!(parse(broken), None);
        }
    }

    #[test]
    fn a_process_is_told_of_while_it_is_there() {
        let (pid, _) = start(Command::new("/bin/sleep").arg("60"));
        let stat = Stat::of(pid).unwrap();
        assert!(is_ours() && !stat.zombie && !stat.leads_session(pid) && stat.born_ticks > 0);
        assert_eq!(stat.parent, super::super::process::own_pid().unwrap().as_raw());
        assert!(list().unwrap().any(|listed| listed.unwrap() == pid));
        super::super::group::signal_job(pid, crate::model::Signal::KILL);
        ended(pid);
        assert_eq!(Stat::of(pid), None);
    }
}

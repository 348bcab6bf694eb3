//! Process groups: sending signals to them, and asking whether any process is left in them.

use super::{check, last_errno};
use crate::model::{Pid, Signal};
use libc::{c_int, c_long};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

/// The signal is for the process group (Linux 6.9). Not in the headers of the C libraries yet.
const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;

/// The process group of one leader, which can be reached after the leader has been reaped.
#[derive(Debug)]
pub struct Group {
    leader: Pid,
    /// Stands for the group itself, not for its number, which may be reused when the group is empty.
    pidfd: Option<OwnedFd>,
}

impl Group {
    /// The group of `leader`. Call this before the leader is reaped: until then its pid is not reused.
    pub fn of(leader: Pid) -> Group {
        Group { leader, pidfd: open(leader) }
    }

    /// The same, without its descriptor if its number is in the upper half. So many groups at once leave descriptors
    /// for others.
    pub fn in_lower_half(self) -> Group {
        let pidfd = self.pidfd.filter(|fd| super::descriptors::is_in_lower_half(fd.as_fd()));
        Group { pidfd, ..self }
    }

    /// Whether any process is left, even a zombie that its parent does not reap.
    pub fn alive(&self) -> bool {
        // EPERM: a process exists, but we may not signal it.
        !matches!(self.send(0), Err(libc::ESRCH))
    }

    /// Whether the descriptor proves that a process is left. Then the number belongs to no other group. False proves
    /// nothing.
    pub fn is_proven(&self) -> bool {
        self.pidfd.as_ref().is_some_and(|fd| send(fd, 0, PIDFD_SIGNAL_PROCESS_GROUP).is_ok())
    }

    /// Sends a signal to all of them. An empty group is no error.
    pub fn signal(&self, signal: Signal) {
        let _ = self.send(signal.0);
    }

    fn send(&self, signal: c_int) -> Result<(), c_int> {
        match &self.pidfd {
            // Before Linux 6.9 a descriptor cannot stand for a group, and some sandboxes forbid this call only. Use
            // the number.
            Some(fd) => match send(fd, signal, PIDFD_SIGNAL_PROCESS_GROUP) {
                Err(errno) if errno != libc::ESRCH => kill_group(self.leader, signal),
                sent => sent,
            },
            None => kill_group(self.leader, signal),
        }
    }
}

/// Sends a signal to the group of a child that has not been reaped, or to the child alone if it does not lead a group
/// yet or the group cannot be reached.
pub fn signal_job(pid: Pid, signal: Signal) {
    if kill_group(pid, signal.0).is_err() {
        let _ = kill(pid.as_raw(), signal.0);
    }
}

/// A descriptor that stands for this process and never for another.
pub(super) fn open(pid: Pid) -> Option<OwnedFd> {
    // SAFETY: takes numbers; the descriptor is close-on-exec.
    let fd: c_long = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = c_int::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: the kernel has just made it, so nobody else owns it.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(super) fn send(pidfd: &OwnedFd, signal: c_int, flags: libc::c_uint) -> Result<(), c_int> {
    let (fd, info) = (pidfd.as_raw_fd(), ptr::null::<libc::siginfo_t>());
    // SAFETY: takes numbers and a null pointer, which stands for an ordinary signal.
    match unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, info, flags) } {
        -1 => Err(last_errno().0),
        _ => Ok(()),
    }
}

fn kill_group(leader: Pid, signal: c_int) -> Result<(), c_int> {
    match leader.as_raw() {
        // Minus one would mean every process. Process 1 is never a job.
        1 => Err(libc::ESRCH),
        number => kill(-number, signal),
    }
}

/// Sends a signal to one process, which is our child and has not been reaped. False if this fails.
pub fn signal_child(pid: Pid, signal: Signal) -> bool {
    kill(pid.as_raw(), signal.0).is_ok()
}

pub(super) fn kill(target: c_int, signal: c_int) -> Result<(), c_int> {
    // SAFETY: takes numbers and touches no memory.
    check(unsafe { libc::kill(target, signal) }).map(drop).map_err(|_| last_errno().0)
}

#[cfg(test)]
mod tests {
    use super::super::session;
    use super::super::testing::{ended, start};
    use super::*;
    use crate::model::Exit;
    use std::fs::File;
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    /// A leader that ends at once and leaves another process, which has reported that it runs.
    fn orphaned_group() -> (Pid, impl BufRead) {
        // setsid does not lead a group, so it does not fork.
        let mut command = Command::new("setsid");
        command.args(["/bin/sh", "-c", "sleep 60 & echo; exit 0"]).stdout(Stdio::piped());
        let (leader, mut child) = start(&mut command);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        (leader, output)
    }

    fn until_gone(group: &Group, mut output: impl BufRead) {
        // The end of the pipe says that the last of the group has closed it; then it is a zombie or gone.
        output.read_line(&mut String::new()).unwrap();
        let left = || session::names(group.leader).iter().all(|(_, name)| name.ends_with(b" (zombie)"));
        while !left() {
            std::thread::yield_now();
        }
    }

    /// The group of this leader as reached on this system, without a descriptor, and with one that the kernel refuses
    /// to use.
    fn by_every_way(leader: Pid) -> [Group; 3] {
        let no_pidfd = File::open("/dev/null").unwrap().into();
        [Group::of(leader), Group { leader, pidfd: None }, Group { leader, pidfd: Some(no_pidfd) }]
    }

    #[test]
    fn a_group_is_signalled_after_its_leader_has_been_reaped() {
        for way in 0..3 {
            let (leader, output) = orphaned_group();
            let group = &by_every_way(leader)[way];
            assert_eq!(ended(leader), Exit::Code(0));
            assert!(group.alive());
            // Only a descriptor that works proves anything. One that stands for something else never does.
            assert!(way == 0 || !group.is_proven());
            let named = session::names(leader);
            assert_eq!(named.len(), 1, "{named:?}");
            // The result depends on whether it has executed its command.
            assert!([&b"sleep"[..], b"sh"].contains(&&*named[0].1), "{named:?}");
            group.signal(Signal::KILL);
            until_gone(group, output);
        }
    }

    #[test]
    fn a_group_without_members_is_not_alive_and_takes_no_signal() {
        let (leader, _) = start(Command::new("/bin/sh").args(["-c", "exit 0"]).process_group(0));
        let groups = by_every_way(leader);
        ended(leader);
        for group in groups {
            assert!(!group.alive() && !group.is_proven(), "{group:?}");
            group.signal(Signal::KILL);
        }
        assert_eq!(session::names(leader), []);
    }

    #[test]
    fn a_child_that_leads_no_group_yet_is_signalled_alone() {
        let (pid, _) = start(Command::new("/bin/sleep").arg("60"));
        signal_job(pid, Signal::TERM);
        assert_eq!(ended(pid), Exit::Signal(Signal::TERM));
    }
}

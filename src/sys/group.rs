//! Process groups: sending them signals, and telling whether anybody is left in them.

use super::{check, last_errno};
use crate::model::{Pid, Signal};
use libc::{c_int, c_long};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

/// Not in the C libraries' headers yet: the signal is for the process group (Linux 6.9).
const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;

/// The process group of one leader, reachable after the leader has been reaped.
#[derive(Debug)]
pub struct Group {
    leader: Pid,
    /// Stands for the group itself rather than for its number, which may be given away once the group is empty.
    pidfd: Option<OwnedFd>,
}

impl Group {
    /// The group that `leader` leads. To be taken before the leader is reaped: until then its pid is its own.
    pub fn of(leader: Pid) -> Group {
        Group { leader, pidfd: open(leader) }
    }

    /// The same without a descriptor whose number is in the upper half: where there are many groups at once, the
    /// rest of the descriptors is for others.
    pub fn in_lower_half(self) -> Group {
        let pidfd = self.pidfd.filter(|fd| super::descriptors::is_in_lower_half(fd.as_fd()));
        Group { pidfd, ..self }
    }

    /// Whether anybody is left, be it a zombie that its parent does not care for.
    pub fn alive(&self) -> bool {
        // Whoever may not be signalled is there nevertheless.
        !matches!(self.send(0), Err(libc::ESRCH))
    }

    /// Whether anybody is left, as told by the descriptor: then the number is no other group's. That it can't tell
    /// proves nothing.
    pub fn is_proven(&self) -> bool {
        self.pidfd.as_ref().is_some_and(|fd| send(fd, 0, PIDFD_SIGNAL_PROCESS_GROUP).is_ok())
    }

    /// Sends a signal to all of them. That nobody is left is no error.
    pub fn signal(&self, signal: Signal) {
        let _ = self.send(signal.0);
    }

    fn send(&self, signal: c_int) -> Result<(), c_int> {
        match &self.pidfd {
            // Before Linux 6.9 it can't stand for a group, and some who shut programs in forbid the call alone; the
            // number has to do.
            Some(fd) => match send(fd, signal, PIDFD_SIGNAL_PROCESS_GROUP) {
                Err(errno) if errno != libc::ESRCH => kill_group(self.leader, signal),
                sent => sent,
            },
            None => kill_group(self.leader, signal),
        }
    }
}

/// Sends a signal to the group of a child that has not been reaped, or to the child alone when it has not come
/// to lead one yet or the group can't be reached.
pub fn signal_job(pid: Pid, signal: Signal) {
    if kill_group(pid, signal.0).is_err() {
        let _ = kill(pid.as_raw(), signal.0);
    }
}

/// A descriptor that stands for this process and for nobody else, ever.
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
        // Minus one would mean every process there is. Process 1 is nobody's job.
        1 => Err(libc::ESRCH),
        number => kill(-number, signal),
    }
}

/// Kills one process, which is our child and has not been reaped; false when that can't be done.
pub fn kill_child(pid: Pid) -> bool {
    kill(pid.as_raw(), Signal::KILL.0).is_ok()
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

    /// A leader that ends at once and leaves one behind, which has told that it is there.
    fn orphaned_group() -> (Pid, impl BufRead) {
        // No leader of a group, setsid stays the process that it is.
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

    /// The group of this leader as it is reached here, where the kernel makes no descriptor for it, and where it
    /// refuses the call with one.
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
            // Only a descriptor that can tell proves anything; one to something else never does.
            assert!(way == 0 || !group.is_proven());
            let named = session::names(leader);
            assert_eq!(named.len(), 1, "{named:?}");
            // Which of the two depends on whether it has come to its exec.
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

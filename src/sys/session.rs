//! Sessions of jobs: whether any process is left in one, which ones, and signals to each of them.
//!
//! The kernel has neither a signal to a session nor a list of its members. It does say at once whether a number is
//! still in use, and which session a process has.

use super::done;
use super::group;
use super::stat::{self, Stat};
use crate::model::{Errno, Pid, Signal};
use libc::c_int;
use std::io::{self, PipeReader};
use std::os::fd::{AsRawFd, OwnedFd};

/// The most members that a message names.
const NAMED: usize = 16;

/// Not in the headers of every C library.
const F_SETOWN_EX: c_int = 15;
const F_OWNER_PID: c_int = 1;

/// The kernel's `struct f_owner_ex`.
#[repr(C)]
struct SessionOwner {
    kind: c_int,
    pid: c_int,
}

/// Asks whether numbers are in use.
#[derive(Debug)]
pub struct Numbers(PipeReader);

/// One process of a session at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub pid: Pid,
    /// Its session.
    session: Pid,
    /// What /proc says about it. None if it has just ended or cannot be read.
    pub stat: Option<Stat>,
}

impl Numbers {
    /// Opens one descriptor and keeps it.
    pub fn new() -> io::Result<Numbers> {
        io::pipe().map(|(reader, _)| Numbers(reader))
    }

    /// Whether any process, even a zombie, has this number as its pid, group or session. One call, however many
    /// processes there are.
    pub fn in_use(&self, number: Pid) -> Result<bool, Errno> {
        let owner = SessionOwner { kind: F_OWNER_PID, pid: number.as_raw() };
        // SAFETY: the kernel reads one SessionOwner, which is laid out as it wants it. Who owns a pipe matters to nobody
        // unless O_ASYNC is set, and it is not.
        match done(unsafe { libc::fcntl(self.0.as_raw_fd(), F_SETOWN_EX, &raw const owner) }) {
            Ok(_) => Ok(true),
            Err(Errno(libc::ESRCH)) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// The answer of the kernel: zero for a session outside of our pid namespace.
fn number_of_session(pid: Pid) -> Result<c_int, Errno> {
    // SAFETY: takes a number and touches no memory.
    done(unsafe { libc::getsid(pid.as_raw()) })
}

/// The session of this process. None if there is no process, or the session is outside of our pid namespace. Zombies
/// have one.
pub fn session_of(pid: Pid) -> Option<Pid> {
    match number_of_session(pid) {
        Ok(session) => Pid::new(session),
        Err(Errno(libc::ESRCH)) => None,
        // Some sandboxes forbid this call only.
        Err(_) => Stat::of(pid).and_then(|stat| Pid::new(stat.session)),
    }
}

/// Whether there is a process with this number, even a zombie, and even if its session is outside of our pid
/// namespace, as that of a process that has entered it from outside.
pub fn is_process(pid: Pid) -> bool {
    match number_of_session(pid) {
        Ok(_) => true,
        Err(Errno(libc::ESRCH)) => false,
        Err(_) => Stat::of(pid).is_some(),
    }
}

/// The process, if it is in this session.
pub fn member(pid: Pid, session: Pid) -> Member {
    Member { pid, session, stat: Stat::of(pid).filter(|stat| stat.session == session.as_raw()) }
}

impl Member {
    /// Sends signals to this process if it still has this session. A process that has got its number since gets none.
    pub fn signal(&self, signals: &[Signal]) {
        let Some(born) = self.stat.as_ref().map(|stat| stat.born_ticks) else { return };
        let pidfd = group::open(self.pid);
        // After the descriptor was opened, so that the answer is about the process that it stands for.
        let Some(now) = member(self.pid, self.session).stat.filter(|stat| stat.born_ticks == born) else {
            return;
        };
        // The number of our own child is not reused until we reap it.
        let ours = super::process::own_pid().is_some_and(|own| own.as_raw() == now.parent);
        for signal in signals {
            if !pidfd.as_ref().is_some_and(|fd| is_sent(fd, *signal)) && ours {
                let _ = group::kill(self.pid.as_raw(), signal.0);
            }
        }
    }

    /// Whether it exists and cannot be read.
    pub fn is_hidden(&self) -> bool {
        self.stat.is_none() && session_of(self.pid) == Some(self.session)
    }

    /// Whether it has not ended.
    pub fn lives(&self) -> bool {
        self.stat.as_ref().is_some_and(|stat| !stat.zombie)
    }
}

/// Whether the signal was sent, or can never be sent.
fn is_sent(pidfd: &OwnedFd, signal: Signal) -> bool {
    matches!(group::send(pidfd, signal.0, 0), Ok(()) | Err(libc::ESRCH))
}

/// The processes that are left of this session, at most sixteen, with names: first the living, then the zombies of
/// the leader's group, which delay the next run. Empty without /proc. Asks every process for its session.
pub fn names(session: Pid) -> Vec<(Pid, Box<[u8]>)> {
    let Ok(list) = stat::list() else { return Vec::new() };
    let pids = list.filter_map(Result::ok).filter(|pid| session_of(*pid) == Some(session));
    let all = pids.filter_map(|pid| Some((pid, member(pid, session).stat?)));
    let counts = |stat: &Stat| !stat.zombie || stat.group == session.as_raw();
    let mut found: Vec<(Pid, Stat)> = all.filter(|(_, stat)| counts(stat)).collect();
    found.sort_unstable_by_key(|(pid, stat)| (stat.zombie, *pid));
    found.truncate(NAMED);
    let named = |(pid, stat): (Pid, Stat)| {
        let mut name = stat.name;
        if stat.zombie {
            name.extend_from_slice(b" (zombie)");
        }
        (pid, name.into())
    };
    found.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::super::group::Group;
    use super::super::process::own_pid;
    use super::super::testing::{ended, in_own_process, orphaned_session, reap_any, start};
    use super::*;
    use crate::model::Exit;
    use std::io::Read;
    use std::process::Command;

    #[test]
    fn a_number_is_in_use_as_long_as_anybody_has_it_as_his_own_or_as_that_of_his_session() {
        in_own_process(
            "sys::session::tests::a_number_is_in_use_as_long_as_anybody_has_it_as_his_own_or_as_that_of_his_session",
            || {
                let numbers = Numbers::new().unwrap();
                assert_eq!(numbers.in_use(own_pid().unwrap()), Ok(true));
                let (leader, other, mut output) = orphaned_session();
                let group = Group::of(leader);
                assert_eq!(numbers.in_use(leader), Ok(true));
                assert_eq!(ended(leader), Exit::Code(0));
                // The group is empty, the session is not.
                assert!(!group.alive());
                assert_eq!((numbers.in_use(leader), session_of(leader)), (Ok(true), None));
                let named: Vec<Pid> = names(leader).into_iter().map(|(pid, _)| pid).collect();
                assert!(named.contains(&other), "{named:?}");
                let there = member(other, leader);
                assert!(there.lives() && !there.is_hidden());
                there.signal(&[Signal::TERM]);
                output.read_to_end(&mut Vec::new()).unwrap();
                // A zombie has its session, too.
                while member(other, leader).lives() {
                    std::thread::yield_now();
                }
                assert_eq!((numbers.in_use(leader), session_of(other)), (Ok(true), Some(leader)));
                ended(other);
                while numbers.in_use(leader) == Ok(true) {
                    // The other's own child, which became ours.
                    reap_any();
                }
                assert_eq!(names(leader), []);
            },
        );
    }

    #[test]
    fn who_has_a_number_is_a_process_whatever_its_session() {
        let own = own_pid().unwrap();
        assert!(is_process(own));
        let (pid, mut child) = start(Command::new("/bin/true").stdin(std::process::Stdio::null()));
        assert!(is_process(pid));
        ended(pid);
        let _ = child.try_wait();
        assert!(!is_process(pid));
    }

    #[test]
    fn a_signal_reaches_nobody_but_the_process_that_was_found() {
        // In a session of its own: ours may be beyond our sight.
        let (pid, mut child) = start(Command::new("setsid").args(["/bin/sleep", "60"]));
        while session_of(pid) != Some(pid) {
            std::thread::yield_now();
        }
        let there = member(pid, pid);
        // Another one with this number, or in another session.
        let (born, own) = (there.stat.clone(), own_pid().unwrap());
        let born = born.map(|stat| Stat { born_ticks: stat.born_ticks + 1, ..stat });
        Member { stat: born, ..there.clone() }.signal(&[Signal::KILL]);
        Member { session: own, ..there.clone() }.signal(&[Signal::KILL]);
        assert_eq!(member(pid, own), Member { pid, session: own, stat: None });
        assert!(member(pid, pid).lives());
        there.signal(&[Signal::TERM, Signal::KILL]);
        assert!([Exit::Signal(Signal::TERM), Exit::Signal(Signal::KILL)].contains(&ended(pid)));
        let _ = child.try_wait();
        there.signal(&[Signal::KILL]);
    }
}

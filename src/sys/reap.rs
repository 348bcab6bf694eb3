//! What became of our children. Never waits.

use super::last_errno;
use crate::model::{Errno, Exit, Pid, Signal};
use libc::c_int;
use std::mem::MaybeUninit;

/// What became of one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It has not ended.
    Running,
    /// It is no child of ours, or has been reaped before.
    NotOurs,
    /// It ended like this, and this call has reaped it.
    Ended(Exit),
}

/// Reaps this child if it has ended. Costs the same with ten thousand children as with one.
pub fn wait_for(pid: Pid) -> Waited {
    match wait(pid.as_raw()) {
        Some((0, _)) => Waited::Running,
        Some((_, status)) => exit_of(status).map_or(Waited::Running, Waited::Ended),
        None => Waited::NotOurs,
    }
}

/// A child that `waitid` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peeked {
    /// It has ended, and [`wait_for`] must reap it. Until then its number is not reused, so a descriptor of its group
    /// can be opened.
    Ended(Pid),
    /// It has made us its tracer (PTRACE_TRACEME), as any child can, and is stopped. Until we let it go, it is
    /// reported instead of younger children that have ended.
    Held(Pid),
}

/// One child that has ended, the oldest first. Walks all children if there is none. An error means that there are no
/// children at all, or that the kernel does not say.
pub fn peek_any() -> Result<Option<Peeked>, Errno> {
    peek(libc::P_ALL, 0)
}

/// Whether this child has ended. Does not reap it. Costs less than preparing to reap.
pub fn has_ended(pid: Pid) -> bool {
    peek(libc::P_PID, pid.as_raw().unsigned_abs()) == Ok(Some(Peeked::Ended(pid)))
}

/// Detaches from a child that has made us its tracer and is stopped. It goes on, and gets the signal that stopped it.
pub fn let_go(pid: Pid) {
    let kept = libc::WSTOPPED | libc::WNOWAIT;
    let Ok(Some((_, libc::CLD_TRAPPED, status))) = ask(libc::P_PID, pid.as_raw().unsigned_abs(), kept) else {
        return;
    };
    // After an exec the kernel reports SIGTRAP, which is no signal that anybody sent.
    let signal = if (1..=0xff).contains(&status) && status != libc::SIGTRAP { status } else { 0 };
    // SAFETY: to detach takes numbers, and touches no memory of ours.
    unsafe { libc::ptrace(libc::PTRACE_DETACH, pid.as_raw(), 0, libc::c_long::from(signal)) };
}

fn peek(kind: libc::idtype_t, id: libc::id_t) -> Result<Option<Peeked>, Errno> {
    let told = ask(kind, id, libc::WEXITED | libc::WNOWAIT)?;
    Ok(told.map(|(pid, code, _)| match code {
        libc::CLD_EXITED | libc::CLD_KILLED | libc::CLD_DUMPED => Peeked::Ended(pid),
        _ => Peeked::Held(pid),
    }))
}

/// The child that `waitid` reports, with its code and status.
fn ask(kind: libc::idtype_t, id: libc::id_t, what: c_int) -> Result<Option<(Pid, c_int, c_int)>, Errno> {
    loop {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the kernel fills in one siginfo, for which there is room.
        let done = unsafe { libc::waitid(kind, id, info.as_mut_ptr(), what | libc::WNOHANG) };
        if done == 0 {
            // SAFETY: all zeros is a value of it; the call has filled it in if there was anything to tell.
            let info = unsafe { info.assume_init() };
            // SAFETY: waitid sets the pid, to zero when there is nothing to tell.
            let pid = unsafe { info.si_pid() };
            // SAFETY: it sets the status with it.
            let status = unsafe { info.si_status() };
            return Ok(Pid::new(pid).map(|pid| (pid, info.si_code, status)));
        }
        match last_errno() {
            Errno(libc::EINTR) => {}
            errno => return Err(errno),
        }
    }
}

fn wait(pid: c_int) -> Option<(c_int, c_int)> {
    loop {
        let mut status = 0;
        // SAFETY: the kernel writes one integer.
        match unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } {
            -1 if last_errno().0 == libc::EINTR => {}
            -1 => return None,
            reaped => return Some((reaped, status)),
        }
    }
}

fn exit_of(status: c_int) -> Option<Exit> {
    if libc::WIFEXITED(status) {
        Some(Exit::Code(libc::WEXITSTATUS(status)))
    } else if libc::WIFSIGNALED(status) {
        Some(Exit::Signal(Signal(libc::WTERMSIG(status))))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ended, in_own_process, start, with_python};
    use super::*;
    use std::process::Command;

    fn run(script: &str) -> Pid {
        start(Command::new("/bin/sh").args(["-c", script])).0
    }

    #[test]
    fn a_child_is_reaped_once_with_its_exit() {
        let pid = run("exit 7");
        assert_eq!(ended(pid), Exit::Code(7));
        assert_eq!(wait_for(pid), Waited::NotOurs);
        assert_eq!(ended(run("kill -9 $$")), Exit::Signal(Signal::KILL));
    }

    #[test]
    fn a_forged_pid_is_not_ours() {
        assert_eq!(wait_for(Pid::new(1).unwrap()), Waited::NotOurs);
        assert_eq!(wait_for(Pid::new(i32::MAX).unwrap()), Waited::NotOurs);
    }

    #[test]
    fn who_makes_us_his_tracer_is_let_go_with_his_signal_and_hides_nobody() {
        if !with_python("a tracer by force") {
            return;
        }
        in_own_process(
            "sys::reap::tests::who_makes_us_his_tracer_is_let_go_with_his_signal_and_hides_nobody",
            || {
                let traceme =
                    "import ctypes, os; ctypes.CDLL(None).ptrace(0, 0, 0, 0); os.kill(os.getpid(), 10)";
                let (held, _child) = start(Command::new("python3").args(["-c", traceme]));
                let found = || std::iter::repeat_with(peek_any).find_map(|found| found.unwrap()).unwrap();
                assert_eq!(found(), Peeked::Held(held));
                let ended_later = run("exit 4");
                while !has_ended(ended_later) {
                    std::thread::yield_now();
                }
                assert_eq!((found(), has_ended(held)), (Peeked::Held(held), false));
                let_go(held);
                assert_eq!(ended(held), Exit::Signal(Signal(10)));
                assert_eq!(found(), Peeked::Ended(ended_later));
                // A child that is not held cannot be let go.
                let_go(ended_later);
                assert_eq!(ended(ended_later), Exit::Code(4));
            },
        );
    }

    #[test]
    fn any_child_is_found_without_its_pid() {
        in_own_process("sys::reap::tests::any_child_is_found_without_its_pid", || {
            assert_eq!(peek_any(), Err(Errno(libc::ECHILD)));
            let pid = run("exit 3");
            let found = || std::iter::repeat_with(peek_any).find_map(|found| found.unwrap()).unwrap();
            assert_eq!((found(), found()), (Peeked::Ended(pid), Peeked::Ended(pid)));
            assert!(has_ended(pid) && has_ended(pid));
            assert_eq!(wait_for(pid), Waited::Ended(Exit::Code(3)));
            assert_eq!(peek_any(), Err(Errno(libc::ECHILD)));
            assert!(!has_ended(pid));
            let (alive, mut child) = start(Command::new("/bin/sleep").arg("60"));
            assert!(!has_ended(alive));
            child.kill().unwrap();
            assert_eq!(ended(alive), Exit::Signal(Signal::KILL));
        });
    }
}

//! What has become of our children. Never waits.

use super::last_errno;
use crate::model::{Exit, Pid, Signal};
use libc::c_int;

/// What has become of one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It has not ended.
    Running,
    /// It is no child of ours, or has been reaped before.
    NotOurs,
    /// It has ended so, and is reaped by this call.
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

/// Reaps any one child that has ended: the oldest. Walks all children when there is none.
pub fn wait_any() -> Option<(Pid, Exit)> {
    let (pid, status) = wait(-1)?;
    Some((Pid::new(pid)?, exit_of(status)?))
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
    use super::super::testing::{ended, in_own_process, start};
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
    fn any_child_is_found_without_its_pid() {
        in_own_process("sys::reap::tests::any_child_is_found_without_its_pid", || {
            assert_eq!(wait_any(), None);
            let pid = run("exit 3");
            let found = std::iter::repeat_with(wait_any).find_map(|found| found);
            assert_eq!(found, Some((pid, Exit::Code(3))));
        });
    }
}

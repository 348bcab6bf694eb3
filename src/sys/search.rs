//! A command without a slash: it is searched in the `PATH` that the child has, as execvp(3) does, but never in the
//! current directory unless `PATH` names it.

use super::calls::{self, Done, Pointers};
use super::child::Plan;
use super::environment::variable;
use super::walk::PathText;
use crate::model::{Errno, SYSTEM_PATH, Stage};
use std::ffi::CStr;

/// Executes the first command with this name. Returns only if there is none, or it can't be executed.
/// `is_path_of_file` says that `PATH` comes from an `env file`, whose content no message shows.
pub(super) fn exec(plan: &Plan, envp: &Pointers, is_path_of_file: bool) -> Done {
    plan.slot.enter(Stage::Exec);
    let path = envp.texts().find(|text| variable(text) == b"PATH").unwrap_or(SYSTEM_PATH);
    match in_path(plan, envp, path) {
        Errno(libc::ENOENT) if is_path_of_file => Err(Errno(0)),
        errno => Err(errno),
    }
}

fn in_path(plan: &Plan, envp: &Pointers, path: &CStr) -> Errno {
    let mut answer = Errno(libc::ENOENT);
    let dirs = path.to_bytes().strip_prefix(b"PATH=").unwrap_or_default();
    for dir in dirs.split(|byte| *byte == b':').filter(|dir| !dir.is_empty()) {
        let Ok(file) = PathText::of(&[dir, b"/", plan.program.to_bytes()]) else { continue };
        match calls::exec(file.text(), plan.argv, envp) {
            Errno(libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT) => {}
            // A later one may be allowed.
            errno @ Errno(libc::EACCES) => answer = errno,
            errno => return errno,
        }
    }
    answer
}

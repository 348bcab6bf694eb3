//! A child that is a copy. It has memory of its own and one thread, so it may look up its user.
//!
//! When it has a session and a record, it closes every descriptor that is not its own. So a copy that waits for a
//! directory server or a FIFO holds no lock, no port and no pipe of another job.

use super::calls::{self, Done, Pointers};
use super::child::{self, CloseMethod, Plan};
use super::child_spec::Identity;
use super::done;
use super::signals::Blocked;
use super::users::{self, User};
use crate::model::{Errno, Stage};
use libc::c_int;
use std::ffi::{CStr, CString};

/// Makes a copy. The first `own` of the variables are its own.
pub(super) fn fork(plan: &Plan, envp: &Pointers, identity: Identity, own: usize) -> Result<c_int, Errno> {
    // A handler that runs in the copy would write into our pipe.
    let _blocked = Blocked::new();
    // SAFETY: pmtr has one thread, so the copy has all that its parent has, and no lock is left held by another.
    match done(unsafe { libc::fork() })? {
        0 => live(plan, envp, identity, own),
        pid => Ok(pid),
    }
}

/// The whole life of a child that is a copy.
fn live(plan: &Plan, envp: &Pointers, identity: Identity, own: usize) -> ! {
    let errno = steps(plan, envp, identity, own).err().unwrap_or(Errno(0));
    child::give_up(plan.slot, errno)
}

fn steps(plan: &Plan, envp: &Pointers, identity: Identity, own: usize) -> Done {
    child::new_session(plan)?;
    match plan.closing {
        CloseMethod::Range => child::close_others(plan)?,
        CloseMethod::Walk => close_by_walking(plan),
    }
    // At once, so that a signal ends a child that waits in a later step.
    child::reset_signals(plan)?;
    let Some(name) = identity.user else {
        child::prepare(plan)?;
        return finish(plan, envp);
    };
    plan.slot.enter(Stage::User);
    let user = users::lookup(name).map_err(|errno| errno.unwrap_or(Errno(0)))?;
    let variables = variables_of(&user, envp, own);
    let mut merged = Pointers::new();
    // SAFETY: `variables` is dropped after `merged`, and the strings of `envp` live in the copied memory for good.
    unsafe { merged.refill(merge(envp, &variables, own)) };
    child::prepare(plan)?;
    // First with our rights: if the user has no quota left for keys, the job still shares no keyring with others.
    calls::join_own_keyring();
    if let Some(switch) = &user.switch {
        child::become_user(plan, switch)?;
        calls::join_own_keyring();
    }
    finish(plan, &merged)
}

fn finish(plan: &Plan, envp: &Pointers) -> Done {
    child::open_files(plan)?;
    child::lower_files(plan)?;
    child::exec(plan, envp)
}

/// The variables that come from the user, without those that the child sets itself.
fn variables_of(user: &User, envp: &Pointers, own: usize) -> Vec<CString> {
    let Some(entry) = &user.entry else { return Vec::new() };
    let values =
        [("HOME", &entry.home), ("USER", &entry.name), ("LOGNAME", &entry.name), ("SHELL", &entry.shell)];
    let set_by_job = |name: &str| envp.texts().take(own).any(|text| variable(text) == name.as_bytes());
    let text = |(name, value): (&str, &CString)| {
        CString::new([name.as_bytes(), b"=", value.to_bytes()].concat()).unwrap_or_default()
    };
    values.into_iter().filter(|(name, _)| !set_by_job(name)).map(text).collect()
}

/// The child's own variables, then the user's, then those of ours that none of them replaces.
fn merge<'a>(envp: &'a Pointers, users: &'a [CString], own: usize) -> impl Iterator<Item = &'a CStr> {
    let ours = envp.texts().skip(own);
    let ours = ours.filter(|text| !users.iter().any(|set| variable(set) == variable(text)));
    envp.texts().take(own).chain(users.iter().map(CString::as_c_str)).chain(ours)
}

/// The name in `NAME=VALUE`.
pub(super) fn variable(text: &CStr) -> &[u8] {
    text.to_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// Does what close_range does, for kernels without it.
fn close_by_walking(plan: &Plan) {
    plan.slot.enter(Stage::Close);
    let open = super::descriptors::all_open();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !plan.keep.contains(fd)) {
        calls::close(fd);
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::PasswdEntry;
    use super::*;

    #[test]
    fn the_variables_of_the_user_take_the_place_of_ours_but_not_of_the_jobs() {
        let given = [c"HOME=/job", c"A=1", c"HOMER=x", c"USER=root", c"SHELL=/bin/x", c"B"];
        let mut envp = Pointers::new();
        // SAFETY: string literals live forever.
        unsafe { envp.refill(given.into_iter()) };
        let entry = PasswdEntry { name: c"ann".into(), home: c"/home/ann".into(), shell: c"/bin/sh".into() };
        let user = User { uid: 7, gid: 8, switch: None, entry: Some(entry) };
        let users = variables_of(&user, &envp, 2);
        let merged: Vec<&CStr> = merge(&envp, &users, 2).collect();
        assert_eq!(
            merged,
            [c"HOME=/job", c"A=1", c"USER=ann", c"LOGNAME=ann", c"SHELL=/bin/sh", c"HOMER=x", c"B"]
        );
    }

    #[test]
    fn without_an_entry_the_variables_stay_as_they_are() {
        let user = User { uid: 7, gid: 8, switch: None, entry: None };
        assert!(variables_of(&user, &Pointers::new(), 0).is_empty());
    }
}

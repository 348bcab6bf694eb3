//! A child that is a copy. It has memory of its own and one thread, so it may look up its user and wait for files.
//!
//! When it has a session and a record, it closes every descriptor that is not its own. So a copy that waits for a
//! directory server or a FIFO holds no lock, no port and no pipe of another job.

use super::calls::{self, Done, Pointers};
use super::child::{self, CloseMethod, Plan};
use super::child_spec::Identity;
use super::env_files::EnvFiles;
use super::environment::{self, Room};
use super::ids::Ids;
use super::make_dirs::Settled;
use super::signals::Blocked;
use super::slots::Reason;
use super::users::{self, User};
use super::{done, privileges, process, search};
use crate::model::{Errno, Stage};
use libc::c_int;

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
    child::give_up(plan.slot, Reason { errno, line: 0 })
}

fn steps(plan: &Plan, envp: &Pointers, identity: Identity, own: usize) -> Done {
    child::new_session(plan)?;
    match plan.closing {
        CloseMethod::Range => child::close_others(plan)?,
        CloseMethod::Walk => close_by_walking(plan),
    }
    // At once, so that a signal ends a child that waits in a later step.
    child::reset_signals(plan)?;
    let user = look_up(plan, identity)?;
    let ids = Ids::of(plan, user.as_ref())?;
    let users = user.as_ref().map(|user| environment::of_user(user, envp, own)).unwrap_or_default();
    // The limits of the job are in force later, so what needs memory gets it now.
    let mut files = (!plan.attributes.env_files.is_empty()).then(EnvFiles::new);
    let mut room = files.as_ref().map(|_| Room::new(envp, &users));
    let mut merged = Pointers::with_room_for(match &room {
        Some(room) => room.most(),
        None if user.is_some() => users.len().saturating_add(envp.texts().count()),
        None => 0,
    });
    let mut dirs = Settled::default();
    act_as_ourselves(plan, &ids, &mut dirs, files.as_mut())?;
    privileges::set_oom_score(plan)?;
    child::prepare(plan)?;
    switch(plan, identity, &ids)?;
    dirs.make_the_rest(plan)?;
    files.iter_mut().try_for_each(|files| files.read_the_rest(plan))?;
    let mut is_path_of_file = false;
    let envp = match (&mut room, &files) {
        (Some(room), Some(files)) => {
            is_path_of_file = room.merge(envp, files, &users, own);
            // SAFETY: the files and the user are dropped after `merged`, and the strings of `envp` live in the copied
            // memory for good.
            unsafe { merged.refill(room.texts()) };
            &merged
        }
        (..) if user.is_some() => {
            // SAFETY: as above.
            unsafe { merged.refill(environment::merge(envp, &users, own)) };
            &merged
        }
        (..) => envp,
    };
    execute(plan, envp, is_path_of_file)
}

/// Does with our rights what needs them, before the switch of user.
fn act_as_ourselves(plan: &Plan, ids: &Ids, dirs: &mut Settled, files: Option<&mut EnvFiles>) -> Done {
    if files.is_none() && plan.attributes.make_dirs.is_empty() {
        return Ok(());
    }
    // Otherwise these rights are those of the job, too.
    if ids.uid.is_some() || process::effective_uid() == 0 {
        dirs.make_as_ourselves(plan, ids)?;
        files.map_or(Ok(()), |files| files.read_as_ourselves(plan))?;
    }
    Ok(())
}

/// Opens the files and executes the command. Returns only if that fails.
fn execute(plan: &Plan, envp: &Pointers, is_path_of_file: bool) -> Done {
    child::open_files(plan)?;
    child::lower_files(plan)?;
    child::restrict(plan)?;
    if plan.program.to_bytes().contains(&b'/') {
        return child::exec(plan, envp);
    }
    search::exec(plan, envp, is_path_of_file)
}

fn look_up(plan: &Plan, identity: Identity) -> Result<Option<User>, Errno> {
    let Some(name) = identity.user else { return Ok(None) };
    plan.slot.enter(Stage::User);
    users::lookup(name).map(Some).map_err(|errno| errno.unwrap_or(Errno(0)))
}

/// Takes on the ids of the child, with a keyring of its own if it has a user.
fn switch(plan: &Plan, identity: Identity, ids: &Ids) -> Done {
    // First with our rights: if the user has no quota left for keys, the job still shares no keyring with others.
    if identity.user.is_some() {
        calls::join_own_keyring();
    }
    if ids.are_ours() {
        return privileges::keep(plan, ids);
    }
    ids.give_pipes(plan);
    ids.take_on(plan)?;
    if ids.uid.is_some() {
        calls::join_own_keyring();
    }
    privileges::keep(plan, ids)
}

/// Does what close_range does, for kernels without it.
fn close_by_walking(plan: &Plan) {
    plan.slot.enter(Stage::Close);
    let open = super::descriptors::all_open();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !plan.keep.contains(fd)) {
        calls::close(fd);
    }
}

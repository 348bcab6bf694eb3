//! `make dir`: directories that a start makes if they are missing.
//!
//! Where only root can change the way, pmtr makes them with its own rights and gives them to the job's user; elsewhere
//! the user makes them. So nobody can make pmtr create a directory where he could not create it himself.

use super::at;
use super::calls::Done;
use super::child::Plan;
use super::ids::Ids;
use super::walk::{PathText, Trusting, Walked, enter, last_name, walk};
use super::{groups, process};
use crate::model::{Errno, MakeDir, Stage};
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

/// Directories that exist by now, one bit for each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settled(u64);

impl Settled {
    /// Makes, with our rights, the directories to which only root can change the way. For a child that will become
    /// another user.
    pub(super) fn make_as_ourselves(&mut self, plan: &Plan, ids: &Ids) -> Done {
        let owner = (ids.uid.unwrap_or(process::effective_uid()), ids.gid.unwrap_or(groups::effective_gid()));
        self.each(plan, |path, mode| match walk(path, Trusting::Root)? {
            Walked::At(dir) => make(&dir, last_name(path)?.text(), mode, Some(owner)).map(|()| true),
            Walked::Foreign => Ok(false),
            Walked::Link => Err(Errno(0)),
        })
    }

    /// Makes the directories that are left. The child has its ids already.
    pub(super) fn make_the_rest(&mut self, plan: &Plan) -> Done {
        self.each(plan, |path, mode| match walk(path, Trusting::All)? {
            Walked::At(dir) => make(&dir, last_name(path)?.text(), mode, None).map(|()| true),
            // Nothing is foreign to one who trusts all.
            Walked::Foreign | Walked::Link => Err(Errno(0)),
        })
    }

    /// Makes each directory that is not settled; `make` returns whether it is then.
    fn each(&mut self, plan: &Plan, make: impl Fn(&[u8], libc::mode_t) -> Result<bool, Errno>) -> Done {
        for (index, MakeDir { path, mode }) in (0..).zip(&plan.attributes.make_dirs) {
            let bit = 1_u64.checked_shl(index.into()).unwrap_or(0);
            if self.0 & bit != 0 {
                continue;
            }
            plan.slot.enter(Stage::MakeDir(index));
            let path = PathText::in_dir(plan.dir.unwrap_or(c"/"), path)?;
            if make(path.bytes(), mode.unwrap_or(MakeDir::MODE))? {
                self.0 |= bit;
            }
        }
        Ok(())
    }
}

/// Makes a directory, unless there is one.
fn make(dir: &OwnedFd, name: &CStr, mode: libc::mode_t, owner: Option<(libc::uid_t, libc::gid_t)>) -> Done {
    if name.is_empty() || is_there(dir, name)? {
        return Ok(());
    }
    match at::make_dir(dir.as_fd(), name, mode) {
        // Somebody else has made something there just now.
        Err(Errno(libc::EEXIST)) if is_there(dir, name)? => return Ok(()),
        made => made?,
    }
    let Some((uid, gid)) = owner else { return Ok(()) };
    let given = at::give(dir.as_fd(), name, uid, gid);
    if given.is_err() {
        // The next start would leave it as it is.
        let _ = at::remove_dir(dir.as_fd(), name);
    }
    given
}

/// Whether this directory exists. Anything else in its place is an error.
fn is_there(dir: &OwnedFd, name: &CStr) -> Result<bool, Errno> {
    match enter(dir, name) {
        Ok(Some(_)) => Ok(true),
        Ok(None) => Err(Errno(0)),
        Err(Errno(libc::ENOENT)) => Ok(false),
        Err(errno) => Err(errno),
    }
}

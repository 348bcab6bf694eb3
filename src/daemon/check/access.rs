//! What the mode of a file permits a user. Access lists are not read: if a file has one, its permissions are unknown,
//! and there is no warning.

use crate::sys::users::User;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The ids of a user that decide about access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user id.
    pub uid: u32,
    /// All groups, or `None` for the groups of pmtr, which are not known here.
    pub groups: Option<Vec<u32>>,
}

const WRITE: u32 = 0o2;
const ENTER: u32 = 0o1;

impl Account {
    /// The account of a user in the user database.
    pub fn of(user: &User) -> Account {
        let groups = user.switch.as_ref().map(|switch| [&[switch.gid][..], &switch.groups].concat());
        Account { uid: user.uid, groups }
    }

    /// Why this user can't append to the file at an absolute path, or create it if it is missing. `None` if it can, or
    /// if that is unknown.
    pub(super) fn cant_append(&self, path: &Path) -> Option<&'static str> {
        if self.uid == 0 {
            return None;
        }
        let mut dirs = path.ancestors().skip(1);
        let dir = fs::metadata(dirs.next()?).ok()?;
        if self.lacks(ENTER, &dir)
            || dirs.any(|dir| fs::metadata(dir).is_ok_and(|dir| self.lacks(ENTER, &dir)))
        {
            return Some("may not enter its directory");
        }
        match fs::metadata(path) {
            Ok(there) => self.lacks(WRITE, &there).then_some("may not write to it"),
            Err(_) => self.lacks(WRITE, &dir).then_some("may not create it in its directory"),
        }
    }

    /// Whether this user certainly has no such permission.
    fn lacks(&self, what: u32, there: &Metadata) -> bool {
        let mode = there.mode();
        if there.uid() == self.uid {
            return mode >> 6 & what == 0;
        }
        match self.groups.as_ref().map(|groups| groups.contains(&there.gid())) {
            Some(true) => mode >> 3 & what == 0,
            Some(false) => mode & what == 0,
            None => (mode | mode >> 3) & what == 0,
        }
    }
}

//! Looking up a user. This may take long if a directory server is asked, so the loop never calls it.
//!
//! A name that does not resolve exactly is nobody. In particular, nothing ever falls back to root.

use super::process::effective_uid;
use crate::model::Errno;
use libc::{c_char, gid_t, uid_t};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr;

/// A user as a job needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub uid: uid_t,
    /// The primary group. For our own uid without an entry, that of this process.
    pub gid: gid_t,
    /// The ids to change to. None if this process runs as the user already.
    pub switch: Option<Switch>,
    /// What the data base says. None for our own uid without an entry.
    pub entry: Option<PasswdEntry>,
}

/// The ids of another user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The user id.
    pub uid: uid_t,
    /// The primary group.
    pub gid: gid_t,
    /// All groups.
    pub groups: Vec<gid_t>,
}

/// The texts of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswdEntry {
    /// The login name.
    pub name: CString,
    /// The home directory.
    pub home: CString,
    /// The shell.
    pub shell: CString,
}

/// Ids that mean "no change" to the kernel, or did when ids had 16 bits.
pub(super) const NOBODY_AT_ALL: [uid_t; 2] = [uid_t::MAX, 0xffff];

/// Entries and lists of groups that are larger than this are a mistake.
pub(super) const LARGEST: usize = 1 << 20;

/// Finds a user by name, or by number if the name has digits only. The error is none if there is no such user, and
/// the reason if the look-up failed.
pub fn lookup(name: &CStr) -> Result<User, Option<Errno>> {
    let (uid, gid, entry) = match number_of(name.to_bytes())? {
        None => {
            let found = find(PasswdKey::Name(name))?.ok_or(None)?;
            // A data base may ignore case or know aliases. We accept neither.
            if found.2.name.as_c_str() != name {
                return Err(None);
            }
            found
        }
        Some(uid) => match find(PasswdKey::Uid(uid)) {
            Ok(Some(found)) if found.0 == uid => found,
            Ok(_) if uid == effective_uid() => return Ok(ourselves(uid)),
            Ok(_) => return Err(None),
            // To be ourselves we need no answer of the data base.
            Err(_) if uid == effective_uid() => return Ok(ourselves(uid)),
            Err(errno) => return Err(errno),
        },
    };
    if NOBODY_AT_ALL.contains(&uid) || gid == gid_t::MAX {
        return Err(None);
    }
    let switch = if uid == effective_uid() {
        None
    } else {
        Some(Switch { uid, gid, groups: groups_of(&entry.name, gid).map_err(Some)? })
    };
    Ok(User { uid, gid, switch, entry: Some(entry) })
}

fn ourselves(uid: uid_t) -> User {
    // SAFETY: takes nothing and cannot fail.
    let gid = unsafe { libc::getegid() };
    User { uid, gid, switch: None, entry: None }
}

/// The uid or gid that a name of digits stands for. None for any other name. A number that cannot be one, or has
/// leading zeros, stands for nobody.
pub(super) fn number_of(name: &[u8]) -> Result<Option<uid_t>, Option<Errno>> {
    if name.is_empty() {
        return Err(None);
    }
    if !name.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let uid = std::str::from_utf8(name).ok().and_then(|text| text.parse().ok()).ok_or(None)?;
    let odd = name.len() > 1 && name.starts_with(b"0");
    if odd || NOBODY_AT_ALL.contains(&uid) { Err(None) } else { Ok(Some(uid)) }
}

#[derive(Clone, Copy)]
enum PasswdKey<'a> {
    Name(&'a CStr),
    Uid(uid_t),
}

type Found = (uid_t, gid_t, PasswdEntry);

fn find(key: PasswdKey) -> Result<Option<Found>, Option<Errno>> {
    let mut room: Vec<c_char> = vec![0; 1024];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::zeroed();
        let mut found = ptr::null_mut();
        let (texts, size) = (room.as_mut_ptr(), room.len());
        let error = match key {
            // SAFETY: the name is a C string, the entry has room for one, the texts for as many bytes as told.
            PasswdKey::Name(name) => unsafe {
                libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), texts, size, &mut found)
            },
            // SAFETY: as above, without a name.
            PasswdKey::Uid(uid) => unsafe {
                libc::getpwuid_r(uid, entry.as_mut_ptr(), texts, size, &mut found)
            },
        };
        match error {
            0 if found.is_null() => return Ok(None),
            // SAFETY: all zeroes are a valid passwd, and the call has filled it in.
            0 => return Ok(copy_of(&unsafe { entry.assume_init() })),
            libc::ENOENT | libc::ESRCH => return Ok(None),
            libc::EINTR => {}
            libc::ERANGE if size < LARGEST => room.resize(size.saturating_mul(2), 0),
            other => return Err(Some(Errno(other))),
        }
    }
}

fn copy_of(entry: &libc::passwd) -> Option<Found> {
    let text = |text: *const c_char| {
        // SAFETY: the C library has set it to a string in the room that the caller still holds, or left it null.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_owned())
    };
    let home = text(entry.pw_dir).unwrap_or_default();
    let shell = text(entry.pw_shell).unwrap_or_default();
    Some((entry.pw_uid, entry.pw_gid, PasswdEntry { name: text(entry.pw_name)?, home, shell }))
}

/// The supplementary groups of the user with this name and primary group.
pub(super) fn groups_of(name: &CStr, gid: gid_t) -> Result<Vec<gid_t>, Errno> {
    let mut groups: Vec<gid_t> = vec![0; 64];
    loop {
        let mut count = libc::c_int::try_from(groups.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the name is a C string, and the list has room for as many groups as `count` says.
        let returned = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &mut count) };
        let needed = usize::try_from(count).unwrap_or(0);
        if returned != -1 {
            groups.truncate(needed);
            return Ok(groups);
        }
        // Only glibc reports in `count` how long the list must be.
        let larger = needed.max(groups.len().saturating_mul(2));
        if larger > LARGEST {
            return Err(Errno(libc::E2BIG));
        }
        groups.resize(larger, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::one_at_a_time;
    use super::*;

    #[test]
    fn what_does_not_resolve_exactly_is_nobody() {
        let _alone = one_at_a_time();
        let names = [
            c"",
            c"-1",
            c"4294967295",
            c"65535",
            c"4294967296",
            c"99999999999999999999",
            c"0day",
            c"0x0",
            c"00",
            c"000",
            c"+0",
            c"-0",
            c" 0",
            c"0 ",
            c"0:",
            c"root:",
            c"root:x",
            c"Root",
            c"ROOT",
            c"root ",
            c" root",
            c"root\n",
            c"+",
            c"-",
            c"*",
            c".",
            c"/",
            c"\xff",
            c"1e3",
            c"0.0",
            c"no-such-user-here",
            c"4000000000",
        ];
        for name in names {
            assert_eq!(lookup(name), Err(None), "{name:?}");
        }
    }

    #[test]
    fn a_name_resolves_with_its_groups_home_and_shell() {
        let _alone = one_at_a_time();
        let user = lookup(c"daemon").unwrap();
        let entry = user.entry.unwrap();
        assert_eq!(entry.name.as_c_str(), c"daemon");
        assert!(!entry.home.is_empty() && !entry.shell.is_empty());
        if effective_uid() != user.uid {
            let switch = user.switch.unwrap();
            assert_eq!((switch.uid, switch.gid), (user.uid, user.gid));
            assert!(switch.groups.contains(&user.gid));
        }
    }

    #[test]
    fn a_number_means_the_same_as_the_name() {
        let _alone = one_at_a_time();
        let by_name = lookup(c"daemon").unwrap();
        let number = CString::new(by_name.uid.to_string()).unwrap();
        assert_eq!(lookup(&number).unwrap(), by_name);
    }

    #[test]
    fn ones_own_number_switches_nothing() {
        let _alone = one_at_a_time();
        let number = CString::new(effective_uid().to_string()).unwrap();
        assert_eq!(lookup(&number).unwrap().switch, None);
        assert_eq!(ourselves(effective_uid()).entry, None);
    }

    #[test]
    fn groups_that_outgrow_the_first_guess_are_asked_for_again() {
        let _alone = one_at_a_time();
        assert!(groups_of(c"root", 0).unwrap().contains(&0));
    }
}

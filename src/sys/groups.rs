//! Looking up a group. As with users, this may take long, and a name that does not resolve exactly is no group.

use super::users::{LARGEST, NOBODY_AT_ALL, number_of};
use crate::model::Errno;
use libc::{c_char, gid_t};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr;

/// The group with this name, or with this number if the name has digits only. A number needs no entry. The error is
/// none if there is no such group, and the reason if the look-up failed.
pub fn lookup(name: &CStr) -> Result<gid_t, Option<Errno>> {
    match number_of(name.to_bytes())? {
        Some(gid) => Ok(gid),
        None => find(name)?.filter(|gid| !NOBODY_AT_ALL.contains(gid)).ok_or(None),
    }
}

/// The group that we act as.
pub fn effective_gid() -> gid_t {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::getegid() }
}

fn find(name: &CStr) -> Result<Option<gid_t>, Option<Errno>> {
    let mut room: Vec<c_char> = vec![0; 1024];
    loop {
        let mut entry = MaybeUninit::<libc::group>::zeroed();
        let mut found = ptr::null_mut();
        let (texts, size) = (room.as_mut_ptr(), room.len());
        // SAFETY: the name is a C string, the entry has room for one, the texts for as many bytes as told.
        let error = unsafe { libc::getgrnam_r(name.as_ptr(), entry.as_mut_ptr(), texts, size, &mut found) };
        match error {
            0 if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: all zeroes are a valid group, and the call has filled it in.
                let entry = unsafe { entry.assume_init() };
                return Ok(is_named(&entry, name).then_some(entry.gr_gid));
            }
            libc::ENOENT | libc::ESRCH => return Ok(None),
            libc::EINTR => {}
            libc::ERANGE if size < LARGEST => room.resize(size.saturating_mul(2), 0),
            other => return Err(Some(Errno(other))),
        }
    }
}

/// A data base may ignore case or know aliases. We accept neither.
fn is_named(entry: &libc::group, name: &CStr) -> bool {
    // SAFETY: the C library has set it to a string in the room that the caller still holds, or left it null.
    !entry.gr_name.is_null() && unsafe { CStr::from_ptr(entry.gr_name) } == name
}

#[cfg(test)]
mod tests {
    use super::super::testing::one_at_a_time;
    use super::*;

    #[test]
    fn what_does_not_resolve_exactly_is_no_group() {
        let _alone = one_at_a_time();
        for name in [
            c"",
            c"-1",
            c"4294967295",
            c"65535",
            c"00",
            c"0x0",
            c" 0",
            c"Root",
            c"root ",
            c"no-such-group-here",
            c"+",
        ] {
            assert_eq!(lookup(name), Err(None), "{name:?}");
        }
    }

    #[test]
    fn a_name_has_the_number_of_its_entry_and_a_number_needs_none() {
        let _alone = one_at_a_time();
        let entries = std::fs::read_to_string("/etc/group").unwrap();
        let line = entries.lines().find(|line| line.starts_with("daemon:")).unwrap();
        let gid = line.split(':').nth(2).unwrap().parse().unwrap();
        assert_eq!(lookup(c"daemon"), Ok(gid));
        assert_eq!((lookup(c"0"), lookup(c"4242424")), (Ok(0), Ok(4_242_424)));
    }
}

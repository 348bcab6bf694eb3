//! How much a shared child can share on this system, and how the first one shows it.

use super::calls;
use super::child::CloseMethod;
use super::slots::{Slots, Ticket};
use crate::model::{Errno, Pid, SpawnError, Stage};
use libc::c_int;

/// How much a shared child can share on this system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    MemoryAndFiles,
    Memory,
    /// In some emulators, nothing that such a child writes reaches us.
    Nothing,
}

/// What to try first, and how to keep foreign descriptors from jobs.
pub(super) fn beginning() -> (Sharing, CloseMethod) {
    // The call that a child makes, with descriptors that nobody has.
    match calls::close_range(c_int::MAX, u32::MAX, libc::CLOSE_RANGE_UNSHARE) {
        Ok(()) => (Sharing::MemoryAndFiles, CloseMethod::Range),
        Err(_) => (Sharing::Memory, CloseMethod::Walk),
    }
}

/// What the first shared child has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// When we went on, it had executed its command or reported an error.
    Works,
    /// It could not be made in this way, or could not close foreign descriptors.
    Refused,
    /// We went on before it had reached its command: it does not suspend us, or what it writes does not reach us.
    Silent,
    /// There was no room for any process.
    Undecided,
}

impl Trial {
    pub(super) fn of(made: &Result<Pid, SpawnError>, slots: &Slots, ticket: &Ticket) -> Trial {
        match made {
            Err(SpawnError { errno: Errno(libc::EAGAIN | libc::ENOMEM), .. }) => Trial::Undecided,
            Err(_) => Trial::Refused,
            Ok(_) => match slots.failure(ticket) {
                Some(SpawnError { stage: Stage::Close, .. }) => Trial::Refused,
                Some(_) => Trial::Works,
                None if slots.runs(ticket) => Trial::Works,
                None => Trial::Silent,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::Reason;
    use super::*;

    #[test]
    fn the_first_shared_child_shows_what_works() {
        let mut slots = Slots::new().unwrap();
        let child = Pid::new(7).ok_or(SpawnError { stage: Stage::Fork, errno: Errno(0) });
        for (stage, errno, shows) in [
            (Stage::Exec, None, Trial::Works),
            (Stage::Exec, Some(libc::ENOENT), Trial::Works),
            (Stage::Dir, Some(libc::EACCES), Trial::Works),
            (Stage::Close, Some(libc::ENOSYS), Trial::Refused),
            (Stage::Fork, None, Trial::Silent),
            (Stage::Signals, None, Trial::Silent),
        ] {
            let ticket = slots.take().unwrap();
            let slot = slots.slot(&ticket).unwrap();
            slot.enter(stage);
            errno.into_iter().for_each(|errno| slot.fail(Reason { errno: Errno(errno), line: 0 }));
            assert_eq!(Trial::of(&child, &slots, &ticket), shows, "{stage} {errno:?}");
        }
        let ticket = slots.take().unwrap();
        for (errno, shows) in [
            (libc::EAGAIN, Trial::Undecided),
            (libc::ENOMEM, Trial::Undecided),
            (libc::EINVAL, Trial::Refused),
            (libc::EPERM, Trial::Refused),
        ] {
            let failed = Err(SpawnError { stage: Stage::Fork, errno: Errno(errno) });
            assert_eq!(Trial::of(&failed, &slots, &ticket), shows, "{errno}");
        }
    }
}

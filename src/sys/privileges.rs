//! Rights that a child gives up or keeps: capabilities, set-user-ID programs, and its place when memory runs out.

use super::calls::Done;
use super::child::Plan;
use super::ids::Ids;
use super::{at, done, last_errno};
use crate::model::{Errno, Stage};
use libc::c_ulong;
use std::io::Write;
use std::os::fd::AsFd;

/// The third version of the calls, with two halves of each set.
const VERSION: u32 = 0x2008_0522;

/// The sets of this process, by number of the capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sets {
    effective: u64,
    permitted: u64,
    inheritable: u64,
}

/// Leaves the child the capabilities of the plan, beside which a child that has switched its user has none. None is
/// effective before the command runs, so files are opened with the rights of the user alone.
pub(super) fn keep(plan: &Plan, ids: &Ids) -> Done {
    let kept = plan.attributes.capabilities;
    if kept.is_empty() {
        return Ok(());
    }
    let before = sets()?;
    for capability in kept.iter() {
        plan.slot.enter(Stage::Capability(capability.number()));
        if before.permitted >> capability.number() & 1 == 0 {
            return Err(Errno(libc::EPERM));
        }
    }
    set(if ids.uid.is_some() {
        Sets { effective: 0, permitted: kept.bits(), inheritable: kept.bits() }
    } else {
        Sets { inheritable: before.inheritable | kept.bits(), ..before }
    })?;
    for capability in kept.iter() {
        plan.slot.enter(Stage::Capability(capability.number()));
        let (raise, number) = (libc::PR_CAP_AMBIENT_RAISE, c_ulong::from(capability.number()));
        // SAFETY: this option takes numbers.
        done(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, number, 0, 0) })?;
    }
    Ok(())
}

/// The capabilities that this process may have; no bit is set if that can't be found out.
pub(super) fn permitted() -> u64 {
    sets().map_or(0, |sets| sets.permitted)
}

fn sets() -> Result<Sets, Errno> {
    let (mut header, mut words) = ([VERSION, 0], [0_u32; 6]);
    // SAFETY: the kernel reads a header of two words, and writes the sets that this version has.
    let returned = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), words.as_mut_ptr()) };
    if returned == -1 {
        return Err(last_errno());
    }
    let [effective, permitted, inheritable, more_effective, more_permitted, more_inheritable] = words;
    let whole = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
    Ok(Sets {
        effective: whole(effective, more_effective),
        permitted: whole(permitted, more_permitted),
        inheritable: whole(inheritable, more_inheritable),
    })
}

fn set(sets: Sets) -> Done {
    let [low, high] = [0, 32].map(|shift| {
        [sets.effective, sets.permitted, sets.inheritable]
            .map(|set| u32::try_from(set >> shift & u64::from(u32::MAX)).unwrap_or(0))
    });
    let (mut header, words) = ([VERSION, 0], [low, high]);
    // SAFETY: the kernel reads a header of two words and the sets that this version has, and may write to the header.
    let returned = unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), words.as_ptr()) };
    if returned == -1 { Err(last_errno()) } else { Ok(()) }
}

/// Sets how soon the kernel kills this process when memory runs out.
pub(super) fn set_oom_score(plan: &Plan) -> Done {
    let Some(score) = plan.attributes.oom_score else { return Ok(()) };
    plan.slot.enter(Stage::OomScore);
    let file = at::open(None, c"/proc/self/oom_score_adj", libc::O_WRONLY)?;
    let mut text = [0; 8];
    let mut left = &mut text[..];
    let _ = write!(left, "{score}");
    let length = 8_usize.saturating_sub(left.len());
    at::write(file.as_fd(), text.get(..length).unwrap_or_default())
}

//! The limits of resources as the kernel has them.

use super::calls::{self, Rlimit};
use crate::model::{Infinity, Limit, Resource, Stage};
use libc::c_long;

/// The limit of open descriptors as a number.
pub(super) const FILES: c_long = libc::RLIMIT_NOFILE as c_long;

/// One `ulimit`.
#[derive(Clone, Copy)]
pub(super) struct Ulimit {
    pub(super) stage: Stage,
    pub(super) resource: c_long,
    pub(super) bounds: Rlimit,
}

impl Ulimit {
    /// The limit that stands at this place in the definition.
    pub(super) fn of(index: u8, limit: &Limit) -> Ulimit {
        // The largest number is the kernel's infinity.
        let value = limit.value.unwrap_or(u64::MAX);
        Ulimit {
            stage: Stage::Limit(index),
            resource: number(limit.resource),
            bounds: Rlimit { soft: value, hard: value },
        }
    }
}

/// The hard limit of a resource: nobody but root can go beyond it.
pub fn hard_limit(resource: Resource) -> Option<Result<u64, Infinity>> {
    let hard = calls::limit(number(resource)).ok()?.hard;
    Some(if hard == u64::MAX { Err(Infinity) } else { Ok(hard) })
}

/// The kernel's number of a resource.
fn number(resource: Resource) -> c_long {
    let number = match resource {
        Resource::Core => libc::RLIMIT_CORE,
        Resource::Data => libc::RLIMIT_DATA,
        Resource::Nice => libc::RLIMIT_NICE,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::PendingSignals => libc::RLIMIT_SIGPENDING,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
        Resource::ResidentSet => libc::RLIMIT_RSS,
        Resource::OpenFiles => libc::RLIMIT_NOFILE,
        Resource::MessageQueue => libc::RLIMIT_MSGQUEUE,
        Resource::RealtimePriority => libc::RLIMIT_RTPRIO,
        Resource::Stack => libc::RLIMIT_STACK,
        Resource::CpuTime => libc::RLIMIT_CPU,
        Resource::Processes => libc::RLIMIT_NPROC,
        Resource::AddressSpace => libc::RLIMIT_AS,
    };
    number as c_long
}

//! Resource limits.

use std::fmt;

/// A resource that `ulimit` can limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    Core,
    Data,
    Nice,
    FileSize,
    PendingSignals,
    LockedMemory,
    ResidentSet,
    OpenFiles,
    MessageQueue,
    RealtimePriority,
    Stack,
    CpuTime,
    Processes,
    AddressSpace,
}

/// The limit `infinity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Infinity;

/// One `ulimit`, which sets both the soft and the hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// The resource.
    pub resource: Resource,
    /// The limit in the units of setrlimit.
    pub value: Result<u64, Infinity>,
}

impl Resource {
    /// All resources with their flags and long names.
    pub const ALL: [(Resource, &'static str, &'static str); 14] = [
        (Resource::Core, "-c", "RLIMIT_CORE"),
        (Resource::Data, "-d", "RLIMIT_DATA"),
        (Resource::Nice, "-e", "RLIMIT_NICE"),
        (Resource::FileSize, "-f", "RLIMIT_FSIZE"),
        (Resource::PendingSignals, "-i", "RLIMIT_SIGPENDING"),
        (Resource::LockedMemory, "-l", "RLIMIT_MEMLOCK"),
        (Resource::ResidentSet, "-m", "RLIMIT_RSS"),
        (Resource::OpenFiles, "-n", "RLIMIT_NOFILE"),
        (Resource::MessageQueue, "-q", "RLIMIT_MSGQUEUE"),
        (Resource::RealtimePriority, "-r", "RLIMIT_RTPRIO"),
        (Resource::Stack, "-s", "RLIMIT_STACK"),
        (Resource::CpuTime, "-t", "RLIMIT_CPU"),
        (Resource::Processes, "-u", "RLIMIT_NPROC"),
        (Resource::AddressSpace, "-v", "RLIMIT_AS"),
    ];

    /// The flag by which `ulimit` names it.
    pub fn flag(self) -> &'static str {
        Resource::ALL.iter().find(|(r, _, _)| *r == self).map_or("-?", |(_, flag, _)| flag)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Ok(value) => write!(f, "{} {value}", self.resource.flag()),
            Err(Infinity) => write!(f, "{} infinity", self.resource.flag()),
        }
    }
}

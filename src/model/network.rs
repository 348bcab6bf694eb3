//! Sockets, commands and reports as the core knows them.

use super::{Clean, Endpoint, Errno, Pid};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// One socket that is open or wanted. A number is never given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u32);

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `listen on`
    Listen,
    /// `report to`
    Report,
}

/// One line of the file that asks for a socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Station {
    /// What for.
    pub role: Role,
    /// Where.
    pub endpoint: Endpoint,
}

impl fmt::Display for Station {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role {
            Role::Listen => write!(f, "listen on {}", self.endpoint),
            Role::Report => write!(f, "report to {}", self.endpoint),
        }
    }
}

/// Why a socket could not be opened or a report not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetError {
    /// No interface has this name at the moment.
    NoInterface,
    /// The interface can't do multicast.
    NoMulticast,
    /// The kernel's reason.
    Failed(Errno),
}

/// Where a command came from, and so where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The socket that received it.
    pub socket: SocketId,
    /// Who sent it.
    pub address: SocketAddr,
    /// The address of ours to which it was sent, where the kernel tells.
    pub local: Option<IpAddr>,
}

/// One job in a remote command, with the verb that it stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What is to become of the job.
    pub verb: Verb,
    /// The job's name as it came.
    pub name: Box<[u8]>,
}

/// A remote command's verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The job is to run.
    Enable,
    /// The job is not to run.
    Disable,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The command.
    pub command: Command,
    /// Whether there is such a job.
    pub known: bool,
}

/// The first line of a report's datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Who reports; the first generation doesn't tell.
    pub host: Option<&'a [u8]>,
    /// The address of the interface over which it reports, if the file chose one.
    pub interface: Option<IpAddr>,
    /// Which part of which report this is, when there are several.
    pub part: Option<Part>,
}

/// Which of a report's several datagrams one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which one, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
    /// The report's number.
    pub serial: u64,
}

/// One job as a report tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLine<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Whether it is to run, as far as file and commands go.
    pub enabled: bool,
    /// How long it has been running, in seconds; 0 when it isn't.
    pub seconds: u64,
    /// Whether it runs, and as what.
    pub process: ReportedProcess,
    /// The path of its command; empty where the report doesn't tell.
    pub path: &'a [u8],
}

/// Whether a job runs, as a report tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedProcess {
    /// It doesn't.
    None,
    /// It runs as this process.
    Pid(Pid),
    /// The report is of the old kind that doesn't tell.
    Unsaid,
}

impl NetError {
    /// Why, as it follows the name of the line of the file.
    pub fn describe(self, endpoint: &Endpoint) -> String {
        let interface = endpoint.interface.as_deref().unwrap_or("");
        match self {
            NetError::NoInterface => format!("there is no interface {}", Clean(interface.as_bytes())),
            NetError::NoMulticast => {
                format!("interface {} can't do multicast", Clean(interface.as_bytes()))
            }
            NetError::Failed(errno) => errno.to_string(),
        }
    }
}

//! Sockets, commands and reports as the core knows them.

use super::{Clean, Endpoint, Errno, Pid};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// One socket that is open or wanted. Numbers are not reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u32);

/// The purpose of a socket.
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
    /// Its purpose.
    pub role: Role,
    /// Its address.
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

/// Why a socket could not be opened or a report could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetError {
    /// There is no interface of this name at the moment.
    NoInterface,
    /// The interface can't do multicast.
    NoMulticast,
    /// The error of the system call.
    Failed(Errno),
}

/// The origin of a command, to which the answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The socket that received it.
    pub socket: SocketId,
    /// The address of the sender.
    pub address: SocketAddr,
    /// Our address to which it was sent, if the kernel reports it.
    pub local: Option<IpAddr>,
}

/// One job in a remote command, with the verb before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What to do with the job.
    pub verb: Verb,
    /// The name of the job as received.
    pub name: Box<[u8]>,
}

/// The verb of a remote command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Run the job.
    Enable,
    /// Stop the job and keep it stopped.
    Disable,
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The command.
    pub command: Command,
    /// Whether there is a job of this name.
    pub known: bool,
}

/// The first line of a datagram of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The host that reports. The first generation of senders leaves it out.
    pub host: Option<&'a [u8]>,
    /// The address of the interface over which it reports, if the configuration names one.
    pub interface: Option<IpAddr>,
    /// Which part of which report this is, if there are several.
    pub part: Option<Part>,
}

/// Which part of a report a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The number of the part, from 1.
    pub index: u32,
    /// The number of parts.
    pub of: u32,
    /// The number of the report.
    pub serial: u64,
}

/// One job in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobLine<'a> {
    /// The name of the job.
    pub name: &'a [u8],
    /// Whether the configuration and commands let it run.
    pub enabled: bool,
    /// How long it has been running, in seconds. 0 if it is not running.
    pub seconds: u64,
    /// Its process.
    pub process: ReportedProcess,
    /// The path of its command. Empty if the report leaves it out.
    pub path: &'a [u8],
}

/// The process of a job in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedProcess {
    /// It does not run.
    None,
    /// It runs as this process.
    Pid(Pid),
    /// The report is of the old kind that leaves it out.
    Unsaid,
}

impl NetError {
    /// The reason as a message says it.
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

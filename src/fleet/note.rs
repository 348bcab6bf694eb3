//! The log lines about hosts: each is a value with one text.

use super::HostKey;
use crate::model::Level;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FleetNote {
    /// An unknown host reports.
    First { host: HostKey },
    /// A host has been silent for this long.
    Silent { host: HostKey, after: Duration },
    /// A host that was silent is heard again.
    Back { host: HostKey },
    /// The number of hosts has reached its limit, and none of them is silent.
    HostsFull { host: HostKey, limit: usize },
    /// The number of hosts that report from this address has reached its limit.
    NamesFull { host: HostKey, limit: usize },
    /// A report has more jobs than the limit allows.
    JobsFull { host: HostKey, limit: usize },
    /// There is no memory left for a report.
    BytesFull { host: HostKey, limit: usize },
}

impl FleetNote {
    pub fn level(&self) -> Level {
        match self {
            FleetNote::First { .. } => Level::Debug,
            FleetNote::Back { .. } => Level::Info,
            FleetNote::Silent { .. }
            | FleetNote::HostsFull { .. }
            | FleetNote::NamesFull { .. }
            | FleetNote::JobsFull { .. }
            | FleetNote::BytesFull { .. } => Level::Warning,
        }
    }
}

impl fmt::Display for FleetNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FleetNote::First { host } => write!(f, "{host} reports for the first time"),
            FleetNote::Silent { host, after } => {
                write!(f, "{host} has been silent for {} sec", after.as_secs())
            }
            FleetNote::Back { host } => write!(f, "{host} is heard again"),
            FleetNote::HostsFull { host, limit } => {
                write!(f, "{host} and other new hosts are ignored, there are already {limit}; ")?;
                f.write_str("let some hosts report to another receiver")
            }
            FleetNote::NamesFull { host: HostKey { address, .. }, limit } => names_full(f, *address, *limit),
            FleetNote::JobsFull { host, limit } => {
                write!(f, "{host} reports more than {limit} jobs, the rest are ignored; ")?;
                f.write_str("split them among several pmtr")
            }
            FleetNote::BytesFull { host, limit } => {
                write!(f, "a report of {host} is dropped, all reports together may take {limit} bytes; ")?;
                f.write_str("let some hosts report to another receiver")
            }
        }
    }
}

fn names_full(f: &mut fmt::Formatter<'_>, address: IpAddr, limit: usize) -> fmt::Result {
    write!(f, "{address} reports under more than {limit} names, the rest are ignored; ")?;
    f.write_str("check what is sending from there")
}

//! The sockets of the invented world: which are open, what fails, and what went out.

use pmtr::model::{Endpoint, Errno, MonoTime, NetError, Role, SocketId, Station};
use std::collections::{BTreeMap, BTreeSet};

/// Nobody listens where a report went.
pub const REFUSED: NetError = NetError::Failed(Errno(111));

#[derive(Default)]
pub struct Sockets {
    /// The lines of the configuration file that ask for sockets; the others are its jobs.
    pub lines: Vec<Station>,
    pub open: BTreeMap<SocketId, Station>,
    /// What can't be opened.
    pub broken: BTreeMap<Station, NetError>,
    /// Where nobody wants reports.
    pub refusing: BTreeSet<Station>,
    /// What was opened and closed, and what was to be opened and was not.
    pub deeds: Vec<(MonoTime, String)>,
    /// What was reported: a line for each job.
    pub reports: Vec<(MonoTime, String)>,
    pub answers: Vec<(MonoTime, String)>,
}

fn station(role: Role, host: [u8; 4], port: u16) -> Station {
    Station { role, endpoint: Endpoint { address: (host, port).into(), interface: None } }
}

pub fn listen(port: u16) -> Station {
    station(Role::Listen, [127, 0, 0, 1], port)
}

pub fn report(port: u16) -> Station {
    station(Role::Report, [192, 0, 2, 7], port)
}

/// Listens where everybody can come.
pub fn exposed(port: u16) -> Station {
    station(Role::Listen, [0, 0, 0, 0], port)
}

//! The socket over which pmtr-ctl asks.

use super::Failure;
use crate::model::Errno;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Instant;

/// A socket that sends to one address and hears nobody else.
pub struct Line {
    socket: UdpSocket,
    to: SocketAddr,
}

impl Line {
    pub fn open(to: SocketAddr) -> Result<Line, Failure> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).map_err(|error| failure(to, &error))?;
        socket.connect(to).map_err(|error| failure(to, &error))?;
        Ok(Line { socket, to })
    }

    /// The address that is asked.
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    /// Where this end is.
    pub fn from(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    pub fn send(&self, message: &[u8]) -> Result<(), Failure> {
        loop {
            match self.socket.send(message) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failure(self.to, &error)),
            }
        }
    }

    /// The next datagram that comes before `until`.
    pub fn receive<'a>(&self, buffer: &'a mut [u8], until: Instant) -> Result<&'a [u8], Failure> {
        let length = loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Silent(self.to));
            }
            self.socket.set_read_timeout(Some(left)).map_err(|error| failure(self.to, &error))?;
            match self.socket.recv(buffer) {
                Ok(length) => break length,
                // Time has passed; how much, the clock tells.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(failure(self.to, &error)),
            }
        };
        Ok(buffer.get(..length).unwrap_or_default())
    }
}

fn failure(to: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() == ErrorKind::ConnectionRefused {
        true => Failure::Refused(vec![to]),
        false => Failure::Unreachable(to, Errno::of(error)),
    }
}

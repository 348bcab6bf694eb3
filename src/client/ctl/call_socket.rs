//! The socket through which pmtr-ctl sends commands.

use super::Failure;
use crate::model::Errno;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Instant;

/// A socket that sends to one address and receives only from there. If that is a multicast group, it receives from any
/// address, because each member answers from its own.
pub struct CallSocket {
    socket: UdpSocket,
    to: SocketAddr,
}

impl CallSocket {
    pub fn open(to: SocketAddr) -> Result<CallSocket, Failure> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).map_err(|error| failure(to, &error))?;
        if to.ip().is_multicast() {
            return Ok(CallSocket { socket, to });
        }
        match socket.connect(to) {
            Ok(()) => Ok(CallSocket { socket, to }),
            Err(_) if is_broadcast(&socket, to) => Err(Failure::Broadcast(to)),
            Err(error) => Err(failure(to, &error)),
        }
    }

    /// The remote address.
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    /// The local address.
    pub fn from(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    pub fn send(&self, message: &[u8]) -> Result<(), Failure> {
        loop {
            let sent = match self.to.ip().is_multicast() {
                true => self.socket.send_to(message, self.to),
                false => self.socket.send(message),
            };
            match sent {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failure(self.to, &error)),
            }
        }
    }

    /// The next datagram that arrives before `until`, and its sender.
    pub fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
        until: Instant,
    ) -> Result<(&'a [u8], SocketAddr), Failure> {
        let (length, from) = loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Silent(self.to));
            }
            self.socket.set_read_timeout(Some(left)).map_err(|error| failure(self.to, &error))?;
            match self.socket.recv_from(buffer) {
                Ok(received) => break received,
                // Some time has passed; the clock says how much.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(failure(self.to, &error)),
            }
        };
        Ok((buffer.get(..length).unwrap_or_default(), from))
    }
}

/// Whether the kernel has refused this address only because it is a broadcast address.
fn is_broadcast(socket: &UdpSocket, to: SocketAddr) -> bool {
    let limited = matches!(to, SocketAddr::V4(v4) if v4.ip().is_broadcast());
    limited || socket.set_broadcast(true).and_then(|()| socket.connect(to)).is_ok()
}

fn failure(to: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() == ErrorKind::ConnectionRefused {
        true => Failure::Refused(vec![to]),
        false => Failure::Unreachable(to, Errno::of(error)),
    }
}

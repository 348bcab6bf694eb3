//! The socket that receives reports. Its membership in a multicast group is checked: an interface that goes away ends
//! the membership, and one that comes back does not restore it.

use super::inbox::DatagramSource;
use super::log::StderrLine;
use super::receiver::INBOX;
use crate::model::{Clean, Errno, Level, MonoTime};
use crate::sys::udp::{self, Received};
use mio::unix::SourceFd;
use mio::{Interest, Registry};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Room for what arrives while a page is written: two reports from each of some thousands of hosts.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;

/// How often the membership in a group is checked, and restored if necessary.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// An address to receive on, with the interface that was chosen for it.
type Address = (IpAddr, Option<Box<str>>);

/// The socket, and what is needed to open it again.
pub(super) struct CaredSocket {
    /// None while it can't be opened.
    socket: Option<UdpSocket>,
    at: SocketAddr,
    address: Option<Address>,
    port: u16,
    registry: Registry,
    /// Some if the address is a multicast group.
    check_at: Option<MonoTime>,
}

impl CaredSocket {
    /// Registers the socket that [`open`] has opened with the poll.
    pub(super) fn new(
        opened: (UdpSocket, SocketAddr),
        address: Option<Address>,
        port: u16,
        registry: Registry,
        now: MonoTime,
    ) -> io::Result<CaredSocket> {
        let (socket, at) = opened;
        register(&registry, &socket)?;
        let check_at = at.ip().is_multicast().then_some(now + CHECK_EVERY);
        Ok(CaredSocket { socket: Some(socket), at, address, port, registry, check_at })
    }

    /// Why datagrams to the group are not received; None if they are.
    fn deaf(&self) -> Option<String> {
        let socket = self.socket.as_ref()?;
        let because = |error: io::Error| Some(Errno::of(&error).to_string());
        let index = match self.address.as_ref().and_then(|(_, interface)| interface.as_deref()) {
            None => None,
            Some(name) => match udp::interface(name) {
                Ok(Some(found)) => Some(found.index),
                Ok(None) => return Some(format!("there is no interface {}", Clean(name.as_bytes()))),
                // A failed look-up is no reason to give up the socket.
                Err(_) => return None,
            },
        };
        udp::check_joined(socket, self.at.ip(), index).err().and_then(because)
    }

    fn reopen(&mut self) -> Result<(), String> {
        let (socket, at) = open(self.address.as_ref(), self.port)?;
        register(&self.registry, &socket).map_err(|error| Errno::of(&error).to_string())?;
        (self.socket, self.at) = (Some(socket), at);
        Ok(())
    }
}

fn register(registry: &Registry, socket: &UdpSocket) -> io::Result<()> {
    registry.register(&mut SourceFd(&socket.as_raw_fd()), INBOX, Interest::READABLE)
}

impl DatagramSource for CaredSocket {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::WouldBlock)?;
        udp::receive(socket, buffer)
    }

    fn care(&mut self, now: MonoTime, lines: &mut Vec<StderrLine>) {
        if self.check_at.is_none_or(|at| now < at) {
            return;
        }
        self.check_at = Some(now + CHECK_EVERY);
        if let Some(why) = self.deaf() {
            let text = format!("can't receive on udp://{}: {why}; trying again within 10 sec", self.at);
            lines.push(StderrLine::new(Level::Warning, text));
            // A command between fork and exec may have a copy, which would keep the registration alive.
            if let Some(old) = self.socket.take() {
                let _ = self.registry.deregister(&mut SourceFd(&old.as_raw_fd()));
            }
        }
        if self.socket.is_none() && self.reopen().is_ok() {
            lines.push(StderrLine::new(Level::Info, format!("receiving on udp://{} again", self.at)));
        }
    }

    fn deadline(&self) -> Option<MonoTime> {
        self.check_at
    }
}

/// Opens the socket on `address`, or on all addresses. The error is the complete message.
pub(super) fn open(address: Option<&Address>, port: u16) -> Result<(UdpSocket, SocketAddr), String> {
    let opened = match address {
        None => open_all(port),
        Some((address, interface)) => open_one(*address, interface.as_deref(), port),
    };
    let (socket, at) = opened.map_err(|(at, why)| format!("can't receive on udp://{at}: {why}"))?;
    udp::receive_buffer(&socket, RECEIVE_BUFFER_BYTES);
    Ok((socket, at))
}

/// An address as it is shown, and why nothing can be received there.
type Refused = (String, String);

fn refused(at: SocketAddr, error: &io::Error) -> Refused {
    (at.to_string(), Errno::of(error).to_string())
}

fn open_all(port: u16) -> Result<(UdpSocket, SocketAddr), Refused> {
    let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    match udp::listen(both, true) {
        Ok(socket) => Ok((socket, both)),
        // Another program has the port. Receiving IPv4 alone would be half of what was asked for.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(refused(both, &error)),
        // Most likely a kernel without IPv6.
        Err(_) => {
            let v4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
            udp::listen(v4, false).map(|socket| (socket, v4)).map_err(|error| refused(v4, &error))
        }
    }
}

fn open_one(address: IpAddr, interface: Option<&str>, port: u16) -> Result<(UdpSocket, SocketAddr), Refused> {
    let Some(name) = interface else {
        let at = SocketAddr::new(address, port);
        return udp::listen(at, false).map(|socket| (socket, at)).map_err(|error| refused(at, &error));
    };
    let plain = SocketAddr::new(address, port);
    let because = |why: String| (format!("{plain}@{}", Clean(name.as_bytes())), why);
    let failed = |error: io::Error| because(Errno::of(&error).to_string());
    let found = udp::interface(name).map_err(failed)?;
    let Some(found) = found else {
        return Err(because(format!("there is no interface {}", Clean(name.as_bytes()))));
    };
    // A link-local address must name its link.
    let at = match address {
        IpAddr::V4(_) => plain,
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, found.index).into(),
    };
    // Not with `listen`, which would join on the default interface, if there is one.
    let socket = UdpSocket::bind(at).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    if address.is_multicast() {
        if !found.multicast {
            return Err(because(format!("interface {} can't do multicast", Clean(name.as_bytes()))));
        }
        udp::join(&socket, address, Some(found.index)).map_err(failed)?;
    }
    Ok((socket, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_reported_with_its_address() {
        let (_taken, at) = open(Some(&(Ipv4Addr::LOCALHOST.into(), None)), 0).unwrap();
        assert_eq!(at.port(), 0);
        let port = _taken.local_addr().unwrap().port();
        assert_eq!(
            open(Some(&(Ipv4Addr::LOCALHOST.into(), None)), port).unwrap_err(),
            format!("can't receive on udp://127.0.0.1:{port}: Address already in use")
        );
    }

    #[test]
    fn a_missing_interface_is_reported() {
        assert_eq!(
            open(Some(&("239.0.0.1".parse().unwrap(), Some("no-such".into()))), 9_999).unwrap_err(),
            "can't receive on udp://239.0.0.1:9999@no-such: there is no interface no-such"
        );
    }

    #[test]
    fn an_address_of_another_host_is_reported() {
        let error = open(Some(&("192.0.2.77".parse().unwrap(), None)), 9_999).unwrap_err();
        assert!(error.starts_with("can't receive on udp://192.0.2.77:9999: Cannot assign"), "{error}");
    }
}

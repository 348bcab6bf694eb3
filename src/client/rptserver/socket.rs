//! The socket to which reports come.

use crate::model::{Clean, Errno};
use crate::sys::udp;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

/// Room for what comes in while a page is written: two reports of each of some thousands of hosts.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;

/// Opens the socket on `address`, or on all addresses. The error is the whole text.
pub(super) fn open(
    address: Option<&(IpAddr, Option<Box<str>>)>,
    port: u16,
) -> Result<(UdpSocket, SocketAddr), String> {
    let opened = match address {
        None => open_all(port),
        Some((address, interface)) => open_one(*address, interface.as_deref(), port),
    };
    let (socket, at) = opened.map_err(|(at, why)| format!("can't receive on udp://{at}: {why}"))?;
    udp::receive_buffer(&socket, RECEIVE_BUFFER_BYTES);
    Ok((socket, at))
}

/// An address, as it is shown, and why nothing can be received there.
type Refused = (String, String);

fn refused(at: SocketAddr, error: &io::Error) -> Refused {
    (at.to_string(), Errno::of(error).to_string())
}

fn open_all(port: u16) -> Result<(UdpSocket, SocketAddr), Refused> {
    let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    match udp::listen(both, true) {
        Ok(socket) => Ok((socket, both)),
        // Somebody who receives IPv4 here is not to be left with half of what was asked for.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(refused(both, &error)),
        // A kernel without IPv6, most likely.
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
    // An address that means something on one link only must tell which.
    let at = match address {
        IpAddr::V4(_) => plain,
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, found.index).into(),
    };
    // Not by `listen`, which would join on the default interface, if there is one.
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
    fn a_port_that_is_taken_is_told_with_its_address() {
        let (_taken, at) = open(Some(&(Ipv4Addr::LOCALHOST.into(), None)), 0).unwrap();
        assert_eq!(at.port(), 0);
        let port = _taken.local_addr().unwrap().port();
        assert_eq!(
            open(Some(&(Ipv4Addr::LOCALHOST.into(), None)), port).unwrap_err(),
            format!("can't receive on udp://127.0.0.1:{port}: Address already in use")
        );
    }

    #[test]
    fn an_interface_that_is_missing_is_told() {
        assert_eq!(
            open(Some(&("239.0.0.1".parse().unwrap(), Some("no-such".into()))), 9_999).unwrap_err(),
            "can't receive on udp://239.0.0.1:9999@no-such: there is no interface no-such"
        );
    }

    #[test]
    fn an_address_that_is_not_ours_is_told() {
        let error = open(Some(&("192.0.2.77".parse().unwrap(), None)), 9_999).unwrap_err();
        assert!(error.starts_with("can't receive on udp://192.0.2.77:9999: Cannot assign"), "{error}");
    }
}

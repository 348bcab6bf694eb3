//! Datagrams: sockets that never block, and that report to which of our addresses a datagram came.

use super::address::{
    bytes_of, from_kernel, of_pointer, to_kernel, v4_from_kernel, v4_to_kernel, v6_to_kernel,
};
use super::check;
use libc::{c_int, sockaddr_storage};
use std::ffi::{CStr, CString};
use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

/// A network interface and its present state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number, by which options of sockets name it.
    pub index: u32,
    /// Whether it can do multicast.
    pub multicast: bool,
    /// Its first IPv4 address.
    pub v4: Option<Ipv4Addr>,
    /// Its first IPv6 address that is valid beyond the link, or else one that is not.
    pub v6: Option<Ipv6Addr>,
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its length. Larger than the buffer if it was cut.
    pub bytes: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// The address of ours to which it came, or a group.
    pub local: Option<IpAddr>,
}

/// A socket that receives what comes to this address. A group is joined on the default interface. A socket on an IPv6
/// address also gets IPv4 datagrams if it serves both families.
pub fn listen(address: SocketAddr, both_families: bool) -> io::Result<UdpSocket> {
    let socket = open(address)?;
    match address {
        SocketAddr::V4(_) => set(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
        SocketAddr::V6(_) => {
            set(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, c_int::from(!both_families))?;
            set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        }
    }
    let (name, bytes) = to_kernel(address);
    // SAFETY: an address of as many bytes as told, which is read only.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const name).cast(), bytes) })?;
    if address.ip().is_multicast() {
        join(&socket, address.ip(), None)?;
    }
    Ok(socket)
}

/// Joins a multicast group, on the interface with this number or else on the default one.
pub fn join(socket: &impl AsFd, group: IpAddr, interface: Option<u32>) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => {
            let request = membership(group, interface);
            set(socket, libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, request)
        }
        IpAddr::V6(group) => {
            let ipv6mr_interface = interface.unwrap_or(0);
            let request = libc::ipv6_mreq { ipv6mr_multiaddr: v6_to_kernel(group), ipv6mr_interface };
            set(socket, libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP, request)
        }
    }
}

/// Whether a socket is still in the group that it has joined. It leaves the group when the interface goes, and does
/// not join again when the interface comes back. Then this fails, and a new socket is needed.
pub fn check_joined(socket: &impl AsFd, group: IpAddr, interface: Option<u32>) -> io::Result<()> {
    match (join(socket, group, interface), group) {
        (Err(error), group) if error.raw_os_error() == Some(libc::EADDRINUSE) => match (group, interface) {
            // Without a number, the kernel also says this if the interface is gone.
            (IpAddr::V6(group), None) if !is_joined_by_any(group) => Err(gone()),
            (IpAddr::V4(_) | IpAddr::V6(_), _) => Ok(()),
        },
        (Err(error), _) => Err(error),
        // Joined elsewhere, or the interface has another number now. Memberships of the old one would pile up.
        (Ok(()), _) => Err(gone()),
    }
}

fn gone() -> io::Error {
    io::Error::from_raw_os_error(libc::ENODEV)
}

/// Whether any socket of this machine is in the group, as far as the kernel says.
fn is_joined_by_any(group: Ipv6Addr) -> bool {
    let Ok(table) = std::fs::read_to_string("/proc/net/igmp6") else { return true };
    let group = format!("{:032x}", u128::from(group));
    table.split_ascii_whitespace().any(|word| word == group)
}

/// Asks for room for datagrams that wait to be received. Without the privilege, there may be less.
pub fn receive_buffer(socket: &UdpSocket, bytes: usize) {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    if set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_err() {
        // The kernel gives less if this is too much, and any room is better than none.
        let _ = set(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes);
    }
}

/// A socket for what is sent to this address. Datagrams to a group leave through the interface.
pub fn send_to(mut address: SocketAddr, interface: Option<&Interface>) -> io::Result<UdpSocket> {
    let socket = open(address)?;
    match (&mut address, interface) {
        (SocketAddr::V4(_), Some(interface)) => {
            let request = membership(Ipv4Addr::UNSPECIFIED, Some(interface.index));
            set(&socket, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, request)?;
        }
        (SocketAddr::V6(address), Some(interface)) => {
            let index = c_int::try_from(interface.index).unwrap_or(0);
            set(&socket, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF, index)?;
            if is_of_one_link(*address.ip()) {
                address.set_scope_id(interface.index);
            }
        }
        (SocketAddr::V4(_) | SocketAddr::V6(_), None) => {}
    }
    socket.connect(address)?;
    Ok(socket)
}

/// Whether an address is incomplete without the number of an interface.
fn is_of_one_link(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_unicast_link_local() || first == 0xff && matches!(second & 0x0f, 1 | 2)
}

/// The interface with this name; `None` when there is none.
pub fn interface(name: &str) -> io::Result<Option<Interface>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    // SAFETY: a C string that outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 {
        let error = io::Error::last_os_error();
        let absent = matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO));
        return if absent { Ok(None) } else { Err(error) };
    }
    let mut found = Interface { index, multicast: false, v4: None, v6: None };
    let mut list = ptr::null_mut();
    // SAFETY: the place for one pointer, which is set when the call succeeds.
    check(unsafe { libc::getifaddrs(&raw mut list) })?;
    let mut next: *const libc::ifaddrs = list;
    while !next.is_null() {
        // SAFETY: an entry of the list, which is freed only below; it is aligned as the C library has made it.
        let entry = unsafe { &*next };
        // SAFETY: each entry has a name, which is a C string within the list.
        if unsafe { CStr::from_ptr(entry.ifa_name) } == name.as_c_str() {
            found.multicast |= entry.ifa_flags & libc::IFF_MULTICAST.cast_unsigned() != 0;
            match of_pointer(entry.ifa_addr) {
                Some(IpAddr::V4(address)) => found.v4 = found.v4.or(Some(address)),
                Some(IpAddr::V6(address)) if found.v6.is_none_or(|found| found.is_unicast_link_local()) => {
                    found.v6 = Some(address);
                }
                Some(IpAddr::V6(_)) | None => {}
            }
        }
        next = entry.ifa_next;
    }
    // SAFETY: the list that the call above has made; nothing of it is kept.
    unsafe { libc::freeifaddrs(list) };
    Ok(Some(found))
}

/// Room for the control data of a datagram, aligned for the kernel's headers.
#[repr(C, align(16))]
struct Control([u8; 128]);

/// Receives one datagram.
pub fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    // SAFETY: all zeroes are a valid address of no family.
    let mut name: sockaddr_storage = unsafe { zeroed() };
    let mut control = Control([0; 128]);
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all zeroes are a valid header that leads nowhere.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = bytes_of::<sockaddr_storage>();
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control>() as _;
    // With MSG_TRUNC, the length that is returned is that of the whole datagram.
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: each pointer in the header leads to something of ours that is as large as the header says.
    let bytes = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, flags) };
    let bytes = usize::try_from(bytes).map_err(|_| io::Error::last_os_error())?;
    let from = from_kernel(&name).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Received { bytes, from, local: local_of(&message) })
}

/// Our address from the control data of a datagram.
fn local_of(message: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the header leads to the control data that the kernel has written, and tells their length.
    let mut next: *const libc::cmsghdr = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !next.is_null() {
        // SAFETY: not null, so a whole header lies there, aligned as the buffer is.
        let header = unsafe { next.read() };
        // SAFETY: the place after a header, within the buffer or just at its end.
        let data = unsafe { libc::CMSG_DATA(next) };
        let room = (header.cmsg_len as usize).saturating_sub(data.addr() - next.addr());
        match (header.cmsg_level, header.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) if room >= size_of::<libc::in_pktinfo>() => {
                // SAFETY: the kernel has written as many bytes as the header says, and they are of this kind.
                let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
                // For a broadcast or a group, this is the address that an answer is sent from.
                return Some(IpAddr::V4(v4_from_kernel(info.ipi_spec_dst)));
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) if room >= size_of::<libc::in6_pktinfo>() => {
                // SAFETY: as above.
                let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
                return Some(IpAddr::V6(info.ipi6_addr.s6_addr.into()));
            }
            _ => {}
        }
        // SAFETY: both lead into the same control data; the answer is null after the last one.
        next = unsafe { libc::CMSG_NXTHDR(message, next) };
    }
    None
}

/// Sends a datagram from our address that was asked, if that is possible: a group or a broadcast address is not.
pub fn answer(socket: &impl AsFd, bytes: &[u8], to: SocketAddr, local: Option<IpAddr>) -> io::Result<()> {
    let usable = |local: &IpAddr| match local.to_canonical() {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    let refused = |error: &io::Error| {
        matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EADDRNOTAVAIL | libc::ENETUNREACH))
    };
    let sent = match local.filter(usable) {
        Some(IpAddr::V4(local)) => {
            let ipi_spec_dst = v4_to_kernel(local);
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst,
                ipi_addr: v4_to_kernel(Ipv4Addr::UNSPECIFIED),
            };
            send(socket, bytes, to, Some(Beside::new(libc::IPPROTO_IP, libc::IP_PKTINFO, info)))
        }
        Some(IpAddr::V6(local)) => {
            let info = libc::in6_pktinfo { ipi6_addr: v6_to_kernel(local), ipi6_ifindex: 0 };
            send(socket, bytes, to, Some(Beside::new(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)))
        }
        None => return send::<()>(socket, bytes, to, None),
    };
    // The address may be gone. An answer from another one is better than none.
    if sent.as_ref().is_err_and(refused) { send::<()>(socket, bytes, to, None) } else { sent }
}

/// One item of control data. Its parts are where the kernel's macros would place them, because no item needs more
/// alignment than the header.
#[repr(C)]
struct Beside<T> {
    header: libc::cmsghdr,
    thing: T,
}

impl<T> Beside<T> {
    fn new(level: c_int, kind: c_int, thing: T) -> Beside<T> {
        // SAFETY: all zeroes are a valid header; it may have padding that can't be named.
        let mut header: libc::cmsghdr = unsafe { zeroed() };
        header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<T>()) as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        Beside { header, thing }
    }
}

fn send<T>(
    socket: &impl AsFd,
    bytes: &[u8],
    to: SocketAddr,
    mut beside: Option<Beside<T>>,
) -> io::Result<()> {
    let (mut name, name_bytes) = to_kernel(to);
    let mut piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: all zeroes are a valid header that leads nowhere.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = name_bytes;
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    if let Some(beside) = &mut beside {
        message.msg_control = ptr::from_mut(beside).cast();
        message.msg_controllen = size_of::<Beside<T>>() as _;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    loop {
        // SAFETY: each pointer in the header leads to something that is as large as the header says, and is read only.
        let sent = unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const message, flags) };
        if sent != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        // It doesn't wait, so a signal can't interrupt it again and again.
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// A socket of the address's family, bound to nothing yet.
fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes numbers.
    let fd = check(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: the descriptor is new and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) }.into())
}

/// Sets an option whose value the kernel takes as `T` is laid out.
fn set<T: Copy>(socket: &impl AsFd, level: c_int, option: c_int, value: T) -> io::Result<()> {
    let place = (&raw const value).cast();
    // SAFETY: the kernel reads as many bytes as it is told, and that is the size of the value.
    check(unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, place, bytes_of::<T>()) })
        .map(drop)
}

fn membership(group: Ipv4Addr, interface: Option<u32>) -> libc::ip_mreqn {
    let imr_ifindex = interface.and_then(|index| c_int::try_from(index).ok()).unwrap_or(0);
    let imr_address = v4_to_kernel(Ipv4Addr::UNSPECIFIED);
    libc::ip_mreqn { imr_multiaddr: v4_to_kernel(group), imr_address, imr_ifindex }
}

#[cfg(test)]
#[path = "udp_tests.rs"]
mod tests;

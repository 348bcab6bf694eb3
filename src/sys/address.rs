//! Internet addresses as the kernel takes and gives them.

use libc::{sa_family_t, sockaddr_in, sockaddr_in6, sockaddr_storage, socklen_t};
use std::mem::zeroed;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr;

/// The address families. The C library's constants are wider.
#[allow(clippy::cast_possible_truncation)]
const V4: sa_family_t = libc::AF_INET as sa_family_t;
#[allow(clippy::cast_possible_truncation)]
const V6: sa_family_t = libc::AF_INET6 as sa_family_t;

pub(super) fn v4_to_kernel(address: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) }
}

pub(super) fn v4_from_kernel(address: libc::in_addr) -> Ipv4Addr {
    address.s_addr.to_ne_bytes().into()
}

pub(super) fn v6_to_kernel(address: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr { s6_addr: address.octets() }
}

/// An address with its length.
pub(super) fn to_kernel(address: SocketAddr) -> (sockaddr_storage, socklen_t) {
    // SAFETY: all zeroes are a valid address of no family.
    let mut name: sockaddr_storage = unsafe { zeroed() };
    let bytes = match address {
        SocketAddr::V4(address) => {
            let place = (&raw mut name).cast::<sockaddr_in>();
            // SAFETY: the storage is larger than an address of any family and aligned for all, and zeroed.
            let v4 = unsafe { &mut *place };
            v4.sin_family = V4;
            v4.sin_port = address.port().to_be();
            v4.sin_addr = v4_to_kernel(*address.ip());
            bytes_of::<sockaddr_in>()
        }
        SocketAddr::V6(address) => {
            let place = (&raw mut name).cast::<sockaddr_in6>();
            // SAFETY: as above.
            let v6 = unsafe { &mut *place };
            v6.sin6_family = V6;
            v6.sin6_port = address.port().to_be();
            v6.sin6_addr = v6_to_kernel(*address.ip());
            v6.sin6_scope_id = address.scope_id();
            bytes_of::<sockaddr_in6>()
        }
    };
    (name, bytes)
}

/// None for a family other than IPv4 and IPv6.
pub(super) fn from_kernel(name: &sockaddr_storage) -> Option<SocketAddr> {
    match name.ss_family {
        V4 => {
            // SAFETY: the storage is larger than an address of any family and aligned for all, and this is its family.
            let v4 = unsafe { &*ptr::from_ref(name).cast::<sockaddr_in>() };
            let port = u16::from_be(v4.sin_port);
            Some(SocketAddrV4::new(v4_from_kernel(v4.sin_addr), port).into())
        }
        V6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*ptr::from_ref(name).cast::<sockaddr_in6>() };
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(v6.sin6_addr.s6_addr.into(), port, 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// The address at a pointer of the C library. None if the pointer is null.
pub(super) fn of_pointer(name: *const libc::sockaddr) -> Option<IpAddr> {
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, so an address lies there, and the family is the first field of every kind.
    let family = unsafe { name.cast::<sa_family_t>().read_unaligned() };
    match family {
        V4 => {
            // SAFETY: an address of this family has the size of this struct.
            let v4 = unsafe { name.cast::<sockaddr_in>().read_unaligned() };
            Some(IpAddr::V4(v4_from_kernel(v4.sin_addr)))
        }
        V6 => {
            // SAFETY: as above.
            let v6 = unsafe { name.cast::<sockaddr_in6>().read_unaligned() };
            Some(IpAddr::V6(v6.sin6_addr.s6_addr.into()))
        }
        _ => None,
    }
}

/// The size of something that is handed to the kernel.
pub(super) fn bytes_of<T>() -> socklen_t {
    // Nothing of ours is nearly as large as the limit.
    socklen_t::try_from(size_of::<T>()).unwrap_or(socklen_t::MAX)
}

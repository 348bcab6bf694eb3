//! One destination of reports.

use crate::model::{Endpoint, Errno, NetError};
use crate::sys::numbers;
use crate::sys::udp::{self, Interface};
use crate::wire::report::Split;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

/// How often the kernel may have no room for a datagram of one report.
const PATIENCE: u8 = 50;

/// A socket to a destination, and the report that is being sent.
pub(super) struct Sender {
    endpoint: Endpoint,
    token: Token,
    /// The interface when the socket was opened.
    interface: Option<Interface>,
    socket: UdpSocket,
    /// At most one: a newer report replaces what is left of an older one.
    outgoing: Option<Outgoing>,
    /// Whether the failure of the last report has been reported.
    told: bool,
    datagram: Vec<u8>,
}

/// What is left of a report.
struct Outgoing {
    split: Split,
    body: Rc<Vec<u8>>,
    next: usize,
    patience: u8,
}

/// The result of sending a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It was the last one, or there was none.
    All,
    /// There are more.
    More,
    /// Not now; the poll reports when there is room.
    Full,
    /// Not now, and nothing reports when: try again later.
    Later,
    /// The rest of the report is dropped, for this reason if it is known.
    Failed(Option<NetError>),
}

/// The error as the kernel reports it.
pub(super) fn failed(error: io::Error) -> NetError {
    NetError::Failed(Errno::of(&error))
}

/// The endpoint's interface as it is now, if it has one.
fn interface_of(endpoint: &Endpoint) -> Result<Option<Interface>, NetError> {
    let Some(name) = &endpoint.interface else { return Ok(None) };
    let found = udp::interface(name).map_err(failed)?.ok_or(NetError::NoInterface)?;
    if endpoint.address.ip().is_multicast() && !found.multicast {
        return Err(NetError::NoMulticast);
    }
    Ok(Some(found))
}

fn connect(
    registry: &Registry,
    token: Token,
    endpoint: &Endpoint,
    interface: Option<&Interface>,
) -> Result<UdpSocket, NetError> {
    let mut socket = super::frugal(udp::send_to(endpoint.address, interface))?;
    registry.register(&mut socket, token, Interest::WRITABLE).map_err(failed)?;
    Ok(socket)
}

impl Sender {
    /// A socket to this destination.
    pub(super) fn open(registry: &Registry, token: Token, endpoint: &Endpoint) -> Result<Sender, NetError> {
        let interface = interface_of(endpoint)?;
        let socket = connect(registry, token, endpoint, interface.as_ref())?;
        Ok(Sender {
            endpoint: endpoint.clone(),
            token,
            interface,
            socket,
            outgoing: None,
            told: false,
            datagram: Vec::new(),
        })
    }

    pub(super) fn close(mut self, registry: &Registry) {
        // As with listeners.
        let _ = registry.deregister(&mut self.socket);
    }

    /// Begins a report, which replaces one that is under way.
    pub(super) fn begin(
        &mut self,
        registry: &Registry,
        host: &[u8],
        serial: u64,
        body: &Rc<Vec<u8>>,
    ) -> Result<(), NetError> {
        self.outgoing = None;
        self.told = false;
        let begun = self.follow(registry).map(|address| {
            let split = Split::new(host, address, serial, body);
            Outgoing { split, body: Rc::clone(body), next: 0, patience: PATIENCE }
        });
        self.told = begun.is_err();
        self.outgoing = Some(begun?);
        Ok(())
    }

    /// The address that the report contains: that of the interface at this time.
    fn follow(&mut self, registry: &Registry) -> Result<Option<IpAddr>, NetError> {
        let interface = interface_of(&self.endpoint)?;
        if interface != self.interface {
            // The interface has another number or address by now, which the old socket would not notice.
            let new = connect(registry, self.token, &self.endpoint, interface.as_ref())?;
            let mut old = std::mem::replace(&mut self.socket, new);
            // As when a socket is closed.
            let _ = registry.deregister(&mut old);
            self.interface = interface;
        }
        let to_v4 = self.endpoint.address.is_ipv4();
        Ok(interface.and_then(|own| if to_v4 { own.v4.map(IpAddr::V4) } else { own.v6.map(IpAddr::V6) }))
    }

    pub(super) fn is_sending(&self) -> bool {
        self.outgoing.is_some()
    }

    /// Sends the next datagram.
    pub(super) fn send(&mut self) -> Sent {
        let Some(outgoing) = &mut self.outgoing else { return Sent::All };
        outgoing.split.datagram(outgoing.next, &outgoing.body, &mut self.datagram);
        match self.socket.send(&self.datagram) {
            Ok(_) => {
                outgoing.next += 1;
                if outgoing.next < outgoing.split.len() {
                    return Sent::More;
                }
                self.outgoing = None;
                self.datagram = Vec::new();
                Sent::All
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Sent::More,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::Full,
            Err(error) => {
                let no_room = matches!(error.raw_os_error(), Some(numbers::ENOBUFS | numbers::ENOMEM));
                if no_room && outgoing.patience > 0 {
                    outgoing.patience -= 1;
                    return Sent::Later;
                }
                Sent::Failed(self.fails(error))
            }
        }
    }

    /// The error that an event of the poll reports, unless it is known already.
    pub(super) fn error(&mut self, event: &mio::event::Event) -> Option<NetError> {
        if !event.is_error() {
            return None;
        }
        match self.socket.take_error() {
            Ok(Some(error)) | Err(error) => self.fails(error),
            Ok(None) => None,
        }
    }

    fn fails(&mut self, error: io::Error) -> Option<NetError> {
        self.outgoing = None;
        self.datagram = Vec::new();
        let news = !self.told;
        self.told = true;
        news.then(|| failed(error))
    }
}

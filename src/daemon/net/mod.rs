//! The sockets of the daemon: commands come in, answers and reports go out.
//!
//! Nothing here waits. What is read and sent in one wake-up is limited and shared fairly among the sockets, so that no
//! flood delays jobs, signals and the file. Decides nothing about jobs, and logs nothing.

mod sender;
#[cfg(test)]
mod tests;
mod turns;

use super::event_source::{EventSource, Shared};
use super::tokens::Descriptor;
use crate::model::{Command, Errno, JobLine, MonoTime, NetError, Origin, Role, SocketId, Station, Verdict};
use crate::supervisor::Event;
use crate::sys::{clock, descriptors, host, memory, numbers, udp};
use crate::wire::{control, report};
use mio::net::UdpSocket;
use mio::{Interest, Registry};
use sender::{Sender, Sent};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;
use turns::SocketTurns;

/// Datagrams that are read in one portion.
const READ_AT_ONCE: usize = 64;
/// The bytes that may be read in one portion before its last datagram: the longest command names thousands of jobs.
const READ_BYTES: usize = 32 << 10;
/// The most that a line of a report has besides name and path.
const LINE_BYTES: usize = 64;
/// The time from one portion to the next. Without it, a flood would take all of a CPU, and starts would have to
/// compete with it.
const REST: Duration = Duration::from_millis(2);
/// Datagrams that are sent in one wake-up.
const SENT_AT_ONCE: usize = 256;
/// The pause for a socket that fails and does not report when it recovers.
const PAUSE: Duration = Duration::from_millis(20);
/// How often pmtr checks whether listeners are still members of their multicast groups.
const CHECK_GROUPS_EVERY: Duration = Duration::from_secs(10);
/// A listener that has failed this often in a row is given up.
const FAILURES: u8 = 5;

/// A socket that receives commands.
struct Listener {
    socket: UdpSocket,
    /// How often it has failed since it was last read or found empty.
    failures: u8,
    /// The group that it has joined, if its address is one.
    group: Option<IpAddr>,
}

/// All sockets. Each is in one of the maps.
pub struct Sockets {
    listeners: BTreeMap<SocketId, Listener>,
    senders: BTreeMap<SocketId, Sender>,
    /// Listeners that may have more to read.
    reading: SocketTurns,
    /// Senders that may continue with their report.
    sending: SocketTurns,
    /// Sockets that are left alone until this time.
    paused: BTreeMap<SocketId, MonoTime>,
    /// When the multicast groups are checked, if there is one.
    groups_at: MonoTime,
    /// Failures that have not been reported to the core; at most one for each report of a sender.
    failed: VecDeque<(SocketId, NetError)>,
    /// The number of the last report.
    serial: u64,
    /// What may still be read in this portion: datagrams, and bytes.
    left: (usize, usize),
    /// When the next portion may be read, if this one has read something.
    next_portion: Option<MonoTime>,
    /// One byte longer than the longest command.
    buffer: Box<[u8]>,
}

impl Listener {
    /// Counts failures. True if this was the last one allowed.
    fn counts(&mut self, failure: Option<ErrorKind>) -> bool {
        self.failures = match failure {
            Some(ErrorKind::Interrupted) => self.failures,
            None | Some(ErrorKind::WouldBlock) => 0,
            Some(_) => self.failures.saturating_add(1),
        };
        self.failures == FAILURES
    }
}

/// A socket that was opened, unless its descriptor is in the upper half of those that pmtr may have: sockets must not
/// take descriptors that jobs need for their start, or that the file needs to be read.
fn frugal(opened: io::Result<std::net::UdpSocket>) -> Result<UdpSocket, NetError> {
    let socket = opened.map_err(sender::failed)?;
    if !descriptors::is_in_lower_half(socket.as_fd()) {
        return Err(NetError::Failed(Errno(numbers::EMFILE)));
    }
    Ok(UdpSocket::from_std(socket))
}

impl Sockets {
    /// No sockets yet. The first report's number will be the one after `serial`.
    pub fn new(serial: u64) -> Sockets {
        Sockets {
            listeners: BTreeMap::new(),
            senders: BTreeMap::new(),
            reading: SocketTurns::default(),
            sending: SocketTurns::default(),
            paused: BTreeMap::new(),
            groups_at: MonoTime::ZERO,
            failed: VecDeque::new(),
            serial,
            left: (READ_AT_ONCE, READ_BYTES),
            next_portion: None,
            buffer: Box::default(),
        }
    }

    /// Opens a socket; one that is open under this number is closed before.
    pub fn open(&mut self, registry: &Registry, id: SocketId, station: &Station) -> Result<(), NetError> {
        self.close(registry, id);
        match station.role {
            Role::Listen => {
                // Each line of the file opens exactly its address: another line may serve the other address family.
                let address = station.endpoint.address;
                let group = Some(address.ip()).filter(IpAddr::is_multicast);
                let mut socket = frugal(udp::listen(address, false))?;
                let registered =
                    registry.register(&mut socket, Descriptor::Socket(id).token(), Interest::READABLE);
                registered.map_err(sender::failed)?;
                self.listeners.insert(id, Listener { socket, failures: 0, group });
            }
            Role::Report => {
                let sender = Sender::open(registry, Descriptor::Socket(id).token(), &station.endpoint)?;
                self.senders.insert(id, sender);
            }
        }
        Ok(())
    }

    /// Closes a socket, if it is open.
    pub fn close(&mut self, registry: &Registry, id: SocketId) {
        // A process between clone and exec may have a copy, which would keep the registration alive.
        // An error means that there is no registration, which is the goal.
        if let Some(mut listener) = self.listeners.remove(&id) {
            let _ = registry.deregister(&mut listener.socket);
        }
        if let Some(sender) = self.senders.remove(&id) {
            sender.close(registry);
        }
        self.reading.remove(id);
        self.sending.remove(id);
        self.paused.remove(&id);
        self.failed.retain(|(other, _)| *other != id);
    }

    /// Begins to send a report of these jobs to every socket that is open for it.
    pub fn report(&mut self, registry: &Registry, jobs: &mut dyn Iterator<Item = JobLine<'_>>) {
        let mut body = Vec::new();
        for line in jobs {
            // Without memory this report is skipped; the next one has the same information.
            let longest = line.name.len().saturating_add(line.path.len()).saturating_add(LINE_BYTES);
            if memory::is_short() || body.try_reserve(longest).is_err() {
                return;
            }
            report::encode_line(&line, &mut body);
        }
        let (body, host) = (Rc::new(body), host::name());
        self.serial = self.serial.wrapping_add(1);
        for (id, sender) in &mut self.senders {
            match sender.begin(registry, &host, self.serial, &body) {
                Ok(()) => self.sending.add(*id),
                Err(error) => {
                    self.sending.remove(*id);
                    self.failed.push_back((*id, error));
                }
            }
            self.paused.remove(id);
        }
    }

    /// Answers a command, if that is possible without waiting.
    pub fn answer(&mut self, to: Origin, verdicts: &[Verdict]) {
        let Some(Listener { socket, .. }) = self.listeners.get(&to.socket) else { return };
        // A client without an answer asks again. Whether it can be reached is not checked.
        let _ = udp::answer(socket, &control::answer(verdicts), to.address, to.local);
    }

    /// Something happened to this socket.
    pub fn ready(&mut self, id: SocketId, event: &mio::event::Event) {
        if self.listeners.contains_key(&id) {
            self.reading.add(id);
        }
        if let Some(sender) = self.senders.get_mut(&id) {
            if let Some(error) = sender.error(event) {
                self.failed.push_back((id, error));
            }
            if sender.is_sending() {
                self.sending.add(id);
            }
        }
    }

    /// Whether there is work to do at once.
    pub fn more(&self) -> bool {
        let reads = !self.spent() && !self.reading.is_empty();
        reads || !self.sending.is_empty() || !self.failed.is_empty()
    }

    /// When there is work to do if nothing happens before.
    pub fn deadline(&self) -> Option<MonoTime> {
        let portion = self.next_portion.filter(|_| self.spent() && !self.reading.is_empty());
        let groups = self.listeners.values().any(|listener| listener.group.is_some());
        let groups = groups.then_some(self.groups_at);
        self.paused.values().copied().chain(portion).chain(groups).min()
    }

    /// Sends a portion of the reports that are under way. `hear` then returns what has been received.
    pub fn work(&mut self, now: MonoTime) {
        let due: Vec<SocketId> =
            self.paused.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        for id in due {
            self.paused.remove(&id);
            if self.listeners.contains_key(&id) { self.reading.add(id) } else { self.sending.add(id) }
        }
        for _ in 0..SENT_AT_ONCE {
            let Some(id) = self.sending.next() else { break };
            let sent = self.senders.get_mut(&id).map_or(Sent::All, Sender::send);
            match sent {
                Sent::More => continue,
                Sent::All | Sent::Full => {}
                Sent::Later => drop(self.paused.insert(id, now + PAUSE)),
                Sent::Failed(error) => self.failed.extend(error.map(|error| (id, error))),
            }
            self.sending.remove(id);
        }
        if self.next_portion.is_some_and(|at| at <= now) {
            self.next_portion = None;
            self.left = (READ_AT_ONCE, READ_BYTES);
        }
        if self.groups_at <= now {
            self.groups_at = now + CHECK_GROUPS_EVERY;
            self.check_groups();
        }
    }

    /// The next event, as far as this portion allows it.
    pub fn hear(&mut self, now: MonoTime) -> Option<Event> {
        if let Some((id, error)) = self.failed.pop_front() {
            return Some(Event::SocketFails(id, error));
        }
        while !self.spent() {
            let id = self.reading.next()?;
            let Some(listener) = self.listeners.get_mut(&id) else {
                self.reading.remove(id);
                continue;
            };
            if self.buffer.is_empty() {
                self.buffer = vec![0; control::MAX_COMMAND_BYTES + 1].into();
            }
            let received = udp::receive(&listener.socket, &mut self.buffer);
            let hopeless = listener.counts(received.as_ref().err().map(io::Error::kind));
            let bytes = received.as_ref().map_or(0, |received| received.bytes.min(self.buffer.len()));
            self.left = (self.left.0.saturating_sub(1), self.left.1.saturating_sub(bytes));
            // Counted from the first datagram of the portion, or from the last one if the portion is used up.
            if self.spent() || self.next_portion.is_none() {
                self.next_portion = Some(now + REST);
            }
            match received {
                Ok(received) => {
                    // Port 0 cannot be answered.
                    if received.from.port() == 0 {
                        continue;
                    }
                    let origin = Origin { socket: id, address: received.from, local: received.local };
                    return Some(self.understand(origin, received.bytes));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.reading.remove(id);
                    if hopeless {
                        return Some(Event::SocketFails(id, sender::failed(error)));
                    }
                    // Reporting an error clears it. If it stays, another attempt now would give the same result.
                    if error.kind() != ErrorKind::WouldBlock {
                        self.paused.insert(id, now + PAUSE);
                    }
                }
            }
        }
        None
    }

    fn check_groups(&mut self) {
        for (id, Listener { socket, group, .. }) in &self.listeners {
            let joined = group.map_or(Ok(()), |group| udp::check_joined(socket, group, None));
            self.failed.extend(joined.err().map(|error| (*id, sender::failed(error))));
        }
    }

    /// Whether nothing more may be read in this portion.
    fn spent(&self) -> bool {
        self.left.0 == 0 || self.left.1 == 0
    }

    /// Decodes a datagram of this many bytes, as far as they are in the buffer.
    fn understand(&self, origin: Origin, bytes: usize) -> Event {
        // A datagram that was cut is longer than any command.
        let commands: Option<Vec<Command>> = self.buffer.get(..bytes).and_then(control::decode);
        match commands {
            Some(commands) => Event::Command(origin, commands),
            None => Event::Invalid(origin),
        }
    }
}

impl EventSource for Sockets {
    fn work(&mut self, now: MonoTime, _: &mut Shared) {
        Sockets::work(self, now);
    }

    fn next_event(&mut self, _: &mut Shared) -> Option<Event> {
        self.hear(clock::now())
    }

    fn more(&self, _: &Shared) -> bool {
        Sockets::more(self)
    }

    fn deadline(&self) -> Option<MonoTime> {
        Sockets::deadline(self)
    }
}

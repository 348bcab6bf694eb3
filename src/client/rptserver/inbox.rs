//! Passes datagrams from the socket to the fleet, in portions; counts those that are not reports.

use super::log::StderrLine;
use crate::fleet::{Fleet, FleetNote};
use crate::model::{Level, MonoTime};
use crate::sys::udp::Received;
use crate::wire::report;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// How many datagrams are read before other work has its turn.
pub(super) const BUDGET: usize = 256;
/// Larger than any datagram.
const DATAGRAM_BYTES: usize = 65_536;
/// The pause after an error of the socket.
const PAUSE: Duration = Duration::from_millis(20);
/// How often rubbish is logged.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where datagrams come from.
pub(super) trait DatagramSource {
    /// Receives one without waiting.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Checks the source itself and repairs it, if that is due.
    fn care(&mut self, _now: MonoTime, _lines: &mut Vec<StderrLine>) {}

    /// When that is due.
    fn deadline(&self) -> Option<MonoTime> {
        None
    }
}

impl<F: FnMut(&mut [u8]) -> io::Result<Received>> DatagramSource for F {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        self(buffer)
    }
}

/// Reads the socket, and knows whether there may be more.
pub(super) struct Inbox {
    socket: Box<dyn DatagramSource>,
    buffer: Vec<u8>,
    backlog: Unread,
    rubbish: Rubbish,
}

/// What may be left in the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    /// Nothing; the poll reports what arrives.
    None,
    /// Something.
    Some,
    /// Reading failed, and is tried again at this moment.
    Pause(MonoTime),
}

impl Inbox {
    pub(super) fn new(socket: Box<dyn DatagramSource>) -> Inbox {
        let rubbish = Rubbish { count: 0, last: None, told: None };
        Inbox { socket, buffer: vec![0; DATAGRAM_BYTES], backlog: Unread::None, rubbish }
    }

    /// There may be something to read: the poll has reported it, or another look does no harm.
    pub(super) fn ready(&mut self) {
        if self.backlog == Unread::None {
            self.backlog = Unread::Some;
        }
    }

    /// Whether everything that has arrived was read.
    pub(super) fn is_drained(&self) -> bool {
        self.backlog == Unread::None
    }

    pub(super) fn deadline(&self) -> Option<MonoTime> {
        let look = match self.backlog {
            Unread::None => None,
            Unread::Some => Some(MonoTime::ZERO),
            Unread::Pause(moment) => Some(moment),
        };
        [look, self.rubbish.deadline(), self.socket.deadline()].into_iter().flatten().min()
    }

    /// Reads a portion.
    pub(super) fn work(
        &mut self,
        now: MonoTime,
        fleet: &mut Fleet,
        notes: &mut Vec<FleetNote>,
        lines: &mut Vec<StderrLine>,
    ) {
        self.socket.care(now, lines);
        match self.backlog {
            Unread::Some => self.receive(now, fleet, notes),
            Unread::Pause(until) if until <= now => {
                self.backlog = Unread::Some;
                self.receive(now, fleet, notes);
            }
            Unread::None | Unread::Pause(_) => {}
        }
        self.rubbish.tell(now, lines);
    }

    fn receive(&mut self, now: MonoTime, fleet: &mut Fleet, notes: &mut Vec<FleetNote>) {
        for _ in 0..BUDGET {
            let received = match self.socket.receive(&mut self.buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    let drained = error.kind() == ErrorKind::WouldBlock;
                    self.backlog = if drained { Unread::None } else { Unread::Pause(now + PAUSE) };
                    return;
                }
            };
            match self.buffer.get(..received.bytes).and_then(report::decode) {
                Some(datagram) => {
                    let from = received.from.ip().to_canonical();
                    fleet.receive(now, from, &datagram.head, &mut datagram.jobs(), notes);
                }
                // Never answered: with a forged source address, the answer would bother another host.
                None => self.rubbish.add(received.from),
            }
        }
    }
}

/// Datagrams that are not reports.
struct Rubbish {
    /// Those that have not been logged.
    count: u64,
    /// The sender of the last one.
    last: Option<SocketAddr>,
    /// When rubbish was last logged.
    told: Option<MonoTime>,
}

impl Rubbish {
    fn add(&mut self, from: SocketAddr) {
        self.count = self.count.saturating_add(1);
        self.last = Some(SocketAddr::new(from.ip().to_canonical(), from.port()));
    }

    fn deadline(&self) -> Option<MonoTime> {
        // The first one is logged in the same turn in which it is counted.
        self.told.filter(|_| self.count > 0).map(|told| told + TOLD_EVERY)
    }

    fn tell(&mut self, now: MonoTime, lines: &mut Vec<StderrLine>) {
        let due = self.told.is_none_or(|told| told + TOLD_EVERY <= now);
        let Some(last) = self.last.filter(|_| due && self.count > 0) else { return };
        let text = match self.count {
            1 => format!("1 datagram that is not a report, from {last}"),
            count => format!("{count} datagrams that are not reports, the last from {last}"),
        };
        lines.push(StderrLine::new(Level::Warning, text));
        self.count = 0;
        self.told = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> MonoTime {
        MonoTime::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn rubbish_is_logged_at_once_and_then_once_a_minute() {
        let mut rubbish = Rubbish { count: 0, last: None, told: None };
        let mut lines = Vec::new();
        let from: SocketAddr = "[::ffff:192.0.2.9]:4711".parse().unwrap();
        rubbish.tell(at(1), &mut lines);
        rubbish.add(from);
        rubbish.tell(at(1), &mut lines);
        assert_eq!(rubbish.deadline(), None);
        for second in 2..200 {
            rubbish.add(from);
            rubbish.tell(at(second), &mut lines);
        }
        assert_eq!(rubbish.deadline(), Some(at(241)));
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        let many = "60 datagrams that are not reports, the last from 192.0.2.9:4711";
        assert_eq!(texts, ["1 datagram that is not a report, from 192.0.2.9:4711", many, many, many]);
    }
}

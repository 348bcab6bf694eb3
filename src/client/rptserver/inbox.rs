//! Datagrams from the socket to the fleet, in portions; what is no report is counted.

use super::log::StderrLine;
use crate::fleet::{Fleet, FleetNote};
use crate::model::{Level, MonoTime};
use crate::sys::udp::Received;
use crate::wire::report;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// How many datagrams are taken before others have their turn.
pub(super) const BUDGET: usize = 256;
/// More than any datagram has.
const DATAGRAM_BYTES: usize = 65_536;
/// A socket that fails for a reason of its own is left alone for so long.
const PAUSE: Duration = Duration::from_millis(20);
/// How often rubbish is told of.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where datagrams come from.
pub(super) trait DatagramSource {
    /// Receives one, without ever waiting for it.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Looks after the source itself, if that is due.
    fn care(&mut self, _now: MonoTime, _lines: &mut Vec<StderrLine>) {}

    /// When it is.
    fn deadline(&self) -> Option<MonoTime> {
        None
    }
}

impl<F: FnMut(&mut [u8]) -> io::Result<Received>> DatagramSource for F {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        self(buffer)
    }
}

/// What comes in.
pub(super) struct Inbox {
    socket: Box<dyn DatagramSource>,
    buffer: Vec<u8>,
    backlog: Unread,
    rubbish: Rubbish,
}

/// What may be left in the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    /// Nothing; the poll tells of what comes.
    None,
    /// Something.
    Some,
    /// It failed, and is looked at again at this moment.
    Pause(MonoTime),
}

impl Inbox {
    pub(super) fn new(socket: Box<dyn DatagramSource>) -> Inbox {
        let rubbish = Rubbish { count: 0, last: None, told: None };
        Inbox { socket, buffer: vec![0; DATAGRAM_BYTES], backlog: Unread::None, rubbish }
    }

    /// There may be something: the poll has told so, or it is as well to look.
    pub(super) fn ready(&mut self) {
        if self.backlog == Unread::None {
            self.backlog = Unread::Some;
        }
    }

    /// Whether all that has come was read.
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

    /// Takes a portion.
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
                // Never answered: it could have been sent under another's address, to have us bother him.
                None => self.rubbish.add(received.from),
            }
        }
    }
}

/// Datagrams that are no reports.
struct Rubbish {
    /// Those that were not told of.
    count: u64,
    /// Who sent the last of them.
    last: Option<SocketAddr>,
    /// When it was told of last.
    told: Option<MonoTime>,
}

impl Rubbish {
    fn add(&mut self, from: SocketAddr) {
        self.count = self.count.saturating_add(1);
        self.last = Some(SocketAddr::new(from.ip().to_canonical(), from.port()));
    }

    fn deadline(&self) -> Option<MonoTime> {
        // With none told of yet, what is counted was told in the same turn.
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
    fn rubbish_is_told_at_once_and_then_once_a_minute() {
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

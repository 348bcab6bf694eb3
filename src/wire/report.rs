//! Reports: a first line that names the host, then a line for each job.
//!
//! ```text
//! report HOSTNAME [ADDRESS] [part I/N SERIAL]
//! NAME e|d SECONDS PID PATH
//! ```
//!
//! Senders of the first generation write only `report` in the first line, and leave out pid and path.

use super::{is_blank, is_control, number, words};
use crate::model::{Head, JobLine, Part, Pid, ReportedProcess};
use std::io::Write;
use std::net::IpAddr;
use std::ops::Range;

/// A longer report is split.
pub const MAX_REPORT_BYTES: usize = 1_400;
/// The longest name of a host or job that is accepted.
const MAX_NAME_BYTES: usize = 255;

/// One datagram of a report, known to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Its first line.
    pub head: Head<'a>,
    body: &'a [u8],
}

/// Appends one job's line. Bytes that would end the name or the line, or that a terminal would obey, become `?`.
pub fn encode_line(line: &JobLine<'_>, body: &mut Vec<u8>) {
    let pid = match line.process {
        ReportedProcess::Pid(pid) => pid.as_raw(),
        ReportedProcess::None | ReportedProcess::Unsaid => 0,
    };
    let state = if line.enabled { 'e' } else { 'd' };
    clean(line.name, is_blank, body);
    // Writing to a Vec can't fail.
    let _ = write!(body, " {state} {} {pid} ", line.seconds);
    clean(line.path, |_| false, body);
    body.push(b'\n');
}

fn clean(text: &[u8], also: fn(u8) -> bool, to: &mut Vec<u8>) {
    to.extend(text.iter().map(|byte| if is_control(*byte) || also(*byte) { b'?' } else { *byte }));
}

/// A report, split into datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    head: Vec<u8>,
    serial: u64,
    /// The lines of each datagram; a line that is too long for any datagram has one to itself.
    parts: Vec<Range<usize>>,
}

impl Split {
    /// Splits a report, whose lines are `body`, at line ends.
    pub fn new(host: &[u8], interface: Option<IpAddr>, serial: u64, body: &[u8]) -> Split {
        let mut head = b"report ".to_vec();
        match host.get(..MAX_NAME_BYTES).unwrap_or(host) {
            // The name must not be missing: the reader would take the next word for it.
            [] => head.extend_from_slice(b"?"),
            host => clean(host, is_blank, &mut head),
        }
        if let Some(address) = interface {
            let _ = write!(head, " {address}");
        }
        let mut parts = Vec::new();
        if head.len() + 1 + body.len() > MAX_REPORT_BYTES {
            // With the most digits that the numbers can have, so that the room does not depend on the number of parts.
            let longest = format!(" part {}/{} {serial}\n", body.len(), body.len());
            let room = MAX_REPORT_BYTES.saturating_sub(head.len() + longest.len());
            let mut rest = 0..body.len();
            while let Some(left) = body.get(rest.clone()).filter(|left| !left.is_empty()) {
                let fits = left.get(..room).and_then(|left| left.iter().rposition(|byte| *byte == b'\n'));
                // The rest may fit whole, or begin with a line that is longer than the room.
                let end = fits
                    .filter(|_| left.len() > room)
                    .or_else(|| left.iter().position(|byte| *byte == b'\n').filter(|_| left.len() > room));
                let bytes = end.map_or(left.len(), |end| end + 1);
                parts.push(rest.start..rest.start + bytes);
                rest.start += bytes;
            }
        }
        if parts.len() < 2 {
            parts.clear();
            parts.push(0..body.len());
        }
        Split { head, serial, parts }
    }

    /// The number of datagrams.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Never true: a report without jobs is one datagram.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Replaces the contents of `datagram` with the datagram of this index, from 0.
    pub fn datagram(&self, index: usize, body: &[u8], datagram: &mut Vec<u8>) {
        datagram.clear();
        let Some(lines) = self.parts.get(index).and_then(|range| body.get(range.clone())) else { return };
        datagram.extend_from_slice(&self.head);
        if self.parts.len() > 1 {
            let _ = write!(datagram, " part {}/{} {}", index + 1, self.parts.len(), self.serial);
        }
        datagram.push(b'\n');
        datagram.extend_from_slice(lines);
    }
}

/// Decodes a datagram; `None` if it is not a report, or if one of its lines is malformed.
pub fn decode(datagram: &[u8]) -> Option<Datagram<'_>> {
    let (first, body) = match datagram.iter().position(|byte| *byte == b'\n') {
        Some(end) => (datagram.get(..end)?, datagram.get(end + 1..)?),
        None => (datagram, &b""[..]),
    };
    let head = head(first)?;
    // The last line may lack its newline: some senders leave it out.
    lines(body).all(|line| line_of(line).is_some()).then_some(Datagram { head, body })
}

impl<'a> Datagram<'a> {
    pub fn jobs(&self) -> impl Iterator<Item = JobLine<'a>> + use<'a> {
        lines(self.body).filter_map(line_of)
    }
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.strip_suffix(b"\n").unwrap_or(body).split(|byte| *byte == b'\n').filter(|_| !body.is_empty())
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    if line.iter().any(|byte| is_control(*byte)) {
        return None;
    }
    let mut words = words(line);
    if words.next()? != b"report" {
        return None;
    }
    let Some(host) = words.next() else { return Some(Head { host: None, interface: None, part: None }) };
    if host.len() > MAX_NAME_BYTES {
        return None;
    }
    let mut next = words.next();
    let mut interface = None;
    if let Some(address) = next.filter(|word| *word != b"part") {
        interface = Some(std::str::from_utf8(address).ok()?.parse().ok()?);
        next = words.next();
    }
    let part = match next {
        Some(b"part") => {
            let mut numbers = words.next()?.splitn(2, |byte| *byte == b'/');
            let (index, of) = (number(numbers.next()?)?, number(numbers.next()?)?);
            let serial = number(words.next()?)?;
            if index < 1 || index > of {
                return None;
            }
            Some(Part { index, of, serial })
        }
        Some(_) => return None,
        None => None,
    };
    words.next().is_none().then_some(Head { host: Some(host), interface, part })
}

fn line_of(line: &[u8]) -> Option<JobLine<'_>> {
    if line.iter().any(|byte| is_control(*byte)) {
        return None;
    }
    let mut fields = line.splitn(5, |byte| *byte == b' ');
    let name = fields.next().filter(|name| !name.is_empty() && name.len() <= MAX_NAME_BYTES)?;
    let enabled = match fields.next()? {
        b"e" => true,
        b"d" => false,
        _ => return None,
    };
    let seconds = number(fields.next()?)?;
    let process = match fields.next() {
        None => ReportedProcess::Unsaid,
        Some(b"0") => ReportedProcess::None,
        Some(pid) => ReportedProcess::Pid(Pid::new(number(pid)?)?),
    };
    Some(JobLine { name, enabled, seconds, process, path: fields.next().unwrap_or_default() })
}

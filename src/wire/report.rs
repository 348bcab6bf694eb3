//! Reports: a line that says whose it is, then a line for each job.
//!
//! ```text
//! report HOSTNAME [ADDRESS] [part I/N SERIAL]
//! NAME e|d SECONDS PID PATH
//! ```
//!
//! The first generation of senders says `report` alone and leaves out pid and path.

use super::{is_blank, is_control, number, words};
use crate::model::{Head, JobLine, Part, Pid, ReportedProcess};
use std::io::Write;
use std::net::IpAddr;
use std::ops::Range;

/// What exceeds this is split.
pub const MAX_REPORT_BYTES: usize = 1_400;
/// The longest name of a host or job that is believed.
const MAX_NAME_BYTES: usize = 255;

/// One datagram of a report, known to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Its first line.
    pub head: Head<'a>,
    body: &'a [u8],
}

/// Appends one job's line. What would end the line or be obeyed by a terminal becomes `?`.
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

/// A report as the datagrams that it is sent in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    head: Vec<u8>,
    serial: u64,
    /// The lines of each datagram; one that is too long for any is alone in its own.
    parts: Vec<Range<usize>>,
}

impl Split {
    /// Divides a report, whose lines are `body`, at ends of lines.
    pub fn new(host: &[u8], interface: Option<IpAddr>, serial: u64, body: &[u8]) -> Split {
        let mut head = b"report ".to_vec();
        match host.get(..MAX_NAME_BYTES).unwrap_or(host) {
            // The word must not be missing: what follows would be taken for it.
            [] => head.extend_from_slice(b"?"),
            host => clean(host, is_blank, &mut head),
        }
        if let Some(address) = interface {
            let _ = write!(head, " {address}");
        }
        let mut parts = Vec::new();
        if head.len() + 1 + body.len() > MAX_REPORT_BYTES {
            // So many digits as the numbers can have, lest the room depend on the number of parts.
            let longest = format!(" part {}/{} {serial}\n", body.len(), body.len());
            let room = MAX_REPORT_BYTES.saturating_sub(head.len() + longest.len());
            let mut rest = 0..body.len();
            while let Some(left) = body.get(rest.clone()).filter(|left| !left.is_empty()) {
                let fits = left.get(..room).and_then(|left| left.iter().rposition(|byte| *byte == b'\n'));
                // The rest is all of it, or begins with a line that is longer than the room.
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

    /// How many datagrams it takes.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Never: a report without jobs is a datagram as well.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Puts the datagram with this index, from 0, in place of what is in `datagram`.
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

/// Reads a datagram; `None` when it is no report, or one line of it is not as it should be.
pub fn decode(datagram: &[u8]) -> Option<Datagram<'_>> {
    let (first, body) = match datagram.iter().position(|byte| *byte == b'\n') {
        Some(end) => (datagram.get(..end)?, datagram.get(end + 1..)?),
        None => (datagram, &b""[..]),
    };
    let head = head(first)?;
    // The last line may lack its end, as some senders leave it out.
    lines(body).all(|line| line_of(line).is_some()).then_some(Datagram { head, body })
}

impl<'a> Datagram<'a> {
    /// The jobs.
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

//! What a child writes about itself into the state file, so that it is found if we are killed.
//!
//! One call writes a record from two parts: first what only the child knows, then what was prepared before it was
//! made. One checksum covers both.
//!
//! Later, the parent may see that some process of the job is alive, even if the main process is not. Then it writes
//! this time in place of the child's own. A process that has the job's session and was created before that time
//! belongs to the job.

use super::calls::{self, Done};
use crate::model::{JobName, Pid};
use libc::c_int;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The size of a record.
pub const RECORD_BYTES: usize = OWN_BYTES + GIVEN_BYTES;
/// The time in the child, its pid, the checksum.
const OWN_BYTES: usize = 3 * 8;
/// The time before the child was made, the length of the name, the name.
const GIVEN_BYTES: usize = 8 + 1 + NAME_BYTES;
const NAME_BYTES: usize = 255;

/// Where a child writes its record.
#[derive(Clone, Copy, Debug)]
pub struct RecordPlace<'a> {
    /// The state file.
    pub file: BorrowedFd<'a>,
    /// Where in it.
    pub offset: u64,
}

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// It is the main process of a job.
    Job,
    /// It runs a command on behalf of a job.
    Helper,
    /// It writes the output of jobs to files.
    Log,
}

/// A record as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the process is for.
    pub kind: RecordKind,
    /// The process, which leads its session.
    pub pid: Pid,
    /// The name of the job that it belongs to.
    pub name: JobName,
    /// A time before the process was created, in nanoseconds since the machine was started.
    pub before_nanos: u64,
    /// A time when it was alive: the first one, or the last one if it was seen alive later.
    pub after_nanos: u64,
    /// Whether it was seen alive later. By then the main process may have ended, but some process had its session.
    pub seen: bool,
}

// The word of the pid, from its lowest bit: 31 bits for the pid, one that is zero, one for "seen", two for the kind.
/// Set in the record of what was seen alive later.
const SEEN: u64 = 1 << 32;
const KIND_SHIFT: u32 = 33;
const KIND_BITS: u64 = 3;

/// The part of a record that is prepared before the child is made.
pub(super) struct RecordBody {
    kind: RecordKind,
    given: [u8; GIVEN_BYTES],
    sum: u64,
}

/// What a child needs to write its record.
#[derive(Clone, Copy)]
pub(super) struct RecordWriter<'a> {
    pub(super) file: c_int,
    pub(super) offset: libc::off_t,
    pub(super) body: &'a RecordBody,
    /// Our pid. If this is no longer the child's parent, nobody knows of the child.
    pub(super) parent: c_int,
}

impl RecordBody {
    /// Prepares the record of a child that is made after this moment.
    pub(super) fn new(kind: RecordKind, name: &JobName, before_nanos: u64) -> RecordBody {
        let name = name.as_bytes();
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let mut given = [0; GIVEN_BYTES];
        let parts = before_nanos.to_le_bytes().into_iter().chain([length]).chain(name.iter().copied());
        given.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        RecordBody { kind, sum: sum(&given), given }
    }

    /// The child's own part.
    fn own(&self, pid: u64, after_nanos: u64) -> [u64; 3] {
        let pid = pid | code(self.kind) << KIND_SHIFT;
        [after_nanos.to_le(), pid.to_le(), mix(mix(self.sum, after_nanos), pid).to_le()]
    }
}

impl<'a> RecordWriter<'a> {
    pub(super) fn new(place: RecordPlace<'a>, body: &'a RecordBody, parent: Pid) -> Option<RecordWriter<'a>> {
        let (file, offset) = (place.file.as_raw_fd(), libc::off_t::try_from(place.offset).ok()?);
        Some(RecordWriter { file, offset, body, parent: parent.as_raw() })
    }

    /// In the child, which has this pid: writes the record, then checks that the parent is still there, so that
    /// somebody knows of the child. A child that cannot write starts all the same: the parent has made room and
    /// reported a failure.
    pub(super) fn leave(&self, pid: c_int) -> Done {
        let own = self.body.own(u64::from(pid.cast_unsigned()), calls::since_start());
        calls::write_two(self.file, &own, &self.body.given, self.offset);
        calls::is_child_of(self.parent)
    }
}

/// The record in these bytes. None if there is none, as where nothing was ever written.
pub fn decode(bytes: &[u8; RECORD_BYTES]) -> Option<Record> {
    let (own, given) = bytes.split_first_chunk::<OWN_BYTES>()?;
    let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let (after_nanos, raw_pid, told) = (number(own)?, number(own.get(8..)?)?, number(own.get(16..)?)?);
    if told != mix(mix(sum(given), after_nanos), raw_pid) {
        return None;
    }
    let before_nanos = number(given)?;
    let (length, name) = given.get(8..)?.split_first()?;
    let (name, rest) = name.split_at_checked(usize::from(*length))?;
    let fits = !name.is_empty() && !name.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0);
    if !fits || rest.iter().any(|byte| *byte != 0) || after_nanos < before_nanos {
        return None;
    }
    let kind = kind(raw_pid >> KIND_SHIFT & KIND_BITS)?;
    let pid = Pid::new(i32::try_from(raw_pid & !SEEN & !(KIND_BITS << KIND_SHIFT)).ok()?)?;
    let (name, seen) = (JobName::new(name), raw_pid & SEEN != 0);
    Some(Record { kind, pid, name, before_nanos, after_nanos, seen })
}

/// Job is zero: records of earlier versions have no kind and are those of jobs.
fn code(kind: RecordKind) -> u64 {
    match kind {
        RecordKind::Job => 0,
        RecordKind::Helper => 1,
        RecordKind::Log => 2,
    }
}

fn kind(code: u64) -> Option<RecordKind> {
    match code {
        0 => Some(RecordKind::Job),
        1 => Some(RecordKind::Helper),
        2 => Some(RecordKind::Log),
        _ => None,
    }
}

/// The bytes of a record, as a child writes it or as its parent writes it later.
pub fn encode(record: &Record) -> [u8; RECORD_BYTES] {
    let body = RecordBody::new(record.kind, &record.name, record.before_nanos);
    let pid = u64::from(record.pid.as_raw().unsigned_abs());
    let own = body.own(if record.seen { pid | SEEN } else { pid }, record.after_nanos);
    let mut bytes = [0; RECORD_BYTES];
    let parts = own.into_iter().flat_map(u64::to_ne_bytes).chain(body.given);
    bytes.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    bytes
}

/// A checksum against torn or foreign data. It need not resist an attacker, because only we can write the file.
pub fn sum(bytes: &[u8]) -> u64 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
        u64::from_le_bytes(word)
    };
    bytes.chunks(8).fold(0xcbf2_9ce4_8422_2325, |sum, bytes| mix(sum, word(bytes)))
}

fn mix(sum: u64, part: u64) -> u64 {
    (sum ^ part).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &[u8]) -> Record {
        let pid = Pid::new(4711).unwrap();
        let (kind, name) = (RecordKind::Job, JobName::new(name));
        Record { kind, pid, name, before_nanos: 5, after_nanos: u64::MAX, seen: false }
    }

    #[test]
    fn a_record_survives_its_way_whatever_the_name() {
        for name in [&b"a"[..], b"web", &[0xff; 255]] {
            for kind in [RecordKind::Job, RecordKind::Helper, RecordKind::Log] {
                let young = Record { kind, ..record(name) };
                let seen = Record { seen: true, after_nanos: 9, ..young.clone() };
                for record in [young, seen] {
                    assert_eq!(decode(&encode(&record)), Some(record));
                }
            }
        }
    }

    #[test]
    fn one_byte_that_is_another_makes_it_no_record() {
        let bytes = encode(&record(b"web"));
        for place in 0..RECORD_BYTES {
            for change in [1, 0x80, 0xff] {
                let mut other = bytes;
                other[place] ^= change;
                assert_eq!(decode(&other), None, "byte {place}");
            }
        }
        assert_eq!(decode(&[0; RECORD_BYTES]), None);
    }

    #[test]
    fn what_no_child_writes_is_no_record_even_with_its_checksum() {
        let zero = Record { after_nanos: 4, ..record(b"web") };
        for odd in [record(b""), record(b"two words"), record(b"nul\0"), zero] {
            assert_eq!(decode(&encode(&odd)), None);
        }
        let body = RecordBody::new(RecordKind::Job, &JobName::new(b"web"), 5);
        // The last but one would be of a fourth kind.
        for pid in [0, 1 << 31, SEEN, 1 << 31 | SEEN, 7 | 1 << 35, 7 | 3 << KIND_SHIFT, u64::MAX] {
            let own = body.own(pid, 6).into_iter().flat_map(u64::to_ne_bytes);
            let bytes: Vec<u8> = own.chain(body.given).collect();
            assert_eq!(decode(bytes[..].try_into().unwrap()), None, "{pid}");
        }
    }
}

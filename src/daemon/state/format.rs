//! The bytes of a state file: a head that says whose it is, then the records of the jobs by their numbers. A reader
//! trusts nothing: what is not right in every respect counts as not there.
//!
//! Files of all earlier versions are read, because an upgrade after a crash would otherwise run each job twice.
//! Whatever an earlier pmtr would misread needs a new version number: it then says that the file is from another
//! version. The first version has no `CLOCK`. The first and second have records of jobs only.

use crate::sys::record::{self, RECORD_BYTES, Record, RecordKind};
use std::fmt;

/// More jobs are not recorded.
pub const RECORDS: u32 = 65_536;
/// Where the first record stands.
pub const HEAD_BYTES: usize = FIRST_HEAD_BYTES + 8;
/// The longest file. A longer one is not ours.
pub const LONGEST_BYTES: u64 = HEAD_BYTES as u64 + RECORDS as u64 * RECORD_BYTES as u64;
/// Paths of configurations are never longer.
pub const PATH_BYTES: usize = 4096;

const MAGIC: &[u8; 16] = b"pmtr state 3\n\0\0\0";
const SECOND_MAGIC: &[u8; 16] = b"pmtr state 2\n\0\0\0";
const FIRST_MAGIC: &[u8; 16] = b"pmtr state 1\n\0\0\0";
const FIRST_HEAD_BYTES: usize = PATH + PATH_BYTES + 8;
const BOOT_BYTES: usize = 40;
const BOOT: usize = 16;
const NAMESPACE: usize = BOOT + BOOT_BYTES;
const PID: usize = NAMESPACE + 8;
const LENGTH: usize = PID + 4;
const PATH: usize = LENGTH + 4;
const CLOCK: usize = PATH + PATH_BYTES;
/// An unknown clock.
const UNKNOWN: i64 = i64::MIN;

/// What the numbers of processes and the times in a file refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// The kernel's name of this run of the machine.
    pub boot: Vec<u8>,
    /// The pid namespace.
    pub namespace: u64,
    /// By how many nanoseconds the clock is ahead of that of the first time namespace. None if this is unknown.
    pub clock: Option<i64>,
}

/// The left-overs that a file lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Their times are those of the clock here.
    pub records: Vec<Record>,
    /// The number of damaged records.
    pub damaged: usize,
    /// Whether the times may be those of another clock.
    pub clock_unknown: bool,
}

/// Why a file cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Damaged,
    TooLong,
    OtherBoot,
    OtherNamespace,
    OtherPath,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unreadable::Damaged => "is damaged or from another version",
            Unreadable::TooLong => "is too long for a state file",
            Unreadable::OtherBoot => "was written before this machine booted",
            Unreadable::OtherNamespace => "was written in another pid namespace",
            Unreadable::OtherPath => "belongs to another configuration",
        })
    }
}

/// The head of the file of the pmtr `pid` with this configuration.
pub fn head(here: &Here, path: &[u8], pid: u32) -> Vec<u8> {
    let mut bytes = vec![0; HEAD_BYTES];
    let length = u32::try_from(path.len()).unwrap_or(u32::MAX);
    for (at, part) in [
        (0, &MAGIC[..]),
        (BOOT, here.boot.get(..BOOT_BYTES).unwrap_or(&here.boot)),
        (NAMESPACE, &here.namespace.to_le_bytes()),
        (PID, &pid.to_le_bytes()),
        (LENGTH, &length.to_le_bytes()),
        (PATH, path),
        (CLOCK, &here.clock.unwrap_or(UNKNOWN).to_le_bytes()),
    ] {
        bytes.iter_mut().skip(at).zip(part).for_each(|(place, byte)| *place = *byte);
    }
    let sum = record::sum(bytes.get(..HEAD_BYTES - 8).unwrap_or_default());
    bytes.iter_mut().skip(HEAD_BYTES - 8).zip(sum.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    bytes
}

/// The pmtr that wrote the head, if it is one.
pub fn writer(bytes: &[u8]) -> Option<u32> {
    number(split(bytes)?.0, PID)
}

/// The head of any version, without its checksum, and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let versions = [(MAGIC, HEAD_BYTES), (SECOND_MAGIC, HEAD_BYTES), (FIRST_MAGIC, FIRST_HEAD_BYTES)];
    let (_, length) = versions.into_iter().find(|(magic, _)| bytes.starts_with(*magic))?;
    let (head, rest) = bytes.split_at_checked(length)?;
    let (head, sum) = head.split_last_chunk()?;
    (u64::from_le_bytes(*sum) == record::sum(head)).then_some((head, rest))
}

/// The contents of a file of this configuration, or of any. An empty file has none.
pub fn decode(bytes: &[u8], here: &Here, path: Option<&[u8]>) -> Result<Contents, Unreadable> {
    if bytes.is_empty() {
        return Ok(Contents::default());
    }
    let (head, rest) = split(bytes).ok_or(Unreadable::Damaged)?;
    let boot = head.get(BOOT..NAMESPACE).ok_or(Unreadable::Damaged)?;
    let namespace = head.get(NAMESPACE..).and_then(<[u8]>::first_chunk).ok_or(Unreadable::Damaged)?;
    let length = number(head, LENGTH).and_then(|length| usize::try_from(length).ok());
    let told =
        length.filter(|length| *length <= PATH_BYTES).and_then(|length| head.get(PATH..)?.get(..length));
    let told = told.ok_or(Unreadable::Damaged)?;
    if path.is_some_and(|path| path != told) {
        return Err(Unreadable::OtherPath);
    }
    let boot = boot.split(|byte| *byte == 0).next().unwrap_or_default();
    if here.boot.is_empty() || boot != here.boot {
        return Err(Unreadable::OtherBoot);
    }
    if u64::from_le_bytes(*namespace) != here.namespace {
        return Err(Unreadable::OtherNamespace);
    }
    let clock = match head.get(CLOCK..).and_then(<[u8]>::first_chunk) {
        Some(clock) => Some(i64::from_le_bytes(*clock)).filter(|clock| *clock != UNKNOWN),
        // The first version does not say. If we are in the first time namespace, the writer probably was too.
        None => Some(0).filter(|_| here.clock == Some(0)),
    };
    let ahead = here.clock.zip(clock).map(|(here, there)| here.wrapping_sub(there));
    let has_kinds = head.starts_with(MAGIC);
    let mut told = Contents { clock_unknown: ahead.is_none(), ..Contents::default() };
    for bytes in rest.chunks(RECORD_BYTES).filter(|bytes| bytes.iter().any(|byte| *byte != 0)) {
        let record = bytes.try_into().ok().and_then(record::decode);
        match record.filter(|record| has_kinds || record.kind == RecordKind::Job) {
            Some(record) => told.records.push(moved(record, ahead.unwrap_or(0))),
            None => told.damaged += 1,
        }
    }
    Ok(told)
}

/// The record with the times of a clock that is ahead by this many nanoseconds. They wrap, as they do in the kernel: a
/// process born before the clock's zero has a very large time.
fn moved(record: Record, ahead: i64) -> Record {
    let moved = |nanos: u64| nanos.wrapping_add_signed(ahead);
    Record { before_nanos: moved(record.before_nanos), after_nanos: moved(record.after_nanos), ..record }
}

/// The name of the file of this configuration.
pub fn file_name(path: &[u8]) -> Vec<u8> {
    let base = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let base = base.get(..200).unwrap_or(base);
    [base, format!("-{:016x}.state", record::sum(path)).as_bytes()].concat()
}

fn number(head: &[u8], at: usize) -> Option<u32> {
    head.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

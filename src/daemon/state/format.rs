//! The bytes of a state file: a head that says whose it is, then the records of the jobs by their numbers.
//! What is read is mistrusted; what does not fit in every respect counts as not there.

use crate::sys::record::{self, RECORD_BYTES, Record};
use std::fmt;

/// More jobs are not recorded.
pub const RECORDS: u32 = 65_536;
/// Where the first record stands.
pub const HEAD_BYTES: usize = PATH + PATH_BYTES + 8;
/// A longer file is none of ours.
pub const LONGEST_BYTES: u64 = HEAD_BYTES as u64 + RECORDS as u64 * RECORD_BYTES as u64;
/// Paths of configurations are never longer.
pub const PATH_BYTES: usize = 4096;

const MAGIC: &[u8; 16] = b"pmtr state 1\n\0\0\0";
const BOOT_BYTES: usize = 40;
const BOOT: usize = 16;
const NAMESPACE: usize = BOOT + BOOT_BYTES;
const PID: usize = NAMESPACE + 8;
const LENGTH: usize = PID + 4;
const PATH: usize = LENGTH + 4;

/// What the numbers of processes in a file refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// The kernel's name of this run of the machine.
    pub boot: Vec<u8>,
    /// The pid namespace.
    pub namespace: u64,
}

/// Why a file tells nothing about left-overs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    Damaged,
    TooLong,
    OtherBoot,
    OtherNamespace,
    OtherPath,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Odd::Damaged => "is damaged or no state file of this version",
            Odd::TooLong => "is too long for a state file",
            Odd::OtherBoot => "was written before this machine was started",
            Odd::OtherNamespace => "was written in another pid namespace",
            Odd::OtherPath => "belongs to another configuration",
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
    ] {
        bytes.iter_mut().skip(at).zip(part).for_each(|(place, byte)| *place = *byte);
    }
    let sum = record::sum(bytes.get(..PATH + PATH_BYTES).unwrap_or_default());
    bytes.iter_mut().skip(PATH + PATH_BYTES).zip(sum.to_le_bytes()).for_each(|(place, byte)| *place = byte);
    bytes
}

/// The pmtr that wrote the head, if it is one.
pub fn writer(bytes: &[u8]) -> Option<u32> {
    let (head, sum) = bytes.get(..HEAD_BYTES)?.split_last_chunk::<8>()?;
    let good = head.starts_with(MAGIC) && u64::from_le_bytes(*sum) == record::sum(head);
    good.then_some(number(head, PID)?)
}

/// The records of a file of this configuration, and how many are damaged. An empty file has none.
pub fn decode(bytes: &[u8], here: &Here, path: &[u8]) -> Result<(Vec<Record>, usize), Odd> {
    if bytes.is_empty() {
        return Ok((Vec::new(), 0));
    }
    writer(bytes).ok_or(Odd::Damaged)?;
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(Odd::Damaged)?;
    let boot = head.get(BOOT..NAMESPACE).ok_or(Odd::Damaged)?;
    let namespace = head.get(NAMESPACE..).and_then(<[u8]>::first_chunk).ok_or(Odd::Damaged)?;
    let length = number(head, LENGTH).and_then(|length| usize::try_from(length).ok());
    let told =
        length.filter(|length| *length <= PATH_BYTES).and_then(|length| head.get(PATH..)?.get(..length));
    if told.ok_or(Odd::Damaged)? != path {
        return Err(Odd::OtherPath);
    }
    let boot = boot.split(|byte| *byte == 0).next().unwrap_or_default();
    if here.boot.is_empty() || boot != here.boot {
        return Err(Odd::OtherBoot);
    }
    if u64::from_le_bytes(*namespace) != here.namespace {
        return Err(Odd::OtherNamespace);
    }
    let (mut records, mut damaged) = (Vec::new(), 0);
    for bytes in rest.chunks(RECORD_BYTES).filter(|bytes| bytes.iter().any(|byte| *byte != 0)) {
        match bytes.try_into().ok().and_then(record::decode) {
            Some(record) => records.push(record),
            None => damaged += 1,
        }
    }
    Ok((records, damaged))
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

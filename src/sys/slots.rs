//! A small table in shared memory, in which children write how far they have come.
//!
//! A slot belongs to one child from before its birth until it is reaped. Only that child writes it; we read it. A
//! slot is one atomic word, so its parts always belong together, and relaxed order is enough.

use crate::model::{Errno, Pid, SpawnError, Stage};
use std::collections::BTreeMap;
use std::io;
use std::mem::discriminant;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// This many children may exist at once that are being started or were started as copies. Pages are used one by one,
/// because the lowest free slot is taken first.
const SLOTS: usize = 65_536;

// The word, from its lowest bit: 7 bits for the step, one for "declined", 8 for an index that the step has, 15 for
// errno, one for "failed", and 32 for a line of a file.
const INDEX_SHIFT: u32 = 8;
const ERRNO_SHIFT: u32 = 16;
const ERRNO_BITS: u64 = 0x7fff;
const LINE_SHIFT: u32 = 32;
/// No stage has this bit.
const DECLINED: u64 = 1 << 7;
const FAILED: u64 = 1 << 31;

/// Why a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) errno: Errno,
    /// The line of the file that is wrong. Zero if the reason is not about a line.
    pub(super) line: u32,
}

/// The table, and the owners of its slots.
pub(super) struct Slots {
    cells: NonNull<AtomicU64>,
    /// Slots that were used and given back.
    free: Vec<u32>,
    /// The slots from here on have never been used.
    untouched: u32,
    owners: BTreeMap<Pid, Ticket>,
}

/// The right to one slot. It is given back, or kept under the pid of the child that it was for.
#[derive(Debug)]
pub(super) struct Ticket(u32);

/// A slot as the child sees it.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a>(&'a AtomicU64);

impl Slot<'_> {
    /// Reports that the child has reached this step.
    pub(super) fn enter(self, stage: Stage) {
        self.0.store(code(stage), Relaxed);
    }

    /// Reports that the step entered last has failed.
    pub(super) fn fail(self, Reason { errno, line }: Reason) {
        let errno = u64::from(errno.0.cast_unsigned()) & ERRNO_BITS;
        self.0.fetch_or(FAILED | errno << ERRNO_SHIFT | u64::from(line) << LINE_SHIFT, Relaxed);
    }

    /// Reports that the step entered last may take long, so that a copy must do it.
    pub(super) fn decline(self) {
        self.0.fetch_or(DECLINED, Relaxed);
    }
}

impl Slots {
    pub(super) fn new() -> io::Result<Slots> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory that is in use.
        let memory =
            unsafe { libc::mmap(ptr::null_mut(), SLOTS * size_of::<AtomicU64>(), access, kind, -1, 0) };
        match NonNull::new(memory) {
            Some(memory) if memory.as_ptr() != libc::MAP_FAILED => {
                Ok(Slots { cells: memory.cast(), free: Vec::new(), untouched: 0, owners: BTreeMap::new() })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// A slot for a new child, if one is left.
    pub(super) fn take(&mut self) -> Option<Ticket> {
        let index = self.free.pop().or_else(|| {
            let next = self.untouched;
            self.cell(next)?;
            self.untouched = next.saturating_add(1);
            Some(next)
        })?;
        self.cell(index)?.store(0, Relaxed);
        Some(Ticket(index))
    }

    /// The slot as the child uses it.
    pub(super) fn slot(&self, ticket: &Ticket) -> Option<Slot<'_>> {
        self.cell(ticket.0).map(Slot)
    }

    /// Why the child failed, if it did.
    pub(super) fn failure(&self, ticket: &Ticket) -> Option<SpawnError> {
        failure(self.cell(ticket.0)?.load(Relaxed))
            .map(|(stage, Reason { errno, line })| SpawnError { stage: stage.at(stage.index(), line), errno })
    }

    /// Whether the child has reached its command and not failed there.
    pub(super) fn runs(&self, ticket: &Ticket) -> bool {
        self.cell(ticket.0).is_some_and(|cell| cell.load(Relaxed) == code(Stage::Exec))
    }

    /// Whether the child has declined a step.
    pub(super) fn is_declined(&self, ticket: &Ticket) -> bool {
        self.cell(ticket.0).is_some_and(|cell| cell.load(Relaxed) & DECLINED != 0)
    }

    /// Assigns the slot to this child until it is reaped.
    pub(super) fn keep(&mut self, pid: Pid, ticket: Ticket) {
        // If there is an earlier owner of this pid, it has been reaped without a call of `reaped`.
        if let Some(old) = self.owners.insert(pid, ticket) {
            self.give_back(old);
        }
    }

    /// Frees a slot that nobody writes now.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        self.free.push(ticket.0);
    }

    /// Frees the slot of a child that has been reaped. Returns why it failed, if it did.
    pub(super) fn reaped(&mut self, pid: Pid) -> Option<SpawnError> {
        let ticket = self.owners.remove(&pid)?;
        let failure = self.failure(&ticket);
        self.give_back(ticket);
        failure
    }

    /// How far the child has come.
    pub(super) fn stage(&self, pid: Pid) -> Option<Stage> {
        stage(self.cell(self.owners.get(&pid)?.0)?.load(Relaxed))
    }

    /// Whether the child has failed.
    pub(super) fn has_failed(&self, pid: Pid) -> bool {
        self.owners.get(&pid).is_some_and(|ticket| self.failure(ticket).is_some())
    }

    /// How many slots are in use.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.untouched as usize - self.free.len()
    }

    fn cell(&self, index: u32) -> Option<&AtomicU64> {
        // SAFETY: the mapping holds SLOTS of them, is aligned to a page, starts zeroed and lives as long as self.
        // Children write to it at the same time, which is what atomics are for.
        let cells = unsafe { std::slice::from_raw_parts(self.cells.as_ptr(), SLOTS) };
        cells.get(index as usize)
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone: every reference into it borrows self. Children have their own.
        unsafe { libc::munmap(self.cells.as_ptr().cast(), SLOTS * size_of::<AtomicU64>()) };
    }
}

/// A stage as its place in the list of all, from one, with its index above it.
fn code(stage: Stage) -> u64 {
    let place = Stage::ALL.iter().position(|known| discriminant(known) == discriminant(&stage));
    let number = place.map_or(0, |place| place as u64 + 1);
    number | u64::from(stage.index()) << INDEX_SHIFT
}

fn stage(value: u64) -> Option<Stage> {
    let [number, index, ..] = (value & !DECLINED).to_le_bytes();
    Some(Stage::ALL.get(usize::from(number).checked_sub(1)?)?.at(index, 0))
}

/// The step that has failed, and why.
fn failure(value: u64) -> Option<(Stage, Reason)> {
    let errno = (value >> ERRNO_SHIFT & ERRNO_BITS).try_into().map(Errno).ok()?;
    let line = (value >> LINE_SHIFT).try_into().ok()?;
    stage(value).filter(|_| value & FAILED != 0).map(|stage| (stage, Reason { errno, line }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FilePlace;

    fn reason(errno: i32, line: u32) -> Reason {
        Reason { errno: Errno(errno), line }
    }

    #[test]
    fn a_reason_survives_with_any_line_index_and_errno() {
        let mut slots = Slots::new().unwrap();
        let ticket = slots.take().unwrap();
        let slot = slots.slot(&ticket).unwrap();
        for stage in [Stage::Prepare, Stage::Exec, Stage::Limit(0), Stage::Limit(255)] {
            for line in [0, 1, 0x8000_0000, u32::MAX] {
                for errno in [0, libc::EACCES, 4095, 0x7fff] {
                    slot.enter(stage);
                    assert_eq!(failure(slot.0.load(Relaxed)), None);
                    slot.fail(reason(errno, line));
                    assert_eq!(failure(slot.0.load(Relaxed)), Some((stage, reason(errno, line))));
                    assert!(!slots.is_declined(&ticket));
                }
            }
        }
    }

    #[test]
    fn every_stage_survives_the_way_through_a_slot() {
        for some in Stage::ALL.iter().copied().chain([Stage::Limit(255)]) {
            assert_eq!(stage(code(some)), Some(some));
            assert_eq!(code(some) & (DECLINED | FAILED), 0);
        }
        assert_eq!((stage(0), stage(Stage::ALL.len() as u64 + 1)), (None, None));
    }

    #[test]
    fn a_line_reaches_the_error_of_a_step_that_reads_a_file() {
        let mut slots = Slots::new().unwrap();
        let ticket = slots.take().unwrap();
        slots.slot(&ticket).unwrap().enter(Stage::EnvFile(FilePlace { file: 255, line: 0 }));
        slots.slot(&ticket).unwrap().fail(reason(1, u32::MAX));
        let stage = Stage::EnvFile(FilePlace { file: 255, line: u32::MAX });
        assert_eq!(slots.failure(&ticket), Some(SpawnError { stage, errno: Errno(1) }));
    }

    #[test]
    fn a_slot_tells_the_step_and_whether_it_failed() {
        let mut slots = Slots::new().unwrap();
        let (pid, ticket) = (Pid::new(77).unwrap(), slots.take().unwrap());
        slots.slot(&ticket).unwrap().enter(Stage::Limit(3));
        assert_eq!(slots.failure(&ticket), None);
        slots.slot(&ticket).unwrap().fail(reason(libc::EPERM, 7));
        let error = SpawnError { stage: Stage::Limit(3), errno: Errno(libc::EPERM) };
        assert_eq!(slots.failure(&ticket), Some(error));
        assert!(!slots.is_declined(&ticket));
        slots.slot(&ticket).unwrap().decline();
        assert!(slots.is_declined(&ticket));
        assert_eq!(slots.failure(&ticket), Some(error));
        slots.keep(pid, ticket);
        assert_eq!(slots.stage(pid), Some(Stage::Limit(3)));
        assert_eq!(slots.reaped(pid), Some(error));
        assert_eq!((slots.reaped(pid), slots.used()), (None, 0));
    }

    #[test]
    fn a_slot_that_was_given_back_is_clean_when_taken_again() {
        let mut slots = Slots::new().unwrap();
        let ticket = slots.take().unwrap();
        slots.slot(&ticket).unwrap().enter(Stage::Exec);
        slots.slot(&ticket).unwrap().fail(reason(2, u32::MAX));
        slots.give_back(ticket);
        let again = slots.take().unwrap();
        assert_eq!(slots.failure(&again), None);
    }

    #[test]
    fn a_full_table_gives_none_and_a_forgotten_owner_loses_its_slot() {
        let mut slots = Slots::new().unwrap();
        let tickets: Vec<Ticket> = std::iter::from_fn(|| slots.take()).collect();
        assert_eq!(tickets.len(), SLOTS);
        for ticket in tickets {
            slots.keep(Pid::new(5).unwrap(), ticket);
        }
        assert_eq!(slots.used(), 1);
    }
}

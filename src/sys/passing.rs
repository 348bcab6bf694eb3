//! Open descriptors that a child gets besides its outputs: a pipe as standard input, and others by number.
//!
//! The child duplicates each to its number. If one of ours had a number that the child may have, it could be
//! overwritten first. So each is duplicated above those numbers before, where an error can be reported.

use super::child_fds::duplicate_from;
use super::child_spec::{ChildSpec, Passed};
use crate::model::{Errno, SpawnError, Stage};
use libc::c_int;
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// The numbers that a child may have.
const NUMBERS: RangeInclusive<u8> = 3..=9;
/// The first number that no child may have.
const ABOVE: c_int = 10;

/// One descriptor of ours and its number in the child.
#[derive(Clone, Copy)]
pub(super) struct Move {
    pub(super) from: c_int,
    pub(super) to: c_int,
}

/// What a child gets, kept while it is being made. For most children this is empty and costs nothing.
#[derive(Default)]
pub(super) struct Passing {
    duplicates: Vec<OwnedFd>,
    input: Option<c_int>,
    moves: Vec<Move>,
}

impl Passing {
    pub(super) fn of(spec: &ChildSpec) -> Result<Passing, SpawnError> {
        let mut passing = Passing::default();
        passing.duplicate(spec).map_err(|errno| SpawnError { stage: Stage::Prepare, errno })?;
        Ok(passing)
    }

    fn duplicate(&mut self, spec: &ChildSpec) -> Result<(), Errno> {
        if let Some(pipe) = spec.input.pipe() {
            self.input = Some(self.keep(pipe)?);
        }
        for Passed { number, fd } in spec.passed {
            if !NUMBERS.contains(number) {
                return Err(Errno(libc::EBADF));
            }
            let from = self.keep(*fd)?;
            self.moves.push(Move { from, to: c_int::from(*number) });
        }
        Ok(())
    }

    /// Keeps this open in a copy until it executes its command, even if its number is overwritten.
    pub(super) fn keep_exec_pipe(&mut self, fd: BorrowedFd) -> Result<(), Errno> {
        if self.moves.is_empty() { Ok(()) } else { self.keep(fd).map(drop) }
    }

    fn keep(&mut self, fd: BorrowedFd) -> Result<c_int, Errno> {
        let duplicate = duplicate_from(fd, ABOVE).map_err(|error: io::Error| Errno::of(&error))?;
        let number = duplicate.as_raw_fd();
        self.duplicates.push(duplicate);
        Ok(number)
    }

    /// The pipe that is standard input, if there is one.
    pub(super) fn input(&self) -> Option<c_int> {
        self.input
    }

    pub(super) fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// The descriptors that the child must keep open.
    pub(super) fn numbers(&self) -> impl Iterator<Item = c_int> {
        self.duplicates.iter().map(AsRawFd::as_raw_fd)
    }
}

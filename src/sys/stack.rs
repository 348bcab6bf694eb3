//! Memory for a child that runs on a stack of its own.

use super::check;
use libc::c_void;
use std::io;
use std::ptr::{self, NonNull};

/// The stack of shared children, with a page below that nobody may touch.
pub(super) struct Stack(NonNull<c_void>);

/// The size of the guard. No page is larger on the machines that we run on.
const GUARD_BYTES: usize = 65_536;
const STACK_BYTES: usize = 65_536;

impl Stack {
    pub(super) fn new() -> io::Result<Stack> {
        let (size, kind) =
            (GUARD_BYTES + STACK_BYTES, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK);
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory that is in use.
        let memory = unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_NONE, kind, -1, 0) };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Stack(NonNull::new(memory).ok_or(io::ErrorKind::OutOfMemory)?);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // A stack grows downwards, so the lowest bytes are the guard.
        let usable = memory.wrapping_byte_add(GUARD_BYTES);
        // SAFETY: the upper part of the mapping made above, which nobody uses yet.
        check(unsafe { libc::mprotect(usable, STACK_BYTES, access) })?;
        Ok(stack)
    }

    /// Where a child's stack begins; aligned to a page.
    pub(super) fn top(&self) -> *mut c_void {
        self.0.as_ptr().wrapping_byte_add(GUARD_BYTES + STACK_BYTES)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no child uses it: each was waited for when it was made.
        unsafe { libc::munmap(self.0.as_ptr(), GUARD_BYTES + STACK_BYTES) };
    }
}

//! The allocator of the daemon: that of the C library, and a reserve for when the kernel gives no more memory.
//!
//! Running out of memory ends a Rust program. So everyday needs, such as a line for the log or the start of a
//! process, then come from the reserve. Large allocations ask first whether there is room, and are postponed if not.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// The reserve is given out in blocks of this size, which is also the largest alignment.
const BLOCK_BYTES: usize = 64;
const BLOCKS: usize = 16_384;
/// If this much can be had at once, there is no shortage.
const PLENTY: usize = 64 << 10;

static RESERVE: Reserve<BLOCKS> = Reserve::new();

/// Whether more than half of the reserve is in use and the kernel still gives nothing. Then postpone what can be
/// postponed. Blocks may stay in the reserve long after the kernel gives memory again.
pub fn is_short() -> bool {
    RESERVE.used.load(SeqCst) > BLOCKS / 2 && !has_room(PLENTY)
}

/// Whether the kernel would give this many bytes now.
pub fn has_room(bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes.max(1), 1) else { return false };
    // SAFETY: the size is not zero.
    let memory = unsafe { System.alloc(layout) };
    if memory.is_null() {
        return false;
    }
    // SAFETY: given by the same allocator for the same layout, and nobody has seen it. To write one byte keeps the
    // compiler from doing without the memory.
    unsafe { memory.write_volatile(0) };
    // SAFETY: as above.
    unsafe { System.dealloc(memory, layout) };
    true
}

/// The type of the program's allocator. Only a program can declare one, a library cannot.
#[derive(Debug)]
pub struct WithReserve;

// SAFETY: each block comes from one of two allocators, both of which keep the promises of the trait, and is given back
// to where it came from: the addresses of the reserve are its own.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() { RESERVE.take(layout) } else { memory }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if !memory.is_null() {
            return memory;
        }
        let memory = RESERVE.take(layout);
        if !memory.is_null() {
            // SAFETY: this many bytes were taken just now.
            unsafe { memory.write_bytes(0, layout.size()) };
        }
        memory
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let ours = RESERVE.has(memory);
        if !ours {
            // SAFETY: the caller's promise; it is the C library's.
            let grown = unsafe { System.realloc(memory, layout, size) };
            if !grown.is_null() {
                return grown;
            }
        }
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        if ours && RESERVE.shrink(memory, layout, wanted) {
            return memory;
        }
        // SAFETY: the caller promises that the size is not zero.
        let moved = if ours { unsafe { self.alloc(wanted) } } else { RESERVE.take(wanted) };
        if !moved.is_null() {
            // SAFETY: both have this many bytes, and the new one was free.
            unsafe { ptr::copy_nonoverlapping(memory, moved, layout.size().min(size)) };
            // SAFETY: the caller's promise; it is used no more.
            unsafe { self.dealloc(memory, layout) };
        }
        moved
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if RESERVE.has(memory) {
            RESERVE.give_back(memory, layout);
        } else {
            // SAFETY: the caller's promise; it is the C library's.
            unsafe { System.dealloc(memory, layout) };
        }
    }
}

/// Memory of our own. A page costs nothing until it is used for the first time.
struct Reserve<const N: usize> {
    blocks: UnsafeCell<Blocks<N>>,
    locked: AtomicBool,
    used: AtomicUsize,
}

#[repr(C, align(64))]
struct Blocks<const N: usize> {
    memory: [[u8; BLOCK_BYTES]; N],
    taken: [bool; N],
}

// SAFETY: each user of `taken` holds the lock, and the memory of a block belongs to the caller that got it.
unsafe impl<const N: usize> Sync for Reserve<N> {}

impl<const N: usize> Reserve<N> {
    const fn new() -> Reserve<N> {
        let blocks = Blocks { memory: [[0; BLOCK_BYTES]; N], taken: [false; N] };
        Reserve { blocks: UnsafeCell::new(blocks), locked: AtomicBool::new(false), used: AtomicUsize::new(0) }
    }

    /// Where the memory begins.
    fn start(&self) -> *mut u8 {
        self.blocks.get().cast()
    }

    /// Whether this address is in the reserve.
    fn has(&self, memory: *mut u8) -> bool {
        memory.addr().wrapping_sub(self.start().addr()) < N * BLOCK_BYTES
    }

    /// The first run of free blocks that is long enough. Null if there is none.
    fn take(&self, layout: Layout) -> *mut u8 {
        let wanted = blocks(layout);
        if layout.align() > BLOCK_BYTES {
            return ptr::null_mut();
        }
        let first = self.with_taken(|taken| {
            let mut run = 0;
            for (place, block) in taken.iter().enumerate() {
                run = if *block { 0 } else { run + 1 };
                if run == wanted {
                    let first = place + 1 - wanted;
                    taken.get_mut(first..=place)?.fill(true);
                    return Some(first);
                }
            }
            None
        });
        let Some(first) = first else { return ptr::null_mut() };
        self.used.fetch_add(wanted, SeqCst);
        self.start().wrapping_add(first * BLOCK_BYTES)
    }

    fn give_back(&self, memory: *mut u8, layout: Layout) {
        self.give_back_from(memory, 0, blocks(layout));
    }

    /// Shrinks a block of memory in place. False if it would have to grow.
    fn shrink(&self, memory: *mut u8, layout: Layout, wanted: Layout) -> bool {
        let (have, keep) = (blocks(layout), blocks(wanted));
        let fits = keep <= have;
        if fits {
            self.give_back_from(memory, keep, have);
        }
        fits
    }

    /// Frees the blocks between two sizes of this memory.
    fn give_back_from(&self, memory: *mut u8, from: usize, to: usize) {
        let first = memory.addr().wrapping_sub(self.start().addr()) / BLOCK_BYTES;
        self.with_taken(|taken| taken.get_mut(first + from..first + to).map(|run| run.fill(false)));
        self.used.fetch_sub(to - from, SeqCst);
    }

    /// Runs `work` with the lock on the list of used blocks. Nothing in `work` allocates.
    fn with_taken<T>(&self, work: impl FnOnce(&mut [bool; N]) -> T) -> T {
        // Our programs have one thread. Only tests ever wait here, and not for long.
        while self.locked.swap(true, SeqCst) {
            std::hint::spin_loop();
        }
        // SAFETY: points into the reserve, and only the address is made.
        let taken = unsafe { &raw mut (*self.blocks.get()).taken };
        // SAFETY: the lock is ours, so nobody else has a reference to the list; no memory that is given out is in it.
        let result = work(unsafe { &mut *taken });
        self.locked.store(false, SeqCst);
        result
    }
}

/// How many blocks this size needs.
fn blocks(layout: Layout) -> usize {
    layout.size().div_ceil(BLOCK_BYTES).max(1)
}

/// Makes the C library take each large block from the kernel and give it back when freed. Otherwise it would keep
/// later ones, once the first large block was freed.
pub fn return_large_blocks() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two numbers; there is one thread, and blocks that are in use stay where they are.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
    };
}

/// The C library's own first threshold.
#[cfg(target_env = "gnu")]
const LARGE_BLOCK_BYTES: libc::c_int = 128 * 1024;

/// Gives free memory that the C library keeps back to the kernel.
pub fn trim() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only touches what is not in use.
    unsafe {
        libc::malloc_trim(0)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn blocks_are_given_out_once_and_again_when_they_are_back() {
        static SMALL: Reserve<8> = Reserve::new();
        let one = SMALL.take(layout(1));
        let three = SMALL.take(layout(2 * BLOCK_BYTES + 1));
        assert!(SMALL.has(one) && SMALL.has(three) && !one.is_null() && !three.is_null());
        assert_eq!(three.addr() - one.addr(), BLOCK_BYTES);
        assert_eq!(one.addr() % BLOCK_BYTES, 0);
        assert!(SMALL.take(layout(5 * BLOCK_BYTES)).is_null());
        let four = SMALL.take(layout(4 * BLOCK_BYTES));
        assert_eq!((four.addr() - one.addr(), SMALL.used.load(SeqCst)), (4 * BLOCK_BYTES, 8));
        assert!(SMALL.take(layout(1)).is_null());
        SMALL.give_back(three, layout(2 * BLOCK_BYTES + 1));
        assert_eq!((SMALL.take(layout(65)), SMALL.used.load(SeqCst)), (three, 7));
        SMALL.give_back(one, layout(1));
        assert_eq!(SMALL.take(layout(0)), one);
    }

    #[test]
    fn what_needs_a_larger_alignment_is_not_to_be_had() {
        static SMALL: Reserve<8> = Reserve::new();
        assert!(SMALL.take(Layout::from_size_align(64, 128).unwrap()).is_null());
        assert!(!SMALL.has(ptr::null_mut()) && !SMALL.has(SMALL.start().wrapping_add(8 * BLOCK_BYTES)));
    }

    #[test]
    fn there_is_room_for_little_and_none_for_more_than_there_is() {
        assert!(has_room(0) && has_room(1 << 20) && !has_room(usize::MAX / 4) && !has_room(usize::MAX));
        assert!(!is_short());
    }

    #[test]
    fn memory_that_was_taken_from_the_reserve_grows_and_shrinks_and_keeps_what_it_holds() {
        let before = RESERVE.used.load(SeqCst);
        let roomy = RESERVE.take(layout(300));
        // SAFETY: this many bytes of ours.
        unsafe { roomy.write_bytes(7, 300) };
        // SAFETY: taken with this layout.
        let memory = unsafe { WithReserve.realloc(roomy, layout(300), 100) };
        assert_eq!((memory, RESERVE.used.load(SeqCst)), (roomy, before + 2));
        // SAFETY: taken with this layout; it moves to where there is room again.
        let grown = unsafe { WithReserve.realloc(memory, layout(100), 5_000) };
        assert!(!RESERVE.has(grown) && RESERVE.used.load(SeqCst) == before);
        // SAFETY: this many bytes were written before.
        assert!(unsafe { std::slice::from_raw_parts(grown, 100) }.iter().all(|byte| *byte == 7));
        // SAFETY: as it was made.
        unsafe { WithReserve.dealloc(grown, layout(5_000)) };
    }
}

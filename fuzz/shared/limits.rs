//! What one run may take: memory and processor time.
//!
//! Memory is counted by the allocator, for each thread by itself: the same for each run, on each machine. Time is
//! that of the thread, and a run that takes too long is repeated, because on a loaded machine every clock lies.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// So much may be live at a time, in bytes as they were asked for.
pub const MEMORY: usize = 1_200_000;
/// So long may a run of the parser take here, with counters and assertions in it: three times the 10 ms that the
/// program may take. The longest found so far takes 3.4 ms there and up to 10.4 ms here.
pub const TIME: Duration = Duration::from_millis(30);
/// A text with `instances` may take this many times longer: a few bytes ask for 65,536 jobs and 64 MiB.
const COPIES: u32 = 300;
/// A limit is exceeded only if it is in each of so many runs.
const RUNS: usize = 20;

/// The allocator of the system, which counts.
pub struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn more(bytes: usize) {
    let live = LIVE.get().wrapping_add(bytes);
    LIVE.set(live);
    // What another thread gave us to free makes the number a negative one.
    if live > PEAK.get() && live < usize::MAX / 2 {
        PEAK.set(live);
    }
}

fn less(bytes: usize) {
    LIVE.set(LIVE.get().wrapping_sub(bytes));
}

// SAFETY: every call goes to the allocator of the system as it came; counting touches two numbers of this thread,
// which need neither memory nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller promises what the system asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        less(layout.size());
        // SAFETY: as above; the memory came from the system.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are there while the content moves.
        more(size);
        less(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// How many times as much as others the parser may take for this text.
pub fn copies(text: &[u8]) -> u32 {
    if text.windows(9).any(|word| word == b"instances") { COPIES } else { 1 }
}

/// What `work` gives, and the most memory that was live meanwhile beyond what was before.
pub fn memory_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.replace(0);
    let peak_before = PEAK.replace(0);
    let result = work();
    let peak = PEAK.get();
    LIVE.set(LIVE.get().wrapping_add(before));
    PEAK.set(peak_before.max(before.wrapping_add(peak)));
    (result, peak)
}

/// Runs `work` once, and again and again if it took long. The processor time of the shortest run.
pub fn time_of<T>(work: impl Fn() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let result = work();
    // The thread had the processor no longer than this.
    let mut least = begin.elapsed();
    for _ in 0..RUNS {
        if least <= TIME {
            break;
        }
        let begin = processor_time();
        drop(work());
        least = least.min(processor_time().saturating_sub(begin));
    }
    (result, least)
}

/// How long this thread has had a processor.
fn processor_time() -> Duration {
    #[repr(C)]
    struct Timespec {
        secs: i64,
        nanos: i64,
    }
    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    }
    let mut time = Timespec { secs: 0, nanos: 0 };
    // SAFETY: the kernel fills in one timespec, which has this form on 64-bit Linux.
    unsafe { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.secs.cast_unsigned(), u32::try_from(time.nanos).unwrap_or(0))
}

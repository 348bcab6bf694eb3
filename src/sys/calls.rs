//! The system calls of a child between its birth and its command, one to a function.
//!
//! None of them allocates, takes a lock, or runs code of the C library beyond the call itself and errno. So a shared
//! child may use all of them. Calls that the C library would extend to "all threads" (ids and limits) go through
//! `syscall`.

use super::{done, last_errno};
use crate::model::{CpuSet, Errno};
use libc::{c_char, c_int, c_long, c_uint};
use std::ffi::CStr;
use std::ptr;

#[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
use libc::{SYS_setgroups as SETGROUPS, SYS_setresgid as SETRESGID, SYS_setresuid as SETRESUID};
// The calls without a number in their name know 16 bits of an id only on these two.
#[cfg(any(target_arch = "x86", target_arch = "arm"))]
use libc::{SYS_setgroups32 as SETGROUPS, SYS_setresgid32 as SETRESGID, SYS_setresuid32 as SETRESUID};

/// The outcome of a call whose value does not matter.
pub(super) type Done = Result<(), Errno>;

/// A limit as the kernel takes it, with the same layout everywhere.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rlimit {
    pub(super) soft: u64,
    pub(super) hard: u64,
}

/// What the kernel says about an object, as far as we ask; laid out as its struct statx.
#[repr(C)]
#[derive(Default)]
pub(super) struct Statx {
    mask: u32,
    _sizes_and_owner: [u32; 6],
    pub(super) mode: u16,
    _number_and_times: [u64; 12],
    /// Of a device.
    pub(super) device_major: u32,
    _minor_and_file_system: [u32; 3],
    /// The mount through which it was found, by its number in the list of mounts.
    pub(super) mount: u64,
    _more: [u64; 13],
}

const _: () = assert!(size_of::<Statx>() == 256);

fn long(returned: c_long) -> Done {
    if returned == -1 { Err(last_errno()) } else { Ok(()) }
}

/// Closes the descriptors from `first` to `last`, with `flags` of close_range(2).
pub(super) fn close_range(first: c_int, last: c_uint, flags: c_uint) -> Done {
    // SAFETY: the call takes numbers. Callers close descriptors in a table of the child's own, or before anything is
    // opened, or such as nobody can have. So no owner on our side is left with a number that means something else.
    long(unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) })
}

pub(super) fn close(fd: c_int) {
    // SAFETY: takes a number; the table is the child's own, and the child has no owners of descriptors.
    unsafe { libc::close(fd) };
}

/// Makes a session of our own; its number is ours.
pub(super) fn setsid() -> Result<c_int, Errno> {
    // SAFETY: takes nothing and touches no memory.
    done(unsafe { libc::setsid() })
}

pub(super) fn umask(mask: libc::mode_t) {
    // SAFETY: takes a number and cannot fail.
    unsafe { libc::umask(mask) };
}

pub(super) fn chdir(dir: &CStr) -> Done {
    // SAFETY: a C string that outlives the call.
    done(unsafe { libc::chdir(dir.as_ptr()) }).map(drop)
}

/// Enters a directory by its descriptor.
pub(super) fn fchdir(dir: c_int) -> Done {
    // SAFETY: takes a number.
    done(unsafe { libc::fchdir(dir) }).map(drop)
}

/// Finds what is at a path, without opening it and without waiting. Fails if the kernel would have to ask a disk, a
/// server or another process for the way.
pub(super) fn find(path: &CStr, flags: c_int) -> Result<c_int, Errno> {
    let flags = u64::from((flags | libc::O_PATH | libc::O_CLOEXEC).cast_unsigned());
    let how = [flags, 0, libc::RESOLVE_CACHED];
    // SAFETY: a C string that outlives the call, and a struct open_how, three numbers, with its size.
    let fd = unsafe {
        libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, path.as_ptr(), how.as_ptr(), size_of_val(&how))
    };
    match c_int::try_from(fd) {
        Ok(fd) if fd >= 0 => Ok(fd),
        Ok(_) | Err(_) => Err(last_errno()),
    }
}

/// Looks at what a descriptor stands for, by what the kernel has cached.
pub(super) fn look(fd: c_int) -> Result<Statx, Errno> {
    let (flags, mask) =
        (libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC, libc::STATX_TYPE | libc::STATX_MNT_ID);
    let mut found = Statx::default();
    // SAFETY: an empty C string, and room for one struct statx, which Statx is laid out as.
    long(unsafe { libc::syscall(libc::SYS_statx, fd, c"".as_ptr(), flags, mask, &raw mut found) })?;
    // A kernel that can find a path without waiting also reports the mount.
    if found.mask & mask == mask { Ok(found) } else { Err(Errno(libc::ENOSYS)) }
}

pub(super) fn nice(value: c_int) -> Done {
    // SAFETY: takes numbers; zero means the caller.
    done(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) }).map(drop)
}

pub(super) fn affinity(cpus: &CpuSet) -> Done {
    let words = &raw const cpus.0;
    // SAFETY: the kernel reads as many bytes as it is told, and that is the size of the array.
    long(unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(&cpus.0), words) })
}

pub(super) fn set_limit(resource: c_long, bounds: &Rlimit) -> Done {
    let none = ptr::null_mut::<Rlimit>();
    // SAFETY: Rlimit is laid out as struct rlimit64, is read only, and nothing is to be written.
    long(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, &raw const *bounds, none) })
}

pub(super) fn limit(resource: c_long) -> Result<Rlimit, Errno> {
    let mut bounds = Rlimit { soft: 0, hard: 0 };
    let none = ptr::null::<Rlimit>();
    // SAFETY: Rlimit is laid out as struct rlimit64, and the kernel writes exactly one.
    long(unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, none, &raw mut bounds) })?;
    Ok(bounds)
}

pub(super) fn set_groups(groups: &[libc::gid_t]) -> Done {
    // SAFETY: pointer and length belong to one slice, which is read only.
    long(unsafe { libc::syscall(SETGROUPS, groups.len(), groups.as_ptr()) })
}

/// Sets the real, effective and saved group id, and checks the result.
pub(super) fn set_gid(gid: libc::gid_t) -> Done {
    // SAFETY: takes numbers.
    long(unsafe { libc::syscall(SETRESGID, gid, gid, gid) })?;
    let (mut real, mut effective, mut saved) = (!gid, !gid, !gid);
    // SAFETY: three places for three ids.
    done(unsafe { libc::getresgid(&mut real, &mut effective, &mut saved) })?;
    if [real, effective, saved] == [gid; 3] { Ok(()) } else { Err(Errno(libc::EPERM)) }
}

/// Sets the real, effective and saved user id, and checks the result.
pub(super) fn set_uid(uid: libc::uid_t) -> Done {
    // SAFETY: takes numbers.
    long(unsafe { libc::syscall(SETRESUID, uid, uid, uid) })?;
    let (mut real, mut effective, mut saved) = (!uid, !uid, !uid);
    // SAFETY: three places for three ids.
    done(unsafe { libc::getresuid(&mut real, &mut effective, &mut saved) })?;
    if [real, effective, saved] == [uid; 3] { Ok(()) } else { Err(Errno(libc::EPERM)) }
}

/// Gives up all capabilities, including those that exec would restore.
pub(super) fn drop_capabilities() -> Done {
    // The third version of the call, with two sets of three words.
    const VERSION: u32 = 0x2008_0522;
    let (mut header, none) = ([VERSION, 0], [0_u32; 6]);
    // SAFETY: the kernel reads a header of two words and the sets that this version has, and may write to the header.
    long(unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), none.as_ptr()) })
}

/// From now on, neither this process nor what it executes gains rights by executing a file.
pub(super) fn gain_no_more() -> Done {
    let (one, none) = (libc::c_ulong::from(1_u8), libc::c_ulong::from(0_u8));
    // SAFETY: this option takes numbers.
    long(unsafe { libc::syscall(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, one, none, none, none) })
}

/// Lets the permitted capabilities outlive a switch of user.
pub(super) fn keep_permitted() -> Done {
    // SAFETY: this option takes numbers.
    done(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) }).map(drop)
}

/// Joins a new session keyring, which nobody else has. If there are no keyrings, or the user may have no more, the
/// old one stays, and the child starts all the same.
pub(super) fn join_own_keyring() {
    const JOIN_SESSION_KEYRING: c_long = 1;
    // SAFETY: takes numbers; the null in place of a name asks for a keyring without one.
    unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, ptr::null::<c_char>()) };
}

/// Changes the owner of what a descriptor stands for. A failure is no reason not to start.
pub(super) fn give_away(fd: c_int, uid: libc::uid_t, gid: libc::gid_t) {
    // SAFETY: takes numbers.
    unsafe { libc::fchown(fd, uid, gid) };
}

/// Opens a file as exactly this descriptor, which is open or the lowest that is not.
pub(super) fn open_as(fd: c_int, path: &CStr, flags: c_int) -> Done {
    // The number closed here is the lowest free one. So no further number is needed, whatever the limit is.
    close(fd);
    let mode: c_uint = 0o644;
    // SAFETY: a C string that outlives the call; the mode has the type that variadic arguments want.
    match done(unsafe { libc::open(path.as_ptr(), flags | libc::O_NOCTTY | libc::O_LARGEFILE, mode) })? {
        opened if opened == fd => Ok(()),
        opened => duplicate(opened, fd),
    }
}

/// Opens what a descriptor stands for once more. Needs /proc.
pub(super) fn reopen(fd: c_int, flags: c_int) -> Result<c_int, Errno> {
    let mut path = *b"/proc/self/fd/\0\0\0\0";
    let digit = |value: c_int| (value % 10).to_le_bytes()[0].wrapping_add(b'0');
    match fd {
        0..10 => path[14] = digit(fd),
        10..100 => [path[14], path[15]] = [digit(fd / 10), digit(fd)],
        100..1000 => [path[14], path[15], path[16]] = [digit(fd / 100), digit(fd / 10), digit(fd)],
        _ => return Err(Errno(libc::EMFILE)),
    }
    // SAFETY: a C string, as the last byte is always zero, that outlives the call; nothing is created, so the
    // kernel wants no mode.
    done(unsafe { libc::open(path.as_ptr().cast(), flags | libc::O_LARGEFILE) })
}

/// Sets the flags of an open file that can be set: `O_APPEND` and `O_NONBLOCK` are cleared unless given.
pub(super) fn set_status(fd: c_int, flags: c_int) -> Done {
    // SAFETY: takes numbers.
    done(unsafe { libc::fcntl(fd, libc::F_SETFL, flags) }).map(drop)
}

/// Makes `to` another name of `from`, one that survives exec.
pub(super) fn duplicate(from: c_int, to: c_int) -> Done {
    // SAFETY: takes numbers; the table is the child's own.
    done(unsafe { libc::dup2(from, to) }).map(drop)
}

/// Sets a signal back to its default. Also takes the numbers that the C library keeps for itself.
pub(super) fn set_default(signal: c_int) -> Done {
    // Every layout of the kernel's sigaction fits in and means SIG_DFL, no flags, empty mask when it is zero.
    let action = [0_u64; 8];
    let none = ptr::null_mut::<u64>();
    // SAFETY: the kernel reads a sigaction from 64 bytes that are more than it needs, and writes nothing.
    long(unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), none, SIGNAL_SET_BYTES) })
}

/// Unblocks all signals.
pub(super) fn unblock_all() -> Done {
    let mask = [0_u64; 2];
    let none = ptr::null_mut::<u64>();
    // SAFETY: the kernel reads a signal set of the size it is told, and writes nothing.
    long(unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, mask.as_ptr(), none, SIGNAL_SET_BYTES)
    })
}

/// Sets the mask of blocked signals and returns the old one. Takes the numbers that the C library reserves as well;
/// its own call would silently leave them unblocked.
pub(super) fn set_mask(mask: &Mask) -> Result<Mask, Errno> {
    let mut before = Mask::EMPTY;
    let (new, old) = (mask.0.as_ptr(), before.0.as_mut_ptr());
    // SAFETY: the kernel reads and writes one signal set each, of the size that it is told, which both arrays have.
    long(unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, new, old, SIGNAL_SET_BYTES) })?;
    Ok(before)
}

/// A set of signals as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask([libc::c_ulong; SIGNAL_SET_BYTES / size_of::<libc::c_ulong>()]);

impl Mask {
    pub(super) const EMPTY: Mask = Mask([0; SIGNAL_SET_BYTES / size_of::<libc::c_ulong>()]);
    pub(super) const FULL: Mask = Mask([libc::c_ulong::MAX; SIGNAL_SET_BYTES / size_of::<libc::c_ulong>()]);

    /// All signals from this number on.
    pub(super) fn from(first: u32) -> Mask {
        let mut mask = Mask::EMPTY;
        for (word, start) in mask.0.iter_mut().zip((1_u32..).step_by(libc::c_ulong::BITS as usize)) {
            let below = first.saturating_sub(start);
            *word = libc::c_ulong::MAX.checked_shl(below).unwrap_or(0);
        }
        mask
    }

    /// The same and this signal.
    pub(super) fn with(mut self, signal: u32) -> Mask {
        let bits = libc::c_ulong::BITS;
        let place = signal.saturating_sub(1);
        let word = usize::try_from(place.checked_div(bits).unwrap_or(0)).unwrap_or(0);
        if let Some(word) = self.0.get_mut(word) {
            *word |= libc::c_ulong::from(1_u8).checked_shl(place % bits).unwrap_or(0);
        }
        self
    }
}

/// Takes one blocked signal of this set out of its queue. False when there is none.
pub(super) fn drop_queued(set: &Mask) -> bool {
    // Zero, so that the call does not wait. At least as large as the kernel's timespec.
    let (time, told) = ([0_i64; 2], ptr::null_mut::<u8>());
    let set = set.0.as_ptr();
    // SAFETY: the kernel reads a set of the size that it is told and a timespec, and writes nothing to a null pointer.
    let taken =
        unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, set, told, time.as_ptr(), SIGNAL_SET_BYTES) };
    taken > 0
}

/// The size of the kernel's signal set, which is not that of the C library.
pub(super) const SIGNAL_SET_BYTES: usize =
    if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };

/// Executes the command. Returns only if that fails.
pub(super) fn exec(path: &CStr, argv: &Pointers, envp: &Pointers) -> Errno {
    // SAFETY: both lists end in a null pointer and hold C strings that live in this memory (see `Pointers`).
    unsafe { libc::execve(path.as_ptr(), argv.0.as_ptr(), envp.0.as_ptr()) };
    last_errno()
}

/// Checks that this is still our parent. If it has ended, we have another one.
pub(super) fn is_child_of(parent: c_int) -> Done {
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::getppid() } == parent { Ok(()) } else { Err(Errno(libc::ESRCH)) }
}

/// Nanoseconds since the machine was started, including the time it was suspended.
pub(super) fn since_start() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills in the one timespec that it is given. It takes no lock, and this clock exists since
    // Linux 2.6.39.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
    let (secs, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    secs.wrapping_mul(1_000_000_000).wrapping_add(nanos)
}

/// Writes two pieces, one after the other, at this offset of a file.
pub(super) fn write_two(fd: c_int, first: &[u64; 3], second: &[u8], offset: libc::off_t) {
    let pieces = [
        libc::iovec { iov_base: first.as_ptr().cast_mut().cast(), iov_len: size_of_val(first) },
        libc::iovec { iov_base: second.as_ptr().cast_mut().cast(), iov_len: second.len() },
    ];
    // SAFETY: two pieces, as told, whose pointers and lengths belong to borrowed memory that is read only.
    unsafe { libc::pwritev(fd, pieces.as_ptr(), 2, offset) };
}

/// Ends the process at once, without exit handlers of the C library.
pub(super) fn exit(status: c_int) -> ! {
    // SAFETY: takes a number and does not come back.
    unsafe { libc::_exit(status) }
}

/// A list of C strings as execve takes it: it ends in a null pointer.
pub(super) struct Pointers(Vec<*const c_char>);

impl Pointers {
    /// An empty list.
    pub(super) fn new() -> Pointers {
        Pointers(vec![ptr::null()])
    }

    /// An empty list with room for this many.
    pub(super) fn with_room_for(texts: usize) -> Pointers {
        let mut list = Vec::with_capacity(texts.saturating_add(1));
        list.push(ptr::null());
        Pointers(list)
    }

    /// Replaces the list.
    ///
    /// # Safety
    /// The strings must live until the list is refilled, emptied or dropped.
    pub(super) unsafe fn refill<'a>(&mut self, texts: impl Iterator<Item = &'a CStr>) {
        self.0.clear();
        self.0.extend(texts.map(CStr::as_ptr));
        self.0.push(ptr::null());
    }

    /// Removes all strings but keeps the memory.
    pub(super) fn empty(&mut self) {
        self.0.clear();
        self.0.push(ptr::null());
    }

    /// The strings.
    pub(super) fn texts(&self) -> impl Iterator<Item = &CStr> {
        let strings = self.0.iter().take_while(|text| !text.is_null());
        // SAFETY: `refill` demands that what it was given lives for as long as it is in the list.
        strings.map(|text| unsafe { CStr::from_ptr(*text) })
    }
}

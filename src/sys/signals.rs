//! Signals as data: handlers put them into a pipe, from which the loop takes them.

use super::calls::{self, Mask};
use super::{check, last_errno, set_errno};
use crate::model::{Pid, Signal};
use libc::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::SeqCst};

/// The descriptor that handlers write to. Negative until there is a pipe.
static PIPE: AtomicI32 = AtomicI32::new(-1);
/// The signals other than SIGCHLD that have come, bit n-1 for n: a full pipe cannot lose these.
static CAME: AtomicU64 = AtomicU64::new(0);
/// A record did not fit into the pipe.
static OVERFLOWED: AtomicBool = AtomicBool::new(false);
/// The signals that a child must set back to their default itself.
static CHANGED: AtomicU64 = AtomicU64::new(0);

/// A pid for SIGCHLD, zero for any other signal.
const RECORD_BYTES: usize = 4;
/// The most records that one turn takes. Reaping 256 children takes 20 ms; then other sources have their turn.
const BUDGET_BYTES: usize = 1_024;

/// The most blocked real-time signals that one turn takes out of their queue. If they stayed there, each later signal
/// would be slower, and they would count against the quota of pmtr's user.
const QUEUED_AT_ONCE: usize = 1_024;

/// What a signal reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caught {
    /// This child may have changed its state. The number may be forged.
    Child(Pid),
    /// This signal came, once or several times.
    Signal(Signal),
    /// Children have ended whose pids are lost, so all must be asked.
    Overflow,
}

/// The reading end. It is readable when there is something to take.
#[derive(Debug)]
pub struct SignalPipe {
    reader: OwnedFd,
}

impl SignalPipe {
    /// Catches the `handled` signals, ignores those that would end a program for no good reason, and sets the rest to
    /// their default: those that stop, continue, or report a broken program. Call it once in a process.
    pub fn install(handled: &[Signal]) -> io::Result<SignalPipe> {
        let mut ends = [-1; 2];
        // SAFETY: room for two descriptors.
        check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
        let [reader, writer] = ends;
        // The writing end is never closed: a handler may be about to use it.
        PIPE.store(writer, SeqCst);
        // SAFETY: pipe2 has just made it, and nobody else owns it.
        let pipe = SignalPipe { reader: unsafe { OwnedFd::from_raw_fd(reader) } };
        for signal in handled {
            catch(signal.0)?;
        }
        for signal in
            (1..=LAST).filter(|number| !handled.contains(&Signal(*number)) && is_a_nuisance(*number))
        {
            overhear(signal);
        }
        // From here on, no signal that we do not use ends us.
        let _ = calls::set_mask(&always_blocked());
        // A signal that the parent ignored stays ignored across exec, in us and in every program that we start.
        for signal in (1..=LAST).filter(|signal| HANDLER_FIRST && is_ignored(*signal)) {
            let _ = calls::set_default(signal);
        }
        Ok(pipe)
    }

    /// Takes what has come. True if there may be more. Then the source must be served again, because it reports
    /// edges.
    pub fn read(&mut self, into: &mut Vec<Caught>) -> bool {
        let mut records = [0_u8; BUDGET_BYTES];
        let fd = self.reader.as_raw_fd();
        let count = loop {
            // SAFETY: the kernel writes at most as many bytes as the array has.
            let count = unsafe { libc::read(fd, records.as_mut_ptr().cast(), records.len()) };
            if count >= 0 || last_errno().0 != libc::EINTR {
                break usize::try_from(count);
            }
        };
        match (count, last_errno().0) {
            // A record is written and read as a whole, because the pipe's size is a multiple of its size.
            (Ok(count), _) => {
                for record in records.chunks_exact(RECORD_BYTES).take(count / RECORD_BYTES) {
                    let number = record.try_into().map_or(0, i32::from_ne_bytes);
                    into.extend(Pid::new(number).map(Caught::Child));
                }
            }
            (Err(_), libc::EAGAIN) => {}
            // What is in the pipe may stay there until the next signal, so ask all children.
            (Err(_), _) => into.push(Caught::Overflow),
        }
        // After the pipe: a handler sets its bit before it writes, so no record is taken whose bit is not seen.
        let mut came = CAME.swap(0, SeqCst);
        while came != 0 {
            into.push(Caught::Signal(Signal(came.trailing_zeros().cast_signed().saturating_add(1))));
            came &= came.wrapping_sub(1);
        }
        if OVERFLOWED.swap(false, SeqCst) {
            into.push(Caught::Overflow);
        }
        let more_queued = (0..QUEUED_AT_ONCE).all(|_| calls::drop_queued(&Mask::from(REAL_TIME)));
        count == Ok(BUDGET_BYTES) || more_queued
    }
}

impl AsRawFd for SignalPipe {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}

/// Sets the signal mask, whatever the parent left. Real-time signals are blocked for good: pmtr does not use them,
/// and because they queue, each would cost a run of its handler. Signals that would end pmtr before it has handlers,
/// but are no reason to end, are blocked until then. Call this first of all.
pub fn set_mask() {
    let early = (1..REAL_TIME.cast_signed()).filter(|signal| is_a_nuisance(*signal));
    let mask = early.fold(always_blocked(), |mask, signal| mask.with(signal.cast_unsigned()));
    // This fails only for arguments that the kernel does not know.
    let _ = calls::set_mask(&mask);
}

/// Sets the signal to its default. Fails for no signal that can be handled.
pub fn set_default(signal: Signal) {
    let _ = calls::set_default(signal.0);
}

/// The signals, bit n-1 for n, that a child must set back to their default: those that are ignored, because that
/// survives exec, and those with a handler that must not run in it. Exec removes other handlers.
pub(super) fn to_reset() -> u64 {
    let ignored = (1..=LAST).filter(|signal| is_ignored(*signal));
    ignored.fold(CHANGED.load(SeqCst), |set, signal| set | bit(signal))
}

/// Those of them that are due to `install`.
pub(super) fn changed() -> u64 {
    CHANGED.load(SeqCst)
}

/// The kernel's highest number everywhere but on MIPS.
const LAST: c_int = 64;
/// The kernel's first real-time signal. The C library reserves the first two or three of them.
const REAL_TIME: u32 = 32;

fn bit(signal: c_int) -> u64 {
    1_u64.checked_shl(signal.wrapping_sub(1).cast_unsigned()).unwrap_or(0)
}

/// What is blocked for good: real-time signals, and SIGTTOU, with which a terminal in the mode `tostop` stops a
/// process that writes from the background. If it is blocked, the process may write.
fn always_blocked() -> Mask {
    Mask::from(REAL_TIME).with(libc::SIGTTOU.cast_unsigned())
}

/// Ends a program by default, although it says nothing about the state of the program.
fn is_a_nuisance(signal: c_int) -> bool {
    let known = [
        libc::SIGHUP,
        libc::SIGPIPE,
        libc::SIGALRM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGSTKFLT,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGIO,
        libc::SIGPWR,
        libc::SIGXCPU,
        libc::SIGXFSZ,
    ];
    signal.cast_unsigned() >= REAL_TIME || known.contains(&signal)
}

fn catch(signal: c_int) -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeroes are a valid sigaction: an empty mask and no flags.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = on_signal as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_NOCLDSTOP | libc::SA_RESTART;
    CHANGED.fetch_or(bit(signal), SeqCst);
    // SAFETY: the handler has the signature that SA_SIGINFO asks for, and calls nothing but write.
    check(unsafe { libc::sigaction(signal, action, ptr::null_mut()) }).map(drop)
}

/// Gives a signal that would end us an empty handler. It is not ignored, because exec restores the default of a
/// handled signal, which saves a system call for each signal and start. The C library refuses the two or three
/// signals that it reserves for threads. They are blocked, as all real-time signals are.
fn overhear(signal: c_int) {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeroes are a valid sigaction: an empty mask and no flags.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = do_nothing as extern "C" fn(c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler has the right signature and can run at any time in any memory.
    unsafe { libc::sigaction(signal, action, ptr::null_mut()) };
}

extern "C" fn do_nothing(_signal: c_int) {}

/// The kernel's SIG_IGN.
const SIG_IGN: u64 = 1;
/// Whether the handler is the upper half of the first eight bytes.
const HALF: bool = cfg!(target_endian = "big") && size_of::<usize>() == 4;
/// On MIPS the flags come first.
const HANDLER_FIRST: bool = !cfg!(any(target_arch = "mips", target_arch = "mips64"));

fn is_ignored(signal: c_int) -> bool {
    let mut action = [0_u64; 8];
    let (none, size) = (ptr::null::<u64>(), calls::SIGNAL_SET_BYTES);
    // SAFETY: the kernel writes one sigaction, and 64 bytes are more than that anywhere.
    let returned = unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, none, action.as_mut_ptr(), size) };
    // Where the flags come first, this may set back a signal that is not ignored, which does no harm.
    let [first, ..] = action;
    let handler = if size_of::<usize>() == 8 {
        first
    } else if HALF {
        first >> 32
    } else {
        first & 0xffff_ffff
    };
    returned == 0 && (handler == SIG_IGN || !HANDLER_FIRST)
}

/// Does only what POSIX allows: atomics, and one write. Restores errno, because it may run between a call and the
/// check of its errno.
extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, _context: *mut c_void) {
    let errno = last_errno();
    let mut record = 0;
    if signal == libc::SIGCHLD {
        // SAFETY: with SA_SIGINFO the kernel passes a siginfo that is valid while the handler runs.
        if let Some(info) = unsafe { info.as_ref() } {
            // SAFETY: of SIGCHLD these bytes hold a pid; of a forged one, any number. Both are an integer.
            record = unsafe { info.si_pid() };
        }
        // No pid: the kernel had no memory for it, or the sender is outside of our pid namespace. The signal of a
        // real death may have merged with it.
        if record <= 0 {
            OVERFLOWED.store(true, SeqCst);
        }
    } else {
        CAME.fetch_or(bit(signal), SeqCst);
    }
    let bytes = record.to_ne_bytes();
    // SAFETY: pointer and length belong to one array. The descriptor stays open forever.
    let written = unsafe { libc::write(PIPE.load(SeqCst), bytes.as_ptr().cast(), RECORD_BYTES) };
    if written < 0 && signal == libc::SIGCHLD {
        OVERFLOWED.store(true, SeqCst);
    }
    set_errno(errno);
}

/// All signals are blocked as long as this lives.
pub(super) struct Blocked(Mask);

impl Blocked {
    /// Blocks all signals.
    pub(super) fn new() -> Blocked {
        // This fails only for arguments that the kernel does not know.
        Blocked(calls::set_mask(&Mask::FULL).unwrap_or(always_blocked()))
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // This cannot fail. It is repeated all the same, because a pmtr with all signals blocked could not be helped.
        for _ in 0..3 {
            if calls::set_mask(&self.0).is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
#[path = "signals_tests.rs"]
mod tests;

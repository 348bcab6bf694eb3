//! What a child does between its birth and its command: system calls, one after the other, and nothing else.
//!
//! The same steps serve a child that shares our memory and one that is a copy. Because of the first kind, nothing
//! here allocates, panics, locks, drops or calls into the C library beyond `calls`: all is laid out in the `Plan`.

use super::calls::{self, Done, Pointers, Rlimit};
use super::limits::{FILES, Ulimit};
use super::passing::Move;
use super::prompt;
use super::record::RecordWriter;
use super::slots::{Reason, Slot};
use super::users::Switch;
use crate::model::{CpuSet, Errno, Stage};
use libc::c_int;
use std::ffi::CStr;

/// The status of a child that did not get to its command. The slot tells why.
const NOT_STARTED: c_int = 127;

/// Below this number of descriptors the steps that open files would not get through.
const ENOUGH_FILES: u64 = 16;

/// Where descriptor 0 leads.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    /// To a file that is read.
    File(&'a CStr),
    /// Nowhere, as no file is given.
    Null,
    /// To this pipe.
    Pipe(c_int),
}

/// Where descriptor 1 or 2 leads.
#[derive(Clone, Copy)]
pub(super) enum Output<'a> {
    /// To a file that is appended to.
    File(&'a CStr),
    /// Nowhere, as no file is given.
    Null,
    /// Into this pipe.
    Pipe(c_int),
    /// To where this name of our own output leads.
    Own(c_int),
    /// To where descriptor 1 leads.
    SameAsOut,
}

/// How foreign descriptors are kept from the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseMethod {
    /// By close_range(2).
    Range,
    /// The kernel has no such call: a copy walks its table, a shared child relies on close-on-exec.
    Walk,
}

/// All that the child needs, laid out before it is born.
pub(super) struct Plan<'a> {
    pub(super) slot: Slot<'a>,
    /// The mounts on which a child opens files when it must not wait; none when it may.
    pub(super) mounts: Option<&'a [u64]>,
    /// None when no state file is kept.
    pub(super) record: Option<RecordWriter<'a>>,
    pub(super) closing: CloseMethod,
    /// Descriptors above 2, in rising order, that stay open until the command runs.
    pub(super) keep: &'a [c_int],
    /// One of them, which leads to /dev/null, if there was one when we started.
    pub(super) null: Option<c_int>,
    pub(super) program: &'a CStr,
    pub(super) argv: &'a Pointers,
    /// None when that is where we are.
    pub(super) dir: Option<&'a CStr>,
    pub(super) nice: Option<c_int>,
    pub(super) cpus: Option<&'a CpuSet>,
    pub(super) limits: &'a [Ulimit],
    /// Gives back the limit of descriptors that we have raised for ourselves.
    pub(super) files: Option<Rlimit>,
    pub(super) umask: libc::mode_t,
    pub(super) input: Input<'a>,
    pub(super) out: Output<'a>,
    pub(super) err: Output<'a>,
    /// Descriptors beyond those, which take their place when the files are open.
    pub(super) moves: &'a [Move],
    /// Signals that are not at their default, bit n-1 for signal n.
    pub(super) reset: u64,
}

/// Gives up: the slot tells at which step, and why.
pub(super) fn give_up(slot: Slot, errno: Errno) -> ! {
    slot.fail(Reason { errno, line: 0 });
    calls::exit(NOT_STARTED)
}

/// The whole life of a child that shares our memory.
pub(super) fn live(plan: &Plan, envp: &Pointers) -> ! {
    let errno = match shared_steps(plan, envp) {
        Ok(()) => Errno(0),
        Err(errno) => errno,
    };
    give_up(plan.slot, errno)
}

fn shared_steps(plan: &Plan, envp: &Pointers) -> Done {
    new_session(plan)?;
    if plan.closing == CloseMethod::Range {
        close_others(plan)?;
    }
    prepare(plan)?;
    open_files(plan)?;
    lower_files(plan)?;
    // Last of all: a signal that comes through while the memory is shared and ends the child with a core dump
    // would, on kernels before 5.16, end us too.
    reset_signals(plan)?;
    exec(plan, envp)
}

/// Leaves our session and group, so that no signal from a terminal or for a group of ours comes here; then leaves
/// a record. In this order: whoever has a record leads its group. A child whose parent was killed before there was
/// a record gives up, so that there is none of whom nobody knows.
pub(super) fn new_session(plan: &Plan) -> Done {
    plan.slot.enter(Stage::Session);
    calls::umask(plan.umask);
    let pid = calls::setsid()?;
    match &plan.record {
        Some(record) => record.leave(pid),
        None => Ok(()),
    }
}

/// Closes what is neither 0, 1, 2 nor kept. When the table is shared, the kernel makes the child its own first,
/// and copies only what lies below the highest range: so this takes the same time with many descriptors as with few.
pub(super) fn close_others(plan: &Plan) -> Done {
    plan.slot.enter(Stage::Close);
    let highest = plan.keep.last().copied().unwrap_or(2);
    calls::close_range(highest.saturating_add(1), u32::MAX, libc::CLOSE_RANGE_UNSHARE)?;
    let mut first = 3;
    for kept in plan.keep {
        if first < *kept {
            calls::close_range(first, kept.saturating_sub(1).cast_unsigned(), 0)?;
        }
        first = kept.saturating_add(1);
    }
    Ok(())
}

/// Sets all signals to their default and lets them through. Handlers first: one would run in foreign memory.
pub(super) fn reset_signals(plan: &Plan) -> Done {
    plan.slot.enter(Stage::Signals);
    let mut left = plan.reset;
    while left != 0 {
        calls::set_default(left.trailing_zeros().cast_signed().saturating_add(1))?;
        left &= left.wrapping_sub(1);
    }
    calls::unblock_all()
}

/// Priority, processors and limits: whatever may need the rights that a switch of user gives up.
pub(super) fn prepare(plan: &Plan) -> Done {
    if let Some(nice) = plan.nice {
        plan.slot.enter(Stage::Nice);
        calls::nice(nice)?;
    }
    if let Some(cpus) = plan.cpus {
        plan.slot.enter(Stage::Cpu);
        calls::affinity(cpus)?;
    }
    for bound in plan.limits {
        // A low limit of descriptors comes when the files are open; lowering needs no rights.
        if !is_low(bound) {
            plan.slot.enter(bound.stage);
            calls::set_limit(bound.resource, &bound.bounds)?;
        }
    }
    Ok(())
}

/// Becomes the user, in the one order that leaves nothing behind, and makes sure of it.
pub(super) fn become_user(plan: &Plan, switch: &Switch) -> Done {
    // Otherwise the command could not open /dev/stdin or /dev/stderr.
    if let Input::Pipe(fd) = plan.input {
        calls::give_away(fd, switch.uid, switch.gid);
    }
    for output in [plan.out, plan.err] {
        if let Output::Pipe(fd) = output {
            calls::give_away(fd, switch.uid, switch.gid);
        }
    }
    plan.slot.enter(Stage::Groups);
    calls::set_groups(&switch.groups)?;
    plan.slot.enter(Stage::Gid);
    calls::set_gid(switch.gid)?;
    plan.slot.enter(Stage::Uid);
    calls::set_uid(switch.uid)?;
    // What the kernel does by itself, unless whoever started us has told it not to (SECBIT_NO_SETUID_FIXUP), and what
    // it leaves: an inherited set is no right of the user's.
    if switch.uid == 0 { Ok(()) } else { calls::drop_capabilities() }
}

/// Enters the directory and opens 0, 1 and 2, all as the user that the job runs as: no path in the file leads
/// further than that user may go.
pub(super) fn open_files(plan: &Plan) -> Done {
    if let Some(dir) = plan.dir {
        plan.slot.enter(Stage::Dir);
        match plan.mounts {
            Some(mounts) => or_decline(prompt::enter(dir, mounts), plan)?,
            None => calls::chdir(dir)?,
        }
    }
    plan.slot.enter(Stage::In);
    match plan.input {
        Input::File(path) => open_file(0, path, libc::O_RDONLY, plan)?,
        Input::Null => lead_nowhere(0, plan)?,
        Input::Pipe(there) => calls::duplicate(there, 0)?,
    }
    plan.slot.enter(Stage::Out);
    open_output(1, plan.out, plan)?;
    plan.slot.enter(Stage::Err);
    open_output(2, plan.err, plan)?;
    // Last: their numbers may be those of descriptors that the steps above need.
    for Move { from, to } in plan.moves {
        plan.slot.enter(Stage::Prepare);
        calls::duplicate(*from, *to)?;
    }
    Ok(())
}

fn open_output(fd: c_int, output: Output, plan: &Plan) -> Done {
    match output {
        Output::File(path) => open_file(fd, path, libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT, plan),
        Output::Null => lead_nowhere(fd, plan),
        Output::Pipe(there) | Output::Own(there) => calls::duplicate(there, fd),
        Output::SameAsOut => calls::duplicate(1, fd),
    }
}

fn open_file(fd: c_int, path: &CStr, flags: c_int, plan: &Plan) -> Done {
    match plan.mounts {
        Some(mounts) => or_decline(prompt::open_as(fd, path, flags, mounts), plan),
        None => calls::open_as(fd, path, flags),
    }
}

/// What could not be done without waiting is for a copy, which finds out whether it can be done at all.
fn or_decline(done: Done, plan: &Plan) -> Done {
    if done.is_err() {
        plan.slot.decline();
    }
    done
}

/// Leads a descriptor to the device that was opened once for all; where there was none, to the one there is by now.
fn lead_nowhere(fd: c_int, plan: &Plan) -> Done {
    match plan.null {
        Some(null) => calls::duplicate(null, fd),
        // Without O_CREAT: where the device is missing, no file is to take its place.
        None => calls::open_as(fd, c"/dev/null", libc::O_RDWR),
    }
}

/// The limits of descriptors under which the files could not have been opened.
pub(super) fn lower_files(plan: &Plan) -> Done {
    let mut given = false;
    for bound in plan.limits {
        given |= is_files(bound);
        if is_low(bound) {
            plan.slot.enter(bound.stage);
            calls::set_limit(bound.resource, &bound.bounds)?;
        }
    }
    match &plan.files {
        Some(bounds) if !given => {
            plan.slot.enter(Stage::Prepare);
            calls::set_limit(FILES, bounds)
        }
        Some(_) | None => Ok(()),
    }
}

fn is_files(bound: &Ulimit) -> bool {
    bound.resource == FILES
}

fn is_low(bound: &Ulimit) -> bool {
    is_files(bound) && bound.bounds.hard < ENOUGH_FILES
}

/// Runs the command; comes back only when that fails.
pub(super) fn exec(plan: &Plan, envp: &Pointers) -> Done {
    plan.slot.enter(Stage::Exec);
    Err(calls::exec(plan.program, plan.argv, envp))
}

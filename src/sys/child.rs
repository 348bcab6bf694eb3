//! What a child does before it executes its command: system calls, one after the other, and nothing else.
//!
//! A shared child and a copy take the same steps. Because the first shares our memory, nothing here allocates,
//! panics, locks, drops, or calls the C library except through `calls`. The `Plan` has everything that the steps
//! need.

use super::calls::{self, Done, Pointers, Rlimit};
use super::limits::{FILES, Ulimit};
use super::passing::Move;
use super::prompt;
use super::record::RecordWriter;
use super::slots::{Reason, Slot};
use crate::model::{Attributes, Errno, Stage};
use libc::c_int;
use std::ffi::CStr;

/// The exit status of a child that did not execute its command. Its slot has the reason.
const NOT_STARTED: c_int = 127;

/// The umask of a child that has no other one.
const UMASK: libc::mode_t = 0o022;

/// With a lower limit of descriptors, the steps that open files would fail.
const ENOUGH_FILES: u64 = 16;

/// Where descriptor 0 leads.
#[derive(Clone, Copy)]
pub(super) enum ChildInput<'a> {
    /// To a file that is read.
    File(&'a CStr),
    /// Nowhere, as no file is given.
    Null,
    /// To this pipe.
    Pipe(c_int),
}

/// Where descriptor 1 or 2 leads.
#[derive(Clone, Copy)]
pub(super) enum ChildOutput<'a> {
    /// To a file that is appended to.
    File(&'a CStr),
    /// Nowhere, as no file is given.
    Null,
    /// Into this pipe.
    Pipe(c_int),
    /// To our own output, which has this number.
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

/// All that the child needs, prepared before it is made.
pub(super) struct Plan<'a> {
    pub(super) slot: Slot<'a>,
    /// The mounts on which a child that must not wait opens files. None if it may wait.
    pub(super) mounts: Option<&'a [u64]>,
    /// None when no state file is kept.
    pub(super) record: Option<RecordWriter<'a>>,
    pub(super) closing: CloseMethod,
    /// Descriptors above 2, in ascending order, that stay open until the command runs.
    pub(super) keep: &'a [c_int],
    /// The one of them that leads to /dev/null, if it existed when we started.
    pub(super) null: Option<c_int>,
    pub(super) program: &'a CStr,
    pub(super) argv: &'a Pointers,
    /// None if we are in it already.
    pub(super) dir: Option<&'a CStr>,
    pub(super) attributes: &'a Attributes,
    /// Those of the attributes in the form of the system call.
    pub(super) limits: &'a [Ulimit],
    /// The limit of descriptors that we had before we raised our own.
    pub(super) files: Option<Rlimit>,
    pub(super) input: ChildInput<'a>,
    pub(super) out: ChildOutput<'a>,
    pub(super) err: ChildOutput<'a>,
    /// Further descriptors, which get their numbers when the files are open.
    pub(super) moves: &'a [Move],
    /// Signals that are not at their default, bit n-1 for signal n.
    pub(super) reset: u64,
}

/// Gives up. The slot has the step and the reason.
pub(super) fn give_up(slot: Slot, reason: Reason) -> ! {
    slot.fail(reason);
    calls::exit(NOT_STARTED)
}

/// The whole life of a child that shares our memory.
pub(super) fn live(plan: &Plan, envp: &Pointers) -> ! {
    let errno = match shared_steps(plan, envp) {
        Ok(()) => Errno(0),
        Err(errno) => errno,
    };
    give_up(plan.slot, Reason { errno, line: 0 })
}

fn shared_steps(plan: &Plan, envp: &Pointers) -> Done {
    new_session(plan)?;
    if plan.closing == CloseMethod::Range {
        close_others(plan)?;
    }
    prepare(plan)?;
    open_files(plan)?;
    lower_files(plan)?;
    restrict(plan)?;
    // Last of all: on kernels before 5.16, a signal that ends a shared child with a core dump ends us too.
    reset_signals(plan)?;
    exec(plan, envp)
}

/// Leaves our session and group, so that no signal from a terminal or for our group reaches the child. Then writes
/// the record. In this order, a process with a record always leads its group. A child whose parent was killed before
/// there was a record gives up, so that no child is unknown.
pub(super) fn new_session(plan: &Plan) -> Done {
    plan.slot.enter(Stage::Session);
    calls::umask(plan.attributes.umask.unwrap_or(UMASK));
    let pid = calls::setsid()?;
    match &plan.record {
        Some(record) => record.leave(pid),
        None => Ok(()),
    }
}

/// Closes all descriptors but 0, 1, 2 and those to keep. If the table is shared, the kernel first makes a copy for
/// the child, only of what lies below the highest range. So the time does not depend on the number of descriptors.
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

/// Sets all signals to their default and unblocks them. Handlers first: a handler would run in foreign memory.
pub(super) fn reset_signals(plan: &Plan) -> Done {
    plan.slot.enter(Stage::Signals);
    let mut left = plan.reset;
    while left != 0 {
        calls::set_default(left.trailing_zeros().cast_signed().saturating_add(1))?;
        left &= left.wrapping_sub(1);
    }
    calls::unblock_all()
}

/// Sets priority, processors and limits, which may need rights that are lost with a switch of user.
pub(super) fn prepare(plan: &Plan) -> Done {
    if let Some(nice) = plan.attributes.nice {
        plan.slot.enter(Stage::Nice);
        calls::nice(c_int::from(nice))?;
    }
    if let Some(cpus) = &plan.attributes.cpus {
        plan.slot.enter(Stage::Cpu);
        calls::affinity(cpus)?;
    }
    for bound in plan.limits {
        // A low limit of descriptors is set when the files are open. Lowering needs no rights.
        if !is_low(bound) {
            plan.slot.enter(bound.stage);
            calls::set_limit(bound.resource, &bound.bounds)?;
        }
    }
    Ok(())
}

/// Enters the directory and opens 0, 1 and 2, all as the user of the child, so that no path leads further than this
/// user may go.
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
        ChildInput::File(path) => open_file(0, path, libc::O_RDONLY, plan)?,
        ChildInput::Null => lead_nowhere(0, plan)?,
        ChildInput::Pipe(there) => calls::duplicate(there, 0)?,
    }
    plan.slot.enter(Stage::Out);
    open_output(1, plan.out, plan)?;
    plan.slot.enter(Stage::Err);
    open_output(2, plan.err, plan)?;
    // Last, because their numbers may be those of descriptors that the steps above need.
    for Move { from, to } in plan.moves {
        plan.slot.enter(Stage::Prepare);
        calls::duplicate(*from, *to)?;
    }
    Ok(())
}

fn open_output(fd: c_int, output: ChildOutput, plan: &Plan) -> Done {
    match output {
        ChildOutput::File(path) => open_file(fd, path, libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT, plan),
        ChildOutput::Null => lead_nowhere(fd, plan),
        ChildOutput::Pipe(there) | ChildOutput::Own(there) => calls::duplicate(there, fd),
        ChildOutput::SameAsOut => calls::duplicate(1, fd),
    }
}

fn open_file(fd: c_int, path: &CStr, flags: c_int, plan: &Plan) -> Done {
    match plan.mounts {
        Some(mounts) => or_decline(prompt::open_as(fd, path, flags, mounts), plan),
        None => calls::open_as(fd, path, flags),
    }
}

/// Declines a step that would have to wait. A copy will find out whether it can be done at all.
fn or_decline(done: Done, plan: &Plan) -> Done {
    if done.is_err() {
        plan.slot.decline();
    }
    done
}

/// Leads a descriptor to /dev/null, which was opened when we started. If it did not exist then, opens it now.
fn lead_nowhere(fd: c_int, plan: &Plan) -> Done {
    match plan.null {
        Some(null) => calls::duplicate(null, fd),
        // Without O_CREAT: no file may take the place of a missing device.
        None => calls::open_as(fd, c"/dev/null", libc::O_RDWR),
    }
}

/// Sets limits of descriptors that are too low for opening the files.
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

/// Gives up the right to gain rights.
pub(super) fn restrict(plan: &Plan) -> Done {
    if !plan.attributes.no_new_privileges {
        return Ok(());
    }
    plan.slot.enter(Stage::NoNewPrivileges);
    calls::gain_no_more()
}

/// Executes the command. Returns only if that fails.
pub(super) fn exec(plan: &Plan, envp: &Pointers) -> Done {
    plan.slot.enter(Stage::Exec);
    Err(calls::exec(plan.program, plan.argv, envp))
}

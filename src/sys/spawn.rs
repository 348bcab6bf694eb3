//! Starting a process: everything is prepared first, then one of two kinds of child is made.
//!
//! A *shared* child uses our memory and descriptors, on a stack of its own, while we are suspended. Its cost does not
//! depend on how large we are. A *copy* costs more but delays nobody. A child that fails writes the step and the
//! reason into its slot, which is read when the child is reaped.

use super::calls::{self, Pointers, Rlimit};
use super::child::{ChildInput, ChildOutput, CloseMethod, Plan};
use super::child_fds::Substitute;
use super::child_spec::{ChildSpec, Stdio};
use super::environment::variable;
use super::limits::{FILES, Ulimit};
use super::passing::Passing;
use super::record::{RecordBody, RecordWriter};
use super::sharing::{self, Sharing, Trial};
use super::signals::{self, Blocked};
use super::slots::{Slots, Ticket};
use super::stack::Stack;
use super::{child, copy, done, last_errno, prompt, reap};
use crate::model::{Attributes, Errno, Pid, SYSTEM_PATH, SpawnError, Stage, Texts};
use libc::{c_int, c_void};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;

pub use super::child_fds::ChildFds;
pub use super::made::Made;

/// How a process is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way<'a> {
    /// With our memory, while we wait. Only for a command that nobody else can delay. The directory and the files are
    /// opened without waiting, on the mounts with these numbers; if that fails, a copy is made instead.
    Shared(&'a [u64]),
    /// As a copy of us.
    Copy,
}

/// Variables that are meant for us and for no job.
const NOT_FOR_JOBS: [&[u8]; 9] = [
    b"NOTIFY_SOCKET",
    b"WATCHDOG_PID",
    b"WATCHDOG_USEC",
    b"LISTEN_PID",
    b"LISTEN_PIDFDID",
    b"LISTEN_FDS",
    b"LISTEN_FDNAMES",
    b"FDSTORE",
    // It describes our stderr, which no job has.
    b"JOURNAL_STREAM",
];

/// Starts processes.
pub struct Spawner {
    stack: Stack,
    slots: Slots,
    /// Our pid.
    own: Option<Pid>,
    child_fds: ChildFds,
    /// Our working directory is the root, so jobs that run there need no chdir.
    at_root: bool,
    sharing: Sharing,
    /// A shared child has worked, or what works has been found out.
    proven: bool,
    closing: CloseMethod,
    /// Whether files can be opened without waiting. None until it matters.
    prompt: Option<bool>,
    environment: Box<[CString]>,
    reset: u64,
    /// The limit that jobs get if we have raised our own.
    files: Option<Rlimit>,
    // Reused by each start, which saves allocations. Empty in between.
    argv: Pointers,
    envp: Pointers,
    limits: Vec<Ulimit>,
    keep: Vec<c_int>,
}

/// A start that is under way.
struct Start<'a> {
    spec: &'a ChildSpec<'a>,
    instead: [Option<Substitute<'a>>; 2],
    passing: Passing,
    ticket: &'a Ticket,
}

impl Spawner {
    /// The first children show what works on this system. If one is refused, test children find out what still works.
    pub fn new(child_fds: ChildFds) -> io::Result<Spawner> {
        let wanted = |(name, _): &(std::ffi::OsString, _)| !NOT_FOR_JOBS.contains(&name.as_encoded_bytes());
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            CString::new([&name.into_vec()[..], b"=", &value.into_vec()].concat()).ok()
        };
        let (sharing, closing) = sharing::beginning();
        Ok(Spawner {
            stack: Stack::new()?,
            slots: Slots::new()?,
            own: super::process::own_pid(),
            child_fds,
            at_root: std::env::current_dir().is_ok_and(|dir| dir == std::path::Path::new("/")),
            sharing,
            proven: false,
            closing,
            prompt: None,
            environment: std::env::vars_os().filter(wanted).filter_map(text).collect(),
            reset: signals::to_reset(),
            files: None,
            argv: Pointers::new(),
            envp: Pointers::new(),
            limits: Vec::new(),
            keep: Vec::new(),
        })
    }

    /// Raises our own soft limit of descriptors to the hard one. Jobs get what we had, unless `ulimit` says more.
    pub fn raise_own_files(&mut self) {
        let Ok(before) = calls::limit(FILES) else { return };
        if before.soft == before.hard {
            return;
        }
        if calls::set_limit(FILES, &Rlimit { soft: before.hard, ..before }).is_ok() {
            self.files.get_or_insert(before);
        }
    }

    /// Starts a child.
    ///
    /// If this succeeds, there is a child. `has_executed` and `reaped` tell what became of one that is not known to
    /// have executed its command.
    pub fn spawn(&mut self, spec: &ChildSpec, way: Way) -> Result<Made, SpawnError> {
        let prepare = |errno| SpawnError { stage: Stage::Prepare, errno };
        let ticket = self.slots.take().ok_or(prepare(Errno(libc::EAGAIN)))?;
        let instead = [Substitute::of(spec.out), Substitute::of(spec.err)];
        let lent = self.child_fds.place_outputs(instead, spec.identity.user).and_then(|()| Passing::of(spec));
        let made = lent.and_then(|passing| {
            let start = Start { spec, instead, passing, ticket: &ticket };
            if way == Way::Copy || !self.can_share(&start) {
                return self.copy(start);
            }
            self.share(start, way)
        });
        self.child_fds.clear_outputs(instead);
        match &made {
            // The child no longer shares our memory, so nobody writes the slot.
            Ok(Made::Executed(_)) | Err(_) => self.slots.give_back(ticket),
            Ok(Made::Failed(pid) | Made::Copy(pid, _)) => self.slots.keep(*pid, ticket),
        }
        made
    }

    /// Makes a copy with a pipe that nobody writes to. Its last writing end is closed when the command is executed or
    /// the child ends. If no pipe can be made, the child starts without one.
    fn copy(&mut self, mut start: Start) -> Result<Made, SpawnError> {
        let pipe = io::pipe().ok().filter(|(_, writer)| {
            let kept = start.passing.keep_exec_pipe(writer.as_fd());
            kept.and_then(|()| self.child_fds.place_exec_pipe(writer.as_fd())).is_ok()
        });
        let pid = self.make(&start, Way::Copy);
        self.child_fds.clear_exec_pipe();
        Ok(Made::Copy(pid?, pipe.map(|(reader, _)| reader)))
    }

    /// Must be called for every child that has been reaped. Returns why it never executed its command, if so.
    pub fn reaped(&mut self, pid: Pid) -> Option<SpawnError> {
        self.slots.reaped(pid)
    }

    /// The step at which a copy is. None if it has reached its command or is no copy.
    pub fn stage(&self, pid: Pid) -> Option<Stage> {
        self.slots.stage(pid).filter(|stage| *stage != Stage::Exec)
    }

    /// Whether a copy whose pipe has ended has executed its command. If not, it failed or was killed.
    pub fn has_executed(&self, pid: Pid) -> bool {
        self.slots.stage(pid) == Some(Stage::Exec) && !self.slots.has_failed(pid)
    }

    /// Whether a shared child can do what this start needs.
    fn can_share(&mut self, Start { spec, instead, .. }: &Start) -> bool {
        // A command that is searched, or relative to the directory, may be anybody's.
        let is_ours = spec.program.to_bytes().starts_with(b"/");
        if spec.identity.user.is_some() || spec.attributes.need_a_copy() || !is_ours {
            return false;
        }
        if self.sharing == Sharing::Nothing {
            return false;
        }
        let mut outputs = [spec.out, spec.err].into_iter().zip(instead);
        let opens = self.dir(spec).is_some()
            || spec.input.file().is_some()
            || outputs.any(|(output, instead)| output.file().is_some() && instead.is_none());
        !opens || *self.prompt.get_or_insert_with(prompt::works)
    }

    /// The directory to enter. None if we are in it already.
    fn dir<'a>(&self, spec: &ChildSpec<'a>) -> Option<&'a CStr> {
        Some(spec.dir).filter(|dir| !(self.at_root && *dir == c"/"))
    }

    /// Makes a shared child, or a copy if that is not possible. The first one shows whether sharing works.
    fn share(&mut self, start: Start, way: Way) -> Result<Made, SpawnError> {
        let ticket = start.ticket;
        let mut made = self.make(&start, way);
        if !self.proven && self.learn(&made, ticket) == Trial::Refused {
            // It gave up before it did anything for the job.
            made.into_iter().for_each(wait_for_end);
            self.probe();
            if self.sharing == Sharing::Nothing {
                return self.copy(start);
            }
            made = self.make(&start, way);
        }
        let pid = made?;
        if self.slots.is_declined(ticket) {
            wait_for_end(pid);
            return self.copy(start);
        }
        Ok(match self.slots.failure(ticket) {
            None if self.slots.runs(ticket) => Made::Executed(pid),
            Some(_) => Made::Failed(pid),
            // Nothing shows how far it has come.
            None => Made::Copy(pid, None),
        })
    }

    /// Learns from the first shared child what works on this system.
    fn learn(&mut self, made: &Result<Pid, SpawnError>, ticket: &Ticket) -> Trial {
        let trial = Trial::of(made, &self.slots, ticket);
        match trial {
            Trial::Works => self.proven = true,
            Trial::Undecided | Trial::Refused => {}
            // It was killed before it reached its command.
            Trial::Silent if made.as_ref().is_ok_and(|pid| reap::has_ended(*pid)) => {}
            // It may still decline a step. Then this one start has failed.
            Trial::Silent => (self.sharing, self.proven) = (Sharing::Nothing, true),
        }
        trial
    }

    fn make(&mut self, start: &Start, way: Way) -> Result<Pid, SpawnError> {
        let Start { spec, passing, .. } = start;
        let set_by_child = |text: &CStr| spec.env.clone().any(|env| variable(env) == variable(text));
        let clear = spec.attributes.env_clear;
        let inherited = self.environment.iter().map(CString::as_c_str).filter(|_| !clear);
        let ours = inherited.chain(clear.then_some(SYSTEM_PATH)).filter(|text| !set_by_child(text));
        // SAFETY: `spec` and our environment outlive this function, at the end of which the lists are emptied.
        unsafe { self.envp.refill(spec.env.clone().chain(ours)) };
        // SAFETY: as above.
        unsafe { self.argv.refill(spec.argv.clone()) };
        self.limits.clear();
        self.limits.extend((0..).zip(&spec.attributes.limits).map(|(index, limit)| Ulimit::of(index, limit)));
        let (places, exec_pipe, nowhere) = self.child_fds.numbers();
        self.keep.clear();
        self.keep.extend([places[0], places[1], exec_pipe, self.child_fds.null().unwrap_or(nowhere)]);
        self.keep.extend(passing.numbers());
        self.keep.sort_unstable();
        let now = super::clock::since_start;
        let body = spec.record.map(|record| RecordBody::new(record.kind, record.name, now()));
        let record = match (spec.record, &body, self.own) {
            (Some(record), Some(body), Some(parent)) => RecordWriter::new(record.place, body, parent),
            (..) => None,
        };
        let made = self.fork(start, record, way);
        self.argv.empty();
        self.envp.empty();
        made
    }

    fn fork(&self, start: &Start, record: Option<RecordWriter>, way: Way) -> Result<Pid, SpawnError> {
        let Start { spec, instead: [out, err], passing, ticket } = start;
        let error = |errno| SpawnError { stage: Stage::Fork, errno };
        let slot = self.slots.slot(ticket).ok_or(error(Errno(libc::EAGAIN)))?;
        let (places, ..) = self.child_fds.numbers();
        let same = out.is_none() && err.is_none() && spec.out.file() == spec.err.file();
        let plan = Plan {
            slot,
            mounts: match way {
                Way::Shared(mounts) => Some(mounts),
                Way::Copy => None,
            },
            record,
            closing: self.closing,
            keep: &self.keep,
            null: self.child_fds.null(),
            program: spec.program,
            argv: &self.argv,
            dir: self.dir(spec),
            attributes: spec.attributes,
            limits: &self.limits,
            files: self.files,
            input: match (passing.input(), spec.input) {
                (Some(pipe), _) => ChildInput::Pipe(pipe),
                (None, Stdio::File(path)) => ChildInput::File(path),
                (None, Stdio::Null | Stdio::Pipe(_)) => ChildInput::Null,
            },
            out: output(spec.out, *out, places[0]),
            err: if same { ChildOutput::SameAsOut } else { output(spec.err, *err, places[1]) },
            moves: passing.moves(),
            reset: self.reset | signals::changed(),
        };
        slot.enter(Stage::Fork);
        let pid = match way {
            Way::Shared(_) => self.clone(&plan),
            Way::Copy => copy::fork(&plan, &self.envp, spec.identity, spec.env.clone().count()),
        };
        pid.and_then(|pid| Pid::new(pid).ok_or(Errno(libc::EAGAIN))).map_err(error)
    }

    /// Makes a shared child. Returns when it has executed its command or given up.
    fn clone(&self, plan: &Plan) -> Result<c_int, Errno> {
        let start = SharedStart { plan, envp: &self.envp };
        let argument = (&raw const start).cast_mut().cast::<c_void>();
        let files = if self.sharing == Sharing::MemoryAndFiles { libc::CLONE_FILES } else { 0 };
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | files;
        // No handler of ours may run in the child: it would write to our memory and our pipe.
        let _blocked = Blocked::new();
        // SAFETY: the child runs `live_shared` on a stack that nobody else uses, and never returns from it, so
        // nothing returns twice. CLONE_VFORK suspends this thread until the child has run its command or ended:
        // so what `start` borrows outlives every use, and the only memory that both touch are atomics and errno.
        // No user is changed in this way, so the kernel does not take our memory for that of another user.
        done(unsafe { libc::clone(live_shared, self.stack.top(), flags, argument) })
    }

    /// Finds out how much can be shared, by up to three children that run nothing.
    fn probe(&mut self) {
        self.proven = true;
        let plain = Attributes::default();
        let spec = ChildSpec::new(c"/proc/self/no-such-file", Texts::of(b"probe\0"), &plain);
        for (sharing, closing) in [
            (Sharing::MemoryAndFiles, CloseMethod::Range),
            (Sharing::Memory, CloseMethod::Range),
            (Sharing::Memory, CloseMethod::Walk),
        ] {
            (self.sharing, self.closing) = (sharing, closing);
            if let Some(SpawnError { stage: Stage::Exec, errno: Errno(libc::ENOENT) }) = self.try_out(&spec) {
                return;
            }
        }
        // Nothing that such a child writes reaches us. We can test close_range ourselves.
        self.sharing = Sharing::Nothing;
        let no_range = calls::close_range(c_int::MAX, u32::MAX, libc::CLOSE_RANGE_CLOEXEC).is_err();
        self.closing = if no_range { CloseMethod::Walk } else { CloseMethod::Range };
    }

    fn try_out(&mut self, spec: &ChildSpec) -> Option<SpawnError> {
        let pid = self.spawn(spec, Way::Shared(&[])).ok()?.pid();
        wait_for_end(pid);
        self.reaped(pid)
    }

    #[cfg(test)]
    pub(super) fn slots_used(&self) -> usize {
        self.slots.used()
    }
}

fn output<'a>(stream: Stdio<'a>, instead: Option<Substitute>, place: c_int) -> ChildOutput<'a> {
    match (instead, stream) {
        (Some(Substitute::Pipe(_)), _) => ChildOutput::Pipe(place),
        (Some(Substitute::Own(_)), _) => ChildOutput::Own(place),
        (None, Stdio::File(path)) => ChildOutput::File(path),
        (None, Stdio::Null | Stdio::Pipe(_)) => ChildOutput::Null,
    }
}

/// Reaps a child that has ended or is about to end, so this does not take long.
fn wait_for_end(pid: Pid) {
    let mut status = 0;
    // SAFETY: the kernel writes one integer.
    while unsafe { libc::waitpid(pid.as_raw(), &mut status, 0) } == -1 && last_errno().0 == libc::EINTR {}
}

/// The argument of a shared child.
struct SharedStart<'a> {
    plan: &'a Plan<'a>,
    envp: &'a Pointers,
}

extern "C" fn live_shared(argument: *mut c_void) -> c_int {
    // SAFETY: `clone` passes a SharedStart that lives until this child has run its command or ended.
    let start = unsafe { &*argument.cast::<SharedStart>() };
    child::live(start.plan, start.envp)
}

#[cfg(test)]
mod tests;

//! From the command line to the running loop. An error here goes to stderr and ends pmtr; no later error does.
#![forbid(unsafe_code)]

use super::background::{self, BackgroundCalls, Fork, Side, Starting};
use super::births::Births;
use super::check::{self, Account, Machine};
use super::claims::Claims;
use super::event_loop::EventLoop;
use super::event_source::Shared;
use super::last_good::LastGood;
use super::log::{self, Log, Stderr};
use super::manager::{self, ServiceManager};
use super::net::Sockets;
use super::opening::{self, OpeningFailure};
use super::output::Outputs;
use super::rests::Rests;
use super::state::LeftOver;
use super::stderr::{self, OwnStderr};
use super::tokens::Descriptor;
use super::trust::Trust;
use super::watch::Watch;
use super::world::{LAST_WORDS, World};
use crate::cli::{Mode, PmtrOptions};
use crate::config;
use crate::model::{Errno, JobId, Level, MonoTime, Notice, Pid, Signal};
use crate::supervisor::{Event, LeftBehind, Supervisor, turn};
use crate::sys::process::{self, Forked};
use crate::sys::record::RecordKind;
use crate::sys::session::Numbers;
use crate::sys::signals::{self, SignalPipe};
use crate::sys::spawn::{ChildFds, Spawner};
use crate::sys::{clock, descriptors, groups, limits, lock, memory, users};
use mio::unix::SourceFd;
use mio::{Interest, Poll};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The signals that pmtr handles.
const HANDLED: [Signal; 6] =
    [Signal::CHLD, Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP, Signal::USR1];

/// The umask of every job, whatever the caller's was.
const UMASK: u32 = 0o022;

/// Does what the command line says. Returns when pmtr is to exit.
pub fn run(options: PmtrOptions) -> ExitCode {
    signals::set_mask();
    match options.mode {
        Mode::Run => match start(options) {
            Ok(status) => ExitCode::from(status),
            Err(why) => {
                crate::cli::say(&mut io::stderr(), &format_args!("pmtr: {}\n", why.text));
                // Both go to the journal, so each line would appear twice.
                if !stderr::is_journal() {
                    tell_log(&why.notices);
                }
                ExitCode::FAILURE
            }
        },
        Mode::Test | Mode::Check | Mode::Print => test(&options),
    }
}

/// `-t`, `--check` and `--print`.
fn test(options: &PmtrOptions) -> ExitCode {
    let machine = Machine {
        hard_limit: &limits::hard_limit,
        uid: process::effective_uid(),
        gid: groups::effective_gid(),
        group: &|name| groups::lookup(name).ok(),
        capabilities: process::capabilities(),
        user: &|name| users::lookup(name).ok().map(|user| Account::of(&user)),
    };
    ExitCode::from(check::run(options, &machine, &mut io::stdout(), &mut io::stderr()))
}

/// Whether two absolute paths lead to the same file, or would if it existed.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|there| (there.dev(), there.ino()));
    let place = |path: &Path| Some((path.parent()?.canonicalize().ok()?, path.file_name()?.to_owned()));
    let same_file = identity(one).is_some_and(|file| identity(other) == Some(file));
    same_file || place(one).is_some_and(|there| place(other) == Some(there))
}

/// Returns the exit status.
fn start(options: PmtrOptions) -> Result<u8, OpeningFailure> {
    // Descriptors that the caller left open are not wanted.
    descriptors::close_inherited();
    process::stop_timers();
    // While the lowest descriptors are free.
    let child_fds = ChildFds::new()
        .map_err(|error| format!("can't prepare to start processes: {}", Errno::of(&error)))?;
    process::umask(UMASK);
    process::leave_keyring();
    memory::return_large_blocks();
    let absolute = |path: &Path| background::absolute(path).map_err(|why| why.to_string());
    let file = absolute(&options.config)?;
    let pidfile = options.pidfile.as_deref().map(absolute).transpose()?;
    let state = options.state.as_deref().map(absolute).transpose()?;
    let mut last_good = match options.last_good.as_deref().map(absolute).transpose()? {
        Some(path) if is_same(&path, &file) => {
            return Err("--last-good names the configuration itself".to_owned().into());
        }
        Some(path) if is_same(&super::last_good::part(&path), &file) => {
            return Err(
                "--last-good writes FILE.new first, which is the configuration: give it another name"
                    .to_owned()
                    .into(),
            );
        }
        Some(path) if pidfile.as_deref().is_some_and(|pidfile| is_same(&path, pidfile)) => {
            return Err("--last-good names the pid file".to_owned().into());
        }
        Some(path) => Some(LastGood::new(path, process::effective_uid())),
        None => None,
    };
    // The current directory is no longer needed, and must not keep its file system from being unmounted. If
    // even `/` cannot be entered, pmtr stays where it is.
    let _ = std::env::set_current_dir("/");
    let mut watch = Watch::new(&file, lock::being_written);
    let opening = opening::open(&file, &mut watch, last_good.as_mut())?;
    if options.verbosity > 1
        && let Some(config) = opening.config()
    {
        crate::cli::say(&mut io::stderr(), &config::show(config));
    }
    let (mut claims, mut notices) = Claims::take(&file, pidfile.as_deref(), state.as_deref())?;
    let foreground = options.foreground || process::is_init();
    if !foreground && !opening.words.is_empty() {
        crate::cli::say(&mut io::stderr(), &format_args!("{}", opening.words));
    }
    let starting = if foreground {
        None
    } else {
        match background::go(&mut OwnProcess).map_err(|why| why.to_string())? {
            Side::Parent(waiting) => {
                return waiting.wait().map(|()| 0).map_err(|why| why.to_string().into());
            }
            Side::Child(starting) => Some(starting),
        }
    };
    match prepare(&file, &options, foreground, child_fds, watch, &mut claims) {
        Ok((mut event_loop, left)) => {
            event_loop.world.last_good = last_good;
            notices.extend(opening.notice);
            notices.iter().for_each(|notice| event_loop.world.shared.log.notice(notice));
            if let Some(starting) = starting {
                starting.ready(&mut OwnProcess).map_err(|why| why.to_string())?;
            }
            event_loop.begin(left, opening.event);
            event_loop.run();
            // The next start deals with processes that did not end after SIGKILL.
            if let Some(state) =
                event_loop.world.shared.state.take().filter(|_| event_loop.supervisor.processes() == 0)
            {
                state.remove();
            }
            claims.remove();
            Ok(event_loop.supervisor.exit_status())
        }
        Err(why) => {
            claims.remove();
            tell(starting, why)?;
            Ok(0)
        }
    }
}

/// Logs a failed start. Under a service manager, nobody may see stderr.
fn tell_log(notices: &[Notice]) {
    let Some(pid) = process::own_pid().filter(|_| !notices.is_empty()) else { return };
    let mut log = open_log(pid, false, false);
    notices.iter().for_each(|notice| log.notice(notice));
    log.finish(LAST_WORDS);
}

/// In the background, the parent reports the failure.
fn tell(starting: Option<Starting>, why: String) -> Result<(), String> {
    match starting {
        Some(starting) => {
            starting.failed(&why);
            Ok(())
        }
        None => Err(why),
    }
}

/// Creates everything that the loop works on. Nothing runs yet.
fn prepare(
    file: &Path,
    options: &PmtrOptions,
    foreground: bool,
    child_fds: ChildFds,
    mut watch: Watch,
    claims: &mut Claims,
) -> Result<(EventLoop, Vec<LeftOver>), String> {
    let because = |what: &'static str| move |error: io::Error| format!("can't {what}: {}", Errno::of(&error));
    let pid = process::own_pid().ok_or("has no process id")?;
    // Without it, orphans of jobs go to process 1, which reaps them as well.
    let subreaper = process::become_subreaper();
    let signals = SignalPipe::install(&HANDLED).map_err(because("catch signals"))?;
    let mut spawner = Spawner::new(child_fds).map_err(because("prepare to start processes"))?;
    spawner.raise_own_files();
    let poll = Poll::new().map_err(because("wait for events"))?;
    let registry = poll.registry().try_clone().map_err(because("wait for events"))?;
    registry
        .register(&mut SourceFd(&signals.as_raw_fd()), Descriptor::Signals.token(), Interest::READABLE)
        .map_err(because("wait for signals"))?;
    watch.register(&registry);
    claims.write_pid()?;
    let rests = Rests::new(Numbers::new().map_err(because("ask for processes"))?, pid);
    let log = open_log(pid, options.verbosity > 0, foreground);
    let (outputs, sockets) = (Outputs::default(), Sockets::new(clock::wall_millis()));
    // Last of all: nothing fails after this, so what the old file says is acted on.
    let (left, words, state) = claims.take_over(pid);
    let trust = Trust::new(process::effective_uid());
    let mut world = World {
        shared: Shared { registry, log, spawner, state },
        outputs,
        watch,
        parsing: None,
        sockets,
        births: Births::default(),
        trust,
        manager: None,
        last_good: None,
        rests,
    };
    world.shared.log.notice(&Notice::Starting);
    words.iter().for_each(|word| world.shared.log.notice(word));
    let mut supervisor = Supervisor::new(file.as_os_str().as_bytes(), clock::since_start());
    serve_manager(&mut supervisor, &mut world, pid, foreground);
    if let Err(error) = subreaper {
        let text = format!("can't adopt orphans of jobs: {}", Errno::of(&error));
        world.shared.log.notice(&Notice::Shell(Level::Warning, text.into()));
    }
    Ok((EventLoop::new(poll, supervisor, world, signals), left))
}

/// Notifies the service manager from now on, if there is one.
fn serve_manager(supervisor: &mut Supervisor, world: &mut World, pid: Pid, foreground: bool) {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let Some(address) = variable(manager::SOCKET) else { return };
    match ServiceManager::at(&address, (!foreground).then_some(pid)) {
        Ok(there) => {
            let (usec, whose) = (variable(manager::WATCHDOG_USEC), variable(manager::WATCHDOG_PID));
            let watchdog = manager::watchdog(usec.as_deref(), whose.as_deref(), pid);
            supervisor.serve_manager(clock::now(), watchdog);
            world.manager = Some(there);
        }
        Err(why) => world.shared.log.notice(&Notice::Shell(Level::Debug, why.into())),
    }
}

fn open_log(pid: Pid, verbose: bool, foreground: bool) -> Log {
    let sockets: Vec<PathBuf> = log::SOCKETS.map(Into::into).to_vec();
    // Both go to the journal, so each line would appear twice.
    let stderr = foreground && !stderr::is_null() && !(stderr::is_journal() && log::is_there(&sockets));
    let options = log::LogOptions { pid, verbose, sockets, stamp: clock::log_stamp };
    Log::new(options, stderr.then(|| Box::new(OwnStderr::open()) as Box<dyn Stderr>))
}

impl EventLoop {
    /// Stops what another pmtr has left, and puts the first configuration into force.
    fn begin(&mut self, left: Vec<LeftOver>, first: Event) {
        let now: MonoTime = clock::now();
        let known = left.iter().map(|LeftOver { record, .. }| LeftBehind {
            job: record.name.clone(),
            pid: record.pid,
            is_main: record.kind == RecordKind::Job,
        });
        let known = known.collect();
        // The core numbers its first jobs in the same order.
        for (id, left) in (0..).map(JobId).zip(left) {
            self.world.rests.take_over(id, left);
        }
        turn(&mut self.supervisor, &mut self.world, now, Event::LeftBehind(known));
        turn(&mut self.supervisor, &mut self.world, now, first);
        // Another look finds what was saved between the first look and the watch.
        turn(&mut self.supervisor, &mut self.world, now, Event::ConfigTouched);
    }
}

/// The system calls of going to the background.
struct OwnProcess;

impl BackgroundCalls for OwnProcess {
    fn fork(&mut self) -> io::Result<Fork> {
        Ok(match process::fork()? {
            Forked::Parent(pid) => Fork::Parent(pid),
            Forked::Child => Fork::Child,
        })
    }

    fn setsid(&mut self) -> io::Result<()> {
        process::new_session()
    }

    fn redirect(&mut self, file: BorrowedFd<'_>, standard: i32) -> io::Result<()> {
        descriptors::redirect(file, standard)
    }
}

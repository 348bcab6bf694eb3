//! pmtr-rptserver: one thread, one loop. Only writes to files can block it.
//! Passes datagrams to the fleet, and the fleet's state to files and to a command; decides nothing about hosts.

mod digest;
mod doubt;
mod file;
mod inbox;
mod log;
mod publication;
mod receiver;
mod runner;
mod socket;

use crate::cli;
use crate::cli::rptserver::RptserverOptions;
use crate::fleet::pages::PageForm;
use crate::fleet::{Fleet, Limits};
use crate::model::{Clean, Errno, Level, MonoTime, Signal, Throttle};
use crate::sys::signals::{self, SignalPipe};
use crate::sys::{clock, descriptors, memory, process};
use digest::Digest;
use doubt::Doubt;
use file::TargetFile;
use inbox::Inbox;
use log::{StderrLine, StderrLog};
use mio::unix::SourceFd;
use mio::{Interest, Poll};
use publication::Publication;
use receiver::{End, Receiver, SIGNALS};
use runner::Runner;
use socket::CaredSocket;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

/// The signals that the receiver handles.
const HANDLED: [Signal; 5] = [Signal::CHLD, Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP];

/// The most hosts that are known at the same time.
pub const MAX_HOSTS: usize = 20_000;
/// The most hosts that report from one address.
pub const MAX_NAMES_PER_ADDRESS: usize = 16;
/// The most jobs of one host.
pub const MAX_JOBS_PER_HOST: usize = 10_000;
/// The most memory of all reports, including what they take on one page. With ordinary names a job takes about 320
/// bytes, so 10,000 hosts with 20 jobs each take 64 MB.
pub const MAX_BYTES: usize = 128 << 20;

/// Does what the command line says. Returns when pmtr-rptserver is to exit.
pub fn run(options: RptserverOptions) -> ExitCode {
    signals::set_mask();
    let end = start(options).and_then(|mut receiver| {
        let end = receiver.run();
        receiver.end();
        end
    });
    match end {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Unfinished) => ExitCode::FAILURE,
        Err(why) => {
            cli::say(&mut io::stderr(), &format_args!("pmtr-rptserver: {why}\n"));
            ExitCode::FAILURE
        }
    }
}

/// An error here ends pmtr-rptserver; no later error does.
fn start(options: RptserverOptions) -> Result<Receiver, String> {
    let because = |what: &'static str| move |error: io::Error| format!("can't {what}: {}", Errno::of(&error));
    // Descriptors that the caller left open are not wanted.
    descriptors::close_inherited();
    process::stop_timers();
    memory::return_large_blocks();
    let now = clock::now();
    let publications = publications(&options, now)?;
    let opened = socket::open(options.address.as_ref(), options.port)?;
    let signals = SignalPipe::install(&HANDLED).map_err(because("catch signals"))?;
    let poll = Poll::new().map_err(because("wait for events"))?;
    let register = |fd: i32, token| poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE);
    register(signals.as_raw_fd(), SIGNALS).map_err(because("wait for signals"))?;
    let mut log = StderrLog::new(options.verbosity);
    if let Some(program) = options.on_stale.first().filter(|program| !is_program(Path::new(program))) {
        let text = format!("can't run {}: no such file, or not executable", shown(Path::new(program)));
        log.say(&StderrLine::new(Level::Warning, text));
    }
    log.say(&StderrLine::new(Level::Info, format!("receiving on udp://{}", opened.1)));
    let registry = poll.registry().try_clone().map_err(because("wait for datagrams"))?;
    let socket = CaredSocket::new(opened, options.address, options.port, registry, now)
        .map_err(because("wait for datagrams"))?;
    let limits = Limits {
        hosts: MAX_HOSTS,
        names_per_address: MAX_NAMES_PER_ADDRESS,
        jobs_per_host: MAX_JOBS_PER_HOST,
        bytes: MAX_BYTES,
        stale_after: options.stale_after,
    };
    Ok(Receiver {
        poll,
        signals,
        inbox: Inbox::new(Box::new(socket)),
        fleet: Fleet::new(limits),
        publications,
        runner: Runner::new(options.on_stale),
        log,
        digest: Digest::default(),
        doubt: Doubt::default(),
        once: options.once,
        hurry: Throttle::default(),
    })
}

fn publications(options: &RptserverOptions, now: MonoTime) -> Result<Vec<Publication>, String> {
    let files = [
        (PageForm::Status, options.file.as_deref()),
        (PageForm::Json, options.json.as_deref()),
        (PageForm::Metrics, options.metrics.as_deref()),
    ];
    let mut targets: Vec<(PageForm, TargetFile)> = Vec::new();
    for (form, path) in files {
        let Some(path) = path else { continue };
        let target = TargetFile::new(path).map_err(|why| why.to_string())?;
        if let Some((_, other)) = targets.iter().find(|(_, other)| other.is_same(&target)) {
            return Err(format!("{} and {} are the same file", shown(other.path()), shown(path)));
        }
        targets.push((form, target));
    }
    Ok(targets.into_iter().map(|(form, target)| Publication::new(target, form, now)).collect())
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|there| there.is_file() && there.permissions().mode() & 0o111 != 0)
}

fn shown(path: &Path) -> Clean<'_> {
    Clean(path.as_os_str().as_bytes())
}

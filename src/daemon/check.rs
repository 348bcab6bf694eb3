//! `pmtr -t`, `pmtr --check` and `pmtr --print`: errors in a configuration, and warnings about what will not work on this machine.
//!
//! Looks at the machine as it is now and starts nothing. There is no warning about what we have no permission to see.
#![forbid(unsafe_code)]

mod access;
mod command;
mod file;
mod files;
mod job;

use super::environment::with_environment;
use super::exposure::Rights;
use crate::cli::{Mode, PmtrOptions, say};
use crate::config::{self, Parsed, SourceFile};
use crate::model::{Clean, Config, Counted, Errno, Infinity, Mistake, Resource, Severity};
use crate::sys::numbers::{O_NOCTTY, O_NONBLOCK};
use crate::sys::ready;
pub use access::Account;
use files::Files;
use std::ffi::CStr;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::rc::Rc;

/// The length limit of a configuration. One byte more is read, so that the parser reports the limit.
const LONGEST_BYTES: u64 = 10 * 1024 * 1024;

/// Our user, and the machine's users and limits.
pub struct Machine<'a> {
    /// The effective user id of pmtr.
    pub uid: u32,
    /// The account of a `user`, or `None` if a start would refuse it.
    pub user: &'a dyn Fn(&CStr) -> Option<Account>,
    /// Our own hard limit, or `None` if it is unknown.
    pub hard_limit: &'a dyn Fn(Resource) -> Option<Result<u64, Infinity>>,
}

/// Checks the file that the options name. Prints errors and warnings to `err`, then one line with their number to
/// `out`, or the canonical text there. Returns the exit status.
pub fn run(options: &PmtrOptions, machine: &Machine<'_>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let file = &options.config;
    let name = file.as_os_str().as_bytes();
    let (text, rights) = match read(file) {
        Ok((text, rights)) => (Rc::new(text), rights),
        Err(why) => return unreadable(options, &why, out, err),
    };
    let mut files = Files::new(name, rights);
    // What a stream says is relative to the current directory.
    let said_by = if rights.is_some() { name } else { b"" };
    let sources = files.sources(SourceFile::new(name, Rc::clone(&text)), said_by);
    let texts = sources.included.iter().filter_map(|included| included.files.as_ref().ok()).flatten();
    let jobs = texts.fold(count_jobs(&text), |jobs, file| jobs + count_jobs(file.text()));
    let (parsed, mut found) = match config::check(with_environment(sources)) {
        Ok(Parsed { config, warnings, places }) => (Some((config, places)), warnings),
        Err(mistakes) => (None, mistakes),
    };
    if options.mode == Mode::Print {
        say(err, &config::render(&found));
        return match parsed {
            Some((config, _)) => print(&config, out, err),
            None => report(options, jobs, &found, err),
        };
    }
    let jobs = parsed.as_ref().map_or(jobs, |(config, _)| config.jobs.len());
    let exposed = files.exposed(machine.uid);
    if let Some((config, places)) = &parsed {
        found.extend(job::look(&config.jobs, places, machine));
        files.sort(&mut found);
    }
    found.splice(..0, exposed);
    say(err, &config::render(&found));
    let status = report(options, jobs, &found, out);
    if let Some((config, _)) = parsed.filter(|_| options.verbosity > 1) {
        say(out, &config::show(&config));
    }
    status
}

/// Prints the canonical text as it is: it may become a file.
fn print(config: &Config, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    match out.write_all(&config::print(config)).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say(err, &format_args!("pmtr: can't write to stdout: {}\n", Errno::of(&error)));
            1
        }
        Ok(()) | Err(_) => 0,
    }
}

/// Prints that the file can't be read.
fn unreadable(options: &PmtrOptions, why: &str, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let hint = if options.config.as_os_str() == "-" { "; standard input is /dev/stdin" } else { "" };
    let name = options.config.as_os_str().as_bytes();
    let found = [Mistake::of_file(name, Severity::Error, format!("{why}{hint}"))];
    say(err, &config::render(&found));
    if options.mode == Mode::Print {
        report(options, 0, &found, err)
    } else {
        report(options, 0, &found, out)
    }
}

/// Prints the line with the numbers and returns the exit status.
fn report(options: &PmtrOptions, jobs: usize, found: &[Mistake], out: &mut dyn Write) -> u8 {
    let (name, count) = (Clean(options.config.as_os_str().as_bytes()), Mistake::count(found));
    let failed = if count.errors > 0 { "parse failed: " } else { "" };
    let jobs = Counted(jobs as u64, "job");
    say(out, &format_args!("{name}: {failed}{jobs}, {count}\n"));
    u8::from(options.mode >= Mode::Check && (count.errors > 0 || options.strict && count.warnings > 0))
}

/// The text, and the rights of the file; those of a stream do not matter. Never creates the file. Waits for the writer
/// of a FIFO to finish, but not for a writer to appear.
fn read(file: &Path) -> Result<(Vec<u8>, Option<Rights>), String> {
    let unreadable = |error: io::Error| format!("can't read it: {}", Errno::of(&error));
    let opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(file);
    let mut opened = opened.map_err(unreadable)?;
    let there = opened.metadata().map_err(unreadable)?;
    let mut text = Vec::new();
    loop {
        let rest = (LONGEST_BYTES + 1).saturating_sub(text.len() as u64);
        match Read::by_ref(&mut opened).take(rest).read_to_end(&mut text) {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => ready::wait_for_input(opened.as_fd()),
            Err(error) => return Err(unreadable(error)),
        }
    }
    if text.is_empty() && there.file_type().is_fifo() {
        return Err("not a regular file, and nobody writes to this FIFO".to_owned());
    }
    Ok((text, there.is_file().then(|| Rights::of(&there))))
}

/// How many jobs a file with errors seems to have: the number of lines that begin one.
fn count_jobs(text: &[u8]) -> usize {
    let begins = |line: &&[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.next() == Some(b"job") && matches!(words.next(), None | Some(b"{"))
    };
    text.split(|byte| *byte == b'\n').filter(begins).count()
}

#[cfg(test)]
mod tests;

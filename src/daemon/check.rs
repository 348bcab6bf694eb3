//! `pmtr -t` and `pmtr --check`: the mistakes of a configuration, and what only looks like one.
//!
//! Looks at the machine as it is now and starts nothing. What can't be looked at, for want of a permission,
//! is not warned of.
#![forbid(unsafe_code)]

use super::exposure::{self, Rights};
use super::mounts::Mounts;
use super::regular::{self, Refusal};
use crate::cli::{Mode, say};
use crate::model::{Clean, Errno, Infinity, JobSpec, Mistake, Parsed, Resource};
use std::ffi::{CStr, OsStr};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A configuration is never longer. One byte more is read, so that the parser sees that it is too long.
const LONGEST_BYTES: u64 = 10 * 1024 * 1024;

/// Who is asking, and whom and what the machine knows.
pub struct Machine<'a> {
    /// The effective user id of pmtr.
    pub uid: u32,
    /// The user id behind `user` as a start would find it, or `None` when a start would refuse it.
    pub user: &'a dyn Fn(&CStr) -> Option<u32>,
    /// Our own hard limit, or `None` when it can't be found out.
    pub hard_limit: &'a dyn Fn(Resource) -> Option<Result<u64, Infinity>>,
}

/// The parser and its way to show mistakes.
pub struct Parser {
    /// From text to configuration.
    pub parse: fn(&[u8]) -> Result<Parsed, Vec<Mistake>>,
    /// All mistakes with their lines and carets, as `file` is called.
    pub render: fn(&[u8], &[Mistake]) -> String,
}

/// What is no mistake but looks like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The line of the job's block, or zero when it is about the whole file.
    pub line: u32,
    /// The text behind `warning: `.
    pub text: String,
}

/// Tests `file`: mistakes and warnings to `err`, then one line with their number to `out`.
/// Returns the exit status.
pub fn run(
    file: &Path,
    mode: Mode,
    parser: &Parser,
    machine: &Machine<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let name = file.as_os_str().as_bytes();
    let (text, rights) = match read(file) {
        Ok((text, rights)) => (Ok(text), Some(rights)),
        Err(mistake) => (Err(mistake), None),
    };
    let parsed = text.as_deref().map_err(|mistake| vec![mistake.clone()]).and_then(parser.parse);
    let (jobs, mistakes) = match &parsed {
        Ok(parsed) => (parsed.config.jobs.len(), 0),
        Err(mistakes) => {
            let shown = (parser.render)(name, mistakes);
            say(err, &format_args!("{}\n", shown.trim_end_matches('\n')));
            (text.as_deref().map_or(0, jobs_begun), mistakes.len())
        }
    };
    let absolute = std::path::absolute(file);
    let path = absolute.as_deref().unwrap_or(file).as_os_str().as_bytes();
    let exposed =
        rights.map(|rights| exposure::of(path, rights, machine.uid, &Mounts::read())).unwrap_or_default();
    let mut warnings: Vec<Warning> = exposed.into_iter().map(|text| Warning { line: 0, text }).collect();
    if let Ok(parsed) = &parsed {
        warnings.extend(look(parsed, machine));
    }
    for warning in warnings {
        say(err, &Line(name, &warning));
    }
    say(out, &format_args!("{}: {jobs} jobs, {mistakes} mistakes\n", Clean(name)));
    u8::from(mode == Mode::Check && mistakes > 0)
}

/// What the jobs ask for that this machine does not have, or does not let us do.
pub fn look(parsed: &Parsed, machine: &Machine<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    // A configuration made without lines still gets its warnings, as those of the whole file.
    let lines = parsed.lines.iter().copied().chain(std::iter::repeat(0));
    for (job, line) in parsed.config.jobs.iter().zip(lines) {
        let mut found = Vec::new();
        command(job, &mut found);
        user(job, machine, &mut found);
        directories(job, &mut found);
        depends(job, &mut found);
        priority(job, machine, &mut found);
        limits(job, machine, &mut found);
        let named = |what| Warning { line, text: format!("job {}: {what}", job.name()) };
        warnings.extend(found.into_iter().map(named));
    }
    warnings
}

fn command(job: &JobSpec, found: &mut Vec<String>) {
    let path = job.path();
    let why = match fs::metadata(as_path(path)) {
        Err(e) if is_missing(&e) => "does not exist",
        Err(_) => return,
        Ok(there) if there.is_dir() => "is a directory",
        Ok(there) if !there.is_file() => "is not a regular file",
        Ok(there) if there.permissions().mode() & 0o111 == 0 => "is not executable",
        Ok(_) => return found.extend(interpreter(path)),
    };
    found.push(format!("cmd {} {why}", shown(path)));
}

/// A script whose interpreter is missing: its start would say that the script is, which then nobody believes.
fn interpreter(script: &CStr) -> Option<String> {
    let mut start = Vec::new();
    regular::open(as_path(script)).ok()?.0.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    // As the kernel sees it: only these two are blanks, and a CR belongs to the name.
    let path = line.split(|byte| b" \t".contains(byte)).find(|word| !word.is_empty())?;
    let missing = fs::metadata(OsStr::from_bytes(path)).is_err_and(|e| is_missing(&e));
    missing.then(|| format!("cmd {} is a script for {}, which does not exist", shown(script), Clean(path)))
}

fn user(job: &JobSpec, machine: &Machine<'_>, found: &mut Vec<String>) {
    let Some(user) = job.user() else { return };
    match (machine.user)(user) {
        None => found.push(format!("user {} does not exist", shown(user))),
        Some(uid) if uid != machine.uid && machine.uid != 0 => {
            found.push(format!("user {} is another user, which takes a pmtr that runs as root", shown(user)));
        }
        Some(_) => {}
    }
}

fn directories(job: &JobSpec, found: &mut Vec<String>) {
    let dir = as_path(job.dir());
    let missing = match fs::metadata(dir) {
        Ok(there) if !there.is_dir() => Some("is not a directory"),
        Err(e) if is_missing(&e) => Some("does not exist"),
        Ok(_) | Err(_) => None,
    };
    found.extend(missing.map(|why| format!("dir {} {why}", shown(job.dir()))));
    let files = [("in", job.input(), false), ("out", job.out(), true), ("err", job.err(), true)];
    for (option, file, may_be_syslog) in files {
        let Some(file) = file.filter(|file| !(may_be_syslog && *file == c"syslog")) else { continue };
        // Without its directory nothing can be said of a file in it, and one warning is enough.
        if missing.is_some() && !as_path(file).is_absolute() {
            continue;
        }
        let path = dir.join(as_path(file));
        let parent = path.parent().unwrap_or(dir);
        let why = match fs::metadata(parent) {
            Err(e) if is_missing(&e) => "the directory does not exist",
            // Only `in` has to be there; the others are made.
            Ok(_) if !may_be_syslog && fs::metadata(&path).is_err_and(|e| is_missing(&e)) => {
                "it does not exist"
            }
            Ok(_) | Err(_) => continue,
        };
        found.push(format!("{option} {}: {why}", shown(file)));
    }
}

/// What is no regular file counts as missing.
fn depends(job: &JobSpec, found: &mut Vec<String>) {
    for (file, path) in job.depends().zip(job.depends_paths()) {
        let Ok(there) = fs::metadata(OsStr::from_bytes(&path)) else { continue };
        if !there.is_file() {
            let what = regular::kind(there.file_type());
            found.push(format!(
                "depends {} is {what}, not a regular file: the job will wait for one",
                shown(file)
            ));
        }
    }
}

fn priority(job: &JobSpec, machine: &Machine<'_>, found: &mut Vec<String>) {
    let Some(nice) = job.nice().filter(|nice| *nice < 0 && machine.uid != 0) else { return };
    // That limit counts from 20 downwards: 25 allows nice -5. What can't be found out is not warned of.
    let wanted = u64::try_from(20 - i64::from(nice)).unwrap_or(0);
    if let Some(Ok(hard)) = (machine.hard_limit)(Resource::Nice)
        && hard < wanted
    {
        found.push(format!("nice {nice} takes a pmtr that runs as root"));
    }
}

fn limits(job: &JobSpec, machine: &Machine<'_>, found: &mut Vec<String>) {
    // Root may raise any hard limit.
    if machine.uid == 0 {
        return;
    }
    for limit in job.limits() {
        let Some(Ok(hard)) = (machine.hard_limit)(limit.resource) else { continue };
        if limit.value.is_ok_and(|value| value <= hard) {
            continue;
        }
        found.push(format!(
            "ulimit {limit} is above the hard limit {hard}, which takes a pmtr that runs as root"
        ));
    }
}

/// The text and the rights of what it was read from, or the mistake that there is none. A test never makes the file.
pub(super) fn read(file: &Path) -> Result<(Vec<u8>, Rights), Mistake> {
    let mistake = |what: String| Mistake { line: 0, column: 0, width: 0, text: [].into(), what: what.into() };
    let unreadable = |e: io::Error| mistake(format!("can't read it: {}", Errno::of(&e)));
    let (opened, there) = regular::open(file).map_err(|refusal| match refusal {
        Refusal::Other(_) => mistake("not a regular file".to_owned()),
        Refusal::Failed(error) => unreadable(error),
    })?;
    let mut text = Vec::new();
    opened.take(LONGEST_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    Ok((text, Rights::of(&there)))
}

/// How many jobs a file with mistakes seems to have: the lines that begin one.
fn jobs_begun(text: &[u8]) -> usize {
    let begins = |line: &&[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.next() == Some(b"job") && matches!(words.next(), None | Some(b"{"))
    };
    text.split(|byte| *byte == b'\n').filter(begins).count()
}

struct Line<'a>(&'a [u8], &'a Warning);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", Clean(self.0))?;
        if self.1.line > 0 {
            write!(f, "{}:", self.1.line)?;
        }
        writeln!(f, " warning: {}", self.1.text)
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn as_path(text: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(text.to_bytes()))
}

fn shown(text: &CStr) -> Clean<'_> {
    Clean(text.to_bytes())
}

#[cfg(test)]
mod tests;

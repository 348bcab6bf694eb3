//! Commands that can't be started, and words that only a shell would understand.

use super::super::{own_path, regular};
use super::file::{as_path, shown};
use super::surroundings::FilePath;
use crate::config::Places;
use crate::config::options::Key;
use crate::daemon::way::is_missing;
use crate::model::{Clean, JobSpec};
use std::ffi::{CStr, OsStr};
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What is wrong with a program of a job, which this option names.
pub(super) fn program(job: &JobSpec, option: &str, program: &CStr, file_path: &FilePath) -> Option<String> {
    if !program.to_bytes().contains(&b'/') {
        return not_found(job, option, program, file_path);
    }
    let file = job.launch.in_dir(program);
    let file = Path::new(OsStr::from_bytes(&file));
    let why = match fs::metadata(file) {
        Err(e) if is_missing(&e) => "does not exist",
        Err(_) => return None,
        Ok(there) if there.is_dir() => "is a directory",
        Ok(there) if !there.is_file() => "is not a regular file",
        Ok(there) if there.permissions().mode() & 0o111 == 0 => "is not executable",
        Ok(_) => return script(file).map(|why| format!("{option} {} {why}", shown(program))),
    };
    Some(format!("{option} {} {why}", shown(program)))
}

/// That a program without a slash is not found in the `PATH` of the job.
fn not_found(job: &JobSpec, option: &str, program: &CStr, file_path: &FilePath) -> Option<String> {
    let own = job.launch.env().any(|text| text.to_bytes().starts_with(b"PATH="));
    let (path, shown_path) = match file_path {
        FilePath::Set(_) | FilePath::Unknown if own => (job.launch.search_path(), None),
        FilePath::Set(path) => (path.clone(), Some("the PATH of an env file")),
        FilePath::Unknown => return None,
        // The job notes our own only if its command is searched.
        FilePath::Unset if !own && !job.launch.attributes().env_clear => {
            (own_path::text().unwrap_or_else(|| job.launch.search_path()), None)
        }
        FilePath::Unset => (job.launch.search_path(), None),
    };
    let dirs = path.strip_prefix(b"PATH=")?.split(|byte| *byte == b':').filter(|dir| !dir.is_empty());
    let dir = as_path(job.launch.dir());
    for place in dirs {
        let file = dir.join(OsStr::from_bytes(place)).join(as_path(program));
        match fs::metadata(file) {
            Ok(there) if there.is_file() && there.permissions().mode() & 0o111 != 0 => return None,
            Ok(_) => {}
            Err(e) if is_missing(&e) => {}
            // It may be there.
            Err(_) => return None,
        }
    }
    let shown_path = shown_path.map_or_else(|| Clean(&path).to_string(), str::to_owned);
    Some(format!("{option} {} is not found in {shown_path}", shown(program)))
}

/// Why the kernel can't run a script. If the interpreter is missing, a start would report that the script is missing,
/// which misleads.
fn script(path: &Path) -> Option<String> {
    let mut start = Vec::new();
    regular::open(path).ok()?.0.take(256).read_to_end(&mut start).ok()?;
    let Some(line) = start.strip_prefix(b"#!") else {
        // Other contents may be a format that binfmt_misc knows.
        let is_text =
            !start.is_empty() && start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..));
        return is_text.then(|| "is a script without `#!` and an interpreter in its first line".to_owned());
    };
    let line = line.split(|byte| *byte == b'\n').next()?;
    // As in the kernel: only these two are blanks, and a CR is part of the name.
    let interpreter = line.split(|byte| b" \t".contains(byte)).find(|word| !word.is_empty())?;
    if line.ends_with(b"\r") {
        return Some(
            "is a script with CR LF at the end of its lines, which the kernel can't run: use dos2unix".into(),
        );
    }
    let missing = fs::metadata(OsStr::from_bytes(interpreter)).is_err_and(|e| is_missing(&e));
    missing.then(|| format!("is a script for {}, which does not exist", Clean(interpreter)))
}

/// The first word of each kind that only a shell would understand, with its index.
pub(super) fn words(job: &JobSpec, index: usize, places: &Places) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, &str, String)> = Vec::new();
    let mut of_shell = false;
    for (nth, word) in job.launch.cmd().enumerate().skip(1) {
        let written = places.written(index, Key::Cmd, nth);
        // What follows `-c` is for another program to expand, and quoted words are meant as they are.
        let is_meant = |kind| of_shell && kind != "quote" || written.starts_with(b"\"");
        if let Some((kind, why)) = only_for_a_shell(word.to_bytes())
            && !is_meant(kind)
            && !found.iter().any(|(_, other, _)| *other == kind)
        {
            found.push((nth, kind, format!("{} in cmd {why}", Clean(word.to_bytes()))));
        }
        of_shell = word == c"-c";
    }
    found.into_iter().map(|(nth, _, what)| (nth, what)).collect()
}

/// What a word would mean to a shell, and what to write instead.
fn only_for_a_shell(word: &[u8]) -> Option<(&'static str, &'static str)> {
    let name = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'{' | b'(');
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match word.get(digits..)? {
        [b'>' | b'<', ..] => Some((
            "redirection",
            "redirects nothing, because pmtr runs no shell: use in, out and err, or cmd /bin/sh -c \"...\"",
        )),
        b"|" | b"||" | b"&&" | b"&" | b";" => Some((
            "operator",
            "is an ordinary argument, because pmtr runs no shell: use cmd /bin/sh -c \"...\"",
        )),
        _ if word.windows(2).any(|pair| matches!(pair, [b'$', next] if name(next))) => Some((
            "variable",
            "stays as it is, because pmtr expands no variables: use cmd /bin/sh -c \"...\"",
        )),
        _ if word.starts_with(b"~/") || word.starts_with(b"`") => {
            Some(("expansion", "stays as it is, because pmtr expands nothing: use cmd /bin/sh -c \"...\""))
        }
        _ if word.starts_with(b"'") => {
            Some(("quote", "keeps its single quotes: only double quotes hold words together"))
        }
        _ => None,
    }
}

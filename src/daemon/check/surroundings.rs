//! Groups, env files, directories to make and rights that a start would not get on this machine.

use super::super::regular::{self, Refusal};
use super::file::shown;
use super::job::Look;
use crate::config::options::Key;
use crate::daemon::way::is_missing;
use crate::model::{Capability, Clean, ENV_FILE_BYTES, EnvFault, Words, read_env_file};
use crate::sys::env_files::find_of_root;
use std::ffi::{CStr, OsStr};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the env files of a job say about `PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum FilePath {
    /// There are none, or they do not set it.
    #[default]
    Unset,
    /// They set it to this `PATH=...`.
    Set(Vec<u8>),
    /// One of them could not be read.
    Unknown,
}

impl Look<'_> {
    pub(super) fn groups(&mut self) {
        let attributes = self.job.launch.attributes();
        if let Some(name) = &attributes.group {
            match (self.machine.group)(name) {
                None => self.warn(Key::Group, 0, format_args!("group {} does not exist", shown(name))),
                Some(gid) if self.machine.uid != 0 && gid != self.machine.gid => {
                    let what = "is another group: pmtr must run as root to switch to it";
                    self.warn(Key::Group, 0, format_args!("group {} {what}", shown(name)));
                }
                Some(_) => {}
            }
        }
        for (nth, name) in attributes.groups.texts().enumerate() {
            if (self.machine.group)(name).is_none() {
                self.warn(Key::Groups, nth, format_args!("group {} does not exist", shown(name)));
            }
        }
        if !attributes.groups.is_empty() && self.machine.uid != 0 {
            self.warn(Key::Groups, 0, "groups needs a pmtr that runs as root");
        }
    }

    /// Reads the env files, and warns of what is wrong with them, but never shows a value.
    pub(super) fn env_files(&mut self) -> FilePath {
        let (mut variables, mut bytes, mut answer, mut nth) = (Words::default(), 0_usize, FilePath::Unset, 0);
        for file in &self.job.launch.attributes().env_files {
            let path = self.job.launch.in_dir(&file.path);
            let what = match self.env_file(&path, file.optional, &mut variables, &mut bytes) {
                Ok(true) => None,
                Ok(false) => {
                    answer = FilePath::Unknown;
                    None
                }
                Err(what) => Some(what),
            };
            if let Some(what) = what {
                answer = FilePath::Unknown;
                self.warn(Key::EnvFile, nth, format_args!("env file {}{what}", shown(&file.path)));
            }
            nth += 1 + usize::from(file.optional);
        }
        let set = variables.iter().filter(|text| text.starts_with(b"PATH=")).last();
        match (answer, set) {
            (FilePath::Unset, Some(path)) => FilePath::Set(path.to_vec()),
            (answer, _) => answer,
        }
    }

    /// Whether a file could be read, or what is wrong with it.
    fn env_file(
        &self,
        path: &[u8],
        optional: bool,
        variables: &mut Words,
        bytes: &mut usize,
    ) -> Result<bool, String> {
        let file = match self.open_env_file(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(false),
            Err(Refusal::Other(kind)) => return Err(format!(" is {kind}: expected a regular file")),
            Err(Refusal::Failed(e)) if is_missing(&e) => {
                return if optional { Ok(true) } else { Err(" does not exist".to_owned()) };
            }
            Err(Refusal::Failed(_)) => return Ok(false),
        };
        let mut text = Vec::new();
        if file.take(ENV_FILE_BYTES as u64 + 1).read_to_end(&mut text).is_err() {
            return Ok(false);
        }
        *bytes = bytes.saturating_add(text.len());
        if *bytes > ENV_FILE_BYTES {
            return Err(format!(
                ": the env files of a job have at most {} MiB together",
                ENV_FILE_BYTES >> 20
            ));
        }
        let read = read_env_file(&text, variables);
        read.map(|()| true)
            .map_err(|(line, fault)| format!(", line {line}: {}", EnvFault::text(fault.number())))
    }

    /// Opens a file that a start would read with the rights that we have now. None if it is there, but another user
    /// could lead us to it.
    fn open_env_file(&self, path: &[u8]) -> Result<Option<File>, Refusal> {
        let at = Path::new(OsStr::from_bytes(path));
        if self.machine.uid != 0 {
            return regular::open(at).map(|(file, _)| Some(file));
        }
        if let Ok(Some(named)) = find_of_root(path) {
            return regular::open_held(&File::from(named), at).map(|(file, _)| Some(file));
        }
        let there = fs::metadata(at).map_err(Refusal::Failed)?;
        if there.is_file() { Ok(None) } else { Err(Refusal::Other(regular::kind(there.file_type()))) }
    }

    /// The directories that a start makes.
    pub(super) fn made(&self) -> Vec<PathBuf> {
        let launch = &self.job.launch;
        let path = |path: &CStr| PathBuf::from(OsStr::from_bytes(&launch.in_dir(path)));
        launch.attributes().make_dirs.iter().map(|dir| path(&dir.path)).collect()
    }

    pub(super) fn make_dirs(&mut self) {
        let (made, mut nth) = (self.made(), 0);
        for (index, dir) in self.job.launch.attributes().make_dirs.iter().enumerate() {
            let (before, path) = made.split_at_checked(index).unwrap_or_default();
            if let Some(why) = path.first().and_then(|path| unmakable(path, before)) {
                self.warn(Key::MakeDir, nth, format_args!("make dir {}{why}", shown(&dir.path)));
            }
            nth += 1 + usize::from(dir.mode.is_some());
        }
    }

    pub(super) fn rights(&mut self) {
        let attributes = self.job.launch.attributes();
        let is_root = match self.job.launch.user() {
            None => self.machine.uid == 0,
            Some(user) => (self.machine.user)(user).is_some_and(|account| account.uid == 0),
        };
        if is_root && !attributes.capabilities.is_empty() {
            let what = "keep capability has no effect in a job that runs as root, which has them all";
            self.warn(Key::KeepCapability, 0, what);
        } else {
            for capability in attributes.capabilities.iter() {
                if self.machine.capabilities >> capability.number() & 1 == 1 {
                    continue;
                }
                let is_here = |nth: &usize| {
                    let word = self.places.written(self.index, Key::KeepCapability, *nth);
                    Capability::named(word) == Some(capability)
                };
                let nth = (0..attributes.capabilities.iter().count()).find(is_here).unwrap_or(0);
                let what = "pmtr does not have it itself";
                self.warn(Key::KeepCapability, nth, format_args!("keep capability {capability}: {what}"));
            }
        }
        if let Some(score) = attributes.oom_score.filter(|score| *score < 0 && self.machine.uid != 0) {
            self.warn(Key::OomScore, 0, format_args!("oom score {score} needs a pmtr that runs as root"));
        }
    }
}

/// Why this directory can't be made, if those in `made` are made before.
fn unmakable(path: &Path, made: &[PathBuf]) -> Option<String> {
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    let link = way.into_iter().find(|at| at.symlink_metadata().is_ok_and(|there| there.is_symlink()));
    match (link, path.symlink_metadata()) {
        (Some(link), _) if link == path => Some(" is a symbolic link".to_owned()),
        (Some(link), _) => {
            let link = Clean(link.as_os_str().as_bytes());
            Some(format!(": {link} is a symbolic link, and none is followed: write where it leads"))
        }
        (None, Ok(there)) => (!there.is_dir()).then(|| " is not a directory".to_owned()),
        (None, Err(_)) => {
            let parent = path.parent().filter(|parent| made.iter().all(|made| made != parent))?;
            match fs::metadata(parent) {
                Err(e) if is_missing(&e) => Some(": its directory does not exist".to_owned()),
                Ok(there) if !there.is_dir() => Some(": its directory is no directory".to_owned()),
                Ok(_) | Err(_) => None,
            }
        }
    }
}

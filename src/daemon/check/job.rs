//! What jobs need that this machine does not have or does not permit.

use super::super::regular;
use super::access::Account;
use super::file::{as_path, shown};
use super::surroundings::FilePath;
use super::{Machine, command};
use crate::config::options::Key;
use crate::config::{self, Places};
use crate::daemon::way::is_missing;
use crate::job::policy::QUICK;
use crate::model::{GiveUp, InUnits, JobSpec, Lasting, Mistake, Restart};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Display;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// The job that is checked.
pub(super) struct Look<'a> {
    pub(super) job: &'a JobSpec,
    pub(super) index: usize,
    pub(super) places: &'a Places,
    pub(super) machine: &'a Machine<'a>,
    found: Vec<Mistake>,
}

/// The warnings about these jobs. `places` says where their options are.
pub(super) fn look(jobs: &[JobSpec], places: &Places, machine: &Machine<'_>) -> Vec<Mistake> {
    let mut found = Vec::new();
    // The places at which jobs before had warnings: what a template or a job with copies says is one warning.
    let mut told = BTreeSet::new();
    for (index, job) in jobs.iter().enumerate() {
        let before = found.len();
        let mut look = Look { job, index, places, machine, found };
        let file_path = look.env_files();
        look.command(&file_path);
        let account = look.user();
        look.groups();
        look.make_dirs();
        look.directories(account.as_ref());
        look.depends();
        look.priority();
        look.limits();
        look.rules();
        look.rights();
        found = look.found;
        let mut of_job = found.split_off(before);
        of_job.retain(|warning| !told.contains(&place(warning)));
        told.extend(of_job.iter().map(place));
        found.extend(of_job);
    }
    found
}

/// Where a warning points.
fn place(warning: &Mistake) -> (Rc<[u8]>, u32, u32) {
    (Rc::clone(&warning.file), warning.line, warning.column)
}

impl Look<'_> {
    /// Adds a warning about one word of an option, by its index.
    pub(super) fn warn(&mut self, key: Key, nth: usize, what: impl Display) {
        let what = format!("job {}: {what}", self.job.name);
        self.found.push(self.places.warning(self.index, key, nth, what));
    }

    fn command(&mut self, file_path: &FilePath) {
        let (job, policy) = (self.job, &self.job.policy);
        for (option, key, program) in [
            ("cmd", Key::Cmd, Some(job.launch.path())),
            ("stop with", Key::StopWith, policy.stop.with.texts().next()),
            ("reload with", Key::ReloadWith, policy.reload.with.texts().next()),
        ] {
            if let Some(what) = program.and_then(|program| command::program(job, option, program, file_path))
            {
                self.warn(key, 0, what);
            }
        }
        for (nth, what) in command::words(self.job, self.index, self.places) {
            self.warn(Key::Cmd, nth, what);
        }
    }

    /// The account that the job runs as. If it can't run as its `user`, adds a warning and returns `None`.
    fn user(&mut self) -> Option<Account> {
        let Some(user) = self.job.launch.user() else {
            return Some(Account { uid: self.machine.uid, groups: None });
        };
        let account = (self.machine.user)(user);
        match &account {
            None => self.warn(Key::User, 0, format_args!("user {} does not exist", shown(user))),
            Some(Account { uid, .. }) if *uid != self.machine.uid && self.machine.uid != 0 => {
                let what = "is another user: pmtr must run as root to switch to it";
                self.warn(Key::User, 0, format_args!("user {} {what}", shown(user)));
            }
            Some(_) if self.has_groups() => {
                return account.map(|account| Account { groups: None, ..account });
            }
            Some(_) => return account,
        }
        None
    }

    /// Whether the groups of the job are not those of its user.
    fn has_groups(&self) -> bool {
        let attributes = self.job.launch.attributes();
        attributes.group.is_some() || !attributes.groups.is_empty()
    }

    fn directories(&mut self, account: Option<&Account>) {
        let (job, dir) = (self.job, as_path(self.job.launch.dir()));
        let made = self.made();
        let missing = match fs::metadata(dir) {
            Err(_) if made.iter().any(|made| made == dir) => None,
            Ok(there) if !there.is_dir() => Some("is not a directory"),
            Err(e) if is_missing(&e) => Some("does not exist"),
            Ok(_) | Err(_) => None,
        };
        if let Some(why) = missing {
            self.warn(Key::Dir, 0, format_args!("dir {} {why}", shown(job.launch.dir())));
        }
        let files = [
            ("in", Key::In, job.launch.input()),
            ("out", Key::Out, job.launch.out().file()),
            ("err", Key::Err, job.launch.err().file()),
        ];
        for (option, key, file) in files {
            let Some(file) = file else { continue };
            // If the directory is missing, one warning is enough: files in it are not checked.
            if missing.is_some() && !as_path(file).is_absolute() {
                continue;
            }
            let path = dir.join(as_path(file));
            if path.parent().is_some_and(|parent| made.iter().any(|made| made == parent)) {
                continue;
            }
            if let Some(why) = trouble(key, &path, dir, account) {
                self.warn(key, 0, format_args!("{option} {}: {why}", shown(file)));
            }
            if key != Key::In && config::means_syslog(file.to_bytes()) {
                let what = format!(
                    "{option} {} is a file in {}: write `syslog`",
                    shown(file),
                    shown(job.launch.dir())
                );
                self.warn(key, 0, format_args!("{what} to send the output to the log"));
            }
        }
    }

    /// Whether a regular file is missing at this path.
    fn depends(&mut self) {
        for (nth, (file, path)) in self.job.launch.depends().zip(self.job.launch.depends_paths()).enumerate()
        {
            let Ok(there) = fs::metadata(OsStr::from_bytes(&path)) else { continue };
            if !there.is_file() {
                let (file, kind) = (shown(file), regular::kind(there.file_type()));
                let why = "pmtr looks at the content of regular files only, so the job will wait for one";
                self.warn(Key::Depends, nth, format_args!("depends {file} is {kind}: {why}"));
            }
        }
    }

    fn priority(&mut self) {
        let Some(nice) = self.job.launch.attributes().nice.filter(|nice| *nice < 0 && self.machine.uid != 0)
        else {
            return;
        };
        // That limit counts down from 20: 25 permits nice -5. If it is unknown, there is no warning.
        let wanted = u64::try_from(20 - i64::from(nice)).unwrap_or(0);
        if let Some(Ok(hard)) = (self.machine.hard_limit)(crate::model::Resource::Nice)
            && hard < wanted
        {
            self.warn(Key::Nice, 0, format_args!("nice {nice} needs a pmtr that runs as root"));
        }
    }

    fn limits(&mut self) {
        // Root can raise any hard limit.
        if self.machine.uid == 0 {
            return;
        }
        let job = self.job;
        for limit in &job.launch.attributes().limits {
            let Some(Ok(hard)) = (self.machine.hard_limit)(limit.resource) else { continue };
            if limit.value.is_ok_and(|value| value <= hard) {
                continue;
            }
            let what = format!("ulimit {limit} is above the hard limit {hard}, which only root can raise");
            let what = format!("job {}: {what}", job.name);
            self.found.push(self.places.warning_of_limit(self.index, limit.resource, what));
        }
    }

    /// Rules of restarts that can't do what they seem to.
    fn rules(&mut self) {
        let (restart, once) = (&self.job.policy.restart, self.job.policy.fixed.once);
        if restart.essential && !once && restart.on.is_none() && restart.give_up.is_none() {
            let what = "essential has an effect only when the job ends for good";
            let what = format_args!("{what}: give once, restart on or give up after as well");
            self.warn(Key::Essential, 0, what);
        }
        if let Some(give_up @ GiveUp { after, within: Some(within) }) = restart.give_up {
            let least = shortest_cycle(restart).saturating_mul(u32::from(after.saturating_sub(1)));
            if within < least {
                let least = InUnits(least);
                let what =
                    format_args!("give up after {give_up} never happens: {after} ends take {least} or more");
                self.warn(Key::GiveUpAfter, 0, what);
            }
        }
    }
}

/// The least time from one end to the next: a run that is not quick, or the delay after a quick one.
fn shortest_cycle(restart: &Restart) -> Duration {
    let least = |percent: u8| u32::from(100_u8.saturating_sub(percent));
    let delay = restart.delay.map_or(QUICK, |delay| delay.first.saturating_mul(least(delay.jitter)) / 100);
    match restart.steady.unwrap_or(Lasting::For(QUICK)) {
        Lasting::For(steady) => steady.min(delay),
        Lasting::Never => delay,
    }
}

/// Why `in`, `out` or `err` can't be opened.
fn trouble(key: Key, path: &Path, dir: &Path, account: Option<&Account>) -> Option<String> {
    let is_missing_at = |path: &Path| fs::metadata(path).is_err_and(|e| is_missing(&e));
    if is_missing_at(path.parent().unwrap_or(dir)) {
        return Some("the directory does not exist".to_owned());
    }
    // Only `in` must exist; the others are created.
    if key == Key::In {
        return is_missing_at(path).then(|| "it does not exist".to_owned());
    }
    if path.is_dir() {
        return Some("it is a directory".to_owned());
    }
    // As outputs these mean our own, for jobs of any user.
    if [c"/dev/stdout", c"/dev/stderr"].iter().any(|own| path.as_os_str().as_bytes() == own.to_bytes()) {
        return None;
    }
    account.and_then(|account| account.cant_append(path)).map(|why| format!("the user of the job {why}"))
}

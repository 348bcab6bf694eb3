//! The variables of a child: those of `env`, of each `env file`, of the user, and ours.

use super::calls::Pointers;
use super::env_files::EnvFiles;
use super::users::User;
use std::cmp::Reverse;
use std::ffi::{CStr, CString};

/// Where a variable comes from, the strongest first. A later file is stronger, and in it a later line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Job,
    File(Reverse<u8>, Reverse<u32>),
    User,
    Inherited,
}

/// The variables that come from the user, without those that the child sets itself. The first `own` are its own.
pub(super) fn of_user(user: &User, envp: &Pointers, own: usize) -> Vec<CString> {
    let Some(entry) = &user.entry else { return Vec::new() };
    let values =
        [("HOME", &entry.home), ("USER", &entry.name), ("LOGNAME", &entry.name), ("SHELL", &entry.shell)];
    let set_by_job = |name: &str| envp.texts().take(own).any(|text| variable(text) == name.as_bytes());
    let text = |(name, value): (&str, &CString)| {
        CString::new([name.as_bytes(), b"=", value.to_bytes()].concat()).unwrap_or_default()
    };
    values.into_iter().filter(|(name, _)| !set_by_job(name)).map(text).collect()
}

/// The child's own variables, then the user's, then those of ours that none of them replaces.
pub(super) fn merge<'a>(
    envp: &'a Pointers,
    users: &'a [CString],
    own: usize,
) -> impl Iterator<Item = &'a CStr> {
    let ours = envp.texts().skip(own);
    let ours = ours.filter(|text| !users.iter().any(|set| variable(set) == variable(text)));
    envp.texts().take(own).chain(users.iter().map(CString::as_c_str)).chain(ours)
}

/// Room for the variables of a child with files, so that merging them takes no memory.
pub(super) struct Room<'a>(Vec<(&'a CStr, Source)>);

impl<'a> Room<'a> {
    /// For as many variables as there can be.
    pub(super) fn new(envp: &Pointers, users: &[CString]) -> Room<'a> {
        let most = envp.texts().count() + users.len() + crate::model::ENV_FILE_VARIABLES;
        Room(Vec::with_capacity(most))
    }

    /// Merges variables, of which each has one value, in no order. Returns whether `PATH` is that of a file.
    pub(super) fn merge(
        &mut self,
        envp: &'a Pointers,
        files: &'a EnvFiles,
        users: &'a [CString],
        own: usize,
    ) -> bool {
        let in_file = |((text, file), line)| (text, Source::File(Reverse(file), Reverse(line)));
        let all = &mut self.0;
        all.extend(envp.texts().take(own).map(|text| (text, Source::Job)));
        all.extend(files.variables().zip(0..).map(in_file));
        all.extend(users.iter().map(|text| (text.as_c_str(), Source::User)));
        all.extend(envp.texts().skip(own).map(|text| (text, Source::Inherited)));
        all.sort_unstable_by(|(a, one), (b, other)| (variable(a), one).cmp(&(variable(b), other)));
        all.dedup_by(|(later, _), (kept, _)| variable(later) == variable(kept));
        all.iter().any(|(text, source)| matches!(source, Source::File(..)) && variable(text) == b"PATH")
    }

    /// The variables.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a CStr> {
        self.0.iter().map(|(text, _)| *text)
    }

    /// How many there can be.
    pub(super) fn most(&self) -> usize {
        self.0.capacity()
    }
}

/// The name in `NAME=VALUE`.
pub(super) fn variable(text: &CStr) -> &[u8] {
    text.to_bytes().split(|byte| *byte == b'=').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::users::PasswdEntry;
    use super::*;

    #[test]
    fn the_variables_of_the_user_take_the_place_of_ours_but_not_of_the_jobs() {
        let given = [c"HOME=/job", c"A=1", c"HOMER=x", c"USER=root", c"SHELL=/bin/x", c"B"];
        let mut envp = Pointers::new();
        // SAFETY: string literals live forever.
        unsafe { envp.refill(given.into_iter()) };
        let entry = PasswdEntry { name: c"ann".into(), home: c"/home/ann".into(), shell: c"/bin/sh".into() };
        let user = User { uid: 7, gid: 8, switch: None, entry: Some(entry) };
        let users = of_user(&user, &envp, 2);
        let merged: Vec<&CStr> = merge(&envp, &users, 2).collect();
        assert_eq!(
            merged,
            [c"HOME=/job", c"A=1", c"USER=ann", c"LOGNAME=ann", c"SHELL=/bin/sh", c"HOMER=x", c"B"]
        );
    }

    #[test]
    fn without_an_entry_the_variables_stay_as_they_are() {
        let user = User { uid: 7, gid: 8, switch: None, entry: None };
        assert!(of_user(&user, &Pointers::new(), 0).is_empty());
    }
}

//! The part of a job's definition that a process is started with, packed.

use super::{EnvFile, JobDraft, Limit, MakeDir};
use crate::model::{Capabilities, Capability, Clean, CpuSet, Errno, Pid, SpawnError, Stage, Texts, Words};
use std::ffi::CStr;
use std::rc::Rc;

/// What a process of the job is started with: the command, its surroundings, and the files that the start depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// user, dir, in, out, err (empty: not given), then depends, cmd and env; each ends with NUL. The longest is last,
    /// so that reading the others does not scan it. Jobs with equal ones can share them.
    texts: Rc<[u8]>,
    /// Options that few jobs set. Jobs with equal ones share them.
    attributes: Rc<Attributes>,
    depends_words: u32,
    cmd_words: u32,
}

/// Attributes of the process that few jobs set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// `ulimit`, in the order of the file.
    pub limits: Vec<Limit>,
    /// `cpu`.
    pub cpus: Option<CpuSet>,
    /// `nice`.
    pub nice: Option<i8>,
    /// `umask`.
    pub umask: Option<u32>,
    /// `group`.
    pub group: Option<Box<CStr>>,
    /// `groups`. Empty: not given.
    pub groups: Words,
    /// `env file`, in the order of the file.
    pub env_files: Vec<EnvFile>,
    /// `env clear`.
    pub env_clear: bool,
    /// `make dir`, in the order of the file.
    pub make_dirs: Vec<MakeDir>,
    /// `no new privileges`.
    pub no_new_privileges: bool,
    /// `keep capability`.
    pub capabilities: Capabilities,
    /// `oom score`.
    pub oom_score: Option<i16>,
    /// The `PATH` of pmtr itself, if the command is searched there.
    pub inherited_path: Option<Rc<[u8]>>,
}

impl Attributes {
    /// Whether they let a start wait for others, or need more than a few system calls.
    pub fn need_a_copy(&self) -> bool {
        self.group.is_some()
            || !self.groups.is_empty()
            || !self.env_files.is_empty()
            || !self.make_dirs.is_empty()
            || !self.capabilities.is_empty()
            || self.oom_score.is_some()
    }
}

/// The destination of an output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// /dev/null.
    Null,
    /// This file, appended to.
    File(&'a CStr),
    /// syslog, line by line.
    Syslog,
}

/// The value of `out` and `err` for syslog.
pub const SYSLOG: &str = "syslog";

/// The `PATH` of a job with `env clear`, and where a command is searched when there is no `PATH` at all.
pub const SYSTEM_PATH: &CStr = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const FIXED_TEXTS: usize = 5;

impl Launch {
    /// Packs the draft, except its attributes, which can be shared. If its texts are those of `last`, they are shared as
    /// well. `room` is any memory to work in.
    pub fn new(
        draft: &JobDraft,
        attributes: Rc<Attributes>,
        last: Option<&Launch>,
        room: &mut Vec<u8>,
    ) -> Launch {
        room.clear();
        let fixed: [&Option<Vec<u8>>; FIXED_TEXTS] =
            [&draft.user, &draft.dir, &draft.input, &draft.out, &draft.err];
        for text in fixed {
            room.extend_from_slice(text.as_deref().unwrap_or_default());
            room.push(0);
        }
        for list in [&draft.depends, &draft.cmd, &draft.env] {
            room.extend_from_slice(&list.bytes);
        }
        let shared = last.filter(|last| *last.texts == **room);
        Launch {
            texts: shared.map_or_else(|| Rc::from(&**room), |last| Rc::clone(&last.texts)),
            attributes,
            depends_words: draft.depends.count,
            cmd_words: draft.cmd.count,
        }
    }

    /// The path and the arguments, each with its NUL.
    pub fn cmd(&self) -> Texts<'_> {
        self.texts().after(FIXED_TEXTS + self.depends_words as usize).first(self.cmd_words as usize)
    }

    /// The path of the command.
    pub fn path(&self) -> &CStr {
        self.cmd().next().unwrap_or(c"")
    }

    /// `env`: `VAR=VALUE`, no variable twice.
    pub fn env(&self) -> Texts<'_> {
        self.texts().after(FIXED_TEXTS + self.depends_words as usize + self.cmd_words as usize)
    }

    /// The variables of a command that runs beside this process of the job.
    pub fn env_beside(&self, main: Pid) -> Words {
        const MAIN: &[u8] = b"PMTR_PID=";
        let own = [MAIN, main.to_string().as_bytes()].concat();
        let given = self.env().map(CStr::to_bytes).filter(|word| !word.starts_with(MAIN));
        given.chain([&*own]).collect()
    }

    /// `depends`, as written.
    pub fn depends(&self) -> impl Iterator<Item = &CStr> {
        self.texts().skip(FIXED_TEXTS).take(self.depends_words as usize)
    }

    /// The paths of the files of `depends`; a relative one is relative to `dir`.
    pub fn depends_paths(&self) -> impl Iterator<Item = Vec<u8>> {
        self.depends().map(|path| self.in_dir(path))
    }

    /// This path, which may be relative to `dir`.
    pub fn in_dir(&self, path: &CStr) -> Vec<u8> {
        let path = path.to_bytes();
        if path.starts_with(b"/") {
            return path.to_vec();
        }
        let dir = self.dir().to_bytes();
        let slash: &[u8] = if dir.ends_with(b"/") { b"" } else { b"/" };
        [dir, slash, path].concat()
    }

    /// Whether the command is searched in `PATH`.
    pub fn is_searched(&self) -> bool {
        !self.path().to_bytes().contains(&b'/')
    }

    /// The `PATH=...` in which the command is searched, unless an `env file` sets another one.
    pub fn search_path(&self) -> Vec<u8> {
        let own = self.env().map(CStr::to_bytes).find(|text| text.starts_with(b"PATH="));
        own.or(self.attributes.inherited_path.as_deref()).unwrap_or(SYSTEM_PATH.to_bytes()).to_vec()
    }

    /// Notes the `PATH=...` of pmtr itself if the command is searched there: a message names it. `last` are the
    /// attributes of another job before and after that, which this one may share.
    pub(in crate::model) fn inherit_path(&mut self, path: &Rc<[u8]>, last: &mut [Rc<Attributes>; 2]) {
        let has_own = |text: &CStr| text.to_bytes().starts_with(b"PATH=");
        if !self.is_searched() || self.attributes.env_clear || self.env().any(has_own) {
            return;
        }
        let [before, after] = last;
        if *before != self.attributes || after.inherited_path.is_none() {
            let mut attributes = (*self.attributes).clone();
            attributes.inherited_path = Some(Rc::clone(path));
            *last = [Rc::clone(&self.attributes), Rc::new(attributes)];
        }
        let [_, after] = last;
        self.attributes = Rc::clone(after);
    }

    /// The `PATH` in which the command was not found, if that is the error.
    pub fn searched(&self, error: SpawnError) -> Option<Box<str>> {
        const ENOENT: i32 = 2;
        match (error.stage, error.errno) {
            (Stage::Exec, Errno(0)) => Some("the PATH of an env file".into()),
            (Stage::Exec, Errno(ENOENT)) if self.is_searched() => {
                Some(Clean(&self.search_path()).to_string().into())
            }
            _ => None,
        }
    }

    /// `user`.
    pub fn user(&self) -> Option<&CStr> {
        self.fixed(0)
    }

    /// `dir`, or the root directory.
    pub fn dir(&self) -> &CStr {
        self.fixed(1).unwrap_or(c"/")
    }

    /// `dir`, if it is given.
    pub fn given_dir(&self) -> Option<&CStr> {
        self.fixed(1)
    }

    /// `in`.
    pub fn input(&self) -> Option<&CStr> {
        self.fixed(2)
    }

    /// `out`.
    pub fn out(&self) -> Output<'_> {
        self.output(3)
    }

    /// `err`.
    pub fn err(&self) -> Output<'_> {
        self.output(4)
    }

    /// The attributes that few jobs set.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// What the step `stage` of a start works on, for a message. Empty if it is not part of the definition.
    pub fn subject(&self, stage: Stage) -> String {
        let text = |text: Option<&CStr>| Clean(text.unwrap_or(c"/dev/null").to_bytes()).to_string();
        match stage {
            Stage::User | Stage::Groups | Stage::Gid | Stage::Uid => text(self.user()),
            Stage::Group => text(self.attributes().group.as_deref()),
            Stage::Member(index) => text(self.attributes().groups.texts().nth(usize::from(index))),
            Stage::MakeDir(index) => {
                text(self.attributes().make_dirs.get(usize::from(index)).map(|dir| &*dir.path))
            }
            Stage::EnvFile(place) => {
                text(self.attributes().env_files.get(usize::from(place.file)).map(|file| &*file.path))
            }
            Stage::OomScore => self.attributes().oom_score.map_or(String::new(), |score| score.to_string()),
            Stage::Capability(number) => {
                Capability::numbered(number).map_or(String::new(), |capability| capability.to_string())
            }
            Stage::Dir => text(Some(self.dir())),
            Stage::Nice => self.attributes().nice.map_or(String::new(), |nice| nice.to_string()),
            Stage::Limit(index) => {
                self.attributes().limits.get(usize::from(index)).map_or(String::new(), Limit::to_string)
            }
            Stage::In => text(self.input()),
            Stage::Out => text(self.fixed(3)),
            Stage::Err => text(self.fixed(4)),
            Stage::Exec => text(Some(self.path())),
            Stage::Prepare | Stage::Fork | Stage::Close | Stage::Session | Stage::Cpu | Stage::Signals => {
                String::new()
            }
            Stage::NoNewPrivileges => String::new(),
        }
    }

    fn texts(&self) -> Texts<'_> {
        Texts::of(&self.texts)
    }

    fn fixed(&self, index: usize) -> Option<&CStr> {
        self.texts().nth(index).filter(|text| !text.is_empty())
    }

    fn output(&self, index: usize) -> Output<'_> {
        match self.fixed(index) {
            None => Output::Null,
            Some(word) if word.to_bytes() == SYSLOG.as_bytes() => Output::Syslog,
            Some(file) => Output::File(file),
        }
    }
}

impl<'a> Output<'a> {
    /// The file, if the destination is one.
    pub fn file(self) -> Option<&'a CStr> {
        match self {
            Output::File(path) => Some(path),
            Output::Null | Output::Syslog => None,
        }
    }
}

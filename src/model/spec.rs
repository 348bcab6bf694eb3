//! The definition of one job, packed: ten thousand of them fit into a few megabytes.

use super::{Clean, CpuSet, Stage, Words};
use std::ffi::CStr;
use std::fmt;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

/// The name of a job: not empty, no white space, no control characters, at most 255 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(Rc<[u8]>);

impl JobName {
    /// A name from bytes that are known to be one.
    pub fn new(bytes: &[u8]) -> JobName {
        JobName(bytes.into())
    }

    /// The bytes of the name.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Clean(&self.0).fmt(f)
    }
}

impl fmt::Debug for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A resource that `ulimit` can bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Core,
    Data,
    Nice,
    FileSize,
    PendingSignals,
    LockedMemory,
    ResidentSet,
    OpenFiles,
    MessageQueue,
    RealtimePriority,
    Stack,
    CpuTime,
    Processes,
    AddressSpace,
}

/// Marks a limit without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Infinity;

/// One `ulimit`: soft and hard limit alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is bounded.
    pub resource: Resource,
    /// The bound in the units of setrlimit.
    pub value: Result<u64, Infinity>,
}

impl Resource {
    /// Every resource with its flag and its long name.
    pub const ALL: [(Resource, &'static str, &'static str); 14] = [
        (Resource::Core, "-c", "RLIMIT_CORE"),
        (Resource::Data, "-d", "RLIMIT_DATA"),
        (Resource::Nice, "-e", "RLIMIT_NICE"),
        (Resource::FileSize, "-f", "RLIMIT_FSIZE"),
        (Resource::PendingSignals, "-i", "RLIMIT_SIGPENDING"),
        (Resource::LockedMemory, "-l", "RLIMIT_MEMLOCK"),
        (Resource::ResidentSet, "-m", "RLIMIT_RSS"),
        (Resource::OpenFiles, "-n", "RLIMIT_NOFILE"),
        (Resource::MessageQueue, "-q", "RLIMIT_MSGQUEUE"),
        (Resource::RealtimePriority, "-r", "RLIMIT_RTPRIO"),
        (Resource::Stack, "-s", "RLIMIT_STACK"),
        (Resource::CpuTime, "-t", "RLIMIT_CPU"),
        (Resource::Processes, "-u", "RLIMIT_NPROC"),
        (Resource::AddressSpace, "-v", "RLIMIT_AS"),
    ];

    /// The flag by which `ulimit` names it.
    pub fn flag(self) -> &'static str {
        Resource::ALL.iter().find(|(r, _, _)| *r == self).map_or("-?", |(_, flag, _)| flag)
    }
}

/// A job's definition in the making: what the parser fills in and tests write down.
/// No text in it contains a NUL byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDraft {
    pub name: Vec<u8>,
    pub cmd: Words,
    pub dir: Option<Vec<u8>>,
    pub input: Option<Vec<u8>>,
    pub out: Option<Vec<u8>>,
    pub err: Option<Vec<u8>>,
    pub user: Option<Vec<u8>>,
    /// `VAR=VALUE`, no variable twice.
    pub env: Words,
    pub depends: Words,
    pub order: i32,
    pub nice: Option<i8>,
    pub cpus: Option<CpuSet>,
    pub limits: Vec<Limit>,
    pub bounce_secs: Option<NonZeroU32>,
    pub disable: bool,
    pub wait: bool,
    pub once: bool,
}

/// The definition of a job. Two definitions are equal when every option but `order` is the same:
/// compare with [`JobSpec::same`]; `==` compares `order` as well.
#[derive(Clone, PartialEq, Eq)]
pub struct JobSpec {
    /// user, dir, in, out, err (empty: not given), then depends, cmd and env; each ends in NUL. The longest is last,
    /// so that nobody walks over it who asks for something else.
    texts: Box<[u8]>,
    name: JobName,
    /// None when the job has nothing of it, so that equal definitions are equal here too.
    rare: Option<Box<Rare>>,
    depends_words: u32,
    cmd_words: u32,
    order: i32,
    disable: bool,
    wait: bool,
    once: bool,
}

/// What few jobs have.
#[derive(Clone, Default, PartialEq, Eq)]
struct Rare {
    limits: Box<[Limit]>,
    cpus: Option<CpuSet>,
    bounce_secs: Option<NonZeroU32>,
    nice: Option<i8>,
}

const FIXED_TEXTS: usize = 5;

impl From<JobDraft> for JobSpec {
    fn from(draft: JobDraft) -> JobSpec {
        JobSpec::named(JobName::new(&draft.name), draft)
    }
}

impl JobSpec {
    /// The definition of the job of this name; the draft need not have it.
    pub fn named(name: JobName, draft: JobDraft) -> JobSpec {
        let fixed = [draft.user, draft.dir, draft.input, draft.out, draft.err];
        let fixed: [Vec<u8>; FIXED_TEXTS] = fixed.map(Option::unwrap_or_default);
        let lists = [&draft.depends.bytes, &draft.cmd.bytes, &draft.env.bytes];
        let room = fixed.iter().map(|text| text.len() + 1).chain(lists.map(Vec::len)).sum();
        let mut texts = Words::with_room_for(room);
        fixed.iter().for_each(|text| texts.push(text));
        lists.into_iter().for_each(|list| texts.bytes.extend_from_slice(list));
        let rare = Rare {
            limits: draft.limits.into(),
            cpus: draft.cpus,
            bounce_secs: draft.bounce_secs,
            nice: draft.nice,
        };
        JobSpec {
            texts: texts.bytes.into(),
            name,
            rare: (rare != Rare::default()).then(|| Box::new(rare)),
            depends_words: draft.depends.count,
            cmd_words: draft.cmd.count,
            order: draft.order,
            disable: draft.disable,
            wait: draft.wait,
            once: draft.once,
        }
    }

    /// Moves the job within the order of start; that makes it no other job.
    pub fn set_order(&mut self, order: i32) {
        self.order = order;
    }

    /// Whether a job needs no restart when this definition takes the place of `other`.
    pub fn same(&self, other: &JobSpec) -> bool {
        // Every field by name, so that a new one has to be thought of here.
        let JobSpec { texts, name, rare, depends_words, cmd_words, order: _, disable, wait, once } = self;
        *texts == other.texts
            && *name == other.name
            && *rare == other.rare
            && *depends_words == other.depends_words
            && *cmd_words == other.cmd_words
            && *disable == other.disable
            && *wait == other.wait
            && *once == other.once
    }

    /// `name`.
    pub fn name(&self) -> &JobName {
        &self.name
    }

    /// Path and arguments, each with its NUL.
    pub fn cmd(&self) -> impl Iterator<Item = &CStr> {
        self.texts().skip(FIXED_TEXTS + self.depends_words as usize).take(self.cmd_words as usize)
    }

    /// The path of the command.
    pub fn path(&self) -> &CStr {
        self.cmd().next().unwrap_or(c"")
    }

    /// `env`: `VAR=VALUE`, no variable twice.
    pub fn env(&self) -> impl Iterator<Item = &CStr> {
        self.texts().skip(FIXED_TEXTS + self.depends_words as usize + self.cmd_words as usize)
    }

    /// `depends`, as written.
    pub fn depends(&self) -> impl Iterator<Item = &CStr> {
        self.texts().skip(FIXED_TEXTS).take(self.depends_words as usize)
    }

    /// The paths of the files that it depends on; what is relative is so to `dir`.
    pub fn depends_paths(&self) -> impl Iterator<Item = Vec<u8>> {
        self.depends().map(|path| {
            let path = path.to_bytes();
            if path.starts_with(b"/") {
                return path.to_vec();
            }
            let dir = self.dir().to_bytes();
            let slash: &[u8] = if dir.ends_with(b"/") { b"" } else { b"/" };
            [dir, slash, path].concat()
        })
    }

    /// `user`.
    pub fn user(&self) -> Option<&CStr> {
        self.fixed(0)
    }

    /// `dir`.
    pub fn dir(&self) -> &CStr {
        self.fixed(1).unwrap_or(c"/")
    }

    /// `in`.
    pub fn input(&self) -> Option<&CStr> {
        self.fixed(2)
    }

    /// `out`.
    pub fn out(&self) -> Option<&CStr> {
        self.fixed(3)
    }

    /// `err`.
    pub fn err(&self) -> Option<&CStr> {
        self.fixed(4)
    }

    /// `ulimit`, in the order of the file.
    pub fn limits(&self) -> &[Limit] {
        self.rare.as_ref().map_or(&[], |rare| &rare.limits)
    }

    /// `cpu`.
    pub fn cpus(&self) -> Option<&CpuSet> {
        self.rare.as_ref()?.cpus.as_ref()
    }

    /// `nice`.
    pub fn nice(&self) -> Option<i8> {
        self.rare.as_ref()?.nice
    }

    /// `bounce every`.
    pub fn bounce_every(&self) -> Option<Duration> {
        let secs = self.rare.as_ref()?.bounce_secs;
        secs.map(|secs| Duration::from_secs(u64::from(secs.get())))
    }

    /// `order`.
    pub fn order(&self) -> i32 {
        self.order
    }

    /// `disable`.
    pub fn disabled(&self) -> bool {
        self.disable
    }

    /// `wait`.
    pub fn wait(&self) -> bool {
        self.wait
    }

    /// `once`.
    pub fn once(&self) -> bool {
        self.once
    }

    /// What the step `stage` of a start works on, as a message names it; empty when it is nothing of ours.
    pub fn subject(&self, stage: Stage) -> String {
        let text = |text: Option<&CStr>| Clean(text.unwrap_or(c"/dev/null").to_bytes()).to_string();
        match stage {
            Stage::User | Stage::Groups | Stage::Gid | Stage::Uid => text(self.user()),
            Stage::Dir => text(Some(self.dir())),
            Stage::Nice => self.nice().map_or(String::new(), |nice| nice.to_string()),
            Stage::Limit(index) => {
                self.limits().get(usize::from(index)).map_or(String::new(), Limit::to_string)
            }
            Stage::In => text(self.input()),
            Stage::Out => text(self.out()),
            Stage::Err => text(self.err()),
            Stage::Exec => text(Some(self.path())),
            Stage::Prepare | Stage::Fork | Stage::Close | Stage::Session | Stage::Cpu | Stage::Signals => {
                String::new()
            }
        }
    }

    fn texts(&self) -> impl Iterator<Item = &CStr> {
        self.texts.split_inclusive(|b| *b == 0).filter_map(|t| CStr::from_bytes_with_nul(t).ok())
    }

    fn fixed(&self, index: usize) -> Option<&CStr> {
        self.texts().nth(index).filter(|text| !text.is_empty())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Ok(value) => write!(f, "{} {value}", self.resource.flag()),
            Err(Infinity) => write!(f, "{} infinity", self.resource.flag()),
        }
    }
}

impl fmt::Debug for JobSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSpec")
            .field("name", &self.name)
            .field("cmd", &self.cmd().collect::<Vec<_>>())
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> JobDraft {
        let b = |s: &str| s.as_bytes().to_vec();
        JobDraft {
            name: b("web"),
            cmd: ["/bin/web", "", "New York"].into(),
            dir: Some(b("/srv")),
            input: None,
            out: Some(b("log")),
            err: Some(b("syslog")),
            user: Some(b("www")),
            env: ["A=b c"].into(),
            depends: ["/etc/app.conf", "rel"].into(),
            order: 3,
            nice: Some(-4),
            limits: vec![Limit { resource: Resource::OpenFiles, value: Ok(30) }],
            ..JobDraft::default()
        }
    }

    #[test]
    fn a_packed_definition_gives_back_what_went_in() {
        let spec = JobSpec::from(full());
        assert_eq!(spec.name().as_bytes(), b"web");
        assert_eq!(spec.cmd().collect::<Vec<_>>(), [c"/bin/web", c"", c"New York"]);
        assert_eq!(spec.path(), c"/bin/web");
        assert_eq!((spec.dir(), spec.input(), spec.out()), (c"/srv", None, Some(c"log")));
        assert_eq!((spec.err(), spec.user()), (Some(c"syslog"), Some(c"www")));
        assert_eq!(spec.env().collect::<Vec<_>>(), [c"A=b c"]);
        assert_eq!(spec.depends().collect::<Vec<_>>(), [c"/etc/app.conf", c"rel"]);
        assert_eq!(spec.subject(Stage::Limit(0)), "-n 30");
    }

    #[test]
    fn each_step_of_a_start_names_what_it_works_on() {
        let spec = JobSpec::from(full());
        for (stages, subject) in [
            (&[Stage::User, Stage::Groups, Stage::Gid, Stage::Uid][..], "www"),
            (&[Stage::Dir], "/srv"),
            (&[Stage::Nice], "-4"),
            (&[Stage::Limit(0)], "-n 30"),
            (&[Stage::In], "/dev/null"),
            (&[Stage::Out], "log"),
            (&[Stage::Err], "syslog"),
            (&[Stage::Exec], "/bin/web"),
            (&[Stage::Prepare, Stage::Fork, Stage::Close, Stage::Session, Stage::Cpu, Stage::Signals], ""),
            (&[Stage::Limit(1)], ""),
        ] {
            for stage in stages {
                assert_eq!(spec.subject(*stage), subject, "{stage}");
            }
        }
    }

    #[test]
    fn a_job_is_shown_by_name_and_command_and_a_limit_as_it_is_written() {
        let unbounded = Limit { resource: Resource::Core, value: Err(Infinity) };
        assert_eq!(unbounded.to_string(), "-c infinity");
        let shown = format!("{:?}", JobSpec::from(full()));
        assert_eq!(shown, r#"JobSpec { name: web, cmd: ["/bin/web", "", "New York"], order: 3, .. }"#);
    }

    #[test]
    fn another_order_alone_is_the_same_job() {
        let (a, b) = (JobSpec::from(full()), JobSpec::from(JobDraft { order: 9, ..full() }));
        assert!(a.same(&b) && a != b);
    }

    #[test]
    fn a_text_moved_between_options_makes_another_job() {
        let a = JobSpec::from(full());
        for other in [
            JobDraft { dir: None, input: Some(b"/srv".to_vec()), ..full() },
            JobDraft { env: Words::default(), depends: ["A=b c", "/etc/app.conf", "rel"].into(), ..full() },
            JobDraft { cmd: ["/bin/web", ""].into(), env: ["New York", "A=b c"].into(), ..full() },
            JobDraft { nice: Some(0), ..full() },
            JobDraft { wait: true, ..full() },
        ] {
            assert!(!a.same(&JobSpec::from(other)));
        }
    }
}

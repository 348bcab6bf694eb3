//! Reports when the configuration may have changed, and the contents of the files that jobs depend on.
//!
//! Directories are watched, not files, at every component of every path; see `trail` for the way and [`arm`] for the
//! watches. Watch first, then read. Where the kernel does not report changes, files are looked at regularly.
//! All work is done in portions, so that no file and no flood of events delays the loop.
//! The configuration does not wait for others: it is followed and looked at before the files of jobs, with an allowance
//! of its own, and if events have to wait in a flood, it is looked at without them.
//! Knows nothing of jobs, nor what a configuration means.

mod allowance;
mod arm;
mod entry;
mod facts;
mod hear;
mod inotify_instance;
mod interval;
mod load;
mod news;
mod parts;
mod portions;
mod queue;
pub(super) mod read;
mod remount;
mod settling;
mod source;
mod sweep;
mod table;

#[cfg(test)]
mod tests;

pub use load::{Content, Texts};
pub use read::{BeingWritten, fingerprint};

use super::include;
use super::mounts::{self, Mounts};
use super::tokens::Descriptor;
use crate::config::Environment;
use crate::model::{Errno, Fingerprint, Level, MonoTime, Notice};
use crate::sys::clock;
use allowance::Allowance;
use entry::Entry;
use inotify::WatchDescriptor;
use inotify_instance::InotifyInstance;
use interval::Interval;
use mio::unix::SourceFd;
use mio::{Interest, Registry};
use news::News;
use parts::Parts;
use queue::Queue;
use read::Hashing;
use settling::Settling;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use sweep::Sweep;
use table::{CONFIG, FileId, Table};

/// How soon a file that could not be watched is looked at, and watching is retried.
const SOON: Duration = Duration::from_millis(500);
/// How often a file that can't be watched is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often a file is looked at that can change without our kernel's knowledge.
const LOOK_SLOWLY_EVERY: Duration = Duration::from_secs(30);
/// How often failed watching is retried.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// How many paths are followed in one turn.
const PATHS_PER_TURN: usize = 64;
/// How many files are looked at in one turn, which is far less work.
const LOOKS_PER_TURN: usize = 512;
/// How long paths of jobs are followed in one turn: a path that leads through many directories takes milliseconds.
const PATHS_FOR: Duration = Duration::from_millis(5);

/// What the watch reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The configuration was saved.
    Saved,
    /// Something else happened to the configuration.
    Config,
    /// A program is writing the configuration and has not closed it.
    Writing,
    /// A file has this content, or can't be read.
    File(Rc<[u8]>, Option<Fingerprint>),
    /// A notice about watching.
    Say(Notice),
}

/// Watches the configuration and the files that jobs depend on.
#[derive(Debug)]
pub struct Watch {
    entries: BTreeMap<FileId, Entry>,
    by_path: BTreeMap<Rc<[u8]>, FileId>,
    last_id: FileId,
    being_written: BeingWritten,

    inotify: Option<InotifyInstance>,
    table: Table<WatchDescriptor>,
    /// The kernel may have more events.
    unread: bool,
    /// Events do not wake the loop.
    deaf: bool,
    hearing: Allowance,
    mounts: Mounts,
    mountinfo: Option<File>,
    /// The list of mounts has changed since it was last read.
    mounts_unread: bool,
    /// A change of mounts has not been handled yet.
    remounted: bool,
    remounting: Allowance,
    /// The list of mounts has changed, but could not be read.
    mounts_outdated: bool,

    /// Those that still have to enter the next two queues.
    sweep: Sweep,
    /// Those whose path is to be followed and watched again.
    arm: Queue,
    /// Those that are to be looked at.
    look: Queue,
    settling: Settling,
    /// Those whose fingerprint is wanted, and those whose fingerprint is being taken.
    hash: Queue,
    hashing: VecDeque<(FileId, Hashing)>,
    /// Which of the queues of jobs was the first one last time.
    first: usize,
    allowance: Allowance,
    /// The allowance for following and looking at the configuration.
    for_config: Allowance,
    clock: fn() -> MonoTime,

    /// Not watched because no more watches are available.
    short: BTreeSet<FileId>,
    /// In a directory that pmtr may not watch.
    closed: BTreeSet<FileId>,
    /// Where files can change without our kernel's knowledge.
    slow: BTreeSet<FileId>,
    looking: Interval,
    /// For the configuration, while events wait in the kernel.
    looking_ahead: Interval,
    looking_slowly: Interval,
    retrying: Interval,
    /// The last one for which watching was retried.
    retried: FileId,

    news: News,
    parts: Parts,
    /// That of pmtr, for the configuration.
    environment: Rc<Environment>,
    /// A failure to watch has been logged.
    complained: bool,
    says: Vec<Notice>,
    /// What has not been reported yet.
    seen: VecDeque<Seen>,
}

impl Watch {
    /// Watches the configuration from the first [`Watch::load`] on.
    pub fn new(config: &Path, being_written: BeingWritten) -> Watch {
        let path = std::path::absolute(config).unwrap_or_else(|_| config.to_path_buf());
        let config = Entry::new(path.as_os_str().as_bytes().into());
        let mut watch = Watch {
            entries: BTreeMap::new(),
            by_path: BTreeMap::new(),
            last_id: CONFIG,
            being_written,
            inotify: None,
            table: Table::new(),
            unread: false,
            deaf: false,
            hearing: Allowance::default(),
            mounts: Mounts::default(),
            mountinfo: File::open(mounts::LIST).ok(),
            mounts_unread: true,
            remounted: false,
            remounting: Allowance::after_rests_of(remount::REST),
            mounts_outdated: false,
            sweep: Sweep::default(),
            arm: Queue::default(),
            look: Queue::default(),
            settling: Settling::default(),
            hash: Queue::default(),
            hashing: VecDeque::new(),
            first: 0,
            allowance: Allowance::default(),
            for_config: Allowance::default(),
            clock: clock::now,
            short: BTreeSet::new(),
            closed: BTreeSet::new(),
            slow: BTreeSet::new(),
            looking: Interval::new(SOON, LOOK_EVERY),
            looking_ahead: Interval::new(SOON, SOON),
            looking_slowly: Interval::new(LOOK_SLOWLY_EVERY, LOOK_SLOWLY_EVERY),
            retrying: Interval::new(SOON, RETRY_EVERY),
            retried: CONFIG,
            news: News::default(),
            parts: Parts::default(),
            environment: include::environment(),
            complained: false,
            says: Vec::new(),
            seen: VecDeque::new(),
        };
        watch.entries.insert(CONFIG, config);
        watch.read_mounts();
        match InotifyInstance::open() {
            Ok(inotify) => watch.inotify = Some(inotify),
            Err(error) => watch.go_blind(&error),
        }
        watch
    }

    /// Registers with the poll. To be called once, before the first poll.
    pub fn register(&mut self, registry: &Registry) {
        if let Some(inotify) = &self.inotify
            && let Err(error) = inotify.register(registry, Descriptor::Inotify.token())
        {
            self.go_blind(&error);
        }
        if let Some(file) = &self.mountinfo {
            // A system on which this fails does not report mounts.
            let token = Descriptor::Mounts.token();
            let _ = registry.register(&mut SourceFd(&file.as_raw_fd()), token, Interest::PRIORITY);
        }
    }

    /// The kernel has notifications. The next [`Watch::work`] reads them.
    pub fn is_notified(&mut self) {
        self.unread = true;
    }

    /// Begins to report the content of a file. The path is absolute.
    pub fn add(&mut self, path: Rc<[u8]>) {
        if self.by_path.contains_key(&path) {
            return;
        }
        self.last_id = FileId(self.last_id.0 + 1);
        self.by_path.insert(path.clone(), self.last_id);
        self.entries.insert(self.last_id, Entry::new(path));
        self.hash.insert(self.last_id);
    }

    /// Stops reporting it.
    pub fn remove(&mut self, path: &[u8]) {
        if let Some(id) = self.by_path.remove(path) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: FileId) {
        if let Some(entry) = self.entries.remove(&id) {
            self.drop_interests(id, &entry.interests, &BTreeSet::new());
        }
        for queue in [&mut self.arm, &mut self.look, &mut self.hash] {
            queue.forget(id);
        }
        for set in [&mut self.short, &mut self.closed, &mut self.slow] {
            set.remove(&id);
        }
        self.settling.forget(id);
        self.hashing.retain(|(hashed, _)| *hashed != id);
    }

    /// Does a portion of what is due, and reports the result.
    pub fn work(&mut self, now: MonoTime, registry: &Registry, seen: &mut Vec<Seen>) {
        self.hear(now, registry);
        self.follow_up_mounts(now);
        self.retry(now, registry);
        if self.looking.due(now) {
            self.look.extend(self.short.iter().chain(&self.closed));
        }
        if self.looking_ahead.due(now) {
            self.look.insert(CONFIG);
        }
        if self.looking_slowly.due(now) {
            self.look.extend(&self.slow);
        }
        while let Some(id) = self.settling.due(now) {
            // Reading a file begins by following its path.
            self.arm.withdraw(id);
            self.hash.insert(id);
        }
        if self.config_queued() && self.for_config.allows(now) {
            let begun = (self.clock)();
            self.read_mounts();
            self.work_on_config(now);
            let done = (self.clock)();
            self.for_config.spend(now, done.since(begun));
        }
        if self.has_queued() && self.allowance.allows(now) {
            let begun = (self.clock)();
            self.read_mounts();
            self.work_on(now, begun + PATHS_FOR, seen);
            let done = (self.clock)();
            self.allowance.spend(now, done.since(begun));
        }
        self.say_when_restored();
        let (unwatched, slow) = (self.unwatched(), !self.slow.is_empty());
        self.looking.wind(now, unwatched);
        self.looking_ahead.wind(now, self.deaf || self.unread);
        self.looking_slowly.wind(now, slow);
        self.retrying.wind(now, unwatched);
        seen.extend(self.news.take());
        seen.extend(self.says.drain(..).map(Seen::Say));
    }

    /// When there is work to do if nothing happens before.
    pub fn deadline(&self) -> Option<MonoTime> {
        let rest = self.allowance.rest().filter(|_| self.has_queued());
        let config = self.for_config.rest().filter(|_| self.config_queued());
        let deaf = self.hearing.rest().filter(|_| self.deaf || self.unread);
        let mounts = self.remounting.rest().filter(|_| self.remounted);
        let looks = [self.looking.at(), self.looking_ahead.at(), self.looking_slowly.at()];
        let others = [self.retrying.at(), self.settling.next(), rest, config, deaf, mounts];
        looks.into_iter().chain(others).flatten().min()
    }

    /// Whether there is work to do at once.
    pub fn more(&self) -> bool {
        let unwatched = self.unwatched();
        let scheduled = self.looking.fits(unwatched)
            && self.looking_slowly.fits(!self.slow.is_empty())
            && self.retrying.fits(unwatched);
        let queued = self.has_queued() && self.allowance.rest().is_none()
            || self.config_queued() && self.for_config.rest().is_none();
        let heard = self.unread && self.hearing.rest().is_none()
            || self.remounted && self.remounting.rest().is_none();
        let to_tell = self.news.is_any() || !self.says.is_empty();
        heard || queued || to_tell || !scheduled
    }

    /// Something happened to a file.
    fn touch(&mut self, id: FileId, now: MonoTime) {
        if id.is_config() {
            self.news.touched = true;
            if let Some(entry) = self.entries.get(&id) {
                self.news.closed(&entry.path);
            }
        } else if self.entries.contains_key(&id) {
            self.settling.touched(id, now);
        }
    }

    /// Whether there are files whose changes the kernel does not report.
    fn unwatched(&self) -> bool {
        !self.short.is_empty() || !self.closed.is_empty() || self.mounts_outdated
    }

    fn say(&mut self, level: Level, text: String) {
        self.says.push(Notice::Shell(level, text.into()));
    }
}

/// EPERM and EACCES.
fn not_permitted(errno: Errno) -> bool {
    matches!(errno, Errno(1 | 13))
}

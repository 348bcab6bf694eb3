//! The watch on real files, in a time that passes only when the test says so.

mod config;
mod depends;
mod include;
mod mounts;
mod portions;
mod trouble;

use super::inotify_instance::fault::FAULTS;
use super::read::FileStamp;
use super::*;
use crate::model::LoadError;
use crate::supervisor::Reading;
use mio::{Events, Poll, Token};
use std::cell::Cell;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

thread_local! {
    static WRITER: Cell<Option<bool>> = const { Cell::new(Some(false)) };
}

/// Says what the test has it say.
fn being_written(_: &File) -> Option<bool> {
    WRITER.get()
}

/// A watch, its poll and a directory of its own.
struct Bench {
    root: PathBuf,
    poll: Poll,
    watch: Watch,
    now: MonoTime,
    seen: Vec<Seen>,
}

impl Bench {
    /// `config` is the path of the configuration within the directory.
    fn new(config: &str) -> Bench {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("pmtr-watch-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        std::fs::create_dir(&root).unwrap();
        Bench::within(root.canonicalize().unwrap(), config)
    }

    fn within(root: PathBuf, config: &str) -> Bench {
        WRITER.set(Some(false));
        let poll = Poll::new().unwrap();
        let mut watch = Watch::new(&root.join(config), being_written);
        // What this machine mounts is no matter of the tests.
        (watch.mounts, watch.mountinfo) = (Mounts::default(), None);
        // Nor is its speed: no work takes any time, unless the test says so.
        watch.clock = || MonoTime::ZERO;
        watch.register(poll.registry());
        Bench { root, poll, watch, now: MonoTime::ZERO + Duration::from_secs(1), seen: Vec::new() }
    }

    /// Works until nothing is left to do at this time; returns what was seen.
    fn run(&mut self) -> Vec<Seen> {
        let mut events = Events::with_capacity(8);
        for _ in 0..10_000 {
            self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            let due = self.watch.deadline().is_some_and(|at| at <= self.now);
            let idle = events.is_empty() && !self.watch.more() && !due;
            if idle {
                return std::mem::take(&mut self.seen);
            }
            events.iter().for_each(|event| self.ready(event.token()));
            self.watch.work(self.now, self.poll.registry(), &mut self.seen);
        }
        panic!("the watch finds no rest");
    }

    fn ready(&mut self, token: Token) {
        match Descriptor::of(token) {
            Some(Descriptor::Inotify) => self.watch.is_notified(),
            Some(Descriptor::Mounts) => self.watch.mounts_change(),
            other => panic!("{other:?}"),
        }
    }

    /// The same for all that is due within this time.
    fn run_for(&mut self, time: Duration) -> Vec<Seen> {
        let end = self.now + time;
        let mut seen = self.run();
        while let Some(at) = self.watch.deadline().filter(|at| *at <= end) {
            assert!(at > self.now, "a deadline lies in the future after work");
            self.now = at;
            seen.extend(self.run());
        }
        self.now = end;
        seen
    }

    /// Runs a script in the directory, and fails with it.
    fn sh(&self, script: &str) {
        let status = Command::new("sh").args(["-ec", script]).current_dir(&self.root).status().unwrap();
        assert!(status.success(), "{script}");
    }

    fn path(&self, name: &str) -> Rc<[u8]> {
        self.root.join(name).as_os_str().as_bytes().into()
    }

    /// By a process of its own, so that the file is closed afterwards: what is open here, a process that another
    /// test has just forked holds open for a while, and the event of its closing comes when nobody expects it.
    fn write(&self, name: &str, text: &str) {
        let print = ["-ec", "printf %s \"$1\" >\"$0\"", name, text];
        assert!(Command::new("sh").args(print).current_dir(&self.root).status().unwrap().success());
    }

    /// The same in a moment, for tests that write often and expect anything.
    fn write_here(&self, name: &str, text: &str) {
        std::fs::write(self.root.join(name), text).unwrap();
    }

    /// Reads the configuration, which is new.
    fn load(&mut self) -> (Fingerprint, String) {
        match self.watch.load(Reading::Always) {
            Ok(Content::New(print, texts)) => (print, text_of(&texts)),
            other => panic!("{other:?}"),
        }
    }

    /// Whether something is told to have happened to the configuration. It may take a while: a process that another test has
    /// just forked can hold a file open that was closed here.
    fn touched(&mut self) -> bool {
        let end = std::time::Instant::now() + secs(20);
        while !self.run().iter().any(|seen| matches!(seen, Seen::Saved | Seen::Config)) {
            if std::time::Instant::now() > end {
                return false;
            }
            std::thread::yield_now();
        }
        true
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        FAULTS.set((0, 0));
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Content) -> bool {
        match (self, other) {
            (Content::Same, Content::Same) => true,
            (Content::New(one, _), Content::New(other, _)) => one == other,
            (Content::Same, Content::New(..)) | (Content::New(..), Content::Same) => false,
        }
    }
}

/// The text of the main file.
fn text_of(texts: &Texts) -> String {
    String::from_utf8(texts.sources.main.text().to_vec()).unwrap()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

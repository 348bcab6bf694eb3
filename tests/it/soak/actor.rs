//! The programs that a soak keeps running, and what they tell.

use crate::support::{Dir, PATIENCE};
use pmtr::model::MonoTime;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What is told, and what a reader is told to end.
const RECORD_BYTES: usize = 32;
const QUIT: [u8; RECORD_BYTES] = [0; RECORD_BYTES];

/// Makes the program in `dir`; says so where there is nothing to make it with.
pub fn actor_or_skip(dir: &Dir, test: &str) -> Option<PathBuf> {
    let path = dir.join("actor");
    // Written by the compiler: a file that this process writes would be busy while another test forks.
    let mut compiler = Command::new("cc");
    compiler.args([
        "-O1",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-fno-pie",
        "-fno-stack-protector",
        "-fno-builtin",
    ]);
    compiler.args(["-fno-asynchronous-unwind-tables", "-Wl,--build-id=none", "-s", "-x", "c", "-", "-o"]);
    let made = compiler.arg(&path).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().and_then(|mut cc| {
        // One that does not read says why in its own words.
        let _ = cc.stdin.take().map(|mut stdin| stdin.write_all(include_bytes!("actor.c")));
        cc.wait_with_output()
    });
    match made {
        Ok(output) if output.status.success() => return Some(path),
        Ok(output) => eprintln!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => {}
    }
    eprintln!("skipped: {test} needs cc, and a processor whose system calls tests/it/soak/actor.c knows");
    None
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Born,
    Dying,
    Stormed,
    /// So many strangers there were; the pid is the number of those that somebody ended.
    Strangers,
}

#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub what: What,
    pub number: usize,
    pub pid: i32,
    pub at: MonoTime,
}

/// The FIFO through which they tell.
pub struct Told {
    pub fifo: PathBuf,
    writer: File,
    reader: Option<JoinHandle<()>>,
    batches: Receiver<Vec<Record>>,
    waiting: VecDeque<Record>,
}

impl Told {
    pub fn new(dir: &Path) -> Told {
        let fifo = dir.join("told");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let mut file = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let writer = file.try_clone().unwrap();
        let (sender, batches) = channel();
        let reader = std::thread::spawn(move || {
            let mut bytes = vec![0; 2_048 * RECORD_BYTES];
            // What is told is written whole, but a read may end within it.
            let mut rest = 0;
            loop {
                let count = rest + file.read(&mut bytes[rest..]).unwrap();
                let whole = count / RECORD_BYTES * RECORD_BYTES;
                let records = bytes[..whole].chunks_exact(RECORD_BYTES);
                let batch: Vec<Record> = records.clone().filter_map(record).collect();
                let quit = records.into_iter().any(|record| record == QUIT);
                if sender.send(batch).is_err() || quit {
                    return;
                }
                bytes.copy_within(whole..count, 0);
                rest = count - whole;
            }
        });
        Told { fifo, writer, reader: Some(reader), batches, waiting: VecDeque::new() }
    }

    /// The next that is told within this time.
    pub fn within(&mut self, time: Duration) -> Option<Record> {
        let end = Instant::now() + time;
        loop {
            if let Some(record) = self.waiting.pop_front() {
                return Some(record);
            }
            let left = end.saturating_duration_since(Instant::now());
            self.waiting.extend(self.batches.recv_timeout(left).ok()?);
        }
    }

    /// What is left when nobody tells anything any more.
    pub fn rest(&mut self) -> Option<Record> {
        if self.reader.is_some() {
            self.quit();
        }
        self.within(Duration::ZERO)
    }

    fn quit(&mut self) {
        let _ = self.writer.write_all(&QUIT);
        let _ = self.reader.take().map(JoinHandle::join);
    }

    /// So many births.
    pub fn born(&mut self, count: usize) {
        for _ in 0..count {
            self.next(What::Born);
        }
    }

    /// The next of this kind, which must come.
    pub fn next(&mut self, what: What) -> Record {
        loop {
            let record = self.within(PATIENCE).unwrap_or_else(|| panic!("no more is told: {what:?}"));
            if record.what == what {
                return record;
            }
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.quit();
    }
}

fn record(bytes: &[u8]) -> Option<Record> {
    let word = |i: usize| u64::from_ne_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
    let what = match word(0) {
        1 => What::Born,
        2 => What::Dying,
        3 => What::Stormed,
        4 => What::Strangers,
        _ => return None,
    };
    let (number, pid) = (usize::try_from(word(1)).unwrap(), i32::try_from(word(2)).unwrap());
    Some(Record { what, number, pid, at: MonoTime::from_nanos(word(3)) })
}

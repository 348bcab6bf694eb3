//! Real sockets and pipes in a directory of their own, and a poll with a time limit.

mod stderr;
mod stream;

use super::backlog::{JOB_LINES, MAIN_LINES};
use super::*;
use crate::sys::testing::{Dir, let_few_wait};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::rc::Rc;

const STAMP: &str = "Nov  5 09:03:07 ";

/// Where the log daemon's socket is.
fn socket(dir: &Dir) -> PathBuf {
    dir.join("log")
}

/// A log daemon that begins to listen.
fn log_daemon(dir: &Dir) -> UnixDatagram {
    let _ = fs::remove_file(socket(dir));
    let daemon = UnixDatagram::bind(socket(dir)).unwrap();
    daemon.set_nonblocking(true).unwrap();
    daemon
}

/// A log in a loop of its own, with a clock that the test moves.
struct LogBench {
    log: Log,
    poll: Poll,
    now: MonoTime,
}

impl LogBench {
    fn new(dir: &Dir, stderr: Option<Box<dyn Stderr>>) -> LogBench {
        let options = LogOptions {
            pid: Pid::new(7).unwrap(),
            verbose: false,
            sockets: vec![dir.join("none"), socket(dir)],
            stamp: || *b"Nov  5 09:03:07 ",
        };
        let now = MonoTime::ZERO + Duration::from_secs(1_000);
        LogBench { log: Log::new(options, stderr), poll: Poll::new().unwrap(), now }
    }

    fn say(&mut self, numbers: std::ops::Range<usize>) {
        for number in numbers {
            self.log.notice(&Notice::Shell(Level::Info, number.to_string().into()));
        }
    }

    fn job(&mut self, name: &str, numbers: std::ops::Range<usize>) {
        let (name, pid) = (JobName::new(name.as_bytes()), Pid::new(9).unwrap());
        for number in numbers {
            self.log.job_line(&name, pid, Stream::Out, number.to_string().as_bytes(), false);
        }
    }

    fn flush(&mut self) {
        self.log.flush(self.now, self.poll.registry());
        for _ in 0..100 {
            if self.log.more() {
                self.log.flush(self.now, self.poll.registry());
            }
        }
        assert!(!self.log.more());
    }

    /// What wakes the loop within `limit`.
    fn wakes(&mut self, limit: Duration) -> bool {
        let mut events = Events::with_capacity(4);
        self.poll.poll(&mut events, Some(limit)).unwrap();
        for event in &events {
            let Some(Descriptor::Log(reader)) = Descriptor::of(event.token()) else { panic!("{event:?}") };
            self.log.ready(reader);
        }
        !events.is_empty()
    }

    /// Reads with `read` what there is, and lets the log send on, until it has nothing more to send.
    fn collect(&mut self, mut read: impl FnMut(&mut Vec<String>)) -> Vec<String> {
        let mut lines = Vec::new();
        self.flush();
        for _ in 0..100_000 {
            let before = lines.len();
            read(&mut lines);
            let woken = self.wakes(Duration::ZERO);
            self.flush();
            if lines.len() == before && !woken && !self.log.channels.iter().any(Channel::is_blocked) {
                return lines;
            }
        }
        panic!("no end after {} lines", lines.len());
    }

    fn receive(&mut self, daemon: &UnixDatagram) -> Vec<String> {
        self.collect(|lines| lines.extend(datagrams(daemon)))
    }

    fn later(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }
}

fn datagrams(daemon: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 9_000];
    let next = || daemon.recv(&mut buffer).ok().map(|n| String::from_utf8(buffer[..n].to_vec()).unwrap());
    std::iter::from_fn(next).collect()
}

fn own(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("<134>{STAMP}pmtr[7]: {number}")).collect()
}

/// A descriptor that happens to be nonblocking, as stderr.
struct Pipe(File);

impl AsRawFd for Pipe {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Stderr for Pipe {
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
}

fn pipe() -> (File, Box<dyn Stderr>) {
    let (writer, reader) = mio::unix::pipe::new().unwrap();
    let [reader, writer] = [reader.into(), writer.into()].map(|fd: std::os::fd::OwnedFd| File::from(fd));
    (reader, Box::new(Pipe(writer)))
}

fn read_all(mut reader: impl io::Read) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4_096]);
    while let Ok(n @ 1..) = reader.read(&mut buffer) {
        all.extend_from_slice(&buffer[..n]);
    }
    all
}

#[test]
fn lines_logged_before_the_daemon_is_there_arrive_in_order() {
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    bench.say(0..3_000);
    bench.flush();
    assert_eq!(bench.log.deadline(), Some(bench.now + Duration::from_millis(500)));
    let daemon = log_daemon(&dir);
    bench.flush();
    assert!(datagrams(&daemon).is_empty(), "it was tried before its time");
    bench.later(500);
    assert_eq!(bench.receive(&daemon), own(0..3_000));
    assert_eq!((bench.log.deadline(), bench.log.room()), (None, MAIN_LINES));
}

#[test]
fn a_log_with_nothing_to_say_does_nothing() {
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    bench.flush();
    assert!(bench.log.channels.iter().all(|channel| channel.deadline(&bench.log.backlog).is_none()));
    let daemon = log_daemon(&dir);
    bench.say(0..1);
    assert_eq!(bench.receive(&daemon), own(0..1));
    drop(daemon);
    bench.later(10_000);
    bench.flush();
    assert!(!bench.wakes(Duration::ZERO) && bench.log.deadline().is_none());
}

#[test]
fn debug_lines_need_verbose() {
    let dir = Dir::new();
    let daemon = log_daemon(&dir);
    let mut bench = LogBench::new(&dir, None);
    bench.log.notice(&Notice::Shell(Level::Debug, "a".into()));
    assert!(bench.receive(&daemon).is_empty());
    bench.log.verbose = true;
    bench.log.notice(&Notice::Shell(Level::Debug, "b".into()));
    assert_eq!(bench.receive(&daemon), [format!("<135>{STAMP}pmtr[7]: b")]);
}

#[test]
fn an_overflow_is_counted_exactly_and_told_when_it_works_again() {
    let dir = Dir::new();
    let daemon = log_daemon(&dir);
    let mut bench = LogBench::new(&dir, None);
    for round in 0..10 {
        bench.say(round * 1_000..(round + 1) * 1_000);
        bench.flush();
    }
    assert_eq!(bench.log.room(), 0);
    let patience = bench.now + Duration::from_secs(1);
    assert_eq!(bench.log.deadline(), Some(patience), "who waits for room is not to wait for ever");
    bench.later(1_000);
    bench.flush();
    assert_eq!(bench.log.deadline(), None, "the poll tells when there is room");
    let lines = bench.receive(&daemon);
    let queued = lines.iter().position(|line| line.contains("were lost")).unwrap();
    let lost = 10_000 - queued - MAIN_LINES;
    assert_eq!(lines[..queued], own(0..queued));
    assert_eq!(lines[queued], format!("<132>{STAMP}pmtr[7]: {lost} messages were lost"));
    assert_eq!(lines[queued + 1..], own(10_000 - MAIN_LINES..10_000));
    assert!(bench.log.backlog.size().2 <= 32, "the memory has returned");
}

#[test]
fn nothing_is_lost_or_doubled_when_the_daemon_is_replaced() {
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    let mut lines = Vec::new();
    for round in 0..20 {
        let daemon = log_daemon(&dir);
        bench.later(500);
        bench.say(round * 100..round * 100 + 50);
        lines.extend(bench.receive(&daemon));
        drop(daemon);
        bench.say(round * 100 + 50..round * 100 + 100);
        bench.flush();
    }
    let daemon = log_daemon(&dir);
    bench.later(500);
    lines.extend(bench.receive(&daemon));
    assert_eq!(lines, own(0..2_000));
}

#[test]
fn a_daemon_that_dies_with_a_full_queue_wakes_the_loop() {
    let dir = Dir::new();
    let daemon = log_daemon(&dir);
    let mut bench = LogBench::new(&dir, None);
    bench.say(0..1_000);
    bench.flush();
    assert!(!bench.wakes(Duration::ZERO));
    let got = datagrams(&daemon).len();
    drop(daemon);
    let daemon = log_daemon(&dir);
    assert!(bench.wakes(Duration::from_secs(20)));
    assert_eq!(bench.receive(&daemon), own(got..1_000));
}

#[test]
fn a_flooding_job_displaces_and_delays_only_itself() {
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    bench.job("flood", 0..100_000);
    bench.job("web", 0..3);
    bench.say(0..2);
    bench.flush();
    let daemon = log_daemon(&dir);
    bench.later(500);
    let lines = bench.receive(&daemon);
    let job = |name: &str, number: usize| format!("<30>{STAMP}{name}[9]: {number}");
    let first = 100_000 - JOB_LINES;
    let lost = format!("<132>{STAMP}pmtr[7]: {first} lines of job flood were lost");
    let mut expected = own(0..2);
    expected.extend([lost, job("flood", first), job("web", 0), job("flood", first + 1), job("web", 1)]);
    expected.extend([job("flood", first + 2), job("web", 2), job("flood", first + 3)]);
    assert_eq!(lines[..expected.len()], expected);
    assert_eq!(lines.len(), 2 + 1 + JOB_LINES + 3);
    assert_eq!((bench.log.backlog.size().0, bench.log.backlog.size().1), (0, 0), "the memory has returned");
}

#[test]
fn what_an_absent_daemon_loses_for_want_of_memory_is_counted_and_stderr_loses_nothing() {
    let dir = Dir::new();
    let (reader, stderr) = pipe();
    let mut bench = LogBench::new(&dir, Some(stderr));
    bench.job("a", 0..10);
    bench.job("b", 0..1);
    bench.log.backlog.lose_job_lines(DAEMON);
    bench.flush();
    assert_eq!(bench.log.backlog.size().1, 0, "the memory has returned");
    bench.job("a", 10..11);
    bench.say(0..1);
    let daemon = log_daemon(&dir);
    bench.later(500);
    let lines = bench.receive(&daemon);
    let lost = |lost| format!("<132>{STAMP}pmtr[7]: {lost} lost");
    let last = format!("<30>{STAMP}a[9]: 10");
    assert_eq!(
        lines,
        [own(0..1), vec![lost("10 lines of job a were"), last, lost("1 line of job b was")]].concat()
    );
    drop(bench);
    let told = String::from_utf8(read_all(reader)).unwrap();
    assert_eq!(told.lines().count(), 13);
    assert!(!told.contains("lost"), "{told}");
}

#[test]
fn all_jobs_together_have_a_bound() {
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    let pid = Pid::new(9).unwrap();
    for job in 0..200 {
        let name = JobName::new(format!("job-{job}").as_bytes());
        (0..JOB_LINES).for_each(|_| bench.log.job_line(&name, pid, Stream::Err, &[b'x'; 2_048], false));
    }
    let (jobs, bytes, _) = bench.log.backlog.size();
    assert_eq!(jobs, 200);
    assert!(bytes < 24 << 20, "{bytes} bytes are kept");
}

#[test]
fn a_job_with_a_full_ring_is_held_for_a_second_while_nothing_gets_out() {
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    let name = JobName::new(b"web");
    bench.job("web", 0..JOB_LINES);
    bench.flush();
    assert!(bench.log.holds(&name) && !bench.log.holds(&JobName::new(b"other")));
    bench.later(500);
    bench.flush();
    assert_eq!(bench.log.deadline(), Some(bench.now + Duration::from_millis(500)));
    bench.later(500);
    bench.flush();
    assert!(!bench.log.holds(&name));
    assert_eq!(bench.log.room(), MAIN_LINES);
}

#[test]
fn the_end_waits_for_a_daemon_without_room_but_not_for_one_that_is_away() {
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    bench.say(0..1_000);
    let begin = Instant::now();
    bench.log.finish(Duration::from_secs(60));
    assert!(begin.elapsed() < Duration::from_secs(30));
    let daemon = log_daemon(&dir);
    daemon.set_nonblocking(false).unwrap();
    let reader = std::thread::spawn(move || {
        let mut buffer = [0; 100];
        (0..1_000).map(|_| daemon.recv(&mut buffer).unwrap()).count()
    });
    bench.log.finish(Duration::from_secs(60));
    assert_eq!(reader.join().unwrap(), 1_000);
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let dir = Dir::new();
    let _daemon = log_daemon(&dir);
    let mut bench = LogBench::new(&dir, None);
    bench.say(0..1_000);
    bench.log.finish(Duration::from_millis(20));
    assert!(bench.log.channels.iter().any(Channel::is_blocked));
}

#[test]
fn a_second_connection_is_not_taken_for_the_first() {
    // The descriptor of the new connection has the number of the old one: it must be registered all the same.
    let dir = Dir::new();
    let mut bench = LogBench::new(&dir, None);
    for round in 0..3 {
        let daemon = log_daemon(&dir);
        bench.later(500);
        bench.say(round * 500..(round + 1) * 500);
        assert_eq!(bench.receive(&daemon), own(round * 500..(round + 1) * 500));
    }
}

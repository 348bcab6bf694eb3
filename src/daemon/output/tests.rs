//! Real pipes, a real poll and a log daemon's socket; the test holds the jobs' ends.

use super::*;
use crate::daemon::log::LogOptions;
use crate::model::MonoTime;
use crate::sys::testing::{Dir, in_own_process, most_descriptors};
use mio::unix::pipe::Receiver;
use mio::{Events, Poll};
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

const JOB: JobId = JobId(3);

struct OutputBench {
    _dir: Dir,
    daemon: UnixDatagram,
    log: Log,
    outputs: Outputs,
    poll: Poll,
    now: MonoTime,
}

impl OutputBench {
    fn new() -> OutputBench {
        let dir = Dir::new();
        let daemon = UnixDatagram::bind(dir.join("log")).unwrap();
        daemon.set_nonblocking(true).unwrap();
        let options = LogOptions {
            pid: pid(7),
            verbose: false,
            sockets: vec![dir.join("log")],
            stamp: || *b"Nov  5 09:03:07 ",
        };
        let (log, poll) = (Log::new(options, None), Poll::new().unwrap());
        OutputBench { _dir: dir, daemon, log, outputs: Outputs::default(), poll, now: MonoTime::ZERO }
    }

    fn start(&mut self, job: JobId, streams: Streams, number: i32) -> [Option<File>; 2] {
        let name = JobName::new(format!("job{}", job.0).as_bytes());
        let ends = self.outputs.prepare(self.poll.registry(), job, &name, streams).unwrap();
        self.outputs.born(job, pid(number));
        [ends.out.map(File::from), ends.err.map(File::from)]
    }

    fn out(&mut self, number: i32) -> File {
        let [out, _] = self.start(JOB, Streams::Out, number);
        out.unwrap()
    }

    /// Runs the loop until nothing is left to be done, and returns what the log daemon got.
    fn lines(&mut self) -> Vec<String> {
        let (mut lines, mut events, mut quiet) = (Vec::new(), Events::with_capacity(2_000), 0);
        let mut buffer = [0; 9_000];
        while quiet < 2 {
            self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            for event in &events {
                match Descriptor::of(event.token()) {
                    Some(Descriptor::Log(reader)) => self.log.ready(reader),
                    Some(Descriptor::Output(stream)) => self.outputs.ready(stream),
                    other => panic!("{other:?}"),
                }
            }
            self.outputs.work(self.now, &mut self.log, self.poll.registry());
            self.log.flush(self.now, self.poll.registry());
            let before = lines.len();
            while let Ok(bytes) = self.daemon.recv(&mut buffer) {
                let text = String::from_utf8(buffer[..bytes].to_vec()).unwrap();
                lines.push(text.replace("Nov  5 09:03:07 ", ""));
            }
            let busy = self.outputs.more(&self.log) || self.log.more() || lines.len() > before;
            quiet = if busy || !events.is_empty() { 0 } else { quiet + 1 };
        }
        lines
    }

    /// Has the only stream read from this; returns what it was read from.
    fn read_from(&mut self, reader: Receiver) -> Receiver {
        std::mem::replace(&mut self.outputs.streams.values_mut().next().unwrap().pipe, reader)
    }

    /// The streams that are open.
    fn open(&self) -> usize {
        self.outputs.streams.len()
    }

    fn assert_empty(&self) {
        let outputs = &self.outputs;
        assert!(outputs.streams.is_empty() && outputs.jobs.is_empty() && outputs.pids.is_empty());
        assert!(outputs.ready.is_empty());
    }
}

/// Runs a test that closes an end of a pipe and expects the other end to notice: beside it, no other test may start a
/// process, which would hold all ends until its exec.
fn alone(name: &str, body: impl FnOnce()) {
    in_own_process(&format!("daemon::output::tests::{name}"), body);
}

fn pid(number: i32) -> Pid {
    Pid::new(number).unwrap()
}

#[test]
fn each_line_of_a_job_is_logged_with_the_severity_of_its_stream() {
    alone("each_line_of_a_job_is_logged_with_the_severity_of_its_stream", || {
        let mut bench = OutputBench::new();
        let [out, err] = bench.start(JOB, Streams::Both, 9);
        let (mut out, mut err) = (out.unwrap(), err.unwrap());
        out.write_all(b"a\r\n\nb\xff\x1b[2J\nhal").unwrap();
        assert_eq!(bench.lines(), ["<30>job3[9]: a", "<30>job3[9]: ", "<30>job3[9]: b??[2J"]);
        err.write_all(b"oh\n").unwrap();
        out.write_all(b"f\n").unwrap();
        let mut lines = bench.lines();
        lines.sort();
        assert_eq!(lines, ["<27>job3[9]: oh", "<30>job3[9]: half"]);
        drop((out, err));
        bench.outputs.reaped(pid(9));
        assert!(bench.lines().is_empty());
        bench.assert_empty();
    });
}

#[test]
fn a_long_line_is_cut_and_the_next_one_is_whole() {
    let mut bench = OutputBench::new();
    let mut out = bench.out(9);
    out.write_all(&[b'x'; 30_000]).unwrap();
    let cut = format!("<30>job3[9]: {} [cut]", "x".repeat(2_042));
    assert_eq!(bench.lines(), [cut]);
    out.write_all(b"yyy\nz\n").unwrap();
    assert_eq!(bench.lines(), ["<30>job3[9]: z"]);
}

#[test]
fn what_a_job_wrote_before_it_ended_is_logged_to_the_last_byte() {
    alone("what_a_job_wrote_before_it_ended_is_logged_to_the_last_byte", || {
        let mut bench = OutputBench::new();
        let mut out = bench.out(9);
        let text: String = (0..5_000).map(|number| format!("{number}\n")).collect();
        out.write_all(text.as_bytes()).unwrap();
        out.write_all(b"last words").unwrap();
        drop(out);
        bench.outputs.reaped(pid(9));
        let mut expected: Vec<String> = (0..5_000).map(|number| format!("<30>job3[9]: {number}")).collect();
        expected.push("<30>job3[9]: last words".into());
        assert_eq!(bench.lines(), expected);
        bench.assert_empty();
    });
}

#[test]
fn a_pipe_that_a_grandchild_holds_is_read_until_its_end() {
    alone("a_pipe_that_a_grandchild_holds_is_read_until_its_end", || {
        let mut bench = OutputBench::new();
        let mut out = bench.out(9);
        out.write_all(b"par").unwrap();
        assert!(bench.lines().is_empty());
        bench.outputs.reaped(pid(9));
        assert_eq!(bench.lines(), ["<30>job3[9]: par"]);
        out.write_all(b"later\n").unwrap();
        assert_eq!(bench.lines(), ["<30>job3[9]: later"]);
        out.write_all(b"end").unwrap();
        drop(out);
        assert_eq!(bench.lines(), ["<30>job3[9]: end"]);
        bench.assert_empty();
    });
}

#[test]
fn a_pipe_that_a_grandchild_holds_is_closed_when_the_next_run_ends() {
    alone("a_pipe_that_a_grandchild_holds_is_closed_when_the_next_run_ends", || {
        let mut bench = OutputBench::new();
        let mut old = bench.out(9);
        bench.outputs.reaped(pid(9));
        let mut new = bench.out(10);
        old.write_all(b"old\n").unwrap();
        new.write_all(b"new\n").unwrap();
        let mut lines = bench.lines();
        lines.sort();
        assert_eq!(lines, ["<30>job3[10]: new", "<30>job3[9]: old"]);
        old.write_all(b"old again").unwrap();
        bench.outputs.reaped(pid(10));
        assert_eq!(bench.lines(), ["<30>job3[9]: old again"]);
        assert_eq!(bench.open(), 1);
        assert_eq!(old.write_all(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        new.write_all(b"still here\n").unwrap();
        assert_eq!(bench.lines(), ["<30>job3[10]: still here"]);
        drop(new);
        assert!(bench.lines().is_empty());
        bench.assert_empty();
    });
}

#[test]
fn a_pipe_that_fails_to_be_read_is_read_again_after_a_while_though_nothing_is_written_any_more() {
    let mut bench = OutputBench::new();
    let mut out = bench.out(9);
    // There is nothing at the address zero.
    let unreadable = OwnedFd::from(File::open("/proc/self/mem").unwrap());
    let pipe = bench.read_from(unreadable.into());
    out.write_all(b"a\n").unwrap();
    // However long it takes: a job whose pipe nobody reads is held up.
    for times in 0..20 {
        bench.now = MonoTime::ZERO + AGAIN_AFTER * times;
        assert!(bench.lines().is_empty());
        assert_eq!((bench.open(), bench.outputs.deadline()), (1, Some(bench.now + AGAIN_AFTER)));
    }
    bench.read_from(pipe);
    assert!(bench.lines().is_empty(), "the poll has told of it already");
    bench.now = bench.now + AGAIN_AFTER;
    assert_eq!(bench.lines(), ["<30>job3[9]: a"]);
    assert_eq!(bench.outputs.deadline(), None);
}

#[test]
fn runs_that_end_before_the_loop_comes_to_read_lose_nothing() {
    let mut bench = OutputBench::new();
    let mut held = Vec::new();
    for number in 1..=5 {
        let mut out = bench.out(number);
        write!(out, "run {number}").unwrap();
        bench.outputs.reaped(pid(number));
        held.push(out);
    }
    let expected: Vec<String> = (1..=5).map(|number| format!("<30>job3[{number}]: run {number}")).collect();
    assert_eq!(bench.lines(), expected);
    assert_eq!(bench.open(), 1);
}

#[test]
fn a_forgotten_job_is_read_once_more_and_its_number_may_be_given_away_at_once() {
    alone("a_forgotten_job_is_read_once_more_and_its_number_may_be_given_away_at_once", || {
        let mut bench = OutputBench::new();
        let mut old = bench.out(9);
        old.write_all(b"old\nold").unwrap();
        bench.outputs.reaped(pid(9));
        bench.outputs.forget(JOB);
        let new = bench.out(10);
        assert_eq!(bench.lines(), ["<30>job3[9]: old", "<30>job3[9]: old"]);
        assert_eq!(bench.open(), 1);
        drop(new);
        bench.outputs.reaped(pid(10));
        assert!(bench.lines().is_empty());
        bench.assert_empty();
    });
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let mut bench = OutputBench::new();
    let ends = bench.outputs.prepare(bench.poll.registry(), JOB, &JobName::new(b"x"), Streams::Both).unwrap();
    bench.outputs.unborn(JOB);
    assert!(bench.lines().is_empty());
    bench.assert_empty();
    drop(ends);
}

#[test]
fn somebody_who_writes_on_and_on_can_not_keep_a_pipe_open() {
    alone("somebody_who_writes_on_and_on_can_not_keep_a_pipe_open", || {
        let mut bench = OutputBench::new();
        let mut out = bench.out(9);
        bench.outputs.reaped(pid(9));
        bench.outputs.forget(JOB);
        let mut bytes = 0;
        // Each turn finds the pipe full again.
        while out.write_all(&[b'\n'; 4_096]).is_ok() {
            bytes += 4_096;
            assert!(bytes < 4 * LAST_BYTES);
            if bytes % 32_768 == 0 {
                let poll = bench.poll.registry();
                for _ in 0..4 {
                    bench.outputs.work(MonoTime::ZERO, &mut bench.log, poll);
                }
                bench.lines();
            }
        }
        bench.assert_empty();
    });
}

#[test]
fn a_flooding_job_does_not_hold_up_another() {
    let mut bench = OutputBench::new();
    let mut flood = bench.out(9);
    let [web, _] = bench.start(JobId(4), Streams::Out, 10);
    flood.write_all(&[b'\n'; 65_536]).unwrap();
    web.unwrap().write_all(b"1\n2\n3\n").unwrap();
    let lines = bench.lines();
    let last = lines.iter().position(|line| line == "<30>job4[10]: 3").unwrap();
    assert!(last < 10, "it came as line {last}");
    assert_eq!(lines.len(), 65_536 + 3, "a daemon that reads gets it all");
}

#[test]
fn a_daemon_that_hangs_holds_a_job_up_for_a_second_only() {
    alone("a_daemon_that_hangs_holds_a_job_up_for_a_second_only", || {
        let mut bench = OutputBench::new();
        let mut out = bench.out(9);
        let turn = |bench: &mut OutputBench, now: u64| {
            for _ in 0..20 {
                bench.log.flush(MonoTime::from_nanos(now), bench.poll.registry());
                bench.outputs.work(MonoTime::ZERO, &mut bench.log, bench.poll.registry());
            }
        };
        out.write_all(&[b'\n'; 65_536]).unwrap();
        bench.poll.poll(&mut Events::with_capacity(8), Some(Duration::ZERO)).unwrap();
        turn(&mut bench, 0);
        assert!(!bench.outputs.more(&bench.log));
        let end = bench.log.deadline().unwrap();
        assert!(end <= MonoTime::from_nanos(1_000_000_000));
        turn(&mut bench, 1_000_000_000);
        assert!(!bench.outputs.more(&bench.log) && bench.log.deadline().is_none());
        out.write_all(&[b'\n'; 65_536]).unwrap();
        bench.outputs.reaped(pid(9));
        drop(out);
        let lines = bench.lines();
        let lost = lines.iter().filter_map(|line| {
            line.strip_prefix("<132>pmtr[7]: ")?
                .strip_suffix(" lines of job job3 were lost")?
                .parse::<usize>()
                .ok()
        });
        let (told, lost) = (lost.clone().count(), lost.sum::<usize>());
        assert!(told > 0);
        assert_eq!(lost + lines.len() - told, 2 * 65_536, "each line arrived or was counted");
        bench.assert_empty();
    });
}

#[test]
fn a_thousand_streams_are_read_in_turn_and_cost_nothing_afterwards() {
    alone("a_thousand_streams_are_read_in_turn_and_cost_nothing_afterwards", || {
        // Each has two descriptors. Where they are too few, it is hundreds.
        let streams: i32 = if most_descriptors() > 2_100 { 1_000 } else { 450 };
        let mut bench = OutputBench::new();
        let mut ends = Vec::new();
        for number in 0..streams {
            let job = JobId(number.unsigned_abs());
            let [out, _] = bench.start(job, Streams::Out, 1_000 + number);
            ends.push(out.unwrap());
        }
        for round in 0..3 {
            ends.iter_mut().for_each(|out| writeln!(out, "{round}").unwrap());
            assert_eq!(bench.lines().len(), ends.len());
        }
        let all = ends.len();
        ends.iter_mut().for_each(|out| write!(out, "end").unwrap());
        drop(ends);
        (0..streams).for_each(|number| bench.outputs.reaped(pid(1_000 + number)));
        assert_eq!(bench.lines().len(), all);
        bench.assert_empty();
        assert!(bench.outputs.ready.capacity() <= 64);
    });
}

//! The log on stderr.

use super::*;

#[test]
fn a_stderr_that_is_full_blocks_nobody_and_gets_the_rest_later() {
    let dir = Dir::new();
    let daemon = log_daemon(&dir);
    let (reader, stderr) = pipe();
    let mut bench = LogBench::new(&dir, Some(stderr));
    let mut sent = Vec::new();
    for round in 0..20 {
        bench.say(round * 1_000..(round + 1) * 1_000);
        sent.extend(datagrams(&daemon));
        for _ in 0..2_000 {
            bench.flush();
            bench.wakes(Duration::ZERO);
            sent.extend(datagrams(&daemon));
        }
    }
    assert_eq!(sent, own(0..20_000), "the log daemon has lost nothing");
    let mut bytes = Vec::new();
    bench.collect(|lines| {
        let more = read_all(&reader);
        lines.extend((!more.is_empty()).then(String::new));
        bytes.extend(more);
    });
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let before = lines.iter().position(|line| line.contains("were lost")).unwrap();
    assert_eq!(lines[before], format!("pmtr[7]: {} messages were lost", 20_000 - before - MAIN_LINES));
    assert_eq!(lines.len(), before + 1 + MAIN_LINES);
    let expected = (0..before).chain(20_000 - MAIN_LINES..20_000).map(|n| format!("pmtr[7]: {n}"));
    assert!(lines.iter().filter(|line| !line.contains("lost")).map(|line| line.to_string()).eq(expected));
}

#[test]
fn a_stderr_that_nobody_reads_any_more_is_left_alone() {
    let dir = Dir::new();
    let daemon = log_daemon(&dir);
    let (reader, stderr) = pipe();
    let mut bench = LogBench::new(&dir, Some(stderr));
    drop(reader);
    bench.say(0..2);
    bench.job("web", 0..1);
    assert_eq!(bench.receive(&daemon).len(), 3);
    assert_eq!((bench.log.deadline(), bench.log.backlog.size().0), (None, 0));
}

/// A stderr that fails with a number, or takes a few bytes at a time.
struct Script(Rc<RefCell<(Option<i32>, Vec<u8>)>>);

impl AsRawFd for Script {
    fn as_raw_fd(&self) -> RawFd {
        // No poll takes it, as none takes a regular file.
        -1
    }
}

impl Stderr for Script {
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        if let Some(errno) = state.0 {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let bytes = &bytes[..bytes.len().min(3)];
        state.1.extend_from_slice(bytes);
        Ok(bytes.len())
    }
}

#[test]
fn a_stderr_on_a_full_disk_or_unfit_for_the_poll_is_tried_again_later() {
    // ENOSPC, EAGAIN and, for once, EIO.
    for errno in [28, 11, 5] {
        let dir = Dir::new();
        let _daemon = log_daemon(&dir);
        let state = Rc::new(RefCell::new((Some(errno), Vec::new())));
        let mut bench = LogBench::new(&dir, Some(Box::new(Script(state.clone()))));
        bench.say(0..2);
        bench.flush();
        assert_eq!(bench.log.deadline(), Some(bench.now + Duration::from_millis(500)));
        state.borrow_mut().0 = None;
        bench.later(500);
        bench.flush();
        assert_eq!(state.borrow().1, b"pmtr[7]: 0\npmtr[7]: 1\n");
        assert_eq!(bench.log.deadline(), None);
    }
}

#[test]
fn a_stderr_with_one_input_output_error_after_another_is_given_up() {
    let dir = Dir::new();
    let _daemon = log_daemon(&dir);
    let state = Rc::new(RefCell::new((Some(5), Vec::new())));
    let mut bench = LogBench::new(&dir, Some(Box::new(Script(state.clone()))));
    bench.say(0..2);
    for pause in [0, 500, 1_000] {
        bench.later(pause);
        bench.flush();
    }
    state.borrow_mut().0 = None;
    assert_eq!(bench.log.deadline(), None);
    bench.later(9_000);
    bench.flush();
    assert!(state.borrow().1.is_empty());
}

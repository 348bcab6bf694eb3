//! A log daemon with a stream socket.

use super::*;

#[test]
fn a_stream_daemon_gets_whole_frames_however_slowly_it_reads() {
    let dir = Dir::new();
    let listener = UnixListener::bind(socket(&dir)).unwrap();
    let mut bench = LogBench::new(&dir, None);
    let long = "x".repeat(2_000);
    let say = |bench: &mut LogBench| {
        (0..1_000).for_each(|_| bench.log.notice(&Notice::Shell(Level::Info, long.clone().into())));
    };
    let frame = format!("<134>{STAMP}pmtr[7]: {long}\0");
    say(&mut bench);
    bench.flush();
    // This one dies in the middle of a frame, which goes whole to the next one.
    let (first, _) = listener.accept().unwrap();
    let mut begin = vec![0; frame.len() * 3 / 2];
    (&first).read_exact(&mut begin).unwrap();
    first.set_nonblocking(true).unwrap();
    let taken = begin.len() + read_all(&first).len();
    drop(first);
    bench.wakes(Duration::from_secs(20));
    bench.flush();
    let (second, _) = listener.accept().unwrap();
    second.set_nonblocking(true).unwrap();
    let mut bytes = Vec::new();
    bench.collect(|lines| {
        let more = read_all(&second);
        lines.extend((!more.is_empty()).then(String::new));
        bytes.extend(more);
    });
    let frames = taken / frame.len();
    assert_eq!(String::from_utf8(bytes).unwrap(), frame.repeat(1_000 - frames));
}

#[test]
fn a_stream_daemon_that_accepts_nobody_does_not_block() {
    let dir = Dir::new();
    let listener = UnixListener::bind(socket(&dir)).unwrap();
    let_few_wait(&listener);
    let mut waiting = Vec::new();
    while let Ok(stream) = mio::net::UnixStream::connect(socket(&dir)) {
        waiting.push(stream);
    }
    let mut bench = LogBench::new(&dir, None);
    bench.say(0..1);
    bench.flush();
    assert_eq!(bench.log.deadline(), Some(bench.now + Duration::from_millis(500)));
}

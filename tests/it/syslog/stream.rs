//! A log daemon with a stream socket.

use super::*;

/// Reads NUL-terminated lines of one connection after the other.
fn stream_daemon(dir: &Dir) -> Receiver<String> {
    let _ = std::fs::create_dir(dir.join("run"));
    let _ = std::fs::remove_file(dir.join("run/log"));
    let listener = UnixListener::bind(dir.join("run/log")).unwrap();
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(listener.accept().unwrap().0);
        let mut line = Vec::new();
        while reader.read_until(0, &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\0").unwrap()).into_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    lines
}

#[test]
fn a_log_daemon_with_a_stream_gets_the_same_lines() {
    if !namespaces_or_skip("a stream") {
        return;
    }
    let dir = Dir::new();
    let lines = stream_daemon(&dir);
    let mut pmtr = with_own_run(dir, &disabled(400));
    pmtr.wait("managing 400 jobs");
    for _ in 0..5 {
        pmtr.settle();
    }
    assert_eq!(pmtr.stop().code(), Some(0));
    // The end of the connection is the end of the lines.
    let heard: Vec<String> =
        std::iter::from_fn(|| lines.recv_timeout(Duration::from_secs(60)).ok()).collect();
    let heard: Vec<&str> = heard.iter().map(|line| text_of(line)).collect();
    assert_eq!(heard, pmtr.seen.iter().map(String::as_str).collect::<Vec<_>>());
}

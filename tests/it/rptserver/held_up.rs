//! A receiver that is held up: stopped, or by a reader that does not read.

use super::*;
use std::time::Duration;

#[test]
fn who_sends_while_the_receiver_is_stopped_is_not_called_silent() {
    let stale = Duration::from_secs(2);
    let mut receiver = Receiver::start(&["-f", "DIR/page", "--stale-after", "2s"]);
    let senders: Vec<Sender> = (0..20).map(|_| receiver.sender()).collect();
    let report = || senders.iter().for_each(|sender| sender.send("report app\nweb e 5 17 /bin/web\n"));
    report();
    receiver.shown("page", |page| page.contains("\n20 systems reporting\n"));
    for _ in 0..3 {
        receiver.process.signal("STOP");
        let stopped = Instant::now();
        wait_until("it was stopped for longer than hosts may be silent", || {
            report();
            stopped.elapsed() > stale + Duration::from_millis(500)
        });
        receiver.process.signal("CONT");
        receiver.process.signal("HUP");
        report();
        receiver.shown("page", |page| page.contains("\n20 systems reporting\n"));
    }
    assert_eq!(receiver.process.count("has been silent"), 0, "{:?}", receiver.process.seen);
    assert_eq!(receiver.process.count("is heard again"), 0);
    receiver.stops();
}

#[test]
fn once_writes_its_files_and_can_be_ended_while_nobody_reads_what_it_prints() {
    let dir = Dir::new();
    assert!(Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
    // Open for reading as well, so that it can be opened, and never read.
    let shell = format!("exec {RPTSERVER} \"$@\" 1<>{}", dir.join("fifo").display());
    let options = ["--once", "16", "-f", "DIR/page"];
    let mut receiver = Receiver::behind(dir, own_address(), &["/bin/sh", "-c", &shell, "sh"], &options);
    receiver.wait("receiving");
    let sender = receiver.sender();
    for host in 0..16 {
        let jobs: String = (0..100).map(|job| format!("job-{job} e 5 17 /bin/web\n")).collect();
        sender.send(&format!("report host{host}\n{jobs}"));
    }
    wait_until("the file is there", || receiver.read("page").contains("\n16 systems reporting\n"));
    receiver.process.signal("TERM");
    assert!(!receiver.process.ends().success());
}

#[test]
fn a_command_that_is_not_there_is_warned_of_at_the_start() {
    let mut receiver = Receiver::start(&["--on-stale", "/no/such/command", "-f", "DIR/page"]);
    receiver.process.rewind().wait("can't run /no/such/command: no such file");
    receiver.stops();
}

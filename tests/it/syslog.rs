//! What gets to the log daemon: every line, once, in order, or else a count of what is missing.

mod stream;

use crate::log_daemon::{LogDaemon, OWN_RUN, OWN_RUN_SCRIPT, text_of};
use crate::support::{Dir, Pmtr, alive, kill, open_to_all, wait_until};
use crate::wrapped::{behind, namespaces_or_skip};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

fn with_own_run(dir: Dir, config: &str) -> Pmtr {
    behind(dir, config, &OWN_RUN, OWN_RUN_SCRIPT)
}

#[test]
fn syslog_gets_each_line_with_facility_identity_and_local_time() {
    if !namespaces_or_skip("syslog") {
        return;
    }
    let dir = Dir::new();
    std::fs::create_dir(dir.join("run")).unwrap();
    dir.script("talk", "echo hello; echo trouble >&2; exit 33");
    let mut daemon = LogDaemon::at(&dir);
    let mut pmtr = behind(
        dir,
        "job {\n name talk\n cmd DIR/talk\n out syslog\n err syslog\n}\n",
        &OWN_RUN,
        OWN_RUN_SCRIPT,
    );
    let pid = pmtr.pid();
    let first = daemon.read_one();
    // local0 is 16, info is 6: 134.
    assert!(
        first.starts_with("<134>") && first.ends_with(&format!(" pmtr[{pid}]: pmtr: starting")),
        "{first}"
    );
    let job = pmtr.started("talk");
    let (mut out, mut err, mut exited) = (false, false, false);
    while !(out && err && exited) {
        let line = daemon.read_one();
        // daemon is 3: 30 for info, 27 for error.
        out |= line.starts_with("<30>") && line.ends_with(&format!("talk[{job}]: hello"));
        err |= line.starts_with("<27>") && line.ends_with(&format!("talk[{job}]: trouble"));
        exited |= line.contains(&format!("job talk {job} exited after 0 sec: exit status 33"));
    }
    assert_eq!(pmtr.stop().code(), Some(0));
    daemon.wait("pmtr: exiting on signal 15");
}

#[test]
fn lines_wait_for_a_log_daemon_that_stops_reading_or_goes_away_and_comes_back() {
    if !namespaces_or_skip("a log daemon that comes back") {
        return;
    }
    let dir = Dir::new();
    std::fs::create_dir(dir.join("run")).unwrap();
    let many: String = (0..300).map(|i| format!("job {{\n name j{i}\n cmd /bin/sleep 1000\n}}\n")).collect();
    // No daemon at the start.
    let mut pmtr = behind(dir, &many, &OWN_RUN, OWN_RUN_SCRIPT);
    pmtr.wait("started job j299 ");
    let mut daemon = LogDaemon::at(&pmtr.dir);
    daemon.wait("pmtr: starting");
    // It does not read while all jobs are replaced: the queue of the socket holds but a few.
    daemon.wait("started job j299 ");
    pmtr.save(&many.replace("sleep 1000", "sleep 1001"));
    for _ in 0..300 {
        pmtr.wait("started job j");
    }
    for _ in 0..300 {
        daemon.wait("started job j");
    }
    // It goes away, things happen, and it comes back.
    drop(daemon);
    pmtr.save(&many.replace("sleep 1000", "sleep 1002"));
    for _ in 0..300 {
        pmtr.wait("started job j");
    }
    let mut daemon = LogDaemon::at(&pmtr.dir);
    for _ in 0..300 {
        daemon.wait("started job j");
    }
    assert!(!daemon.lines.iter().any(|line| line.contains("lost")));
    assert_eq!(pmtr.stop().code(), Some(0));
}

/// So many jobs that don't run: a state dump is a line for each and one more.
fn disabled(jobs: usize) -> String {
    (0..jobs).map(|i| format!("job {{\n name d{i}\n cmd /bin/true\n disable\n}}\n")).collect()
}

#[test]
fn a_log_daemon_that_never_reads_holds_nothing_up_and_what_it_misses_is_counted_exactly() {
    if !namespaces_or_skip("a log daemon that never reads") {
        return;
    }
    let dir = Dir::new();
    let mut daemon = LogDaemon::at(&dir);
    let worker = "job {\n name worker\n cmd /bin/sleep 1000\n}\n";
    let config = format!("{worker}{}", disabled(500));
    let mut pmtr = with_own_run(dir, &config);
    pmtr.started("worker");
    // Ten times 502 lines, of which 4,096 and the queue of the socket can wait.
    for round in 0..10 {
        pmtr.settle();
        // Meanwhile a job restarts as if nothing was wrong.
        pmtr.save(&config.replace("1000", &format!("200{round}")));
        pmtr.started("worker");
    }
    pmtr.settle();
    let told = pmtr.seen.iter().map(String::as_str).collect::<Vec<_>>();
    let mut lost = None;
    for at in 0.. {
        let line = daemon.read_one();
        let text = text_of(&line);
        if let Some(count) =
            text.strip_suffix(" messages were lost").or_else(|| text.strip_suffix(" message was lost"))
        {
            let count: usize = count.rsplit(' ').next().unwrap().parse().unwrap();
            assert_eq!(lost.replace((at, count)), None);
            continue;
        }
        let place = lost.map_or(at, |(_, count)| at - 1 + count);
        assert_eq!(text, told[place]);
        if place + 1 == told.len() {
            break;
        }
    }
    assert!(lost.is_some_and(|(at, count)| at < 1_000 && count > 500), "{lost:?}");
    assert_eq!(pmtr.stop().code(), Some(0));
    daemon.wait("pmtr: exiting on signal 15");
    assert!(!daemon.lines.iter().skip(told_after(&daemon.lines)).any(|line| line.contains("lost")));
}

/// Behind the one line that tells of a loss.
fn told_after(lines: &[String]) -> usize {
    lines.iter().position(|line| line.contains("messages were lost")).unwrap() + 1
}

#[test]
fn a_log_daemon_that_is_replaced_while_lines_wait_costs_none_and_none_comes_twice() {
    if !namespaces_or_skip("a log daemon that is replaced") {
        return;
    }
    let dir = Dir::new();
    let mut daemon = LogDaemon::at(&dir);
    let mut pmtr = with_own_run(dir, &disabled(400));
    pmtr.wait("managing 400 jobs");
    let mut heard = Vec::new();
    for _ in 0..8 {
        pmtr.settle();
        let next = LogDaemon::at(&pmtr.dir);
        heard.extend(std::mem::replace(&mut daemon, next).last_words());
    }
    pmtr.signal("HUP");
    daemon.wait("rescanning");
    heard.append(&mut daemon.lines);
    pmtr.wait("rescanning");
    let heard: Vec<&str> = heard.iter().map(|line| text_of(line)).collect();
    let told: Vec<&str> = pmtr.seen.iter().map(String::as_str).take(heard.len()).collect();
    assert_eq!(heard, told);
    assert!(heard.len() > 8 * 400);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn lines_of_jobs_are_cut_cleaned_and_complete() {
    if !namespaces_or_skip("lines of jobs") {
        return;
    }
    let dir = Dir::new();
    let long = "x".repeat(2_048);
    let mut data = format!("{long}\n{long}y\nplain\r\n\r\n\nbell\x07tab\tescape\x1b[31m\n").into_bytes();
    data.extend(b"\xff\xfe\0binary\n");
    data.extend("caf\u{e9} \u{1f600}\n".as_bytes());
    data.extend(b"x".repeat(100_000));
    data.extend(b"\nlast without an end");
    std::fs::write(dir.join("data"), data).unwrap();
    let mut daemon = LogDaemon::at(&dir);
    let config = "job {\n name out\n cmd /bin/cat DIR/data\n out syslog\n once\n}\n\
        job {\n name err\n cmd /bin/sh -c \"exec cat DIR/data >&2\"\n err syslog\n once\n wait\n}\n";
    let mut pmtr = with_own_run(dir, config);
    let cut = format!("{} [cut]", "x".repeat(2_042));
    let expected = [
        &long,
        &cut,
        "plain",
        "",
        "",
        "bell?tab?escape?[31m",
        "???binary",
        "caf\u{e9} \u{1f600}",
        &cut,
        "last without an end",
    ];
    // daemon is facility 3; info is 6 and error is 3.
    for (job, priority) in [("out", 30), ("err", 27)] {
        let pid = pmtr.rewind().started(job);
        let head = format!("{job}[{pid}]: ");
        let mut heard = Vec::new();
        let mut look = 0;
        while heard.len() < expected.len() {
            while look == daemon.lines.len() {
                daemon.read_one();
            }
            let line = &daemon.lines[look];
            look += 1;
            if let Some(text) = text_of(line).strip_prefix(&head) {
                assert!(line.starts_with(&format!("<{priority}>")), "{line}");
                heard.push(text.to_string());
            }
        }
        assert_eq!(heard, expected);
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_job_that_floods_the_log_pushes_out_nobody_elses_lines() {
    if !namespaces_or_skip("a flood") {
        return;
    }
    let dir = Dir::new();
    let mut daemon = LogDaemon::at(&dir);
    let path = dir.path().to_str().unwrap().to_string();
    dir.script(
        "talk",
        &format!("for i in $(seq 500); do echo line $i; done; touch {path}/said; exec sleep 1000"),
    );
    let quiet = "job {\n name quiet\n cmd /bin/sleep 1000\n}\n";
    let config = format!(
        "job {{\n name flood\n cmd /usr/bin/yes\n out syslog\n}}\njob {{\n name talk\n cmd DIR/talk\n out syslog\n}}\n{quiet}"
    );
    let mut pmtr = with_own_run(dir, &config);
    let (ended, end) = channel();
    // What the flood says is of no interest: neither here nor from stderr.
    let reader = std::thread::spawn(move || {
        let mut heard = Vec::new();
        loop {
            let line = daemon.read_one();
            daemon.lines.clear();
            if !text_of(&line).starts_with("flood[") {
                let last = line.contains("exiting on signal");
                heard.push(text_of(&line).to_string());
                if last {
                    let _ = ended.send(());
                    return heard;
                }
            }
        }
    });
    let flood = pmtr.started("flood");
    for round in 0..5 {
        pmtr.save(&config.replace("1000\n}", &format!("200{round}\n}}")));
        pmtr.started("quiet");
    }
    wait_until("all was said", || pmtr.dir.join("said").exists());
    // Its last line has been read from the pipe when it has reached stderr.
    pmtr.rewind().wait("line 500");
    assert!(alive(flood));
    pmtr.signal("TERM");
    end.recv_timeout(Duration::from_secs(60)).unwrap();
    let heard = reader.join().unwrap();
    assert_eq!(pmtr.ends().code(), Some(0));
    let of = |lines: &[String], name: &str| -> Vec<String> {
        lines.iter().filter(|line| line.starts_with(name)).cloned().collect()
    };
    let talked: Vec<String> =
        of(&heard, "talk[").iter().map(|line| line.rsplit(": ").next().unwrap().to_string()).collect();
    assert_eq!(talked, (1..=500).map(|i| format!("line {i}")).collect::<Vec<_>>());
    let told = of(&heard, "pmtr[");
    assert!(!told.iter().any(|line| line.contains("messages were lost")));
    assert_eq!(told, of(&pmtr.seen, "pmtr[")[..told.len()]);
}

#[test]
fn a_job_of_another_user_can_open_its_standard_error_by_name() {
    if !namespaces_or_skip("/dev/stderr") {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    dir.script("talk", "echo out >/dev/stdout; echo err >/dev/stderr; exit 33");
    let config = "job {\n name talk\n cmd DIR/talk\n user nobody\n out syslog\n err syslog\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    let pid = pmtr.started("talk");
    for text in ["out", "err"] {
        pmtr.rewind().wait(&format!("talk[{pid}]: {text}"));
    }
    pmtr.rewind().wait("exit status 33");
}

#[test]
fn what_holds_the_pipe_after_the_job_has_ended_is_still_heard_and_holds_nothing_up() {
    let dir = Dir::new();
    let path = dir.path().to_str().unwrap().to_string();
    dir.script(
        "leave",
        &format!(
            "mkfifo {path}/gate\n\
            setsid sh -c 'touch {path}/there; read x <{path}/gate; echo late' &\n\
            while [ ! -e {path}/there ]; do sleep 0.01; done\n\
            printf unfinished; exit 33"
        ),
    );
    let mut pmtr = Pmtr::start_in(dir, "job {\n name leave\n cmd DIR/leave\n out syslog\n}\n", |_| {});
    let pid = pmtr.started("leave");
    pmtr.wait("exit status 33");
    pmtr.rewind().wait(&format!("leave[{pid}]: unfinished"));
    std::fs::write(pmtr.dir.join("gate"), "go\n").unwrap();
    pmtr.wait(&format!("leave[{pid}]: late"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn what_a_job_said_before_it_was_removed_is_heard() {
    let dir = Dir::new();
    let path = dir.path().to_str().unwrap().to_string();
    dir.script("talk", &format!("read x <{path}/gate; seq 1000; touch {path}/said; exec sleep 1000"));
    assert!(std::process::Command::new("mkfifo").arg(dir.join("gate")).status().unwrap().success());
    let mut pmtr = Pmtr::start_in(dir, "job {\n name talk\n cmd DIR/talk\n out syslog\n}\n", |_| {});
    let pid = pmtr.started("talk");
    std::fs::write(pmtr.dir.join("gate"), "go\n").unwrap_or(());
    // While it speaks, pmtr is stopped: all of it is in the pipe when the job is removed.
    pmtr.signal("STOP");
    wait_until("all was said", || pmtr.dir.join("said").exists());
    pmtr.save("# none\n");
    pmtr.signal("HUP");
    kill(pid, "KILL");
    pmtr.signal("CONT");
    for number in 1..=1000 {
        let line = pmtr.wait(&format!("talk[{pid}]: "));
        assert_eq!(line, format!("talk[{pid}]: {number}"));
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}

/// A /dev with next to nothing in it, where a real log daemon may make its socket.
const OWN_DEV_SCRIPT: &str = "mount --make-rprivate /; mkdir DIR/dev; mount -t tmpfs none DIR/dev; \
    touch DIR/dev/null DIR/dev/urandom; mount --bind /dev/null DIR/dev/null; \
    mount --bind /dev/urandom DIR/dev/urandom; mount --rbind DIR/dev /dev; exec PMTR -Fc CONF";

#[test]
fn real_log_daemons_that_are_jobs_themselves_get_all_lines() {
    if !namespaces_or_skip("a real log daemon") {
        return;
    }
    let rsyslog = "module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"0\")\n*.* action(type=\"omfile\" file=\"DIR/messages\")\n";
    for (program, arguments) in [
        ("/bin/busybox", "syslogd -n -O DIR/messages"),
        ("/usr/sbin/rsyslogd", "-n -f DIR/rsyslog.conf -i DIR/pid"),
    ] {
        if !std::path::Path::new(program).exists() {
            eprintln!("skipped: {program} is not there");
            continue;
        }
        let dir = Dir::new();
        dir.write("rsyslog.conf", &rsyslog.replace("DIR", dir.path().to_str().unwrap()));
        let mut config = format!("job {{\n name logger\n cmd {program} {arguments}\n}}\n");
        for i in 0..300 {
            let _ = write!(config, "job {{\n name t{i}\n cmd /bin/echo hello {i}\n out syslog\n once\n}}\n");
        }
        let mut pmtr = behind(dir, &config, &OWN_RUN, OWN_DEV_SCRIPT);
        pmtr.wait("started job t299 ");
        pmtr.settle();
        let messages = pmtr.dir.join("messages");
        let read = || String::from_utf8_lossy(&std::fs::read(&messages).unwrap_or_default()).into_owned();
        wait_until("the last line is in the file", || read().contains("that was the state of 301 jobs"));
        wait_until("all that jobs said is in the file", || read().matches(": hello ").count() == 300);
        for text in ["pmtr: starting", "pmtr: managing 301 jobs", "started job t299 "] {
            assert_eq!(read().matches(text).count(), 1, "{program}: {text}");
        }
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

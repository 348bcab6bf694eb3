use super::*;
use crate::fleet::Limits;
use crate::sys::testing::Dir;
use crate::wire::report;
use std::time::Instant;

const STALE_AFTER: u64 = 60;

fn at(secs: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_secs(secs)
}

/// A fleet of these hosts, all of which have fallen silent.
fn silent(heads: &[&str]) -> Fleet {
    let limits = Limits {
        hosts: 100,
        names_per_address: 16,
        jobs_per_host: 100,
        bytes: 1 << 20,
        stale_after: Duration::from_secs(STALE_AFTER),
    };
    let mut fleet = Fleet::new(limits);
    for head in heads {
        hear(&mut fleet, 0, head);
    }
    fleet.tick(at(STALE_AFTER), &mut Vec::new());
    fleet
}

fn hear(fleet: &mut Fleet, secs: u64, head: &str) {
    let datagram = report::decode(head.as_bytes()).unwrap();
    let from = "192.0.2.7".parse().unwrap();
    fleet.receive(at(secs), from, &datagram.head, &mut datagram.jobs(), &mut Vec::new());
}

fn shell(script: &str) -> Runner {
    Runner::new(["/bin/sh", "-c", script].iter().map(OsString::from).collect())
}

/// Works at this moment until `done` holds.
fn work_until(
    runner: &mut Runner,
    now: MonoTime,
    fleet: &mut Fleet,
    lines: &mut Vec<StderrLine>,
    mut done: impl FnMut(&Runner, &[StderrLine]) -> bool,
) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        runner.work(now, fleet, lines);
        if done(runner, lines) {
            return;
        }
        assert!(Instant::now() < end, "never came true; {lines:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn idle(runner: &Runner, _: &[StderrLine]) -> bool {
    runner.running.is_none()
}

#[test]
fn the_command_gets_host_address_and_event() {
    let dir = Dir::new();
    let script = format!(
        "echo \"$PMTR_HOST $PMTR_ADDRESS $PMTR_EVENT $0\" >>{}; read line",
        dir.join("out").display()
    );
    let mut runner = shell(&script);
    let (mut fleet, mut lines) = (silent(&["report app1", "report"]), Vec::new());
    runner.words.push("an argument".into());
    work_until(&mut runner, at(70), &mut fleet, &mut lines, idle);
    hear(&mut fleet, 70, "report app1");
    work_until(&mut runner, at(70), &mut fleet, &mut lines, idle);
    let mut told: Vec<String> = dir.read("out").lines().map(str::to_owned).collect();
    assert_eq!(told.pop().unwrap(), "app1 192.0.2.7 back an argument");
    told.sort();
    assert_eq!(
        told,
        ["192.0.2.7 192.0.2.7 silent an argument".to_owned(), "app1 192.0.2.7 silent an argument".to_owned()]
    );
    // Standard input is empty, so `read` fails and the shell exits with its status.
    assert!(lines.iter().all(|line| line.text.ends_with(" exited: exit status 1")), "{lines:?}");
    assert_eq!(lines.len(), 3);
    assert_eq!(lines.last().unwrap().text, "the command for app1 (192.0.2.7) exited: exit status 1");
}

#[test]
fn one_command_runs_at_a_time_and_none_is_left_out() {
    let dir = Dir::new();
    let (lock, out) = (dir.join("lock"), dir.join("out"));
    // If a second command ran at the same time, the directory would exist.
    let script = format!("mkdir {0} && echo $PMTR_HOST >>{1} && rmdir {0}", lock.display(), out.display());
    let mut runner = shell(&script);
    let (mut fleet, mut lines) = (silent(&["report a", "report b", "report c", "report d"]), Vec::new());
    work_until(&mut runner, at(70), &mut fleet, &mut lines, idle);
    assert_eq!((dir.read("out").lines().count(), lines.len()), (4, 0));
    assert_eq!(runner.deadline(), None);
}

#[test]
fn a_command_that_takes_too_long_gets_sigterm_and_then_sigkill() {
    let dir = Dir::new();
    let ready = dir.join("ready");
    let mut runner =
        shell(&format!("trap 'echo asked' TERM; echo >{}; while :; do sleep 1; done", ready.display()));
    let (mut fleet, mut lines) = (silent(&["report slow"]), Vec::new());
    work_until(&mut runner, at(70), &mut fleet, &mut lines, |_, _| ready.exists());
    assert_eq!(runner.deadline(), Some(at(130)));
    runner.work(at(129), &mut fleet, &mut lines);
    assert!(lines.is_empty());
    runner.work(at(130), &mut fleet, &mut lines);
    assert_eq!(runner.deadline(), Some(at(135)));
    runner.work(at(135), &mut fleet, &mut lines);
    work_until(&mut runner, at(135), &mut fleet, &mut lines, idle);
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let host = "the command for slow (192.0.2.7)";
    let too_long = format!("{host} takes too long: sending ");
    let expected =
        [format!("{too_long}SIGTERM"), format!("{too_long}SIGKILL"), format!("{host} exited: signal 9")];
    assert_eq!(texts, expected);
}

#[test]
fn a_command_that_cannot_be_started_is_reported_once() {
    let mut runner = Runner::new(vec!["/no/such/command".into()]);
    let (mut fleet, mut lines) = (silent(&["report a", "report b"]), Vec::new());
    runner.work(at(70), &mut fleet, &mut lines);
    let text = |host| format!("can't run /no/such/command for {host} (192.0.2.7): No such file or directory");
    assert_eq!(lines, [StderrLine::new(Level::Error, text("a"))]);
}

#[test]
fn without_a_command_changes_are_dropped() {
    let (mut fleet, mut lines) = (silent(&["report a", "report b"]), Vec::new());
    Runner::new(Vec::new()).work(at(70), &mut fleet, &mut lines);
    assert!(fleet.change().is_none() && lines.is_empty());
}

#[test]
fn the_running_command_gets_sigterm_at_the_end() {
    let dir = Dir::new();
    let (ready, asked) = (dir.join("ready"), dir.join("asked"));
    let mut runner = shell(&format!(
        "trap 'echo >{}; exit' TERM; echo >{}; while :; do sleep 1; done",
        asked.display(),
        ready.display()
    ));
    let mut fleet = silent(&["report a"]);
    work_until(&mut runner, at(70), &mut fleet, &mut Vec::new(), |_, _| ready.exists());
    let pid = runner.running.as_ref().unwrap().child.id();
    runner.end();
    let end = Instant::now() + Duration::from_secs(60);
    while !asked.exists()
        || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
    {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(1));
    }
}

//! What a careless parent leaves: blocked and ignored signals. And more signals than pmtr can use.

use crate::support::{Dir, Pmtr, kill, output, read_when_there, wait_until};
use crate::wrapped::behind;
use std::fs;
use std::process::Command;
use std::time::Instant;

/// A parent that blocks and ignores what pmtr needs.
const CARELESS: [&str; 3] =
    ["env", "--block-signal", "--ignore-signal=HUP,USR1,TERM,CHLD,USR2,TTOU,WINCH,URG"];

/// The wrapper that plays this parent.
pub fn careless_or_skip(test: &str) -> Option<[&'static str; 3]> {
    let works = output(Command::new(CARELESS[0]).args(&CARELESS[1..]).arg("true")).0 == Some(0);
    if !works {
        eprintln!("skipped: {test} needs an env with --block-signal");
    }
    works.then_some(CARELESS)
}

/// A line of /proc/PID/status that is a set of signals.
fn set(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
}

/// The set of a number.
fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

fn status(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap()
}

/// How often the file was read because somebody asked.
fn reloads(pmtr: &mut Pmtr) -> usize {
    pmtr.count("rescanning job configuration")
}

#[test]
fn signals_that_the_parent_blocked_or_ignored_are_obeyed_and_jobs_start_with_none_blocked() {
    let Some(careless) = careless_or_skip("a parent that blocks signals") else { return };
    let dir = Dir::new();
    dir.script(
        "show",
        "grep -e ^Sig -e ^Shd /proc/self/status >DIR/part; mv DIR/part DIR/own; exec sleep 1000"
            .replace("DIR", dir.path().to_str().unwrap())
            .as_str(),
    );
    let config = "job {\n name a\n cmd DIR/show\n}\njob {\n name other\n cmd /bin/sleep 1000\n out syslog\n user USER\n}\n";
    let user = output(Command::new("id").arg("-un")).1;
    let mut pmtr = behind(dir, &config.replace("USER", user.trim()), &careless, "exec PMTR -Fc CONF");
    let a = pmtr.started("a");
    let own = read_when_there(&pmtr.dir.join("own"));
    for name in ["SigBlk", "SigIgn", "SigPnd", "ShdPnd"] {
        assert_eq!(set(&own, name), 0, "{name}: {own}");
    }
    // A copy of pmtr, as every job with a user is.
    let copy = pmtr.rewind().started("other");
    wait_until("it has come to its command", || {
        fs::read_to_string(format!("/proc/{copy}/comm")).is_ok_and(|name| name == "sleep\n")
    });
    assert_eq!((set(&status(copy), "SigBlk"), set(&status(copy), "SigIgn")), (0, 0));
    kill(a, "KILL");
    pmtr.wait(&format!("job a {a} exited"));
    pmtr.signal("HUP");
    pmtr.wait("rescanning");
    pmtr.settle();
    kill(pmtr.pid(), "TERM");
    pmtr.wait("exiting on signal 15");
    assert_eq!(pmtr.ends().code(), Some(0));
}

#[test]
fn real_time_signals_are_never_delivered_hold_nothing_up_and_leave_no_queue() {
    const TTOU: u32 = 22;
    let mut pmtr = Pmtr::start("job {\n name a\n cmd /bin/sleep 1000\n}\n");
    let a = pmtr.started("a");
    let blocked = set(&status(pmtr.pid()), "SigBlk");
    for signal in 1..=64 {
        // And the one of a terminal that stops who writes from the background.
        assert_eq!(blocked & bit(signal) != 0, signal >= 32 || signal == TTOU, "{signal}");
    }
    let send =
        format!("for i in {{1..5000}}; do kill -40 {0}; kill -63 {0}; done 2>/dev/null; true", pmtr.pid());
    assert_eq!(output(Command::new("bash").args(["-c", &send])).0, Some(0));
    kill(a, "KILL");
    pmtr.wait(&format!("job a {a} exited"));
    // A queue would make each later signal slower, and other programs of this user could have none.
    wait_until("an empty queue", || set(&status(pmtr.pid()), "ShdPnd") == 0);
    // The next process of the job gets none of them either.
    let next = pmtr.rewind().started("a");
    assert!(next == a || set(&status(next), "ShdPnd") == 0);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn however_often_it_is_asked_pmtr_reads_its_file_once_a_second_and_the_last_time_always() {
    let mut pmtr = Pmtr::start("job {\n name a\n cmd /bin/sleep 1000\n}\n");
    pmtr.started("a");
    pmtr.settle();
    let (before, began) = (reloads(&mut pmtr), Instant::now());
    let send = format!("for i in {{1..3000}}; do kill -HUP {0}; kill -USR1 {0}; done", pmtr.pid());
    assert_eq!(output(Command::new("bash").args(["-c", &send])).0, Some(0));
    let config = pmtr.dir.join("pmtr.conf");
    fs::write(config, "job {\n name b\n cmd /bin/sleep 1000\n}\n").unwrap();
    pmtr.signal("HUP");
    pmtr.started("b");
    pmtr.settle();
    // One at once, one when each second is over, and one for the file that was saved.
    let allowed = usize::try_from(began.elapsed().as_secs()).unwrap() + 3;
    let (read, shown) = (reloads(&mut pmtr) - before, pmtr.count("that was the state of"));
    assert!(read <= allowed && shown <= allowed, "{read} and {shown} of {allowed}");
    assert_eq!(pmtr.stop().code(), Some(0));
}

//! The kernel gives no more memory.

use super::{commands, job};
use crate::support::{Dir, Pmtr, alive, kill, output, wait_until};
use std::process::Command;

/// Lets a process have no more address space than it has; false where that can't be done.
fn takes_no_more(pid: i32) -> bool {
    let size = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = size.split_whitespace().next().unwrap().parse().unwrap();
    let limited = limit(pid, &(pages * 4096).to_string());
    if !limited {
        eprintln!("skipped: exhausted memory needs prlimit");
    }
    limited
}

fn limit(pid: i32, bytes: &str) -> bool {
    output(Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--as={bytes}:")])).0 == Some(0)
}

#[test]
fn without_memory_a_file_that_does_not_fit_is_put_off_and_everything_else_goes_on() {
    let many = |count: u32| -> String { (0..count).map(|i| job(&format!("more{i}"), "")).collect() };
    let few = format!("{}{}{}", job("a", ""), job("b", " out syslog"), job("old", ""));
    let mut pmtr = Pmtr::start(&few);
    let (a, b) = (pmtr.started("a"), pmtr.started("b"));
    pmtr.settle();
    if !takes_no_more(pmtr.pid()) {
        return;
    }
    for count in [100, 300, 2_000] {
        pmtr.save(&format!("{few}{}", many(count)));
        pmtr.signal("HUP");
        pmtr.signal("USR1");
        pmtr.wait("that was the state of 3 jobs");
    }
    pmtr.rewind().wait("can't read ");
    kill(b, "KILL");
    pmtr.wait(&format!("job b {b} exited"));
    assert!(alive(a) && pmtr.count("started job more") == 0);
    assert!(limit(pmtr.pid(), "unlimited"));
    pmtr.wait("can be read again");
    wait_until("all run", || commands(&pmtr).len() == 2_003);
    assert!(alive(a));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn without_memory_the_lines_of_many_jobs_come_as_they_can_be_read_and_afterwards_jobs_start() {
    const TALKERS: usize = 150;
    const LINES: usize = 100;
    let dir = Dir::new();
    let at = dir.path().to_str().unwrap().to_string();
    let talk = format!(
        "while [ ! -e {at}/go ]; do sleep 0.3; done\nx=$(head -c 1900 /dev/zero | tr '\\0' x)\n\
         for i in $(seq {LINES}); do echo \"$i $x\"; done\nexec sleep 1000"
    );
    dir.write("talk.sh", &talk);
    let talkers: String = (0..TALKERS)
        .map(|i| format!("job {{\n name talks{i}\n cmd /bin/sh {at}/talk.sh\n out syslog\n}}\n"))
        .collect();
    let mut pmtr = Pmtr::start_in(dir, &talkers, |_| {});
    wait_until("all run", || commands(&pmtr).len() == TALKERS);
    pmtr.settle();
    if !takes_no_more(pmtr.pid()) {
        return;
    }
    pmtr.dir.write("go", "");
    for _ in 0..TALKERS {
        pmtr.wait(&format!(": {LINES} xxx"));
    }
    assert_eq!((pmtr.count(" xxx"), pmtr.count("lost")), (TALKERS * LINES, 0));
    assert!(limit(pmtr.pid(), "unlimited"));
    pmtr.save(&format!("{talkers}{}", job("late", "")));
    pmtr.started("late");
    assert_eq!(pmtr.stop().code(), Some(0));
}

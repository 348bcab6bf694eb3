//! The kernel gives no more memory.

use super::{commands, job};
use crate::support::{Pmtr, alive, kill, output, wait_until};
use std::process::Command;

#[test]
fn without_memory_a_file_that_does_not_fit_is_put_off_and_everything_else_goes_on() {
    let many = |count: u32| -> String { (0..count).map(|i| job(&format!("more{i}"), "")).collect() };
    let few = format!("{}{}{}", job("a", ""), job("b", " out syslog"), job("old", ""));
    let mut pmtr = Pmtr::start(&few);
    let (a, b) = (pmtr.started("a"), pmtr.started("b"));
    pmtr.settle();
    let pid = pmtr.pid().to_string();
    let size = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    let pages: u64 = size.split_whitespace().next().unwrap().parse().unwrap();
    let limit = |to: &str| output(Command::new("prlimit").args(["--pid", &pid, &format!("--as={to}:")])).0;
    if limit(&(pages * 4096).to_string()) != Some(0) {
        eprintln!("skipped: exhausted memory needs prlimit");
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
    assert_eq!(limit("unlimited"), Some(0));
    pmtr.wait("can be read again");
    wait_until("all run", || commands(&pmtr).len() == 2_003);
    assert!(alive(a));
    assert_eq!(pmtr.stop().code(), Some(0));
}

//! A small sweep: whatever the daemon calls fails once, and everything is as it should be afterwards.

use super::commands;
use super::inject::Faults;
use crate::support::{Dir, Pmtr, kill, wait_until};
use std::sync::Mutex;

/// What the daemon calls while it works, and how each can fail.
const CALLS: [(&str, &[&str]); 10] = [
    ("openat", &["EMFILE", "EIO", "EACCES"]),
    ("read", &["EIO", "EINTR"]),
    ("statx", &["EIO", "ENOMEM"]),
    ("wait4,waitid", &["ECHILD", "EINTR"]),
    ("kill", &["ESRCH", "EPERM"]),
    ("epoll_wait,epoll_pwait", &["EINTR"]),
    ("epoll_ctl", &["ENOSPC"]),
    ("inotify_add_watch", &["ENOSPC", "ENOENT", "EACCES"]),
    ("clone,clone3,fork,vfork", &["EAGAIN"]),
    ("pipe2", &["EMFILE"]),
];

/// One call fails once, in the midst of everything that the daemon does.
fn fails_once(call: &str, errno: &str, when: usize) {
    let config = |round: u32| {
        let file = if round > 0 { "two" } else { "one" };
        format!(
            "job {{\n name a\n cmd /bin/sleep 10{round}\n}}\n\
             job {{\n name b\n cmd /bin/sleep 20{round}\n out syslog\n err syslog\n}}\n\
             job {{\n name c\n cmd /bin/sleep 300\n depends {{\n DIR/depends\n }}\n}}\n\
             job {{\n name {file}\n cmd /bin/sleep 400\n}}\n"
        )
    };
    let dir = Dir::new();
    dir.write("depends", "1");
    let mut pmtr = Pmtr::start_in(dir, &config(0), |_| {});
    let runs = |pmtr: &Pmtr, round: u32| {
        let wanted = [format!("10{round}"), format!("20{round}"), "300".into(), "400".into()];
        commands(pmtr) == wanted.map(|seconds| format!("/bin/sleep {seconds} "))
    };
    wait_until("all run", || runs(&pmtr, 0));
    let victim = pmtr.started("a");
    let Some(faults) = Faults::begin(&pmtr, &[&format!("{call}:error={errno}:when={when}")]) else { return };
    kill(victim, "KILL");
    pmtr.save(&config(1));
    pmtr.dir.write("depends", "2");
    pmtr.signal("HUP");
    pmtr.signal("USR1");
    wait_until(&format!("all run after {call}:{errno}:{when}"), || runs(&pmtr, 1));
    faults.end();
    pmtr.save(&config(2));
    wait_until(&format!("all run anew after {call}:{errno}:{when}"), || runs(&pmtr, 2));
    assert_eq!(pmtr.stop().code(), Some(0), "{call}:{errno}:{when}");
}

#[test]
fn no_call_that_fails_once_leaves_anything_wrong() {
    let cases = CALLS.iter().flat_map(|(call, errnos)| errnos.iter().map(move |errno| (*call, *errno)));
    let cases: Vec<_> = cases.flat_map(|(call, errno)| [1, 2, 4].map(|when| (call, errno, when))).collect();
    let left = Mutex::new(cases);
    let next = || left.lock().unwrap().pop();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((call, errno, when)) = next() {
                    fails_once(call, errno, when);
                }
            });
        }
    });
}

//! The running daemon when the kernel says no: each fault costs at most the one thing it touches, and is over
//! soon after it ends. The faults are injected by strace, which these tests need; without it they are skipped.

mod inject;
mod memory;
mod once;
mod starts;

use crate::support::{Dir, Pmtr, alive, kill, output, wait_until};
use inject::Faults;
use pmtr::job::policy::QUICK;
use pmtr::model::{Pid, Signal};
use pmtr::sys::group;
use std::process::{Command, Stdio};
use std::time::Instant;

fn job(name: &str, options: &str) -> String {
    format!("job {{\n name {name}\n cmd /bin/sleep 1000\n{options}\n}}\n")
}

/// Processor time that the daemon has used, in hundredths of a second.
fn ticks(pmtr: &Pmtr) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pmtr.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// What the main processes of the jobs are, in no order.
fn commands(pmtr: &Pmtr) -> Vec<String> {
    let children = format!("/proc/{0}/task/{0}/children", pmtr.pid());
    let children = std::fs::read_to_string(children).unwrap_or_default();
    let command = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
    let mut found: Vec<String> =
        children.split_whitespace().filter_map(command).map(|text| text.replace('\0', " ")).collect();
    found.sort();
    found
}

#[test]
fn a_file_that_cannot_be_read_for_a_while_is_told_once_and_applied_when_it_can() {
    for rules in [
        &["openat,open:error=EIO"][..],
        &["openat,open:error=EMFILE"],
        // No signal, no notification and no file can be read.
        &["read,pread64:error=EIO"],
        &["statx,fstat,newfstatat,stat:error=ENOMEM"],
    ] {
        let mut pmtr = Pmtr::start(&job("a", ""));
        let a = pmtr.started("a");
        pmtr.settle();
        let Some(faults) = Faults::begin(&pmtr, rules) else { return };
        pmtr.save(&format!("{}{}", job("a", ""), job("b", "")));
        pmtr.wait("can't read ");
        let failed = faults.count();
        faults.wait(failed + 2);
        assert_eq!(pmtr.count("can't read "), 1, "{rules:?}");
        faults.end();
        pmtr.wait("can be read again");
        pmtr.started("b");
        assert!(alive(a) && pmtr.count("started job a") == 1, "{rules:?}");
        pmtr.save(&job("c", ""));
        pmtr.started("c");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

#[test]
fn a_depends_file_that_cannot_be_opened_for_a_while_is_looked_at_again_by_itself() {
    for rule in ["openat,open:error=EACCES", "openat,open:error=EIO"] {
        let dir = Dir::new();
        dir.write("needed", "1");
        let mut pmtr = Pmtr::start_in(dir, &job("d", " depends {\n DIR/needed\n }"), |_| {});
        let d = pmtr.started("d");
        pmtr.settle();
        let Some(faults) = Faults::begin(&pmtr, &[rule]) else { return };
        pmtr.dir.write("needed", "2");
        // Nothing happens to the file any more.
        faults.wait(2);
        assert!(alive(d), "{rule}");
        faults.end();
        pmtr.started("d");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

#[test]
fn without_notifications_files_are_looked_at_until_there_are_some_again() {
    for rules in [
        &["inotify_add_watch:error=ENOSPC"][..],
        &["inotify_add_watch:error=ENOMEM"],
        // What there was is lost, and there is no other to be had.
        &["read:error=EIO:when=1..4", "inotify_init1,inotify_init:error=EMFILE"],
        &["read:error=EIO:when=1..4", "epoll_ctl:error=ENOMEM"],
    ] {
        let mut pmtr = Pmtr::start(&job("a", ""));
        pmtr.started("a");
        pmtr.settle();
        let Some(faults) = Faults::begin(&pmtr, rules) else { return };
        pmtr.save(&job("b", ""));
        pmtr.rewind().wait("can't watch files for changes");
        pmtr.started("b");
        pmtr.save(&job("c", ""));
        pmtr.started("c");
        assert_eq!(pmtr.count("can't watch files"), 1, "{rules:?}");
        faults.end();
        pmtr.wait("watching files for changes again");
        pmtr.save(&job("d", ""));
        pmtr.started("d");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

#[test]
fn a_child_that_cannot_be_asked_for_is_reaped_when_it_can() {
    // Where only the walk over all fails, the first failure is the last: the child is asked for by its number.
    for (rule, times) in
        [("wait4,waitid:error=ECHILD", 6), ("waitid:error=EINVAL", 1), ("wait4:error=ECHILD", 3)]
    {
        let mut pmtr = Pmtr::start(&job("a", ""));
        let a = pmtr.started("a");
        pmtr.settle();
        let Some(faults) = Faults::begin(&pmtr, &[rule]) else { return };
        kill(a, "KILL");
        faults.wait(times);
        faults.end();
        pmtr.rewind().wait(&format!("job a {a} exited"));
        pmtr.started("a");
    }
}

#[test]
fn a_signal_pipe_that_cannot_be_read_costs_no_child_its_restart() {
    let mut pmtr = Pmtr::start(&job("a", ""));
    let a = pmtr.started("a");
    pmtr.settle();
    let Some(faults) = Faults::begin(&pmtr, &["read:error=EIO"]) else { return };
    kill(a, "KILL");
    pmtr.wait(&format!("job a {a} exited"));
    faults.end();
    pmtr.started("a");
}

#[test]
fn the_rest_of_a_group_is_ended_on_a_kernel_that_gives_no_descriptors_for_processes() {
    let dir = Dir::new();
    dir.script("leave", "/bin/sleep 1000 & exit 33");
    let mut pmtr = Pmtr::start_in(dir, &job("a", ""), |command| {
        command.arg("-v");
    });
    pmtr.started("a");
    pmtr.settle();
    for rule in [
        "pidfd_open:error=ENOSYS",
        "pidfd_open:error=EMFILE",
        "pidfd_send_signal:error=EINVAL",
        // Of a filter.
        "pidfd_send_signal:error=ENOSYS",
        "pidfd_send_signal:error=EPERM",
    ] {
        let Some(faults) = Faults::begin(&pmtr, &[rule]) else { return };
        let name = rule.replace([':', '=', '_'], "-");
        pmtr.save(&format!("job {{\n name {name}\n cmd DIR/leave\n}}\n"));
        pmtr.wait(&format!("the remaining processes of job {name}"));
        pmtr.wait("adopted process");
        assert!(faults.count() > 0, "{rule}");
        faults.end();
    }
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn while_descriptors_are_exhausted_nothing_spins_and_afterwards_all_is_well() {
    let talkers = |seconds: u32| -> String {
        let talker = |i| format!("job {{\n name t{i}\n cmd /bin/sleep {seconds}\n out syslog\n}}\n");
        (0..20).map(talker).collect()
    };
    let mut pmtr = Pmtr::start(&format!("{}{}", job("plain", ""), talkers(1000)));
    let plain = pmtr.started("plain");
    pmtr.started("t19");
    pmtr.settle();
    let pid = pmtr.pid().to_string();
    let limit =
        |to: &str| output(Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={to}:")])).0;
    let before = std::fs::read_to_string(format!("/proc/{}/limits", pmtr.pid())).unwrap();
    let before = before.lines().find(|line| line.starts_with("Max open files")).unwrap().to_string();
    let before = before.split_whitespace().nth(3).unwrap().to_string();
    if limit("5") != Some(0) {
        eprintln!("skipped: exhausted descriptors need prlimit");
        return;
    }
    let used = ticks(&pmtr);
    pmtr.signal("HUP");
    pmtr.wait("can't read ");
    let talker = pmtr.rewind().started("t3");
    kill(talker, "KILL");
    pmtr.wait(&format!("job t3 {talker} exited"));
    // Ten seconds later it can't be started.
    let line = pmtr.wait("can't start job t3");
    assert!(line.contains("Too many open files"), "{line}");
    assert!(ticks(&pmtr) - used < 200, "{} ticks", ticks(&pmtr) - used);
    assert_eq!(pmtr.count("can't read "), 1);
    assert_eq!(limit(&before), Some(0));
    // In whichever order.
    pmtr.rewind().wait("can be read again");
    wait_until("t3 has been started again", || pmtr.count("started job t3 [") == 2);
    pmtr.save(&format!("{}{}", job("plain", ""), talkers(2000)));
    wait_until("all run anew", || commands(&pmtr).iter().filter(|c| c.contains("sleep 2000")).count() == 20);
    assert!(alive(plain));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_flood_of_signals_does_not_keep_it_from_ending() {
    let mut pmtr = Pmtr::start(&format!("{}{}", job("a", ""), job("b", "")));
    let [a, b] = ["a", "b"].map(|job| pmtr.started(job));
    let flood = format!(
        "i=0; while [ $i -lt 20000 ]; do for s in HUP USR1 CHLD 40 URG; do kill -$s {}; done; i=$((i+1)); done",
        pmtr.pid()
    );
    let mut flooding = Command::new("/bin/sh").args(["-c", &flood]).stderr(Stdio::null()).spawn().unwrap();
    kill(a, "KILL");
    pmtr.wait(&format!("job a {a} exited"));
    assert!(alive(b) && pmtr.count("started job b") == 1, "{:?}", pmtr.seen);
    let status = pmtr.stop();
    let _ = flooding.kill();
    let _ = flooding.wait();
    assert_eq!(status.code(), Some(0));
    // It ended its job as ever.
    assert!(pmtr.has(&format!("job b {b} exited")) && !alive(b), "{:?}", pmtr.seen);
}

#[test]
fn the_ten_seconds_begin_when_a_job_ends_and_not_when_pmtr_woke_up_for_another() {
    let mut pmtr = Pmtr::start(&format!("{}{}", job("a", ""), job("b", "")));
    let [a, b] = ["a", "b"].map(|job| Pid::new(pmtr.started(job)).unwrap());
    pmtr.settle();
    // To ask for children takes long: the second ends while pmtr is busy with the first.
    let Some(slow) = Faults::begin(&pmtr, &["wait4:delay_enter=200000", "waitid:delay_enter=300000"]) else {
        return;
    };
    group::signal_job(a, Signal::KILL);
    wait_until("one is reaped", || commands(&pmtr).len() == 1);
    let killed = Instant::now();
    group::signal_job(b, Signal::KILL);
    pmtr.wait(&format!("job b {b} exited"));
    slow.end();
    pmtr.started("b");
    assert!(killed.elapsed() >= QUICK, "{:?}", killed.elapsed());
    assert_eq!(pmtr.stop().code(), Some(0));
}

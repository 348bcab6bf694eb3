//! The original lost or doubled jobs here.

use crate::support::{Dir, Pmtr, alive, kill, wait_until};
use std::path::Path;

/// A job's command that goes on until it is told to end, and then does what the script says.
/// It has written DIR/ready when it listens.
fn ends_by(dir: &Dir, what: &str) -> String {
    let text = "trap 'WHAT' TERM; echo >DIR/ready; while :; do sleep 0.05; done";
    let at = dir.path().to_str().unwrap();
    dir.script("ends", &text.replace("WHAT", what).replace("DIR", at)).to_str().unwrap().to_string()
}

fn children(pid: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    list.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

#[test]
fn a_wait_job_that_takes_long_keeps_pmtr_from_nothing() {
    let setup = "job {\n name w\n cmd /bin/sleep 600\n wait\n once\n}\n";
    let other = |name: &str| format!("job {{\n name {name}\n cmd /bin/sleep 601\n}}\n");
    let mut pmtr = Pmtr::start(&format!("{}{setup}{}", other("a"), other("late")));
    let first = pmtr.started("a");
    pmtr.wait("pausing for job w to finish");
    // An exit is seen, a file is applied.
    kill(first, "KILL");
    pmtr.wait(&format!("job a {first} exited"));
    pmtr.save(&format!("{}{setup}{}", other("b"), other("late")));
    pmtr.started("b");
    // The end comes as if there were no wait job, which is not run once more.
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(pmtr.count("started job w"), 1);
    assert!(!pmtr.has("started job late"));
}

#[test]
fn a_wait_job_that_is_no_once_job_lets_the_others_start_and_is_delayed_like_any() {
    let mut pmtr =
        Pmtr::start("job {\n name w\n cmd /bin/true\n wait\n}\njob {\n name late\n cmd /bin/sleep 600\n}\n");
    let first = pmtr.started("w");
    pmtr.wait(&format!("job w {first} exited after"));
    pmtr.wait("job restarting too fast, delaying restart");
    let late = pmtr.rewind().started("late");
    let before = pmtr.seen.iter().take_while(|line| !line.contains("started job late"));
    assert_eq!(before.filter(|line| line.contains("started job w")).count(), 1);
    // Its next run holds nobody up and stops nobody.
    pmtr.started("w");
    assert!(alive(late));
}

#[test]
fn the_end_waits_for_a_job_that_takes_its_time() {
    let dir = Dir::new();
    let at = dir.path().to_str().unwrap().to_string();
    let cmd = ends_by(&dir, &format!("sleep 2; echo >{at}/tidied; exit 0"));
    let mut pmtr = Pmtr::start_in(dir, &format!("job {{\n name slow\n cmd {cmd}\n}}\n"), |_| {});
    let slow = pmtr.started("slow");
    wait_until("it listens", || pmtr.dir.join("ready").exists());
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(pmtr.dir.join("tidied").exists() && !alive(slow));
    assert!(pmtr.has(&format!("job slow {slow} exited after")) && !pmtr.has("SIGKILL"));
}

#[test]
fn the_end_kills_who_is_deaf_and_says_whom() {
    let dir = Dir::new();
    let cmd = ends_by(&dir, "");
    let mut pmtr = Pmtr::start_in(dir, &format!("job {{\n name deaf\n cmd {cmd}\n}}\n"), |_| {});
    let deaf = pmtr.started("deaf");
    wait_until("it listens", || pmtr.dir.join("ready").exists());
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(pmtr.has(&format!("sending SIGKILL to job deaf [{deaf}]")) && !alive(deaf));
}

#[test]
fn a_running_once_job_whose_definition_changes_is_run_with_the_new_one() {
    for (flags, exit) in [("once", "exit 0"), ("", "exit 33")] {
        let dir = Dir::new();
        let cmd = ends_by(&dir, exit);
        let job = |env: &str| format!("job {{\n name a\n cmd {cmd}\n {flags}\n env V={env}\n}}\n");
        let (old, new) = (job("old"), job("new"));
        let mut pmtr = Pmtr::start_in(dir, &old, |_| {});
        let first = pmtr.started("a");
        wait_until("it listens", || pmtr.dir.join("ready").exists());
        pmtr.save(&new);
        pmtr.wait(&format!("job a {first} exited"));
        let second = pmtr.started("a");
        wait_until("it has its environment", || {
            std::fs::read(format!("/proc/{second}/environ"))
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == b"V=new"))
        });
    }
}

#[test]
fn pmtr_has_no_process_of_its_own_whose_death_could_harm_it() {
    let dir = Dir::new();
    dir.write("needed", "1\n");
    let mut pmtr = Pmtr::start_in(
        dir,
        "job {\n name a\n cmd /bin/sleep 600\n out syslog\n depends { DIR/needed }\n}\njob {\n name b\n cmd /bin/sleep 600\n disable\n}\n",
        |_| {},
    );
    let a = pmtr.started("a");
    pmtr.settle();
    assert_eq!(children(pmtr.pid()), [a]);
}

#[test]
fn files_that_were_taken_and_misread_are_refused() {
    for config in [
        "job {\n name a\n cmd /bin/sleep 600\n}\njob {\n name a\n cmd /bin/sleep 600\n}\n",
        "job {\n name a\n}\n",
        "job {\n name a\n cmd /bin/sleep 60\n usr nobody\n}\n",
        "job {\n name a\n cmd /bin/echo one\n cmd /bin/echo two\n}\n",
    ] {
        let mut pmtr = Pmtr::start(config);
        assert_eq!(pmtr.ends().code(), Some(1));
        assert!(pmtr.has("FAILED to parse") && !pmtr.has("started job"), "{:?}", pmtr.seen);
    }
}

#[test]
fn the_greatest_and_the_smallest_order_are_in_order() {
    let job = |name: &str, order: &str| format!("job {{\n name {name}\n cmd /bin/sleep 600\n{order}\n}}\n");
    let config =
        [job("last", "order 2147483647"), job("b", ""), job("c", ""), job("first", "order -2147483648")];
    let mut pmtr = Pmtr::start(&config.concat());
    for name in ["first", "b", "c", "last"] {
        pmtr.started(name);
    }
}

#[test]
fn a_directory_or_a_fifo_in_place_of_the_file_changes_nothing() {
    let mut pmtr = Pmtr::start("job {\n name a\n cmd /bin/sleep 600\n}\n");
    let a = pmtr.started("a");
    let replace_by = |command: &str, path: &Path| {
        let script = format!("rm -rf {0}; {command} {0}", path.display());
        assert_eq!(
            crate::support::output(std::process::Command::new("/bin/sh").args(["-c", &script])).0,
            Some(0)
        );
    };
    replace_by("mkfifo", &pmtr.config);
    pmtr.wait("is not a regular file; jobs keep running");
    pmtr.signal("HUP");
    pmtr.settle();
    replace_by("mkdir", &pmtr.config);
    pmtr.signal("HUP");
    pmtr.settle();
    assert!(alive(a) && !pmtr.has("sending SIGTERM"));
    std::fs::remove_dir(&pmtr.config).unwrap();
    pmtr.save("job {\n name b\n cmd /bin/sleep 600\n}\n");
    pmtr.started("b");
}

//! A job is all of its process group: it has ended when nobody is left, and only then it starts again.

use crate::support::{Dir, Pmtr, alive, kill, wait_until};
use std::fs;

/// A job whose script may name its directory DIR.
fn job(dir: &Dir, name: &str, script: &str) -> String {
    dir.script(name, &script.replace("DIR", dir.path().to_str().unwrap()));
    format!("job {{\n name {name}\n cmd DIR/{name}\n}}\n")
}

/// Processes that live and have this word among their arguments.
fn marked(word: &str) -> Vec<i32> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let has = |pid: &i32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    };
    pids.filter(has).filter(|pid| alive(*pid)).collect()
}

/// A word that no other process has among its arguments: a time to sleep.
fn marker(number: u32) -> String {
    format!("{}.{:07}", 1_000 + number, std::process::id())
}

#[test]
fn members_that_are_deaf_stopped_or_without_their_leader_end_before_the_next_run_begins() {
    let dir = Dir::new();
    let marker = marker(1);
    let script = format!(
        "sh -c 'trap \"\" TERM; touch DIR/deaf; while :; do sleep {marker}; done' marked-{marker} &\n\
        sleep {marker} & echo $! >DIR/stopped.part; mv DIR/stopped.part DIR/stopped\n\
        while [ ! -e DIR/deaf ]; do sleep 0.01; done\n\
        read x <DIR/gate\nexit 0"
    );
    let config = job(&dir, "group", &script);
    assert!(std::process::Command::new("mkfifo").arg(dir.join("gate")).status().unwrap().success());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let leader = pmtr.started("group");
    wait_until("all are there", || pmtr.dir.join("deaf").exists() && pmtr.dir.join("stopped").exists());
    let stopped: i32 = fs::read_to_string(pmtr.dir.join("stopped")).unwrap().trim().parse().unwrap();
    kill(stopped, "STOP");
    // The leader goes first.
    fs::write(pmtr.dir.join("gate"), "go\n").unwrap();
    pmtr.wait(&format!("job group {leader} exited"));
    pmtr.wait(&format!("sending SIGTERM to what is left of job group [{leader}]"));
    // The stopped one hears it, the deaf one does not.
    wait_until("the stopped one is gone", || !alive(stopped));
    assert_eq!(marked(&format!("marked-{marker}")).len(), 1);
    // A restart that is asked for meanwhile comes when nobody is left.
    pmtr.save("job {\n name group\n cmd /bin/sleep 1000\n}\n");
    pmtr.wait(&format!("sending SIGKILL to what is left of job group [{leader}]"));
    pmtr.started("group");
    assert_eq!(marked(&format!("marked-{marker}")), []);
    assert_eq!(pmtr.count("started job group"), 2);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn two_hundred_children_end_with_their_job() {
    let dir = Dir::new();
    let marker = marker(2);
    let config = job(
        &dir,
        "many",
        &format!("i=0; while [ $i -lt 200 ]; do sleep {marker} & i=$((i+1)); done; touch DIR/there; wait"),
    );
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.started("many");
    wait_until("all are there", || pmtr.dir.join("there").exists());
    wait_until("all have come to their command", || marked(&marker).len() == 200);
    pmtr.save("job {\n name many\n cmd /bin/sleep 1000\n}\n");
    pmtr.started("many");
    assert_eq!(marked(&marker), []);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_job_that_is_restarted_again_and_again_has_one_generation_at_a_time() {
    let dir = Dir::new();
    let marker = marker(3);
    // Three processes a run, of which the leader ends first.
    let script = format!("sleep {marker} & sleep {marker} & touch DIR/up-$1; trap 'exit 0' TERM; wait");
    let config = job(&dir, "again", &script);
    let mut pmtr = Pmtr::start_in(dir, "", |_| {});
    for round in 0..10 {
        pmtr.save(&config.replace("again\n}", &format!("again {round}\n}}")));
        let leader = pmtr.started("again");
        wait_until("it is up", || pmtr.dir.join(&format!("up-{round}")).exists());
        let group = |pid: i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)?.parse().ok())
        };
        for pid in marked(&marker) {
            assert!(!alive(pid) || group(pid) == Some(leader), "{pid} is of an earlier run");
        }
    }
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(marked(&marker), []);
}

#[test]
fn a_session_of_its_own_is_left_alone_and_reaped_when_it_ends() {
    let dir = Dir::new();
    let marker = marker(4);
    let config = job(
        &dir,
        "leave",
        &format!(
            "setsid sh -c 'touch DIR/there; exec sleep {marker}' & while [ ! -e DIR/there ]; do sleep 0.01; done; exit 33"
        ),
    );
    let mut pmtr = Pmtr::start_in(dir, &config, |command| {
        command.arg("-v");
    });
    pmtr.wait("exit status 33");
    pmtr.settle();
    assert!(pmtr.has("job leave: finished") && !pmtr.has("what is left of"));
    wait_until("it has come to its command", || marked(&marker).len() == 1);
    let pid = marked(&marker)[0];
    pmtr.save("");
    pmtr.signal("HUP");
    pmtr.wait("managing 0 jobs");
    assert!(alive(pid));
    kill(pid, "TERM");
    pmtr.wait(&format!("adopted process {pid} ended"));
    wait_until("it is reaped", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_zombie_whose_parent_does_not_care_holds_a_job_up_for_no_longer_than_twenty_seconds() {
    let dir = Dir::new();
    let marker = marker(5);
    // The zombie's parent has gone to another session, where pmtr does not look for it.
    let script =
        format!("sh -c 'sh -c \"exit 0\" & exec setsid sleep {marker}' &\nread x <DIR/gate; exit 33");
    let config = job(&dir, "zombie", &script);
    assert!(std::process::Command::new("mkfifo").arg(dir.join("gate")).status().unwrap().success());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let leader = pmtr.started("zombie");
    wait_until("the parent has gone away", || marked(&marker).len() == 1 && marked("setsid").is_empty());
    let parent = marked(&marker)[0];
    fs::write(pmtr.dir.join("gate"), "go\n").unwrap();
    pmtr.wait("exit status 33");
    let line = pmtr.wait(&format!("giving up on what is left of job zombie [{leader}] 10 sec after SIGKILL"));
    assert!(line.contains("(zombie)"), "{line}");
    pmtr.settle();
    assert!(pmtr.has("job zombie: finished"));
    kill(parent, "KILL");
    assert_eq!(pmtr.stop().code(), Some(0));
}

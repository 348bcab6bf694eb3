//! A job is all of its session and process group: it has ended when nobody is left, and only then it starts again.

use crate::support::{Dir, Pmtr, alive, kill, leads_session, read_when_there, wait_until};
use crate::wrapped::tool_or_skip;
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
    pmtr.wait(&format!("sending SIGTERM to the remaining processes of job group [{leader}]"));
    // The stopped one hears it, the deaf one does not.
    wait_until("the stopped one is gone", || !alive(stopped));
    // Not two: its child may not have executed its own command yet.
    wait_until("the deaf one is alone", || marked(&format!("marked-{marker}")).len() == 1);
    // A restart that is asked for meanwhile comes when nobody is left.
    pmtr.save("job {\n name group\n cmd /bin/sleep 1000\n}\n");
    pmtr.wait(&format!("sending SIGKILL to the remaining processes of job group [{leader}]"));
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
fn what_has_the_session_in_a_group_of_its_own_ends_before_the_next_run_begins_and_with_pmtr() {
    let dir = Dir::new();
    let marker = marker(6);
    // timeout makes a group of its own, and its child is in that, too.
    let config = |end: &str| {
        format!("job {{\n name t\n cmd /bin/sh -c \"timeout {marker} sleep {marker}; {end}\"\n}}\n")
    };
    let mut pmtr = Pmtr::start_in(dir, &config("true"), |_| {});
    let mut leader = pmtr.started("t");
    for end in ["false", "true", "false"] {
        wait_until("they are there", || marked(&marker).len() == 2);
        let old = marked(&marker);
        pmtr.save(&config(end));
        pmtr.wait("sending SIGTERM to job t");
        leader = pmtr.started("t");
        assert!(old.iter().all(|pid| !alive(*pid)), "{old:?}");
    }
    wait_until("they are there", || marked(&marker).len() == 2);
    // One whose leader has ended by itself.
    let old = marked(&marker);
    kill(leader, "KILL");
    pmtr.wait("sending SIGTERM to the remaining processes of job t");
    wait_until("they are gone", || old.iter().all(|pid| !alive(*pid)));
    pmtr.save("job {\n name t\n cmd /bin/sleep 1000\n}\n");
    pmtr.wait("rescanning");
    pmtr.save(&config("true"));
    wait_until("they are there", || marked(&marker).len() == 2);
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(marked(&marker), []);
    assert!(!pmtr.has("SIGKILL"));
}

#[test]
fn the_deaf_in_groups_of_their_own_are_killed_whether_their_leader_is_deaf_or_gone() {
    let dir = Dir::new();
    let marker = marker(7);
    let deaf = |what: &str| {
        format!(
            "timeout {marker} sh -c 'trap \"\" TERM; touch DIR/{what}; while :; do sleep {marker}; done' {marker} &\n\
            while [ ! -e DIR/{what} ]; do sleep 0.01; done\n"
        )
    };
    // What timeout runs ignores SIGTERM, and so does the leader of one.
    let waits = job(&dir, "waits", &format!("trap '' TERM\n{}touch DIR/ready; wait", deaf("one")));
    let leaves = job(&dir, "leaves", &format!("{}exit 33", deaf("two")));
    let mut pmtr = Pmtr::start_in(dir, &(waits + &leaves), |_| {});
    let waits = pmtr.started("waits");
    let leaves = pmtr.rewind().started("leaves");
    wait_until("the leader is deaf", || pmtr.dir.join("ready").exists());
    pmtr.rewind().wait(&format!("sending SIGTERM to the remaining processes of job leaves [{leaves}]"));
    pmtr.save("# none\n");
    pmtr.signal("HUP");
    pmtr.wait(&format!("sending SIGTERM to job waits [{waits}]"));
    assert!(marked(&marker).len() >= 2);
    pmtr.wait(&format!("sending SIGKILL to the remaining processes of job leaves [{leaves}]"));
    pmtr.wait(&format!("job waits {waits} exited"));
    wait_until("all have been killed", || marked(&marker).is_empty());
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(pmtr.count("SIGKILL"), 2);
    assert_eq!(pmtr.count("giving up"), 0);
}

#[test]
fn of_a_job_that_ends_what_made_a_session_of_its_own_stays_and_its_siblings_go() {
    let dir = Dir::new();
    let (stays, goes) = (marker(8), marker(9));
    let script = format!(
        "timeout {goes} sh -c 'setsid sh -c \"touch DIR/made; exec sleep {stays}\" & sleep {goes}' &\n\
        while [ ! -e DIR/made ]; do sleep 0.01; done\n\
        exit 33"
    );
    let config = job(&dir, "branch", &script);
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.wait("sending SIGTERM to the remaining processes of job branch");
    wait_until("the siblings are gone", || marked(&goes).is_empty());
    wait_until("that has been seen", || {
        pmtr.settle();
        pmtr.has("job branch: finished")
    });
    wait_until("it has its session", || marked(&stays).iter().any(|pid| leads_session(*pid)));
    let [left] = marked(&stays)[..] else { panic!("{:?}", marked(&stays)) };
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(alive(left));
    kill(left, "KILL");
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
    assert!(pmtr.has("job leave: finished") && !pmtr.has("the remaining processes of"));
    wait_until("it has come to its command", || marked(&marker).len() == 1);
    let pid = marked(&marker)[0];
    pmtr.save("# none\n");
    pmtr.signal("HUP");
    pmtr.wait("managing 0 jobs");
    assert!(alive(pid));
    kill(pid, "TERM");
    pmtr.wait(&format!("adopted process {pid} ended"));
    wait_until("it is reaped", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_zombie_whose_parent_does_not_care_holds_no_job_up() {
    let dir = Dir::new();
    let marker = marker(5);
    // The zombie's parent has gone to another session, where pmtr does not look for it.
    let script =
        format!("sh -c 'sh -c \"exit 0\" & exec setsid sleep {marker}' &\nread x <DIR/gate; exit 33");
    let config = job(&dir, "zombie", &script);
    assert!(std::process::Command::new("mkfifo").arg(dir.join("gate")).status().unwrap().success());
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    pmtr.started("zombie");
    wait_until(
        "the parent has gone away",
        || matches!(marked(&marker)[..], [parent] if leads_session(parent)),
    );
    let parent = marked(&marker)[0];
    fs::write(pmtr.dir.join("gate"), "go\n").unwrap();
    pmtr.wait("exit status 33");
    wait_until("the job has come to its end", || {
        pmtr.settle();
        pmtr.has("job zombie: finished")
    });
    assert!(alive(parent) && !pmtr.has("giving up") && !pmtr.has("SIGKILL"));
    kill(parent, "KILL");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_process_whose_first_thread_has_ended_is_alive() {
    if !tool_or_skip("python3", "a process without its first thread") {
        return;
    }
    let dir = Dir::new();
    // The kernel shows it as a zombie.
    let script = "import ctypes, os, platform, threading, time\n\
                  os.setpgid(0, 0)\n\
                  threading.Thread(target=time.sleep, args=(1000,)).start()\n\
                  open('DIR/part', 'w').write(str(os.getpid()))\n\
                  os.rename('DIR/part', 'DIR/pid')\n\
                  ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[platform.machine()], 0)\n";
    if !matches!(std::env::consts::ARCH, "x86_64" | "aarch64") {
        return eprintln!("skipped: the number of exit is not known for this machine");
    }
    fs::write(dir.join("threads.py"), script.replace("DIR", dir.path().to_str().unwrap())).unwrap();
    let config = job(&dir, "t", "python3 DIR/threads.py & wait; exec sleep 1000");
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let threads = |pid: i32| fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    let ready = |pmtr: &mut Pmtr| {
        pmtr.started("t");
        let file = pmtr.dir.join("pid");
        let pid: i32 = read_when_there(&file).parse().unwrap();
        let stat = format!("/proc/{pid}/stat");
        wait_until("its first thread has ended", || {
            fs::read_to_string(&stat).unwrap().contains(") Z ") && threads(pid) == 2
        });
        fs::remove_file(file).unwrap();
        pid
    };
    let old = ready(&mut pmtr);
    pmtr.save(&config.replace("name t\n", "name t\n env A=b\n"));
    pmtr.wait("sending SIGTERM to job t");
    let new = ready(&mut pmtr);
    assert_eq!(threads(old), 0, "no second generation beside the first");
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(threads(new), 0, "nothing is left at the end");
}

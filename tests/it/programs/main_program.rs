//! The main program of a container decides how the container ends: pmtr is process 1 of a namespace of processes.

use crate::support::{Dir, Pmtr, wait_until};
use crate::wrapped::{AS_INIT, as_init, behind, namespaces_or_skip};

/// A container with a second program beside this main one, run to its end.
fn ended(script: &str, options: &str) -> Pmtr {
    let dir = Dir::new();
    dir.script("app", script);
    let config = format!(
        "job {{\n name beside\n cmd /bin/sleep 1000\n}}\njob {{\n name app\n cmd DIR/app\n essential\n{options}\n}}\n"
    );
    behind(dir, &config, &AS_INIT, "exec PMTR -c CONF")
}

#[test]
fn a_container_ends_with_the_status_of_its_main_program_and_stops_the_others() {
    if !namespaces_or_skip("a main program") {
        return;
    }
    for (script, status) in [("exit 0", 0), ("exit 7", 7), ("kill -SEGV $$", 128 + 11)] {
        let mut pmtr = ended(script, " once");
        assert_eq!(pmtr.ends().code(), Some(status), "{script}: {:#?}", pmtr.seen);
        assert!(pmtr.has("exiting, for the essential job app has ended"));
        assert!(pmtr.has("sending SIGTERM to job beside [") && !pmtr.has("SIGKILL"));
    }
}

#[test]
fn a_main_program_that_fails_too_often_ends_its_container_with_the_last_status() {
    if !namespaces_or_skip("a main program that gives up") {
        return;
    }
    let mut pmtr = ended("exit 9", " restart on failure\n restart delay 0s\n give up after 3");
    assert_eq!(pmtr.ends().code(), Some(9));
    assert_eq!(pmtr.count(": exit status 9"), 3);
    assert!(pmtr.has("job app gave up after 3 quick runs"));
}

#[test]
fn a_main_program_that_cannot_be_started_ends_its_container_with_1() {
    if !namespaces_or_skip("a main program that is missing") {
        return;
    }
    let config = "job {\n name app\n cmd /not/there\n essential\n restart delay 0s\n give up after 2\n}\n";
    let mut pmtr = behind(Dir::new(), config, &AS_INIT, "exec PMTR -c CONF");
    assert_eq!(pmtr.ends().code(), Some(1), "{:#?}", pmtr.seen);
}

#[test]
fn a_container_that_is_told_to_end_stops_its_main_program_in_its_own_way() {
    if !namespaces_or_skip("a main program that is stopped") {
        return;
    }
    let dir = Dir::new();
    let path = dir.path().display().to_string();
    dir.script(
        "app",
        &format!(
            "trap 'touch {path}/said-goodbye; exit 4' INT; touch {path}/there; while :; do sleep 0.01; done"
        ),
    );
    let config = "job {\n name app\n cmd DIR/app\n once\n essential\n stop signal INT\n}\n";
    let mut pmtr = as_init(dir, config, &AS_INIT, "exec PMTR -c CONF");
    wait_until("it runs", || pmtr.dir.join("there").exists());
    // The end of the container was asked for, so it is no failure.
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(pmtr.dir.join("said-goodbye").exists());
}

#[test]
fn a_container_of_tasks_ends_when_they_are_done() {
    if !namespaces_or_skip("a container of tasks") {
        return;
    }
    for (last, status) in [("/bin/true", 0), ("/bin/false", 1)] {
        let config = format!(
            "end when done\njob {{\n name first\n cmd /bin/true\n once\n wait\n}}\n\
             job {{\n name last\n cmd {last}\n once\n}}\n"
        );
        let mut pmtr = behind(Dir::new(), &config, &AS_INIT, "exec PMTR -c CONF");
        assert_eq!(pmtr.ends().code(), Some(status), "{:#?}", pmtr.seen);
    }
}

//! The original lost edits here.

use crate::support::{Dir, Pmtr, alive};
use std::fs::{self, File};
use std::time::{Duration, Instant};

fn sleeper(name: &str, options: &str) -> String {
    format!("job {{\n name {name}\n cmd /bin/sleep 600\n{options}\n}}\n")
}

#[test]
fn of_many_saves_in_a_row_the_last_one_is_in_force() {
    let mut pmtr = Pmtr::start(&sleeper("kept", ""));
    let kept = pmtr.started("kept");
    // Some fall into the quiet time, some into the reading, and some behind it: for three seconds, with
    // pauses of every length.
    let end = Instant::now() + Duration::from_secs(3);
    let mut round = 0;
    while Instant::now() < end {
        round += 1;
        pmtr.save(&(sleeper("kept", "") + &sleeper(&format!("r{round}"), "")));
        std::thread::sleep(Duration::from_millis(round * 37 % 211));
    }
    pmtr.started(&format!("r{round}"));
    assert!(alive(kept));
}

#[test]
fn a_save_while_two_hundred_jobs_are_being_started_is_not_lost() {
    let many: String = (0..200).map(|i| sleeper(&format!("j{i}"), "")).collect();
    let mut pmtr = Pmtr::start(&many);
    pmtr.started("j0");
    pmtr.save(&(many + &sleeper("new", "")));
    pmtr.started("new");
    assert_eq!(pmtr.count("started job"), 201);
}

#[test]
fn a_file_that_somebody_holds_open_is_replaced_all_the_same_and_again() {
    let mut pmtr = Pmtr::start(&sleeper("one", ""));
    pmtr.started("one");
    let held = File::open(&pmtr.config).unwrap();
    for name in ["two", "three", "four"] {
        pmtr.save(&sleeper(name, ""));
        pmtr.started(name);
    }
    drop(held);
}

#[test]
fn a_link_that_is_led_elsewhere_twice_is_followed_twice() {
    let dir = Dir::new();
    let mut pmtr = Pmtr::start_in(dir, &sleeper("one", ""), |_| {});
    pmtr.started("one");
    for name in ["two", "three", "four"] {
        let target = pmtr.dir.write(name, &sleeper(name, ""));
        std::os::unix::fs::symlink(target, pmtr.dir.join("link")).unwrap();
        fs::rename(pmtr.dir.join("link"), &pmtr.config).unwrap();
        pmtr.started(name);
    }
    // And what the link leads to is watched itself.
    fs::write(pmtr.dir.join("four"), sleeper("five", "")).unwrap();
    pmtr.started("five");
}

#[test]
fn a_changed_nice_restarts_the_job() {
    let mut pmtr = Pmtr::start(&sleeper("a", " nice 18"));
    let first = pmtr.started("a");
    pmtr.save(&sleeper("a", " nice 19"));
    pmtr.wait(&format!("job a {first} exited"));
    pmtr.started("a");
}

#[test]
fn a_mistake_that_is_corrected_costs_nothing() {
    let mut pmtr = Pmtr::start(&sleeper("a", ""));
    let a = pmtr.started("a");
    pmtr.save(&sleeper("a", " usr nobody"));
    pmtr.wait("NOTE: using PREVIOUS job config");
    pmtr.save(&(sleeper("a", "") + &sleeper("b", "")));
    pmtr.started("b");
    assert!(alive(a) && !pmtr.has("SIGTERM"));
}

#[test]
fn contents_that_a_weak_sum_takes_for_the_same_are_told_apart() {
    let dir = Dir::new();
    dir.write("first", "Ab");
    dir.write("second", "c");
    let mut pmtr = Pmtr::start_in(dir, &sleeper("a", " depends { DIR/first DIR/second }"), |_| {});
    let mut pid = pmtr.started("a");
    // A carry of the sum times 33, and a byte that goes from one file to the next.
    for files in [[("first", "BA"), ("second", "c")], [("second", "Ac"), ("first", "B")]] {
        for (name, content) in files {
            let part = pmtr.dir.write("part", content);
            fs::rename(part, pmtr.dir.join(name)).unwrap();
        }
        pmtr.wait(&format!("job a {pid} exited"));
        pid = pmtr.started("a");
    }
}

#[test]
fn a_depends_file_that_is_removed_and_restored_is_watched_further() {
    let dir = Dir::new();
    dir.write("needed", "1");
    let mut pmtr = Pmtr::start_in(dir, &sleeper("a", " depends { DIR/needed }"), |_| {});
    let first = pmtr.started("a");
    fs::remove_file(pmtr.dir.join("needed")).unwrap();
    pmtr.settle();
    assert!(alive(first));
    pmtr.dir.write("needed", "2");
    pmtr.wait(&format!("job a {first} exited"));
    pmtr.started("a");
}

#[test]
fn sixteen_thousand_disabled_jobs_are_in_nobodys_way() {
    let many: String = (0..16_000).map(|i| sleeper(&format!("d{i}"), " disable")).collect();
    let mut pmtr = Pmtr::start(&(many.clone() + &sleeper("a", "")));
    let a = pmtr.started("a");
    pmtr.save(&(many.replacen("name d7\n", "name e7\n", 1) + &sleeper("a", "") + &sleeper("b", "")));
    pmtr.started("b");
    assert!(alive(a));
    assert_eq!(pmtr.count("started job"), 2);
}

//! What becomes of included files, and of the directories in which they are.

use crate::def::{Def, job};
use crate::refusal::{Fault, Refusal};
use crate::sim::Sim;
use pmtr::model::{Errno, LoadError, Losses, Signal, Verb};
use pmtr::supervisor::Event;

/// These included files are gone, and these jobs are left.
fn lose(sim: &mut Sim, files: &[&str], left: &[Def]) {
    sim.world.losses = Losses { vanished: paths(files), ..Losses::default() };
    sim.save(left);
}

fn paths(files: &[&str]) -> Vec<std::rc::Rc<[u8]>> {
    files.iter().map(|file| file.as_bytes().into()).collect()
}

const A_GONE: &str = "/etc/pmtr.d/a is missing; stopping its jobs in 2 s";

#[test]
fn the_jobs_of_a_file_that_has_vanished_are_stopped_after_two_seconds() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    sim.run_until(1_000);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b")]);
    assert_eq!((sim.logged(A_GONE), sim.sent(Signal::TERM)), (vec![1_100], vec![]));
    sim.run_until(3_099);
    assert_eq!(sim.sent(Signal::TERM), []);
    sim.run_until(60_000);
    assert_eq!((sim.sent(Signal::TERM), sim.logged(A_GONE).len()), (vec![3_100], 1));
    assert_eq!((sim.pid("a"), sim.starts("b")), (None, vec![0]));
}

#[test]
fn a_file_that_comes_back_within_two_seconds_has_lost_nothing() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    let pid = sim.pid("a");
    sim.run_until(1_000);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b")]);
    sim.run_until(2_900);
    lose(&mut sim, &[], &[job("a"), job("b")]);
    assert_eq!(sim.logged("/etc/pmtr.conf matches the running configuration again"), [3_000]);
    sim.run_until(10_000);
    // The next time it has two seconds again.
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b")]);
    sim.run_until(12_099);
    assert_eq!((sim.pid("a"), sim.sent(Signal::TERM)), (pid, vec![]));
    sim.run_until(12_100);
    assert_eq!(sim.sent(Signal::TERM), [12_100]);
}

#[test]
fn a_file_that_comes_back_with_another_change_has_two_seconds_again_as_well() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    sim.run_until(900);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b")]);
    sim.run_until(1_900);
    lose(&mut sim, &[], &[job("a"), job("b").order(1)]);
    sim.run_until(2_400);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b").order(1)]);
    sim.run_until(4_499);
    assert_eq!((sim.logged(A_GONE), sim.sent(Signal::TERM)), (vec![1_000, 2_500], vec![]));
    sim.run_until(4_500);
    assert_eq!(sim.sent(Signal::TERM), [4_500]);
}

#[test]
fn a_file_that_is_still_missing_when_the_main_file_has_jobs_again_has_two_seconds_again() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    sim.run_until(900);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b")]);
    sim.run_until(1_900);
    // Without its `include`, nothing is known about the file.
    lose(&mut sim, &[], &[]);
    sim.run_until(3_400);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b")]);
    sim.run_until(5_499);
    assert_eq!((sim.logged(A_GONE), sim.sent(Signal::TERM)), (vec![1_000, 3_500], vec![]));
    sim.run_until(5_500);
    assert_eq!(sim.sent(Signal::TERM), [5_500]);
}

#[test]
fn each_file_that_vanishes_has_its_own_two_seconds() {
    let mut sim = Sim::with(&[job("a"), job("b"), job("c")]);
    sim.run_until(900);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b"), job("c")]);
    sim.run_until(1_900);
    lose(&mut sim, &["/etc/pmtr.d/a", "/etc/pmtr.d/b"], &[job("c")]);
    assert_eq!(sim.logged("/etc/pmtr.d/b is missing; stopping its jobs in 2 s"), [2_000]);
    sim.run_until(2_400);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b"), job("c")]);
    sim.run_until(60_000);
    // What is back is in force at once, and the other one has been gone long enough.
    assert_eq!((sim.sent(Signal::TERM), sim.starts("b")), (vec![3_000], vec![0]));
    assert_eq!(sim.logged(A_GONE), [1_000]);
}

#[test]
fn many_files_that_vanish_are_one_line() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    sim.run_until(900);
    lose(&mut sim, &["/etc/pmtr.d/a", "/etc/pmtr.d/b"], &[]);
    let both = "/etc/pmtr.d/a and 1 more file are missing; stopping their jobs in 2 s";
    sim.run_until(10_000);
    assert_eq!((sim.logged(both), sim.logged("has no jobs")), (vec![1_000], vec![]));
    assert_eq!(sim.sent(Signal::TERM), [3_000, 3_000]);
}

#[test]
fn a_file_that_vanishes_without_a_job_is_applied_at_once() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(900);
    // As when its jobs have moved to another file.
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("a"), job("b")]);
    assert_eq!((sim.starts("b"), sim.logged("is missing")), (vec![1_000], vec![]));
}

#[test]
fn sighup_believes_at_once_that_a_file_has_vanished() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    sim.run_until(900);
    lose(&mut sim, &["/etc/pmtr.d/a"], &[job("b")]);
    sim.run_until(1_500);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.sent(Signal::TERM), [1_500]);
}

#[test]
fn an_included_file_that_becomes_empty_is_told_once() {
    let mut sim = Sim::with(&[job("a")]);
    let empty = "/etc/pmtr.d/a is empty; jobs keep running, SIGHUP applies it";
    sim.run_until(900);
    sim.world.losses = Losses { emptied: paths(&["/etc/pmtr.d/a"]), ..Losses::default() };
    sim.save(&[job("a").order(1)]);
    sim.save(&[job("a").order(2)]);
    assert_eq!((sim.logged(empty), sim.sent(Signal::TERM)), (vec![1_000], vec![]));
    sim.world.losses = Losses::default();
    sim.save(&[job("a")]);
    sim.world.losses = Losses { emptied: paths(&["/etc/pmtr.d/a"]), ..Losses::default() };
    sim.save(&[job("a").order(1)]);
    assert_eq!(sim.logged(empty), [1_000, 1_300]);
}

#[test]
fn a_directory_that_cannot_be_read_changes_nothing_and_is_tried_again() {
    let mut sim = Sim::with(&[job("a")]);
    let closed = LoadError::PartUnreadable((*b"/etc/pmtr.d").into(), Errno(13));
    sim.run_until(900);
    sim.world.fault = Some(Fault { refusal: Refusal::Load(closed), left: 0, at: None });
    sim.save(&[job("b")]);
    let line = "can't read /etc/pmtr.d: Permission denied; jobs keep running, trying again";
    assert_eq!((sim.logged(line), sim.sent(Signal::TERM)), (vec![1_000], vec![]));
    sim.run_until(5_000);
    assert_eq!(sim.logged("/etc/pmtr.d can be read again").len(), 1);
    assert_eq!((sim.logged(line).len(), sim.starts("b").len()), (1, 1));
    sim.command(Verb::Disable, "b");
}

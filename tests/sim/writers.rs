//! Somebody has the file open for writing.

use crate::def::job;
use crate::sim::Sim;
use crate::world::File;
use pmtr::model::Signal;
use pmtr::supervisor::Event;

#[test]
fn an_empty_file_that_somebody_is_writing_is_left_until_it_is_written() {
    let mut sim = Sim::with(&[job("a")]);
    sim.file(File::Jobs(vec![]));
    sim.run_until(1_000);
    // Opened for writing without an event yet.
    sim.world.file = File::Busy(vec![]);
    sim.run_until(10_000);
    assert!(sim.world.reads < 15, "{} reads", sim.world.reads);
    sim.file(File::Jobs(vec![job("a"), job("b")]));
    sim.run_until(12_000);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0], vec![10_100]));
}

#[test]
fn a_file_that_somebody_is_writing_is_read_later() {
    let mut sim = Sim::with(&[job("a")]);
    sim.file(File::Busy(vec![job("b")]));
    sim.run_until(5_000);
    assert_eq!(sim.order(), "a");
    // Its closing may give no event.
    sim.world.file = File::Jobs(vec![job("b")]);
    sim.run_until(6_100);
    assert_eq!(sim.order(), "a b");
    assert_eq!(sim.logged(WRITER), [2_100]);
}

const WRITER: &str = "waiting for the writer of /etc/pmtr.conf to close it";

#[test]
fn a_file_that_its_writer_keeps_open_is_applied_when_it_has_not_changed_for_ten_seconds() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(1_000);
    // Whoever never closes it makes no other event than that of the writing.
    sim.world.file = File::Busy(vec![job("b")]);
    sim.ask(Event::ConfigWritten);
    sim.run_until(11_999);
    assert_eq!((sim.order(), sim.logged(WRITER)), ("a".into(), vec![3_000]));
    sim.run_until(12_000);
    assert_eq!((sim.starts("b"), sim.pid("a")), (vec![12_000], None));
    // Then nothing is waited for, and what is written next is another change.
    sim.run_until(60_000);
    assert_eq!(sim.world.reads, 12);
    assert_eq!(sim.supervisor.next(), pmtr::supervisor::NextTick::Never);
    sim.world.file = File::Busy(vec![job("c")]);
    sim.ask(Event::ConfigWritten);
    sim.run_until(80_000);
    assert_eq!((sim.starts("c"), sim.logged(WRITER)), (vec![71_000], vec![3_000, 62_000]));
}

#[test]
fn a_file_that_changes_within_ten_seconds_again_and_again_is_told_of_and_never_applied() {
    let mut sim = Sim::with(&[job("a")]);
    for round in 0..30_u32 {
        sim.world.file = File::Busy(vec![job("b").version(round % 3)]);
        sim.ask(Event::ConfigWritten);
        sim.run_until(u64::from(round) * 9_500 + 9_500);
    }
    assert_eq!((sim.order(), sim.logged(WRITER)), ("a".into(), vec![2_000]));
    // It is put back to what is in force, and closed.
    sim.file(File::Jobs(vec![job("a")]));
    sim.run_until(300_000);
    assert_eq!(sim.logged("/etc/pmtr.conf matches the running configuration again"), [285_100]);
}

#[test]
fn a_file_that_was_emptied_to_be_written_is_waited_for_as_long_as_its_writer_takes() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(1_000);
    sim.world.file = File::Busy(vec![]);
    sim.ask(Event::ConfigWritten);
    sim.run_until(60_000);
    assert_eq!((sim.sent(Signal::TERM), sim.logged(WRITER)), (vec![], vec![3_000]));
    sim.file(File::Jobs(vec![job("a"), job("b")]));
    sim.run_until(61_000);
    assert_eq!((sim.starts("a"), sim.starts("b")), (vec![0], vec![60_100]));
}

#[test]
fn many_writes_are_one_look_a_second() {
    let mut sim = Sim::with(&[job("a")]);
    sim.world.file = File::Busy(vec![job("b")]);
    for millis in 0..5_000 {
        sim.run_until(millis);
        sim.ask(Event::ConfigWritten);
    }
    assert_eq!(sim.world.reads, 5);
    // It is closed: that counts at once.
    sim.file(File::Jobs(vec![job("b")]));
    sim.run_until(6_000);
    assert_eq!(sim.starts("b"), [5_099]);
}

#[test]
fn the_operator_need_not_wait_for_a_writer() {
    let mut sim = Sim::with(&[job("a")]);
    sim.world.file = File::Busy(vec![job("b")]);
    sim.ask(Event::ConfigWritten);
    sim.run_until(5_000);
    sim.ask(Event::ReloadAsked);
    sim.run_until(60_000);
    assert_eq!((sim.order(), sim.logged(WRITER)), ("a b".into(), vec![2_000]));
    assert_eq!(sim.supervisor.next(), pmtr::supervisor::NextTick::Never);
}

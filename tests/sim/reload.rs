//! Changing the file.

use crate::def::job;
use crate::system::{File, Plan};
use crate::world::{World, code};
use pmtr::model::{Signal, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

#[test]
fn a_good_file_starts_what_is_new_and_leaves_alone_what_is_not() {
    let mut world = World::with(&[job("a"), job("b")]);
    let pid = world.pid("b");
    world.run_until(5_000);
    world.save(&[job("a").version(1), job("b"), job("c")]);
    assert_eq!(world.order(), "a b c a");
    assert_eq!(world.pid("b"), pid);
    world.exits("b", code(0));
    world.run_until(6_000);
    // The pending delay of an unchanged job stays what it is.
    world.save(&[job("b")]);
    world.run_until(20_000);
    assert_eq!(world.starts("b"), [0, 15_100]);
    assert_eq!((world.pid("a"), world.pid("c")), (None, None));
}

#[test]
fn a_changed_or_removed_job_is_stopped_and_a_changed_one_starts_at_once_when_it_has_gone() {
    let slow = Plan {
        temper: crate::kernel::Temper { term: Some(Duration::from_secs(3)), ..crate::kernel::MEEK },
        ..Plan::default()
    };
    let mut world = World::with_plans(&[job("a"), job("b")], &[("a", slow.clone()), ("b", slow)]);
    world.run_until(900);
    world.save(&[job("a").version(1)]);
    world.run_until(9_000);
    assert_eq!(world.starts("a"), [0, 4_000]);
    assert_eq!(world.sent(Signal::TERM), [1_000, 1_000]);
    assert_eq!(world.supervisor.jobs().count(), 1);
    world.command(Verb::Disable, "b");
    assert_eq!(world.logged("no such job: b").len(), 1);
    world.ask(Event::ReloadAsked);
    assert_eq!(world.starts("a").len(), 2);
}

#[test]
fn an_empty_file_that_somebody_is_writing_is_left_until_it_is_written() {
    let mut world = World::with(&[job("a")]);
    world.file(File::Jobs(vec![]));
    world.run_until(1_000);
    // Opened for writing without an event yet.
    world.sys.file = File::Busy(vec![]);
    world.run_until(10_000);
    assert!(world.sys.reads < 15, "{} reads", world.sys.reads);
    world.file(File::Jobs(vec![job("a"), job("b")]));
    world.run_until(12_000);
    assert_eq!((world.starts("a"), world.starts("b")), (vec![0], vec![10_100]));
}

#[test]
fn a_job_that_is_due_in_the_moment_of_a_reload_starts_under_the_new_file_or_not_at_all() {
    let fails = Plan { life: Some((Duration::ZERO, code(1))), ..Plan::default() };
    let plans = ["a", "b", "c"].map(|name| (name, fails.clone()));
    let mut world = World::with_plans(&[job("a"), job("b"), job("c")], &plans);
    // All three are to be restarted after 10 seconds, just when the quiet time is over.
    world.run_until(9_900);
    world.file(File::Jobs(vec![job("w").wait(), job("b").disable(), job("c").version(1)]));
    world.run_until(10_000);
    assert_eq!(world.order(), "a b c w");
    assert_eq!(world.logged("pausing for job setup"), [10_000]);
    world.exits("w", code(0));
    assert_eq!(world.order(), "a b c w c");
}

#[test]
fn mistakes_change_nothing_and_are_logged_once() {
    let mut world = World::with(&[job("a")]);
    let pid = world.pid("a");
    for second in 1..=3 {
        world.file(File::Mistakes(25));
        world.run_until(second * 1_000);
    }
    assert_eq!(world.logged("FAILED to parse /etc/pmtr.conf"), [100]);
    assert_eq!(world.logged("/etc/pmtr.conf:1:3: unknown option").len(), 1);
    assert_eq!(world.logged("unknown option").len(), 20);
    assert_eq!(world.logged("and 5 more mistakes").len(), 1);
    assert_eq!(world.logged("NOTE: using PREVIOUS job config").len(), 1);
    // Other mistakes are news, and so are all when the operator asks.
    world.file(File::Mistakes(1));
    world.run_until(6_000);
    assert_eq!(world.logged("FAILED").len(), 2);
    world.ask(Event::ReloadAsked);
    assert_eq!(world.logged("FAILED").len(), 3);
    world.save(&[job("a")]);
    world.file(File::Mistakes(1));
    world.run_until(9_000);
    assert_eq!((world.logged("FAILED").len(), world.pid("a")), (4, pid));
}

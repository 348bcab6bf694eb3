//! A long file is read in portions, and until the last one nothing of it counts.

use crate::def::job;
use crate::system::File;
use crate::world::{World, command};
use pmtr::model::{Ending, Exit, Signal, Verb};
use pmtr::supervisor::{Event, Next};

/// A pmtr that has run for a minute and has just read the first of four portions of another file.
fn reading() -> World {
    let mut world = World::managed(&[job("a"), job("b")], None);
    world.run_until(60_000);
    world.tidings();
    world.sys.portions = 3;
    world.sys.file = File::Jobs(vec![job("a").version(1), job("c")]);
    world.sys.reference.reload_asked();
    world.turn(Event::ReloadAsked);
    world
}

/// One tick of the loop, which reads one portion.
fn tick(world: &mut World) {
    assert_eq!(world.supervisor.next(), Next::Now);
    world.turn(Event::Tick);
    world.assert_kept();
}

#[test]
fn deaths_and_commands_are_served_between_two_portions_by_the_file_in_force() {
    let mut world = reading();
    let before = world.pid("a");
    let serial = world.sys.reference.life("a").unwrap().run.as_ref().unwrap().serial;
    world.sys.kernel.end(serial, Ending::Ran(Exit::Code(1)));
    world.reap();
    tick(&mut world);
    assert_ne!(world.pid("a"), before);
    assert_eq!(world.order(), "a b a");
    world.turn(command(Verb::Disable, "b"));
    assert_eq!(world.sent(Signal::TERM), [60_000]);
    assert_eq!(world.sys.sockets.answers.last().unwrap().1, "disabled b\n");
    assert_eq!(world.sys.reading.as_ref().map(|(_, left, ..)| *left), Some(1));
    tick(&mut world);
    assert_eq!(world.logged("managing").len(), 1);
    tick(&mut world);
    assert_eq!(world.logged("managing").len(), 2);
    world.wake();
    world.run_until(61_000);
    assert_eq!(world.order(), "a b a c a");
    assert_eq!(world.sys.reads, 2);
}

#[test]
fn a_manager_hears_that_a_reload_is_over_when_the_last_portion_has_been_read() {
    let mut world = reading();
    assert_eq!(world.tidings(), ["60000 RELOADING=1 MONOTONIC_USEC=60000000"]);
    tick(&mut world);
    tick(&mut world);
    assert_eq!(world.tidings(), [""; 0]);
    tick(&mut world);
    world.wake();
    assert!(world.tidings().iter().any(|told| told.starts_with("60000 READY=1")));
}

#[test]
fn an_end_and_another_reload_do_not_wait_for_the_portions_to_come() {
    let mut world = reading();
    tick(&mut world);
    world.sys.file = File::Jobs(vec![job("a"), job("d")]);
    world.sys.reference.reload_asked();
    world.turn(Event::ReloadAsked);
    (0..3).for_each(|_| tick(&mut world));
    world.wake();
    world.run_until(61_000);
    assert_eq!(world.order(), "a b d");

    let mut world = reading();
    world.ask(Event::EndAsked(Signal::TERM));
    world.run_until(61_000);
    assert!(world.supervisor.ended());
    assert_eq!(world.logged("managing").len(), 1);
}

#[test]
fn a_save_while_the_file_is_read_is_read_after_it() {
    let mut world = reading();
    tick(&mut world);
    world.sys.file = File::Jobs(vec![job("a").version(1), job("d")]);
    world.sys.reference.touched(world.sys.now);
    world.turn(Event::ConfigTouched);
    tick(&mut world);
    tick(&mut world);
    world.wake();
    assert_eq!(world.logged("managing").len(), 2);
    world.sys.portions = 0;
    world.run_until(61_000);
    assert_eq!(world.order(), "a b c a d");
    assert_eq!(world.logged("managing"), [0, 60_000, 60_100]);
}

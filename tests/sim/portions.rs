//! A long file is read in portions, and until the last one nothing of it counts.

use crate::def::job;
use crate::sim::{Sim, command};
use crate::world::File;
use pmtr::model::{Ending, Exit, Signal, Verb};
use pmtr::supervisor::{Event, NextTick};

/// A pmtr that has run for a minute and has just read the first of four portions of another file.
fn reading() -> Sim {
    let mut sim = Sim::managed(&[job("a"), job("b")], None);
    sim.run_until(60_000);
    sim.notified();
    sim.world.portions = 3;
    sim.world.file = File::Jobs(vec![job("a").version(1), job("c")]);
    sim.world.reference.reload_asked();
    sim.turn(Event::ReloadAsked);
    sim
}

/// One tick of the loop, which reads one portion.
fn tick(sim: &mut Sim) {
    assert_eq!(sim.supervisor.next(), NextTick::Now);
    sim.turn(Event::Tick);
    sim.assert_kept();
}

#[test]
fn deaths_and_commands_are_served_between_two_portions_by_the_file_in_force() {
    let mut sim = reading();
    let before = sim.pid("a");
    let serial = sim.world.reference.life("a").unwrap().run.as_ref().unwrap().serial;
    sim.world.processes.end(serial, Ending::Ran(Exit::Code(1)));
    sim.reap();
    tick(&mut sim);
    assert_ne!(sim.pid("a"), before);
    assert_eq!(sim.order(), "a b a");
    sim.turn(command(Verb::Disable, "b"));
    assert_eq!(sim.sent(Signal::TERM), [60_000]);
    assert_eq!(sim.world.sockets.answers.last().unwrap().1, "disabled b\n");
    assert_eq!(sim.world.reading.as_ref().map(|(_, left, ..)| *left), Some(1));
    tick(&mut sim);
    assert_eq!(sim.logged("managing").len(), 1);
    tick(&mut sim);
    assert_eq!(sim.logged("managing").len(), 2);
    sim.wake();
    sim.run_until(61_000);
    assert_eq!(sim.order(), "a b a c a");
    assert_eq!(sim.world.reads, 2);
}

#[test]
fn a_manager_hears_that_a_reload_is_over_when_the_last_portion_has_been_read() {
    let mut sim = reading();
    assert_eq!(sim.notified(), ["60000 RELOADING=1 MONOTONIC_USEC=60000000"]);
    tick(&mut sim);
    tick(&mut sim);
    assert_eq!(sim.notified(), [""; 0]);
    tick(&mut sim);
    sim.wake();
    assert!(sim.notified().iter().any(|told| told.starts_with("60000 READY=1")));
}

#[test]
fn an_end_and_another_reload_do_not_wait_for_the_portions_to_come() {
    let mut sim = reading();
    tick(&mut sim);
    sim.world.file = File::Jobs(vec![job("a"), job("d")]);
    sim.world.reference.reload_asked();
    sim.turn(Event::ReloadAsked);
    (0..3).for_each(|_| tick(&mut sim));
    sim.wake();
    sim.run_until(61_000);
    assert_eq!(sim.order(), "a b d");

    let mut sim = reading();
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.run_until(61_000);
    assert!(sim.supervisor.ended());
    assert_eq!(sim.logged("managing").len(), 1);
}

#[test]
fn a_save_while_the_file_is_read_is_read_after_it() {
    let mut sim = reading();
    tick(&mut sim);
    sim.world.file = File::Jobs(vec![job("a").version(1), job("d")]);
    sim.world.reference.touched(sim.world.now);
    sim.turn(Event::ConfigTouched);
    tick(&mut sim);
    tick(&mut sim);
    sim.wake();
    assert_eq!(sim.logged("managing").len(), 2);
    sim.world.portions = 0;
    sim.run_until(61_000);
    assert_eq!(sim.order(), "a b c a d");
    assert_eq!(sim.logged("managing"), [0, 60_000, 60_100]);
}

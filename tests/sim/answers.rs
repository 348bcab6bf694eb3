//! Each answer of the world is a no for once: the first of its kind, the second, up to the tenth. No promise is
//! broken by that, and soon everything is as if nothing had happened.

use crate::def::{Def, job};
use crate::refusal::{BUSY, Fault, NO_COMMAND, NO_FILE, NO_PROCESS, NO_SOCKET, Refusal, mistakes};
use crate::sockets::{listen, report};
use crate::system::File;
use crate::world::{World, at, code};
use pmtr::model::{LoadError, MonoTime, Role, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const ROUNDS: u32 = 12;

/// The file of a round: in each something is new, something has changed and something is gone.
fn file(round: u32) -> Vec<Def> {
    let new = if round.is_multiple_of(2) { "even" } else { "odd" };
    vec![
        job("setup").wait().once(),
        job("a"),
        job("changed").version(round),
        job("needy").depends(0),
        job("bounces").bounce(7),
        job(new).order(3),
    ]
}

fn pass(world: &mut World, time: Duration) {
    world.live_until(world.sys.now + time);
    world.assert_kept();
}

/// The job ends by itself, if it runs and its end would not be a quick one.
fn ends(world: &mut World, name: &str, after: Duration) {
    let since = world.starts(name).last().map(|millis| at(u64::try_from(*millis).unwrap()));
    if world.pid(name).is_some() && since.is_some_and(|since| since + after <= world.sys.now) {
        world.exits(name, code(1));
    }
}

/// A minute or two in which everything happens that can.
fn lived(refusal: &Refusal, when: u32) -> World {
    let mut world = World::unborn(30_000);
    world.serve_manager(Some(2 * SECOND));
    world.sys.sockets.lines = vec![listen(1), report(2)];
    world.sys.fault = Some(Fault { refusal: refusal.clone(), left: when - 1, at: None });
    world.begin(&file(0));
    pass(&mut world, SECOND);
    ends(&mut world, "setup", SECOND);
    for round in 1..=ROUNDS {
        pass(&mut world, 11 * SECOND);
        ends(&mut world, "setup", SECOND);
        ends(&mut world, "a", 10 * SECOND);
        let port = u16::try_from(round).unwrap();
        world.sys.sockets.lines = vec![listen(1), report(2), listen(10 + port), report(30 + port)];
        world.file(File::Jobs(file(round)));
        pass(&mut world, SECOND);
        world.write(0, Some(round));
        world.command(Verb::Disable, "a");
        pass(&mut world, SECOND);
        world.command(Verb::Enable, "a");
        if round.is_multiple_of(3) {
            world.ask(Event::ReloadAsked);
        }
    }
    world
}

/// How soon everything is whole again.
fn limit(refusal: &Refusal) -> Duration {
    match refusal {
        // What could not become its command is put off like any quick end.
        Refusal::Command(_) => 10 * SECOND,
        // Its next chance is the next report.
        Refusal::Report => 10 * SECOND,
        Refusal::Spawn(_) | Refusal::Load(_) | Refusal::Open(_) | Refusal::Tell => 2 * SECOND,
    }
}

fn is_whole(world: &World) -> bool {
    let lines = world.sys.sockets.lines.iter().filter(|line| line.role == Role::Listen);
    let served = lines.clone().all(|line| world.sys.sockets.open.values().any(|open| open == line));
    world.sys.reference.settled() && served
}

fn no_for_once(refusal: &Refusal) {
    for when in 1..=10 {
        let mut world = lived(refusal, when);
        let begun: Option<MonoTime> = world.sys.fault.as_ref().unwrap().at;
        let begun = begun.unwrap_or_else(|| panic!("{refusal:?} {when} never comes"));
        // Of the last round there may be something left to do.
        let end = (begun + limit(refusal)).max(world.sys.now + Duration::from_millis(500));
        world.live_until(end);
        world.assert_kept();
        assert!(is_whole(&world), "{refusal:?} {when}: {:?}", world.sys.reference.lives);
        // Reports have two chances more, and all that was told of trouble is taken back.
        pass(&mut world, 35 * SECOND);
        assert!(is_whole(&world) && world.sys.reference.all_served(), "{refusal:?} {when}");
        let state = world.sys.reference.lives.iter().filter(|life| life.run.is_some()).count();
        assert_eq!(state, 5, "{refusal:?} {when}");
    }
}

#[test]
fn a_process_that_can_not_be_made_for_once_is_made_within_two_seconds() {
    NO_PROCESS.into_iter().for_each(|error| no_for_once(&Refusal::Spawn(error)));
}

#[test]
fn a_process_that_does_not_come_to_its_command_for_once_does_so_ten_seconds_later() {
    NO_COMMAND.into_iter().for_each(|error| no_for_once(&Refusal::Command(error)));
}

#[test]
fn a_file_that_can_not_be_read_for_once_is_in_force_within_two_seconds() {
    let errnos = NO_FILE.into_iter().map(LoadError::Unreadable);
    for error in errnos.chain([BUSY, LoadError::Missing, LoadError::NotAFile, mistakes(3)]) {
        no_for_once(&Refusal::Load(error));
    }
}

#[test]
fn a_socket_that_can_not_be_opened_for_once_is_open_within_two_seconds() {
    NO_SOCKET.into_iter().for_each(|error| no_for_once(&Refusal::Open(error)));
}

#[test]
fn a_report_that_is_refused_for_once_is_followed_by_the_next() {
    no_for_once(&Refusal::Report);
}

#[test]
fn a_word_to_the_service_manager_that_is_lost_for_once_is_said_again() {
    no_for_once(&Refusal::Tell);
}

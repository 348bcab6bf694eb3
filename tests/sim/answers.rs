//! Each answer of the world is a no for once: the first of its kind, the second, up to the tenth. No promise is
//! broken by that, and soon everything is as if nothing had happened.

use crate::def::{Def, job};
use crate::refusal::{BUSY, Fault, NO_COMMAND, NO_FILE, NO_PROCESS, NO_SOCKET, Refusal, mistakes};
use crate::sim::{Sim, at, code};
use crate::sockets::{listen, report};
use crate::world::File;
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

fn pass(sim: &mut Sim, time: Duration) {
    sim.live_until(sim.world.now + time);
    sim.assert_kept();
}

/// The job ends by itself, if it runs and its end would not be a quick one.
fn ends(sim: &mut Sim, name: &str, after: Duration) {
    let since = sim.starts(name).last().map(|millis| at(u64::try_from(*millis).unwrap()));
    if sim.pid(name).is_some() && since.is_some_and(|since| since + after <= sim.world.now) {
        sim.exits(name, code(1));
    }
}

/// A minute or two in which everything happens that can.
fn lived(refusal: &Refusal, when: u32) -> Sim {
    let mut sim = Sim::unborn(30_000);
    sim.serve_manager(Some(2 * SECOND));
    sim.world.sockets.lines = vec![listen(1), report(2)];
    sim.world.fault = Some(Fault { refusal: refusal.clone(), left: when - 1, at: None });
    sim.begin(&file(0));
    pass(&mut sim, SECOND);
    ends(&mut sim, "setup", SECOND);
    for round in 1..=ROUNDS {
        pass(&mut sim, 11 * SECOND);
        ends(&mut sim, "setup", SECOND);
        ends(&mut sim, "a", 10 * SECOND);
        let port = u16::try_from(round).unwrap();
        sim.world.sockets.lines = vec![listen(1), report(2), listen(10 + port), report(30 + port)];
        sim.file(File::Jobs(file(round)));
        pass(&mut sim, SECOND);
        sim.write(0, Some(round));
        sim.command(Verb::Disable, "a");
        pass(&mut sim, SECOND);
        sim.command(Verb::Enable, "a");
        if round.is_multiple_of(3) {
            sim.ask(Event::ReloadAsked);
        }
    }
    sim
}

/// How soon everything is whole again.
fn limit(refusal: &Refusal) -> Duration {
    match refusal {
        // What could not become its command is put off like any quick end.
        Refusal::Command(_) => 10 * SECOND,
        // Its next chance is the next report.
        Refusal::Report => 10 * SECOND,
        Refusal::Spawn(_) | Refusal::Load(_) | Refusal::Open(_) | Refusal::Notify => 2 * SECOND,
    }
}

fn is_whole(sim: &Sim) -> bool {
    let lines = sim.world.sockets.lines.iter().filter(|line| line.role == Role::Listen);
    let served = lines.clone().all(|line| sim.world.sockets.open.values().any(|open| open == line));
    sim.world.reference.settled() && served
}

fn no_for_once(refusal: &Refusal) {
    for when in 1..=10 {
        let mut sim = lived(refusal, when);
        let begun: Option<MonoTime> = sim.world.fault.as_ref().unwrap().at;
        let begun = begun.unwrap_or_else(|| panic!("{refusal:?} {when} never comes"));
        // Of the last round there may be something left to do.
        let end = (begun + limit(refusal)).max(sim.world.now + Duration::from_millis(500));
        sim.live_until(end);
        sim.assert_kept();
        assert!(is_whole(&sim), "{refusal:?} {when}: {:?}", sim.world.reference.lives);
        // Reports have two chances more, and all that was told of trouble is taken back.
        pass(&mut sim, 35 * SECOND);
        assert!(is_whole(&sim) && sim.world.reference.all_served(), "{refusal:?} {when}");
        let state = sim.world.reference.lives.iter().filter(|life| life.run.is_some()).count();
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
    let part = LoadError::PartUnreadable((*b"/etc/pmtr.d").into(), NO_FILE[0]);
    for error in errnos.chain([part, BUSY, LoadError::Missing, LoadError::NotAFile, mistakes(3)]) {
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
    no_for_once(&Refusal::Notify);
}

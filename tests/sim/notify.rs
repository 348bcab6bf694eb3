//! What a service manager is told.

use crate::def::{Def, job};
use crate::plan::Plan;
use crate::processes::{DEAF, Temper};
use crate::sim::{Sim, at, code};
use crate::world::File;
use pmtr::model::{Signal, SpawnError, Stage, Verb};
use pmtr::supervisor::{Event, NextTick};
use std::time::Duration;

fn jobs(count: usize) -> Vec<Def> {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    NAMES[..count].iter().map(|name| job(name)).collect()
}

#[test]
fn it_is_ready_when_no_job_can_be_started_any_more() {
    assert_eq!(Sim::managed(&[], None).notified(), ["0 READY=1 STATUS=0 jobs, 0 running"]);
    assert_eq!(Sim::managed(&jobs(1), None).notified(), ["0 READY=1 STATUS=1 job, 1 running"]);
    let names: Vec<String> = (0..200).map(|n| format!("j{n}")).collect();
    let many: Vec<Def> = names.iter().map(|name| job(name.clone().leak())).collect();
    assert_eq!(Sim::managed(&many, None).notified(), ["0 READY=1 STATUS=200 jobs, 200 running"]);
}

#[test]
fn jobs_that_wait_for_others_or_for_a_file_or_fail_do_not_keep_it_from_being_ready() {
    let mut sim = Sim::managed(&[job("setup").wait(), job("held"), job("off").disable()], None);
    assert_eq!(sim.notified(), ["0 READY=1 STATUS=3 jobs, 1 running"]);
    sim.run_until(60_000);
    assert_eq!(sim.notified(), Vec::<String>::new());

    let mut sim = Sim::unborn(30_000);
    sim.world.contents[0] = None;
    let error = SpawnError { stage: Stage::Fork, errno: pmtr::model::Errno(11) };
    sim.plan("fails", Plan { fail: Some(error), ..Plan::default() });
    sim.serve_manager(None);
    sim.begin(&[job("lacks").depends(0), job("fails"), job("runs")]);
    sim.run_until(10);
    assert_eq!(sim.notified(), ["0 READY=1 STATUS=3 jobs, 1 running"]);
}

#[test]
fn files_are_looked_at_before_it_is_ready_but_not_for_ever() {
    for (after, wanted) in [
        (400, vec!["400 READY=1 STATUS=2 jobs, 2 running"]),
        (5_000, vec!["1000 READY=1 STATUS=2 jobs, 1 running", "5000 STATUS=2 jobs, 2 running"]),
    ] {
        let mut sim = Sim::unborn(30_000);
        sim.world.facts_after = Duration::from_millis(after);
        sim.serve_manager(None);
        sim.begin(&[job("a").depends(0), job("b")]);
        sim.run_until(9_000);
        assert_eq!(sim.notified(), wanted);
    }
}

#[test]
fn a_status_comes_when_it_has_changed_at_most_once_a_second_and_the_last_change_is_told() {
    let mut sim = Sim::managed(&jobs(2), None);
    sim.run_until(20_000);
    sim.notified();
    sim.exits("a", code(0));
    sim.run_until(20_300);
    // It is back at once, and then the other one ends for good.
    sim.exits("b", code(33));
    sim.run_until(20_400);
    sim.command(Verb::Disable, "a");
    sim.run_until(60_000);
    assert_eq!(sim.notified(), ["20300 STATUS=2 jobs, 1 running", "21300 STATUS=2 jobs, 0 running"]);
    assert_eq!(sim.supervisor.next(), NextTick::Never);
    // What is as it was when its time comes is not told.
    sim.command(Verb::Enable, "a");
    sim.run_until(60_100);
    sim.command(Verb::Disable, "a");
    sim.run_until(60_200);
    sim.command(Verb::Enable, "a");
    sim.run_until(70_000);
    assert_eq!(sim.notified(), ["60000 STATUS=2 jobs, 1 running"]);
}

#[test]
fn a_saved_file_is_told_before_it_is_applied_and_its_end_when_it_is() {
    let mut sim = Sim::managed(&jobs(2), None);
    sim.run_until(5_000);
    sim.notified();
    sim.save(&jobs(3));
    let reload = ["5100 RELOADING=1 MONOTONIC_USEC=5100000", "5100 READY=1 STATUS=3 jobs, 3 running"];
    assert_eq!(sim.notified(), reload);
    // The same content is nothing to apply.
    sim.file(File::Jobs(jobs(3)));
    sim.run_until(9_000);
    assert_eq!(sim.notified(), Vec::<String>::new());
}

#[test]
fn what_the_operator_asks_for_is_a_reload_also_when_the_file_has_mistakes() {
    let mut sim = Sim::managed(&jobs(1), None);
    sim.run_until(5_000);
    sim.notified();
    sim.ask(Event::ReloadAsked);
    let good = ["5000 RELOADING=1 MONOTONIC_USEC=5000000", "5000 READY=1 STATUS=1 job, 1 running"];
    assert_eq!(sim.notified(), good);
    sim.world.file = File::Mistakes(2);
    sim.ask(Event::ReloadAsked);
    let bad = [
        "5000 RELOADING=1 MONOTONIC_USEC=5000000",
        "5000 READY=1 STATUS=1 job, 1 running, the file has errors",
    ];
    assert_eq!(sim.notified(), bad);
    sim.run_until(8_000);
    sim.world.file = File::Missing;
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.notified().len(), 2);
}

#[test]
fn mistakes_that_are_saved_are_in_the_status_until_they_are_cured() {
    let mut sim = Sim::managed(&jobs(1), None);
    sim.run_until(5_000);
    sim.notified();
    sim.file(File::Mistakes(1));
    sim.run_until(8_000);
    assert_eq!(sim.notified(), ["5100 STATUS=1 job, 1 running, the file has errors"]);
    sim.save(&jobs(1));
    assert_eq!(sim.notified(), ["8100 STATUS=1 job, 1 running"]);
}

#[test]
fn a_reload_during_the_first_start_is_part_of_it() {
    let mut sim = Sim::unborn(30_000);
    sim.world.facts_after = Duration::from_millis(600);
    sim.serve_manager(None);
    sim.begin(&[job("a").depends(0)]);
    sim.ask(Event::ReloadAsked);
    sim.run_until(3_000);
    assert_eq!(sim.notified(), ["600 READY=1 STATUS=1 job, 1 running"]);
}

#[test]
fn the_end_is_told_at_once_and_then_how_many_are_left() {
    let mut sim = Sim::managed(&[], None);
    sim.ask(Event::EndAsked(Signal::TERM));
    assert_eq!(sim.notified()[1..], ["0 STOPPING=1 STATUS=exiting, 0 running"]);

    let mut sim = Sim::unborn(30_000);
    let slow = Temper { term: Some(Duration::from_secs(3)), ..DEAF };
    sim.plan("a", Plan { temper: DEAF, ..Plan::default() });
    sim.plan("b", Plan { temper: slow, ..Plan::default() });
    sim.serve_manager(None);
    sim.begin(&jobs(3));
    sim.run_until(5_000);
    sim.notified();
    sim.ask(Event::EndAsked(Signal::TERM));
    sim.run_until(14_000);
    assert_eq!(
        sim.notified(),
        ["5000 STOPPING=1 STATUS=exiting, 2 running", "8000 STATUS=exiting, 1 running"]
    );
}

#[test]
fn the_watchdog_is_fed_as_often_as_it_wants_and_wakes_nobody_else() {
    let mut sim = Sim::managed(&jobs(1), Some(Duration::from_millis(1_500)));
    sim.run_until(5_000);
    let fed = ["1500 WATCHDOG=1", "3000 WATCHDOG=1", "4500 WATCHDOG=1"];
    assert_eq!(sim.notified(), [&["0 READY=1 STATUS=1 job, 1 running WATCHDOG=1"], &fed[..]].concat());
    assert_eq!(sim.supervisor.next(), NextTick::At(at(6_000)));
    let mut sim = Sim::managed(&jobs(1), None);
    sim.run_until(5_000);
    assert_eq!(sim.supervisor.next(), NextTick::Never);
}

#[test]
fn what_does_not_go_out_is_told_later_in_its_order_and_ever_less_often_tried() {
    let mut sim = Sim::unborn(30_000);
    sim.world.manager.away = true;
    sim.serve_manager(None);
    sim.begin(&jobs(1));
    sim.run_until(750);
    sim.world.manager.away = false;
    sim.run_until(3_000);
    // 100, 300 and 700 milliseconds after the beginning it was in vain.
    assert_eq!(sim.notified(), ["1500 READY=1 STATUS=1 job, 1 running"]);
    sim.world.manager.away = true;
    sim.save(&jobs(2));
    sim.ask(Event::ReloadAsked);
    sim.run_until(60_000);
    sim.world.manager.away = false;
    sim.run_until(65_100);
    let told = sim.notified();
    assert!(told.len() == 2 && told[0].contains("RELOADING=1"), "{told:?}");
    assert!(told[1].contains("READY=1 STATUS=2 jobs, 2 running"), "{told:?}");
}

#[test]
fn a_manager_that_comes_back_is_told_within_five_seconds_however_rarely_it_wants_a_sign_of_life() {
    let mut sim = Sim::unborn(30_000);
    sim.world.manager.away = true;
    sim.serve_manager(Some(Duration::from_secs(60)));
    sim.begin(&jobs(1));
    sim.run_until(60_000);
    sim.world.manager.away = false;
    sim.run_until(65_000);
    assert_eq!(sim.notified().len(), 1);
}

#[test]
fn who_wakes_pmtr_for_something_else_brings_the_next_try_no_earlier() {
    let mut sim = Sim::unborn(30_000);
    sim.world.manager.away = true;
    sim.serve_manager(None);
    sim.begin(&jobs(1));
    sim.run_until(400);
    sim.world.manager.away = false;
    sim.command(Verb::Enable, "a");
    assert_eq!(sim.notified(), Vec::<String>::new());
    sim.run_until(1_000);
    assert_eq!(sim.notified(), ["700 READY=1 STATUS=1 job, 1 running"]);
}

#[test]
fn the_end_does_not_wait_for_the_next_try() {
    let mut sim = Sim::managed(&jobs(1), None);
    sim.world.manager.away = true;
    sim.save(&jobs(2));
    sim.run_until(30_000);
    sim.world.manager.away = false;
    sim.notified();
    sim.ask(Event::EndAsked(Signal::TERM));
    assert_eq!(sim.notified(), ["30000 STOPPING=1 STATUS=exiting, 0 running"]);
}

#[test]
fn without_a_service_manager_nothing_is_told_and_nobody_woken() {
    let mut sim = Sim::with(&jobs(2));
    sim.run_until(60_000);
    assert_eq!((sim.notified(), sim.supervisor.next()), (Vec::<String>::new(), NextTick::Never));
}

//! The end of everything.

use crate::def::job;
use crate::kernel::{DEAF, Temper};
use crate::system::{File, Plan};
use crate::world::{World, code};
use pmtr::model::{JobId, Phase, Signal, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const END: fn() -> Event = || Event::EndAsked(Signal::TERM);

fn deaf() -> Plan {
    Plan { temper: DEAF, ..Plan::default() }
}

#[test]
fn jobs_are_stopped_in_reverse_order_and_pmtr_ends_with_the_last() {
    let mut world = World::with_plans(&[job("a").order(2), job("b"), job("c")], &[("c", deaf())]);
    world.run_until(5_000);
    world.ask(END());
    let stops = world.sys.log.iter().map(|(_, notice)| notice.to_string());
    let stops: Vec<String> = stops.filter(|line| line.contains("SIGTERM")).collect();
    assert!(stops.iter().zip(["job a ", "job c ", "job b "]).all(|(line, job)| line.contains(job)));
    assert_eq!((stops.len(), world.logged("pmtr: exiting on signal 15")), (3, vec![5_000]));
    world.run_until(14_999);
    assert!(!world.supervisor.ended());
    world.run_until(15_000);
    assert!(world.supervisor.ended());
}

#[test]
fn nothing_starts_and_files_and_commands_are_ignored_while_ending() {
    let mut world = World::with_plans(&[job("a"), job("b"), job("c").disable()], &[("a", deaf())]);
    world.run_until(1_000);
    world.exits("b", code(0));
    world.run_until(9_000);
    world.sys.file = File::Jobs(vec![job("new")]);
    world.ask(Event::ConfigTouched);
    world.ask(END());
    world.ask(Event::ReloadAsked);
    world.file(File::Jobs(vec![job("newer")]));
    world.command(Verb::Enable, "c");
    world.run_until(18_000);
    assert_eq!((world.order(), world.sys.reads), ("a b c".replace(" c", ""), 1));
}

#[test]
fn a_second_signal_kills_at_once_what_is_left() {
    let member = Plan { members: vec![(DEAF, None)], ..Plan::default() };
    let mut world = World::with_plans(&[job("a"), job("b"), job("c")], &[("a", deaf()), ("b", member)]);
    world.run_until(5_000);
    world.ask(END());
    world.run_until(6_000);
    assert!(!world.supervisor.ended());
    world.ask(END());
    world.run_until(6_000);
    assert_eq!(world.sent(Signal::KILL), [6_000, 6_000]);
    assert!(world.supervisor.ended());
}

#[test]
fn a_process_that_nothing_ends_does_not_keep_pmtr() {
    let stuck = Plan { temper: Temper { stuck: true, ..DEAF }, ..Plan::default() };
    let mut world = World::with_plans(&[job("a")], &[("a", stuck)]);
    world.ask(END());
    world.run_until(19_999);
    assert!(!world.supervisor.ended());
    world.run_until(20_000);
    assert!(world.supervisor.ended());
}

#[test]
fn the_status_tells_what_each_job_is_doing() {
    let mut world = World::unborn(30_000);
    world.sys.contents[0] = None;
    world.plan("sweeping", Plan { members: vec![(DEAF, None)], ..Plan::default() });
    world.plan("stopping", deaf());
    world.begin(&[
        job("off").disable(),
        job("done").once(),
        job("waiting"),
        job("missing").depends(0),
        job("running"),
        job("stopping"),
        job("sweeping"),
        job("setup").wait(),
        job("held"),
    ]);
    world.run_until(5_000);
    for name in ["done", "waiting", "sweeping"] {
        world.exits(name, code(0));
    }
    world.command(Verb::Disable, "stopping");
    world.run_until(6_000);
    let mut shown = Vec::new();
    let mut from = JobId(0);
    while let Some((id, status)) = world.supervisor.status_from(from, world.sys.now) {
        shown.push((status.name.to_string(), status.phase));
        from = JobId(id.0 + 1);
    }
    let (pid, secs) = (|name: &str| world.pid(name).unwrap(), Duration::from_secs);
    let expected = [
        ("off", Phase::Disabled),
        ("done", Phase::Finished),
        ("waiting", Phase::Waiting(secs(9))),
        ("missing", Phase::Missing),
        ("running", Phase::Running(pid("running"), secs(6))),
        ("stopping", Phase::Stopping(pid("stopping"), secs(6))),
        (
            "sweeping",
            Phase::Sweeping(world.sys.reference.life("sweeping").unwrap().run.as_ref().unwrap().pid),
        ),
        ("setup", Phase::Running(pid("setup"), secs(6))),
        ("held", Phase::Queued),
    ];
    assert_eq!(shown, expected.map(|(name, phase)| (name.to_string(), phase)));
}

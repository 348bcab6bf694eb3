//! The end of everything.

use crate::def::job;
use crate::plan::Plan;
use crate::processes::{DEAF, Temper};
use crate::sim::{Sim, code};
use crate::world::File;
use pmtr::model::{JobId, Phase, Signal, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

const END: fn() -> Event = || Event::EndAsked(Signal::TERM);

fn deaf() -> Plan {
    Plan { temper: DEAF, ..Plan::default() }
}

#[test]
fn jobs_are_stopped_in_reverse_order_and_pmtr_ends_with_the_last() {
    let mut sim = Sim::with_plans(&[job("a").order(2), job("b"), job("c")], &[("c", deaf())]);
    sim.run_until(5_000);
    sim.ask(END());
    let stops = sim.world.log.iter().map(|(_, notice)| notice.to_string());
    let stops: Vec<String> = stops.filter(|line| line.contains("SIGTERM")).collect();
    assert!(stops.iter().zip(["job a ", "job c ", "job b "]).all(|(line, job)| line.contains(job)));
    assert_eq!((stops.len(), sim.logged("pmtr: exiting on signal 15")), (3, vec![5_000]));
    sim.run_until(14_999);
    assert!(!sim.supervisor.ended());
    sim.run_until(15_000);
    assert!(sim.supervisor.ended());
}

#[test]
fn nothing_starts_and_files_and_commands_are_ignored_while_ending() {
    let mut sim = Sim::with_plans(&[job("a"), job("b"), job("c").disable()], &[("a", deaf())]);
    sim.run_until(1_000);
    sim.exits("b", code(0));
    sim.run_until(9_000);
    sim.world.file = File::Jobs(vec![job("new")]);
    sim.ask(Event::ConfigTouched);
    sim.ask(END());
    sim.ask(Event::ReloadAsked);
    sim.file(File::Jobs(vec![job("newer")]));
    sim.command(Verb::Enable, "c");
    sim.run_until(18_000);
    assert_eq!((sim.order(), sim.world.reads), ("a b c".replace(" c", ""), 1));
}

#[test]
fn a_second_signal_kills_at_once_what_is_left() {
    let member = Plan { members: vec![(DEAF, None)], ..Plan::default() };
    let mut sim = Sim::with_plans(&[job("a"), job("b"), job("c")], &[("a", deaf()), ("b", member)]);
    sim.run_until(5_000);
    sim.ask(END());
    sim.run_until(6_000);
    assert!(!sim.supervisor.ended());
    sim.ask(END());
    sim.run_until(6_000);
    assert_eq!(sim.sent(Signal::KILL), [6_000, 6_000]);
    assert!(sim.supervisor.ended());
}

#[test]
fn a_process_that_nothing_ends_does_not_keep_pmtr() {
    let stuck = Plan { temper: Temper { stuck: true, ..DEAF }, ..Plan::default() };
    let mut sim = Sim::with_plans(&[job("a")], &[("a", stuck)]);
    sim.ask(END());
    sim.run_until(19_999);
    assert!(!sim.supervisor.ended());
    sim.run_until(20_000);
    assert!(sim.supervisor.ended());
}

#[test]
fn the_status_tells_what_each_job_is_doing() {
    let mut sim = Sim::unborn(30_000);
    sim.world.contents[0] = None;
    sim.plan("sweeping", Plan { members: vec![(DEAF, None)], ..Plan::default() });
    sim.plan("stopping", deaf());
    sim.begin(&[
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
    sim.run_until(5_000);
    for name in ["done", "waiting", "sweeping"] {
        sim.exits(name, code(0));
    }
    sim.command(Verb::Disable, "stopping");
    sim.run_until(6_000);
    let mut shown = Vec::new();
    let mut from = JobId(0);
    while let Some((id, status)) = sim.supervisor.status_from(from, sim.world.now) {
        shown.push((status.name.to_string(), status.phase));
        from = JobId(id.0 + 1);
    }
    let (pid, secs) = (|name: &str| sim.pid(name).unwrap(), Duration::from_secs);
    let expected = [
        ("off", Phase::Disabled),
        ("done", Phase::Finished),
        ("waiting", Phase::Waiting(secs(9))),
        ("missing", Phase::Missing),
        ("running", Phase::Running(pid("running"), secs(6))),
        ("stopping", Phase::Stopping(pid("stopping"), secs(6))),
        (
            "sweeping",
            Phase::Sweeping(sim.world.reference.life("sweeping").unwrap().run.as_ref().unwrap().pid),
        ),
        ("setup", Phase::Running(pid("setup"), secs(6))),
        ("held", Phase::Queued),
    ];
    assert_eq!(shown, expected.map(|(name, phase)| (name.to_string(), phase)));
}

//! When a start counts as one, and what is said of those that fail.

use crate::def::job;
use crate::plan::Plan;
use crate::processes::DEAF;
use crate::sim::{Sim, code};
use pmtr::model::{Ending, Errno, JobId, Signal, SpawnError, Stage, Verb};
use std::time::Duration;

/// It does not get to its command.
fn fails(after: u64, errno: i32) -> Plan {
    let error = SpawnError { stage: Stage::Exec, errno: Errno(errno) };
    Plan { life: Some((Duration::from_millis(after), Ending::NeverStarted(error))), ..Plan::default() }
}

#[test]
fn a_job_is_started_when_its_command_is_executed_and_a_start_that_fails_does_not_read_like_success() {
    let slow = Plan { executes: Some(Duration::from_secs(3)), ..Plan::default() };
    let mut sim = Sim::with_plans(&[job("a"), job("b")], &[("a", slow.clone()), ("b", fails(4_000, 2))]);
    sim.run_until(2_999);
    assert_eq!(sim.logged("started job"), [0; 0]);
    sim.run_until(9_000);
    assert_eq!((sim.logged("started job a"), sim.logged("started job b")), (vec![3_000], vec![]));
    assert_eq!(sim.logged("can't start job b: exec /bin/job: No such file or directory"), [4_000]);
    // Who ends at once has both lines, in their order.
    sim.plan(
        "b",
        Plan { executes: Some(Duration::from_secs(1)), life: Some((Duration::ZERO, code(7))), ..slow },
    );
    sim.run_until(14_000);
    let lines: Vec<String> = sim.world.log.iter().map(|(_, notice)| notice.to_string()).collect();
    let at = lines.iter().position(|line| line.starts_with("started job b")).unwrap();
    assert!(lines[at + 1].ends_with("exited after 0 sec: exit status 7"), "{lines:#?}");
}

#[test]
fn what_is_stopped_on_its_way_to_the_command_was_never_started() {
    let held_up = Plan { executes: Some(Duration::from_secs(60)), ..Plan::default() };
    let plans = [("a", held_up.clone()), ("b", Plan { temper: DEAF, ..held_up })];
    let mut sim = Sim::with_plans(&[job("a"), job("b")], &plans);
    sim.run_until(5_000);
    sim.command(Verb::Disable, "a");
    sim.command(Verb::Disable, "b");
    sim.run_until(90_000);
    assert_eq!(sim.sent(Signal::TERM), [5_000, 5_000]);
    assert_eq!((sim.logged("started job"), sim.logged("exited after").len()), (vec![], 2));
}

#[test]
fn a_start_that_keeps_failing_is_told_once_an_hour_and_in_the_state() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", fails(0, 2))]);
    for _ in 0..1_000 {
        sim.plan("a", fails(0, 2));
    }
    sim.run_until(7_300_000);
    let line = "can't start job a (361 tries): exec /bin/job: No such file or directory";
    assert_eq!(sim.logged(line), [3_600_000]);
    assert_eq!(
        (sim.logged("can't start"), sim.logged("still")),
        (vec![0, 3_600_000, 7_200_000], vec![3_600_000, 7_200_000])
    );
    assert_eq!(sim.logged("job restarting too fast, delaying restart"), [0]);
    let state = |sim: &Sim| sim.supervisor.status_from(JobId(0), sim.world.now).unwrap().1.to_string();
    let why = "; can't start (731 tries): exec /bin/job: No such file or directory";
    assert_eq!(state(&sim), format!("job a: restarts in 10 sec{why}"));
    assert_eq!(sim.logged("started job a"), [0; 0]);
    // Another reason is news, and a start that succeeds ends it.
    sim.world.plans.clear();
    sim.plan("a", fails(0, 13));
    sim.run_until(7_311_000);
    assert_eq!(sim.logged("can't start job a: exec /bin/job: Permission denied"), [7_310_000]);
    sim.run_until(7_321_000);
    assert_eq!(
        state(&sim),
        "job a: running [2] for 1 sec".replace("[2]", &format!("[{}]", sim.pid("a").unwrap()))
    );
}

#[test]
fn why_a_start_failed_is_shown_only_of_jobs_that_are_to_run() {
    let mut sim = Sim::with_plans(&[job("a")], &[("a", fails(0, 2))]);
    sim.run_until(1_000);
    let state = |sim: &Sim| sim.supervisor.status_from(JobId(0), sim.world.now).unwrap().1.to_string();
    assert!(state(&sim).contains("; can't start: "), "{}", state(&sim));
    sim.command(Verb::Disable, "a");
    assert_eq!(state(&sim), "job a: disabled");
}

//! The rules by which a job that has ended starts again, or does not.

use crate::def::{Def, job};
use crate::plan::Plan;
use crate::rules::{Again, Ends, Grows, Waits};
use crate::sim::{Sim, code};
use crate::world::World;
use pmtr::job::Outcome;
use pmtr::model::{Ending, Errno, Exit, Phase, Signal, SpawnError, Stage, Verb};
use pmtr::supervisor::Supervisor;
use std::time::Duration;

/// A run that ends by itself after so many milliseconds.
fn ends(after: u64, ending: Ending) -> Plan {
    Plan { life: Some((Duration::from_millis(after), ending)), ..Plan::default() }
}

fn killed() -> Ending {
    Ending::Ran(Exit::Signal(Signal(11)))
}

/// A start that fails for the job's own reasons, and one for which the machine has no room.
fn no_command() -> Ending {
    Ending::NeverStarted(SpawnError { stage: Stage::Exec, errno: Errno(2) })
}

fn no_room() -> Plan {
    Plan { fail: Some(SpawnError { stage: Stage::Fork, errno: Errno(11) }), ..Plan::default() }
}

fn waits(first: u32, grows: Grows, up_to: Option<u32>, jitter: u8) -> Again {
    Again { delay: Some(Waits { first, grows, up_to, jitter }), ..Again::default() }
}

/// A restart delay of one second.
fn second() -> Again {
    waits(1_000, Grows::Not, None, 0)
}

/// One job, whose first runs go like this.
fn sim_of(def: Def, runs: &[Plan]) -> Sim {
    let plans: Vec<(&str, Plan)> = runs.iter().map(|plan| (def.name, plan.clone())).collect();
    Sim::with_plans(&[def], &plans)
}

fn outcome(sim: &Sim, name: &str) -> Option<Outcome> {
    let mut jobs = sim.supervisor.jobs().map(|(_, job)| job);
    jobs.find(|job| job.spec().name.to_string() == name).and_then(|job| job.outcome())
}

#[test]
fn restart_on_names_the_ends_after_which_the_job_restarts_and_after_others_it_ends_for_good() {
    for (on, ending, restarts) in [
        (Ends::Failure, code(0), false),
        (Ends::Failure, code(1), true),
        (Ends::Failure, killed(), true),
        (Ends::Success, code(0), true),
        (Ends::Success, code(1), false),
        (Ends::Signals, killed(), true),
        (Ends::Signals, code(1), false),
        (Ends::Code(3), code(3), true),
        (Ends::Code(3), code(4), false),
        (Ends::None, killed(), false),
    ] {
        let again = Again { on: Some(on), ..Again::default() };
        let mut sim = sim_of(job("a").again(again), &[ends(20_000, ending)]);
        sim.run_until(60_000);
        assert_eq!(sim.starts("a").len(), 1 + usize::from(restarts), "{on:?} {ending:?}");
        let good = ending == code(0);
        let expected = (!restarts).then_some(if good { Outcome::Done } else { Outcome::Failed });
        assert_eq!(outcome(&sim, "a"), expected, "{on:?} {ending:?}");
    }
}

#[test]
fn stay_down_on_wins_over_restart_on_and_replaces_status_33() {
    for (on, stay_down, status, restarts) in [
        (Some(Ends::Failure), Some(Ends::Code(3)), 3, false),
        (Some(Ends::Failure), Some(Ends::Code(3)), 4, true),
        (Some(Ends::Code(33)), None, 33, false),
        (None, Some(Ends::Code(3)), 33, true),
        (None, Some(Ends::None), 33, true),
    ] {
        let again = Again { on, stay_down, ..Again::default() };
        let mut sim = sim_of(job("a").again(again), &[ends(20_000, code(status))]);
        sim.run_until(60_000);
        assert_eq!(sim.starts("a").len(), 1 + usize::from(restarts), "{on:?} {stay_down:?} {status}");
    }
}

#[test]
fn success_on_says_which_ends_are_successes_and_0_and_33_are_if_it_says_nothing() {
    for (success, ending, expected) in [
        (None, code(0), Outcome::Done),
        (None, code(33), Outcome::Done),
        (None, code(1), Outcome::Failed),
        (None, killed(), Outcome::Failed),
        (Some(Ends::Code(3)), code(3), Outcome::Done),
        (Some(Ends::Code(3)), code(0), Outcome::Failed),
        (Some(Ends::Signals), killed(), Outcome::Done),
    ] {
        let again = Again { on: Some(Ends::None), success, ..Again::default() };
        let mut sim = sim_of(job("a").again(again), &[ends(20_000, ending)]);
        sim.run_until(60_000);
        assert_eq!(
            (outcome(&sim, "a"), sim.starts("a").len()),
            (Some(expected), 1),
            "{success:?} {ending:?}"
        );
    }
}

#[test]
fn a_run_lasts_from_the_start_of_its_process_and_not_from_its_command() {
    let slow = Plan { executes: Some(Duration::from_secs(3)), ..ends(10_000, code(0)) };
    let mut sim = sim_of(job("a"), &[slow]);
    sim.run_until(30_000);
    assert_eq!(sim.starts("a"), [0, 10_000]);
}

#[test]
fn a_run_shorter_than_steady_after_is_quick_and_one_as_long_is_not() {
    for (steady, ran, next) in [(3_000, 2_999, 3_999), (3_000, 3_000, 3_000), (60_000, 59_999, 60_999)] {
        let again = Again { steady: Some(Some(steady)), ..second() };
        let mut sim = sim_of(job("a").again(again), &[ends(ran, code(1))]);
        sim.run_until(90_000);
        assert_eq!(sim.starts("a"), [0, next], "{steady} {ran}");
    }
}

#[test]
fn steady_after_never_delays_each_restart() {
    let again = Again { steady: Some(None), ..second() };
    let mut sim = sim_of(job("a").again(again), &[ends(500_000, code(0)), ends(100, code(0))]);
    sim.run_until(600_000);
    assert_eq!(sim.starts("a"), [0, 501_000, 502_100]);
}

#[test]
fn a_start_that_fails_for_the_jobs_own_reasons_is_a_quick_run_however_long_it_took() {
    let again = Again { give_up: Some((2, None)), ..waits(1_000, Grows::Plus(1_000), None, 0) };
    let mut sim = sim_of(job("a").again(again), &[ends(30_000, no_command()), ends(1, no_command())]);
    sim.run_until(90_000);
    assert_eq!(sim.starts("a"), [0, 31_000]);
    assert_eq!(sim.logged("job a gave up after 2 quick runs"), [31_001]);
}

#[test]
fn a_start_for_which_the_machine_has_no_room_is_retried_and_counts_for_nothing() {
    let again = Again { give_up: Some((2, None)), ..waits(4_000, Grows::Plus(1_000), None, 0) };
    let runs = [ends(100, code(1)), no_room(), no_room(), no_room(), ends(100, code(1))];
    let mut sim = sim_of(job("a").again(again), &runs);
    sim.run_until(90_000);
    // Again after 1, 2 and 4 seconds; the quick run after them is the second in a row all the same.
    assert_eq!(sim.starts("a"), [0, 11_100]);
    assert_eq!(sim.logged("job a gave up after 2 quick runs"), [11_200]);
}

#[test]
fn a_run_that_was_not_quick_is_followed_by_a_start_at_once_and_the_count_begins_again() {
    let again = Again { give_up: Some((3, None)), ..waits(1_000, Grows::Plus(1_000), None, 0) };
    let quick = ends(200, code(1));
    let runs = [quick.clone(), quick.clone(), ends(10_000, code(1)), quick.clone(), quick.clone()];
    let mut sim = sim_of(job("a").again(again), &runs);
    sim.run_until(60_000);
    assert_eq!(sim.starts("a"), [0, 1_200, 3_400, 13_400, 14_600, 16_800]);
    assert_eq!(outcome(&sim, "a"), None);
}

#[test]
fn the_delay_after_the_nth_quick_run_grows_by_plus_or_times_up_to_its_limit() {
    for (grows, up_to, delays) in [
        (Grows::Not, None, [2, 2, 2, 2]),
        (Grows::Plus(3_000), None, [2, 5, 8, 11]),
        (Grows::Plus(3_000), Some(7_000), [2, 5, 7, 7]),
        (Grows::Times(3), None, [2, 6, 18, 54]),
        (Grows::Times(3), Some(20_000), [2, 6, 18, 20]),
    ] {
        let quick = ends(1_000, code(1));
        let mut sim = sim_of(job("a").again(waits(2_000, grows, up_to, 0)), &vec![quick; 4]);
        sim.run_until(400_000);
        let starts = sim.starts("a");
        let waited: Vec<u128> = starts.windows(2).map(|pair| (pair[1] - pair[0]) / 1_000 - 1).collect();
        assert_eq!(waited, delays, "{grows:?} {up_to:?}");
        // The log says how long, and after how many.
        assert_eq!(sim.logged(&format!("job a restarts in {} sec", delays[0])).first(), Some(&1_000));
        assert_eq!(sim.logged("after 3 quick runs in a row"), [starts[2] + 1_000]);
    }
}

#[test]
fn jitter_moves_a_delay_by_its_percentage_at_most_and_the_same_seed_gives_the_same_world() {
    let lived = |seed| {
        let mut sim = Sim { supervisor: Supervisor::new(b"/etc/pmtr.conf", seed), world: World::new(30_000) };
        (0..20).for_each(|_| sim.plan("a", ends(1_000, code(1))));
        sim.begin(&[job("a").again(waits(10_000, Grows::Not, None, 20))]);
        sim.run_until(400_000);
        sim.starts("a")
    };
    let starts = lived(1);
    let waited: Vec<u128> = starts.windows(2).map(|pair| pair[1] - pair[0] - 1_000).collect();
    assert_eq!(waited.len(), 20);
    assert!(waited.iter().all(|wait| (8_000..=12_000).contains(wait)), "{waited:?}");
    assert!(waited.iter().any(|wait| *wait < 10_000) && waited.iter().any(|wait| *wait > 10_000));
    assert_eq!(lived(1), starts);
    assert_ne!(lived(2), starts);
}

#[test]
fn two_starts_by_policy_lie_a_tenth_of_a_second_apart_even_without_a_delay() {
    // A quick run, one that is not, and one that lasts long enough.
    let none = waits(0, Grows::Not, None, 0);
    for (steady, ran, next) in [(None, 10, 100), (Some(Some(0)), 10, 100), (None, 99, 100), (None, 150, 150)]
    {
        let again = Again { steady, ..none };
        let mut sim = sim_of(job("a").again(again), &[ends(ran, code(1))]);
        sim.run_until(5_000);
        assert_eq!(sim.starts("a"), [0, next], "{steady:?} {ran}");
        // Such a delay is no news.
        assert_eq!(sim.logged("restarts in"), []);
    }
}

#[test]
fn what_the_classic_rules_restart_at_once_they_restart_at_once() {
    let mut sim = Sim::with(&[job("a").depends(0)]);
    sim.run_until(10);
    sim.write(0, Some(5));
    assert_eq!(sim.starts("a"), [0, 10]);
    sim.run_until(10);
    sim.command(Verb::Disable, "a");
    sim.command(Verb::Enable, "a");
    assert_eq!(sim.starts("a"), [0, 10, 10]);
}

#[test]
fn restart_on_does_not_judge_a_start_that_failed() {
    let again = Again { on: Some(Ends::None), ..second() };
    let mut sim = sim_of(job("a").again(again), &vec![ends(1, no_command()); 3]);
    sim.run_until(60_000);
    assert_eq!(sim.starts("a"), [0, 1_001, 2_002, 3_003]);
    sim.exits("a", code(0));
    sim.run_until(90_000);
    assert_eq!((sim.starts("a").len(), outcome(&sim, "a")), (4, Some(Outcome::Done)));
}

#[test]
fn a_task_runs_once_and_with_restart_on_failure_until_it_has_succeeded() {
    let runs = [ends(100, code(1)), ends(100, killed()), ends(100, code(0))];
    let mut once = sim_of(job("a").once(), &runs);
    let again = Again { on: Some(Ends::Failure), ..second() };
    let mut until = sim_of(job("a").once().again(again), &runs);
    once.run_until(60_000);
    until.run_until(60_000);
    assert_eq!((once.starts("a"), outcome(&once, "a")), (vec![0], Some(Outcome::Failed)));
    assert_eq!((until.starts("a"), outcome(&until, "a")), (vec![0, 1_100, 2_200], Some(Outcome::Done)));
}

#[test]
fn a_job_that_gave_up_stays_down_and_its_status_says_so() {
    let again = Again { give_up: Some((3, None)), ..second() };
    let mut sim = sim_of(job("a").again(again), &vec![ends(100, code(0)); 9]);
    sim.run_until(600_000);
    assert_eq!((sim.starts("a"), outcome(&sim, "a")), (vec![0, 1_100, 2_200], Some(Outcome::GaveUp)));
    assert_eq!(sim.logged("job a gave up after 3 quick runs"), [2_300]);
    let status = sim.supervisor.status_from(pmtr::model::JobId(0), sim.world.now).unwrap().1;
    assert_eq!(status.phase, Phase::GaveUp);
}

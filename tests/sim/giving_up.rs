//! When a job gives up, what counts for that, and what sets the counters back.

use crate::def::{Def, job};
use crate::plan::Plan;
use crate::rules::{Again, Ended, Ends, Grows, Waits};
use crate::sim::{Sim, code};
use pmtr::job::Outcome;
use pmtr::model::Verb;
use std::time::Duration;

/// Runs that end by themselves after so many milliseconds each.
fn runs(sim: &mut Sim, after: &[u64]) {
    for after in after {
        let life = Some((Duration::from_millis(*after), code(1)));
        sim.plan("a", Plan { life, ..Plan::default() });
    }
}

fn gives_up(after: u16, within: Option<u32>) -> Again {
    let delay = Some(Waits { first: 1_000, grows: Grows::Not, up_to: None, jitter: 0 });
    Again { give_up: Some((after, within)), delay, ..Again::default() }
}

fn sim_of(def: Def, after: &[u64]) -> Sim {
    let mut sim = Sim::unborn(30_000);
    runs(&mut sim, after);
    sim.begin(&[def]);
    sim.assert_kept();
    sim
}

fn outcome(sim: &Sim) -> Option<Outcome> {
    sim.supervisor.jobs().next().and_then(|(_, job)| job.outcome())
}

#[test]
fn with_a_time_it_gives_up_after_so_many_ends_within_it_quick_or_not() {
    // Ends at 20, 40 and 60 seconds: the first and the last lie 40 seconds apart.
    for (within, gave_up) in [(39_999, false), (40_000, true)] {
        let mut sim = sim_of(job("a").again(gives_up(3, Some(within))), &[20_000; 3]);
        sim.run_until(70_000);
        assert_eq!(outcome(&sim), gave_up.then_some(Outcome::GaveUp), "{within}");
        assert_eq!(sim.logged("job a gave up after 3 ends in 40 sec").len(), usize::from(gave_up));
    }
    // Quick runs in a row are not what it counts.
    let mut sim = sim_of(job("a").again(gives_up(3, Some(1_500))), &[100; 9]);
    sim.run_until(60_000);
    assert_eq!((sim.starts("a").len(), outcome(&sim)), (10, None));
}

#[test]
fn ends_that_somebody_has_asked_for_do_not_count() {
    for within in [None, Some(600_000)] {
        let def = job("a").depends(0).bounce(8).again(gives_up(2, within));
        let mut sim = sim_of(def, &[]);
        sim.run_until(1_000);
        sim.write(0, Some(5));
        sim.run_until(10_000);
        // It has bounced.
        assert_eq!(sim.starts("a"), [0, 1_000, 9_000]);
        sim.command(Verb::Disable, "a");
        sim.command(Verb::Enable, "a");
        assert_eq!((sim.starts("a").len(), outcome(&sim)), (4, None));
        sim.exits("a", code(1));
        sim.run_until(11_500);
        assert_eq!((sim.starts("a").len(), outcome(&sim)), (5, None));
        sim.exits("a", code(1));
        assert_eq!(outcome(&sim), Some(Outcome::GaveUp), "{within:?}");
    }
}

#[test]
fn a_command_sets_the_counters_back_and_brings_back_a_job_that_gave_up() {
    for within in [None, Some(600_000)] {
        let mut sim = sim_of(job("a").again(gives_up(2, within)), &[100, 100, 100]);
        sim.run_until(5_000);
        assert_eq!((sim.starts("a"), outcome(&sim)), (vec![0, 1_100], Some(Outcome::GaveUp)));
        sim.command(Verb::Enable, "a");
        sim.run_until(9_000);
        // It has one more quick run, and may have.
        assert_eq!((sim.starts("a"), outcome(&sim)), (vec![0, 1_100, 5_000, 6_100], None));
    }
}

#[test]
fn a_change_of_its_own_definition_sets_the_counters_back() {
    for within in [None, Some(600_000)] {
        let def = job("a").again(gives_up(2, within));
        let mut sim = sim_of(def, &[100, 10_000]);
        sim.run_until(2_000);
        sim.save(&[def.version(1)]);
        assert_eq!(sim.starts("a"), [0, 1_100, 2_100]);
        sim.exits("a", code(1));
        assert_eq!(outcome(&sim), None, "{within:?}");
    }
}

#[test]
fn a_restart_for_a_changed_file_sets_the_counters_back() {
    let mut sim = sim_of(job("a").depends(0).again(gives_up(2, None)), &[100]);
    sim.run_until(2_000);
    sim.write(0, Some(5));
    sim.exits("a", code(1));
    assert_eq!(outcome(&sim), None);
}

#[test]
fn other_rules_of_restarts_set_the_counters_back() {
    for within in [None, Some(600_000)] {
        let mut sim = sim_of(job("a").again(gives_up(2, within)), &[100]);
        sim.run_until(2_000);
        let pid = sim.pid("a");
        sim.save(&[job("a").again(Again { steady: Some(Some(5_000)), ..gives_up(2, within) })]);
        assert_eq!(sim.pid("a"), pid);
        sim.exits("a", code(1));
        assert_eq!(outcome(&sim), None, "{within:?}");
    }
}

#[test]
fn other_rules_of_restarts_let_a_failed_job_try_again_and_leave_one_that_is_done() {
    let never = |steady| Again { on: Some(Ends::None), steady, ..Again::default() };
    let all = |steady| {
        [
            job("failed").again(never(steady)),
            job("done").again(never(steady)),
            job("quitter").again(Again { steady, ..gives_up(1, None) }),
            job("off").disable().again(never(steady)),
        ]
    };
    let mut sim = Sim::with(&all(None));
    sim.run_until(500);
    sim.exits("failed", code(1));
    sim.exits("done", code(0));
    sim.exits("quitter", code(0));
    sim.run_until(20_000);
    assert_eq!(sim.order(), "failed done quitter");
    sim.save(&all(Some(Some(5_000))));
    assert_eq!(sim.order(), "failed done quitter failed quitter");
    // The rules of a stop are none of restarts.
    sim.exits("failed", code(1));
    sim.save(&all(Some(Some(5_000))).map(|def| def.ended(Ended { main_only: true, ..Ended::default() })));
    sim.run_until(90_000);
    assert_eq!(sim.starts("failed"), [0, 20_100]);
}

#[test]
fn a_failed_start_is_tried_again_only_until_it_gives_up() {
    let error = pmtr::model::SpawnError { stage: pmtr::model::Stage::Exec, errno: pmtr::model::Errno(2) };
    let life = Some((Duration::from_millis(1), pmtr::model::Ending::NeverStarted(error)));
    for within in [None, Some(600_000)] {
        let mut sim = Sim::unborn(30_000);
        (0..9).for_each(|_| sim.plan("a", Plan { life, ..Plan::default() }));
        sim.begin(&[job("a").again(gives_up(3, within))]);
        sim.run_until(60_000);
        assert_eq!((sim.starts("a"), outcome(&sim)), (vec![0, 1_001, 2_002], Some(Outcome::GaveUp)));
    }
}

#[test]
fn a_long_run_that_is_bounced_sets_the_count_of_quick_runs_back() {
    // Two quick ends, a run of five seconds that is bounced, and another quick end.
    let again = Again { steady: Some(Some(2_000)), ..gives_up(3, None) };
    let mut sim = sim_of(job("a").bounce(5).again(again), &[100, 100]);
    sim.run_until(7_000);
    assert_eq!(sim.starts("a"), [0, 1_100, 2_200]);
    runs(&mut sim, &[100]);
    sim.run_until(7_500);
    assert_eq!((sim.starts("a").len(), sim.logged("exited after").len()), (4, 4));
    assert_eq!((sim.logged("gave up"), outcome(&sim)), (vec![], None));
}

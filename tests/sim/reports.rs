//! Reports: when they come and what they tell.

use crate::def::{Def, job};
use crate::plan::Plan;
use crate::processes::{DEAF, MEEK, Temper};
use crate::sim::{Sim, code, message};
use crate::sockets::{listen, report};
use crate::world::File;
use pmtr::model::{Signal, Verb};
use pmtr::supervisor::{Event, NextTick, Reading, System};
use std::time::Duration;

/// What a report tells of a job that runs.
fn running(sim: &Sim, name: &str, seconds: u64) -> String {
    format!("{name} e {seconds} {} /bin/job", sim.pid(name).unwrap())
}

#[test]
fn a_report_comes_when_the_first_jobs_have_been_started_and_every_ten_seconds() {
    let mut sim = Sim::with_lines(&[job("a"), job("b")], &[report(1), report(2)]);
    let first = [running(&sim, "a", 0), running(&sim, "b", 0)].join("\n");
    assert_eq!((sim.reported(), sim.last_report()), (vec![0], &*first));
    sim.run_until(35_000);
    assert_eq!(sim.reported(), [0, 10_000, 20_000, 30_000]);
    assert_eq!(sim.last_report(), [running(&sim, "a", 30), running(&sim, "b", 30)].join("\n"));
    // After a sleep of the machine there is one, not one for each that was missed.
    sim.jump(Duration::from_secs(3_600));
    sim.run_until(3_650_000);
    assert_eq!(sim.reported()[4..], [3_635_000, 3_645_000]);
}

#[test]
fn a_pmtr_without_jobs_reports_as_well() {
    let mut sim = Sim::with_lines(&[], &[report(1)]);
    sim.run_until(10_000);
    assert_eq!((sim.reported(), sim.last_report()), (vec![0, 10_000], ""));
}

#[test]
fn without_a_destination_nothing_is_reported_and_nobody_wakes() {
    let mut sim = Sim::with_lines(&[job("a")], &[listen(1)]);
    sim.command(Verb::Disable, "a");
    sim.run_until(100_000);
    assert_eq!((sim.reported(), sim.supervisor.next()), (vec![], NextTick::Never));
}

#[test]
fn a_report_follows_a_command_within_a_second() {
    let mut sim = Sim::with_lines(&[job("a"), job("b")], &[report(1)]);
    sim.run_until(3_000);
    sim.command(Verb::Disable, "a");
    sim.run_until(3_100);
    sim.command(Verb::Disable, "b");
    sim.run_until(5_000);
    assert_eq!((sim.reported(), sim.last_report()), (vec![0, 3_500], "a d 0 0 /bin/job\nb d 0 0 /bin/job"));
    // Even one that changes nothing, but none that names no job.
    sim.command(Verb::Disable, "a");
    sim.run_until(7_000);
    sim.command(Verb::Disable, "nobody");
    sim.ask(message("enable"));
    sim.ask(message("what"));
    sim.run_until(15_200);
    assert_eq!(sim.reported(), [0, 3_500, 5_500]);
    // One that was due anyway shows it.
    sim.command(Verb::Enable, "a");
    sim.run_until(25_000);
    assert_eq!(sim.reported(), [0, 3_500, 5_500, 15_500]);
    sim.command(Verb::Enable, "b");
    sim.run_until(26_000);
    assert_eq!(sim.reported()[4..], [25_500]);
}

#[test]
fn commands_without_pause_bring_two_reports_a_second() {
    let mut sim = Sim::with_lines(&[job("a")], &[report(1)]);
    for step in 1..=500 {
        sim.command(if step % 2 == 0 { Verb::Enable } else { Verb::Disable }, "a");
        sim.run_until(step * 10);
    }
    assert_eq!(sim.reported(), (0..=10).map(|n| n * 500).collect::<Vec<_>>());
}

#[test]
fn reports_go_on_while_a_wait_job_holds_the_others() {
    let mut sim = Sim::with_lines(&[job("setup").wait(), job("a")], &[report(1)]);
    sim.run_until(40_000);
    assert_eq!(sim.reported(), [0, 10_000, 20_000, 30_000, 40_000]);
    let lines = [running(&sim, "setup", 40), "a e 0 0 /bin/job".into()].join("\n");
    assert_eq!(sim.last_report(), lines);
}

/// A thousand jobs, of which each portion takes a tenth of a second to start.
fn start_slowly(sim: &mut Sim, defs: &[Def]) {
    sim.world.file = File::Jobs(defs.to_vec());
    let loaded = sim.world.load_config(Reading::Always);
    sim.turn(Event::Loaded(Reading::Always, loaded));
    while sim.supervisor.next() == NextTick::Now {
        sim.world.now = sim.world.now + Duration::from_millis(100);
        sim.turn(Event::Tick);
    }
}

#[test]
fn jobs_that_are_being_started_delay_a_report_by_less_than_a_second() {
    let names: Vec<&'static str> = (0..1_000).map(|n| &*format!("job{n}").leak()).collect();
    let defs: Vec<Def> = names.iter().map(|name| job(name)).collect();
    let mut sim = Sim::unborn(30_000);
    sim.world.sockets.lines = vec![report(1)];
    start_slowly(&mut sim, &defs);
    sim.wake();
    sim.assert_kept();
    assert_eq!((sim.reported(), sim.world.starts.len()), (vec![400], 1_000));
    assert_eq!(sim.last_report().lines().filter(|line| !line.ends_with(" 0 0 /bin/job")).count(), 4 * 64);
    // So little that one after a command still comes within a second.
    let more: Vec<&'static str> = (0..1_000).map(|n| &*format!("more{n}").leak()).collect();
    let defs: Vec<Def> = defs.into_iter().chain(more.iter().map(|name| job(name))).collect();
    sim.run_until(5_000);
    sim.turn(message("enable job7"));
    sim.world.now = crate::sim::at(5_450);
    start_slowly(&mut sim, &defs);
    assert_eq!((sim.reported(), sim.world.starts.len()), (vec![400, 5_950], 2_000));
}

#[test]
fn few_jobs_are_in_the_first_report_all_of_them() {
    let names: Vec<&'static str> = (0..200).map(|n| &*format!("job{n}").leak()).collect();
    let mut sim = Sim::unborn(30_000);
    sim.world.sockets.lines = vec![report(1)];
    start_slowly(&mut sim, &names.iter().map(|name| job(name)).collect::<Vec<_>>());
    assert_eq!(sim.reported(), [400]);
    assert!(!sim.last_report().contains(" 0 0 "));
}

#[test]
fn a_report_shows_each_job_as_it_is() {
    let slow = Plan { temper: Temper { term: Some(Duration::from_secs(3)), ..MEEK }, ..Plan::default() };
    let fails = Plan { life: Some((Duration::from_secs(1), code(1))), ..Plan::default() };
    let mut sim = Sim::unborn(30_000);
    for (name, plan) in [("slow", slow.clone()), ("gone", slow), ("fails", fails.clone()), ("once", fails)] {
        sim.plan(name, plan);
    }
    let jobs = [
        job("off").disable(),
        job("slow"),
        job("gone"),
        job("fails"),
        job("once").once(),
        job("lacks").depends(0),
        job("first").order(-1),
    ];
    sim.world.contents[0] = None;
    sim.world.sockets.lines = vec![report(1)];
    sim.begin(&jobs);
    assert!(sim.last_report().starts_with("first e 0 "));
    assert!(sim.last_report().contains("\nonce e 0 "));
    sim.run_until(8_000);
    sim.save(&jobs.into_iter().filter(|def| def.name != "gone").collect::<Vec<_>>());
    sim.command(Verb::Disable, "slow");
    sim.run_until(10_000);
    assert_eq!(sim.reported(), [0, 8_600]);
    let slow = format!("slow d 8 {} /bin/job", sim.pid("slow").unwrap());
    // In the order in which they start; what has ended for good or is removed is not there.
    let lines = [
        running(&sim, "first", 8),
        "off d 0 0 /bin/job".into(),
        slow,
        "fails e 0 0 /bin/job".into(),
        "lacks e 0 0 /bin/job".into(),
    ];
    assert_eq!(sim.last_report(), lines.join("\n"));
    sim.run_until(20_000);
    assert!(sim.last_report().contains("\nslow d 0 0 /bin/job\n"));
    assert!(sim.last_report().contains(&running(&sim, "fails", 7)));
}

#[test]
fn a_process_that_is_killed_is_shown_until_it_is_gone_and_what_is_left_of_a_group_is_not() {
    let deaf = Plan { temper: DEAF, ..Plan::default() };
    let member = Plan { members: vec![(DEAF, None)], ..Plan::default() };
    let mut sim = Sim::unborn(30_000);
    sim.plan("deaf", deaf);
    sim.plan("parent", member);
    sim.world.sockets.lines = vec![report(1)];
    sim.begin(&[job("deaf"), job("parent")]);
    sim.run_until(15_000);
    sim.ask(message("disable deaf parent"));
    sim.run_until(16_000);
    let deaf = format!("deaf d 15 {} /bin/job\nparent d 0 0 /bin/job", sim.pid("deaf").unwrap());
    assert_eq!(sim.last_report(), deaf);
    sim.run_until(26_000);
    assert_eq!(sim.last_report(), "deaf d 0 0 /bin/job\nparent d 0 0 /bin/job");
    assert_eq!(sim.sent(Signal::KILL), [25_000, 25_000]);
}

#[test]
fn a_destination_that_is_new_is_told_at_once() {
    let mut sim = Sim::with_lines(&[job("a")], &[report(1)]);
    sim.run_until(3_000);
    sim.save_lines(&[job("a")], &[report(1), report(2)]);
    // One that goes is not a reason to report, nor is any other change of the file.
    sim.run_until(6_000);
    sim.save_lines(&[job("a"), job("b")], &[report(2)]);
    sim.run_until(20_000);
    assert_eq!(sim.reported(), [0, 3_100, 13_100]);
}

#[test]
fn a_report_that_is_due_in_the_moment_of_a_reload_goes_by_the_new_file() {
    let mut sim = Sim::with_lines(&[job("a"), job("b")], &[report(1)]);
    sim.run_until(9_900);
    sim.file(File::Jobs(vec![job("c"), job("a")]));
    sim.run_until(9_999);
    assert_eq!(sim.reported(), [0]);
    sim.run_until(10_000);
    let lines = [running(&sim, "c", 0), running(&sim, "a", 10)].join("\n");
    assert_eq!((sim.reported(), sim.last_report()), (vec![0, 10_000], &*lines));
    // After a sleep of the machine both are long due: the old destination is not told what the new file says.
    sim.run_until(11_000);
    sim.world.sockets.lines = vec![report(2)];
    sim.file(File::Jobs(vec![job("d")]));
    sim.deeds();
    sim.jump(Duration::from_secs(60));
    sim.assert_kept();
    let deeds = ["71000 close report to udp://192.0.2.7:1", "71000 open report to udp://192.0.2.7:2"];
    assert_eq!((sim.reported(), sim.deeds()), (vec![0, 10_000, 71_000], deeds.map(String::from).to_vec()));
    assert_eq!(sim.last_report(), running(&sim, "d", 0));
}

//! Reports: when they come and what they tell.

use crate::def::{Def, job};
use crate::kernel::{DEAF, MEEK, Temper};
use crate::sockets::{listen, report};
use crate::system::{File, Plan};
use crate::world::{World, code, message};
use pmtr::model::{Signal, Verb};
use pmtr::supervisor::{Event, Next, Reading, System};
use std::time::Duration;

/// What a report tells of a job that runs.
fn running(world: &World, name: &str, seconds: u64) -> String {
    format!("{name} e {seconds} {} /bin/job", world.pid(name).unwrap())
}

#[test]
fn a_report_comes_when_the_first_jobs_have_been_started_and_every_ten_seconds() {
    let mut world = World::with_lines(&[job("a"), job("b")], &[report(1), report(2)]);
    let first = [running(&world, "a", 0), running(&world, "b", 0)].join("\n");
    assert_eq!((world.reported(), world.last_report()), (vec![0], &*first));
    world.run_until(35_000);
    assert_eq!(world.reported(), [0, 10_000, 20_000, 30_000]);
    assert_eq!(world.last_report(), [running(&world, "a", 30), running(&world, "b", 30)].join("\n"));
    // After a sleep of the machine there is one, not one for each that was missed.
    world.jump(Duration::from_secs(3_600));
    world.run_until(3_650_000);
    assert_eq!(world.reported()[4..], [3_635_000, 3_645_000]);
}

#[test]
fn a_pmtr_without_jobs_reports_as_well() {
    let mut world = World::with_lines(&[], &[report(1)]);
    world.run_until(10_000);
    assert_eq!((world.reported(), world.last_report()), (vec![0, 10_000], ""));
}

#[test]
fn without_a_destination_nothing_is_reported_and_nobody_wakes() {
    let mut world = World::with_lines(&[job("a")], &[listen(1)]);
    world.command(Verb::Disable, "a");
    world.run_until(100_000);
    assert_eq!((world.reported(), world.supervisor.next()), (vec![], Next::Never));
}

#[test]
fn a_report_follows_a_command_within_a_second() {
    let mut world = World::with_lines(&[job("a"), job("b")], &[report(1)]);
    world.run_until(3_000);
    world.command(Verb::Disable, "a");
    world.run_until(3_100);
    world.command(Verb::Disable, "b");
    world.run_until(5_000);
    assert_eq!(
        (world.reported(), world.last_report()),
        (vec![0, 3_500], "a d 0 0 /bin/job\nb d 0 0 /bin/job")
    );
    // Even one that changes nothing, but none that names no job.
    world.command(Verb::Disable, "a");
    world.run_until(7_000);
    world.command(Verb::Disable, "nobody");
    world.ask(message("enable"));
    world.ask(message("what"));
    world.run_until(15_200);
    assert_eq!(world.reported(), [0, 3_500, 5_500]);
    // One that was due anyway shows it.
    world.command(Verb::Enable, "a");
    world.run_until(25_000);
    assert_eq!(world.reported(), [0, 3_500, 5_500, 15_500]);
    world.command(Verb::Enable, "b");
    world.run_until(26_000);
    assert_eq!(world.reported()[4..], [25_500]);
}

#[test]
fn commands_without_pause_bring_two_reports_a_second() {
    let mut world = World::with_lines(&[job("a")], &[report(1)]);
    for step in 1..=500 {
        world.command(if step % 2 == 0 { Verb::Enable } else { Verb::Disable }, "a");
        world.run_until(step * 10);
    }
    assert_eq!(world.reported(), (0..=10).map(|n| n * 500).collect::<Vec<_>>());
}

#[test]
fn reports_go_on_while_a_wait_job_holds_the_others() {
    let mut world = World::with_lines(&[job("setup").wait(), job("a")], &[report(1)]);
    world.run_until(40_000);
    assert_eq!(world.reported(), [0, 10_000, 20_000, 30_000, 40_000]);
    let lines = [running(&world, "setup", 40), "a e 0 0 /bin/job".into()].join("\n");
    assert_eq!(world.last_report(), lines);
}

/// A thousand jobs, of which each portion takes a tenth of a second to start.
fn start_slowly(world: &mut World, defs: &[Def]) {
    world.sys.file = File::Jobs(defs.to_vec());
    let loaded = world.sys.load_config(Reading::Always);
    world.turn(Event::Loaded(Reading::Always, loaded));
    while world.supervisor.next() == Next::Now {
        world.sys.now = world.sys.now + Duration::from_millis(100);
        world.turn(Event::Tick);
    }
}

#[test]
fn jobs_that_are_being_started_delay_a_report_by_less_than_a_second() {
    let names: Vec<&'static str> = (0..1_000).map(|n| &*format!("job{n}").leak()).collect();
    let defs: Vec<Def> = names.iter().map(|name| job(name)).collect();
    let mut world = World::unborn(30_000);
    world.sys.sockets.lines = vec![report(1)];
    start_slowly(&mut world, &defs);
    world.wake();
    world.assert_kept();
    assert_eq!((world.reported(), world.sys.starts.len()), (vec![400], 1_000));
    assert_eq!(world.last_report().lines().filter(|line| !line.ends_with(" 0 0 /bin/job")).count(), 4 * 64);
    // So little that one after a command still comes within a second.
    let more: Vec<&'static str> = (0..1_000).map(|n| &*format!("more{n}").leak()).collect();
    let defs: Vec<Def> = defs.into_iter().chain(more.iter().map(|name| job(name))).collect();
    world.run_until(5_000);
    world.turn(message("enable job7"));
    world.sys.now = crate::world::at(5_450);
    start_slowly(&mut world, &defs);
    assert_eq!((world.reported(), world.sys.starts.len()), (vec![400, 5_950], 2_000));
}

#[test]
fn few_jobs_are_in_the_first_report_all_of_them() {
    let names: Vec<&'static str> = (0..200).map(|n| &*format!("job{n}").leak()).collect();
    let mut world = World::unborn(30_000);
    world.sys.sockets.lines = vec![report(1)];
    start_slowly(&mut world, &names.iter().map(|name| job(name)).collect::<Vec<_>>());
    assert_eq!(world.reported(), [400]);
    assert!(!world.last_report().contains(" 0 0 "));
}

#[test]
fn a_report_shows_each_job_as_it_is() {
    let slow = Plan { temper: Temper { term: Some(Duration::from_secs(3)), ..MEEK }, ..Plan::default() };
    let fails = Plan { life: Some((Duration::from_secs(1), code(1))), ..Plan::default() };
    let mut world = World::unborn(30_000);
    for (name, plan) in [("slow", slow.clone()), ("gone", slow), ("fails", fails.clone()), ("once", fails)] {
        world.plan(name, plan);
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
    world.sys.contents[0] = None;
    world.sys.sockets.lines = vec![report(1)];
    world.begin(&jobs);
    assert!(world.last_report().starts_with("first e 0 "));
    assert!(world.last_report().contains("\nonce e 0 "));
    world.run_until(8_000);
    world.save(&jobs.into_iter().filter(|def| def.name != "gone").collect::<Vec<_>>());
    world.command(Verb::Disable, "slow");
    world.run_until(10_000);
    assert_eq!(world.reported(), [0, 8_600]);
    let slow = format!("slow d 8 {} /bin/job", world.pid("slow").unwrap());
    // In the order in which they start; what has ended for good or is removed is not there.
    let lines = [
        running(&world, "first", 8),
        "off d 0 0 /bin/job".into(),
        slow,
        "fails e 0 0 /bin/job".into(),
        "lacks e 0 0 /bin/job".into(),
    ];
    assert_eq!(world.last_report(), lines.join("\n"));
    world.run_until(20_000);
    assert!(world.last_report().contains("\nslow d 0 0 /bin/job\n"));
    assert!(world.last_report().contains(&running(&world, "fails", 7)));
}

#[test]
fn a_process_that_is_killed_is_shown_until_it_is_gone_and_what_is_left_of_a_group_is_not() {
    let deaf = Plan { temper: DEAF, ..Plan::default() };
    let member = Plan { members: vec![(DEAF, None)], ..Plan::default() };
    let mut world = World::unborn(30_000);
    world.plan("deaf", deaf);
    world.plan("parent", member);
    world.sys.sockets.lines = vec![report(1)];
    world.begin(&[job("deaf"), job("parent")]);
    world.run_until(15_000);
    world.ask(message("disable deaf parent"));
    world.run_until(16_000);
    let deaf = format!("deaf d 15 {} /bin/job\nparent d 0 0 /bin/job", world.pid("deaf").unwrap());
    assert_eq!(world.last_report(), deaf);
    world.run_until(26_000);
    assert_eq!(world.last_report(), "deaf d 0 0 /bin/job\nparent d 0 0 /bin/job");
    assert_eq!(world.sent(Signal::KILL), [25_000, 25_000]);
}

#[test]
fn a_destination_that_is_new_is_told_at_once() {
    let mut world = World::with_lines(&[job("a")], &[report(1)]);
    world.run_until(3_000);
    world.save_lines(&[job("a")], &[report(1), report(2)]);
    // One that goes is not a reason to report, nor is any other change of the file.
    world.run_until(6_000);
    world.save_lines(&[job("a"), job("b")], &[report(2)]);
    world.run_until(20_000);
    assert_eq!(world.reported(), [0, 3_100, 13_100]);
}

#[test]
fn a_report_that_is_due_in_the_moment_of_a_reload_goes_by_the_new_file() {
    let mut world = World::with_lines(&[job("a"), job("b")], &[report(1)]);
    world.run_until(9_900);
    world.file(File::Jobs(vec![job("c"), job("a")]));
    world.run_until(9_999);
    assert_eq!(world.reported(), [0]);
    world.run_until(10_000);
    let lines = [running(&world, "c", 0), running(&world, "a", 10)].join("\n");
    assert_eq!((world.reported(), world.last_report()), (vec![0, 10_000], &*lines));
    // After a sleep of the machine both are long due: the old destination is not told what the new file says.
    world.run_until(11_000);
    world.sys.sockets.lines = vec![report(2)];
    world.file(File::Jobs(vec![job("d")]));
    world.deeds();
    world.jump(Duration::from_secs(60));
    world.assert_kept();
    let deeds = ["71000 close report to udp://192.0.2.7:1", "71000 open report to udp://192.0.2.7:2"];
    assert_eq!(
        (world.reported(), world.deeds()),
        (vec![0, 10_000, 71_000], deeds.map(String::from).to_vec())
    );
    assert_eq!(world.last_report(), running(&world, "d", 0));
}

//! Changing the file.

use crate::def::job;
use crate::plan::Plan;
use crate::sim::{Sim, code};
use crate::world::File;
use pmtr::model::{Mistake, Severity, Signal, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

#[test]
fn a_good_file_starts_what_is_new_and_leaves_alone_what_is_not() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    let pid = sim.pid("b");
    sim.run_until(5_000);
    sim.save(&[job("a").version(1), job("b"), job("c")]);
    assert_eq!(sim.order(), "a b c a");
    assert_eq!(sim.pid("b"), pid);
    sim.exits("b", code(0));
    sim.run_until(6_000);
    // The pending delay of an unchanged job stays what it is.
    sim.save(&[job("b")]);
    sim.run_until(20_000);
    assert_eq!(sim.starts("b"), [0, 15_100]);
    assert_eq!((sim.pid("a"), sim.pid("c")), (None, None));
}

#[test]
fn a_changed_or_removed_job_is_stopped_and_a_changed_one_starts_at_once_when_it_has_gone() {
    let slow = Plan {
        temper: crate::processes::Temper { term: Some(Duration::from_secs(3)), ..crate::processes::MEEK },
        ..Plan::default()
    };
    let mut sim = Sim::with_plans(&[job("a"), job("b")], &[("a", slow.clone()), ("b", slow)]);
    sim.run_until(900);
    sim.save(&[job("a").version(1)]);
    sim.run_until(9_000);
    assert_eq!(sim.starts("a"), [0, 4_000]);
    assert_eq!(sim.sent(Signal::TERM), [1_000, 1_000]);
    assert_eq!(sim.supervisor.jobs().count(), 1);
    sim.command(Verb::Disable, "b");
    assert_eq!(sim.logged("no such job: b").len(), 1);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.starts("a").len(), 2);
}

#[test]
fn a_job_that_is_due_in_the_moment_of_a_reload_starts_under_the_new_file_or_not_at_all() {
    let fails = Plan { life: Some((Duration::ZERO, code(1))), ..Plan::default() };
    let plans = ["a", "b", "c"].map(|name| (name, fails.clone()));
    let mut sim = Sim::with_plans(&[job("a"), job("b"), job("c")], &plans);
    // All three are to be restarted after 10 seconds, just when the quiet time is over.
    sim.run_until(9_900);
    sim.file(File::Jobs(vec![job("w").wait(), job("b").disable(), job("c").version(1)]));
    sim.run_until(10_000);
    assert_eq!(sim.order(), "a b c w");
    assert_eq!(sim.logged("pausing for job w to finish"), [10_000]);
    sim.exits("w", code(0));
    assert_eq!(sim.order(), "a b c w c");
}

#[test]
fn a_file_that_is_put_back_to_what_is_in_force_is_told_once() {
    let mut sim = Sim::with(&[job("a")]);
    let pid = sim.pid("a");
    sim.file(File::Mistakes(1));
    sim.run_until(1_000);
    sim.save(&[job("a")]);
    sim.run_until(2_000);
    sim.save(&[]);
    sim.run_until(3_000);
    sim.save(&[job("a")]);
    sim.run_until(4_000);
    sim.save(&[job("a")]);
    sim.run_until(9_000);
    assert_eq!(sim.logged("/etc/pmtr.conf matches the running configuration again"), [1_100, 3_100]);
    assert_eq!((sim.starts("a"), sim.pid("a")), (vec![0], pid));
}

#[test]
fn each_save_is_logged_before_what_comes_of_it_and_nothing_else_is() {
    let mut sim = Sim::with(&[job("a")]);
    // The look of the start finds what was applied.
    sim.ask(Event::ConfigTouched);
    sim.run_until(1_000);
    sim.save(&[job("a")]);
    sim.run_until(2_000);
    sim.file(File::Mistakes(1));
    sim.run_until(3_000);
    // A change of its mode, say.
    sim.ask(Event::ConfigTouched);
    sim.run_until(4_000);
    sim.file(File::Mistakes(1));
    sim.run_until(5_000);
    // Nobody has told that it was saved, but it holds something else.
    sim.world.file = File::Jobs(vec![job("b")]);
    sim.ask(Event::ConfigTouched);
    sim.run_until(6_000);
    sim.file(File::Missing);
    sim.run_until(7_000);
    sim.save(&[job("b")]);
    let lines: Vec<String> = sim.world.log.iter().map(|(_, notice)| notice.to_string()).collect();
    let rescans = [
        (1_100, "rescanning job configuration"),
        (2_100, "FAILED to parse /etc/pmtr.conf"),
        (4_100, "FAILED to parse /etc/pmtr.conf"),
        (5_100, "pmtr: managing 1 jobs"),
        (7_100, "rescanning job configuration"),
    ];
    assert_eq!(sim.logged("rescanning job configuration"), rescans.map(|(at, _)| at));
    for (_, next) in &rescans[1..4] {
        let follows = |pair: &[String]| pair[0] == "rescanning job configuration" && pair[1] == *next;
        assert!(lines.windows(2).any(follows), "{next}: {lines:#?}");
    }
}

#[test]
fn a_file_that_lost_its_jobs_was_saved_once_though_it_is_read_twice() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(900);
    sim.save(&[]);
    sim.run_until(10_000);
    assert_eq!((sim.logged("rescanning"), sim.logged("managing 0 jobs")), (vec![1_000], vec![3_000]));
}

#[test]
fn mistakes_change_nothing_and_are_logged_once_a_save() {
    let mut sim = Sim::with(&[job("a")]);
    let pid = sim.pid("a");
    sim.file(File::Mistakes(25));
    for second in 1..=3 {
        sim.run_until(second * 1_000);
        sim.ask(Event::ConfigTouched);
    }
    assert_eq!(sim.logged("FAILED to parse /etc/pmtr.conf"), [100]);
    assert_eq!(sim.logged("/etc/pmtr.conf:1:3: error: unknown option").len(), 1);
    assert_eq!(sim.logged("unknown option").len(), 20);
    assert_eq!(sim.logged("and 5 more errors; pmtr -t shows all").len(), 1);
    assert_eq!(sim.logged("NOTE: using PREVIOUS job config").len(), 1);
    // Other mistakes are news, and so are all when the operator asks.
    sim.file(File::Mistakes(1));
    sim.run_until(6_000);
    assert_eq!(sim.logged("FAILED").len(), 2);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.logged("FAILED").len(), 3);
    sim.save(&[job("a")]);
    sim.file(File::Mistakes(1));
    sim.run_until(9_000);
    assert_eq!((sim.logged("FAILED").len(), sim.pid("a")), (4, pid));
    // Where all are shown there are no more.
    assert_eq!(sim.logged("more errors").len(), 1);
}

#[test]
fn a_save_is_read_when_it_is_quiet_and_after_two_seconds_at_most() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(1_000);
    sim.file(File::Jobs(vec![job("b")]));
    for millis in (1_050..=1_950).step_by(50) {
        sim.run_until(millis);
        sim.ask(Event::ConfigTouched);
    }
    sim.run_until(2_049);
    assert_eq!((sim.world.reads, sim.starts("b").len()), (1, 0));
    sim.run_until(2_050);
    assert_eq!(sim.starts("b"), [2_050]);
    sim.file(File::Jobs(vec![job("c")]));
    for millis in (2_100..5_000).step_by(50) {
        sim.run_until(millis);
        sim.ask(Event::ConfigTouched);
    }
    assert_eq!(sim.starts("c"), [4_050]);
}

#[test]
fn a_start_without_jobs_says_once_what_it_waits_for() {
    let mut sim = Sim::with(&[]);
    sim.run_until(900);
    sim.save(&[job("a")]);
    sim.run_until(2_000);
    sim.save(&[]);
    sim.run_until(10_000);
    assert_eq!(sim.logged("no jobs yet; add some to"), [0]);
}

#[test]
fn a_file_that_lost_its_jobs_is_applied_after_two_seconds_and_not_when_they_come_back() {
    let mut sim = Sim::with(&[job("a")]);
    sim.run_until(900);
    sim.save(&[]);
    assert_eq!(sim.logged("has no jobs; stopping all jobs"), [1_000]);
    sim.run_until(2_500);
    sim.save(&[job("a")]);
    sim.run_until(10_000);
    assert_eq!(sim.sent(Signal::TERM), []);
    sim.save(&[]);
    sim.run_until(12_099);
    assert!(sim.pid("a").is_some());
    sim.run_until(12_100);
    assert_eq!(sim.sent(Signal::TERM), [12_100]);
}

#[test]
fn a_file_without_a_byte_changes_nothing_until_the_operator_says_so() {
    let mut sim = Sim::with(&[job("a")]);
    let empty = "/etc/pmtr.conf is empty; jobs keep running, SIGHUP applies it";
    sim.run_until(1_000);
    // Also one that had lost its jobs before.
    sim.file(File::Jobs(vec![]));
    sim.run_until(2_000);
    for second in 3..=5 {
        sim.file(File::Blank);
        sim.run_until(second * 1_000);
    }
    sim.run_until(60_000);
    assert_eq!((sim.logged(empty), sim.sent(Signal::TERM)), (vec![2_100], vec![]));
    assert_eq!(sim.supervisor.next(), pmtr::supervisor::NextTick::Never);
    sim.save(&[job("a")]);
    assert_eq!(sim.logged("/etc/pmtr.conf matches the running configuration again"), [60_100]);
    sim.file(File::Blank);
    sim.run_until(70_000);
    sim.save(&[job("a"), job("b")]);
    assert_eq!((sim.starts("b"), sim.logged("can be read again")), (vec![70_100], vec![]));
    sim.file(File::Blank);
    sim.run_until(80_000);
    assert_eq!(sim.logged(empty), [2_100, 60_200, 70_200]);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.sent(Signal::TERM), [80_000, 80_000]);
}

#[test]
fn an_empty_file_at_the_start_is_one_without_jobs_yet() {
    let mut sim = Sim::unborn(30_000);
    sim.world.file = File::Blank;
    sim.begin_with();
    sim.run_until(1_000);
    sim.file(File::Blank);
    sim.run_until(2_000);
    assert_eq!((sim.logged("no jobs yet"), sim.logged("is empty")), (vec![0], vec![]));
    sim.save(&[job("a")]);
    assert_eq!(sim.starts("a"), [2_100]);
}

#[test]
fn sighup_reads_at_once_and_applies_an_empty_file_too() {
    let mut sim = Sim::with(&[job("a"), job("b")]);
    sim.run_until(1_000);
    sim.world.file = File::Busy(vec![job("a").version(1)]);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.sent(Signal::TERM), [1_000, 1_000]);
    sim.world.file = File::Jobs(vec![]);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.supervisor.jobs().count(), 0);
    assert_eq!(sim.logged("rescanning job configuration"), [1_000, 1_000]);
}

#[test]
fn a_file_that_is_gone_or_cannot_be_read_changes_nothing_and_is_logged_once() {
    for (trouble, text) in [
        (File::Missing, "is missing; jobs keep running"),
        (File::Unreadable, "can't read /etc/pmtr.conf: Permission denied"),
        (File::Directory, "is not a regular file"),
    ] {
        let mut sim = Sim::with(&[job("a")]);
        for second in 1..4 {
            sim.file(trouble.clone());
            sim.run_until(second * 1_000);
        }
        assert_eq!((sim.logged(text), sim.sent(Signal::TERM)), (vec![100], vec![]));
        sim.save(&[job("a")]);
        assert_eq!(sim.logged("can be read again"), [3_100]);
        assert_eq!(sim.order(), "a");
    }
}

#[test]
fn a_save_without_a_change_does_nothing_and_an_applied_file_ends_remote_commands() {
    let mut sim = Sim::with(&[job("a"), job("b").disable()]);
    sim.run_until(1_000);
    sim.command(Verb::Disable, "a");
    sim.command(Verb::Enable, "b");
    sim.save(&[job("a"), job("b").disable()]);
    assert_eq!((sim.pid("a"), sim.starts("b")), (None, vec![1_000]));
    sim.save(&[job("a"), job("b").disable(), job("c")]);
    assert_eq!((sim.starts("a"), sim.pid("b")), (vec![0, 1_200], None));
    sim.command(Verb::Disable, "a");
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.starts("a"), [0, 1_200, 1_200]);
    assert_eq!(sim.logged("job a is enabled again by the file"), [1_200, 1_200]);
    assert_eq!(sim.logged("job b is disabled again by the file"), [1_200]);
    assert_eq!(sim.logged("again by the file").len(), 3);
}

#[test]
fn only_a_remote_command_that_ends_is_said_to_end() {
    let mut sim = Sim::with(&[job("a"), job("b"), job("c"), job("d").disable()]);
    sim.command(Verb::Disable, "a");
    sim.command(Verb::Disable, "b");
    sim.command(Verb::Disable, "c");
    // The file says the same, the job is another one, it is gone, or nobody has switched it.
    sim.save(&[job("a").disable(), job("b").version(1), job("d").version(1)]);
    sim.run_until(1_000);
    assert_eq!(sim.logged("again by the file"), sim.logged("job b is enabled again by the file"));
    assert_eq!(sim.logged("again by the file"), [100]);
    sim.save(&[job("a"), job("b").version(1), job("c"), job("d")]);
    assert_eq!(sim.logged("again by the file"), [100]);
}

#[test]
fn that_others_can_write_the_file_is_told_each_time_it_is_applied() {
    let mut sim = Sim::unborn(30_000);
    let warning = |what: &str| Mistake::of_file(*b"/etc/pmtr.conf", Severity::Warning, what);
    sim.world.warnings = vec![warning("every user may write this file"), warning("and its directory")];
    sim.begin(&[job("a")]);
    assert_eq!(sim.order(), "a");
    sim.run_until(1_000);
    sim.save(&[job("b")]);
    // What is not applied is not told of.
    sim.file(File::Mistakes(1));
    sim.run_until(2_000);
    sim.save(&[job("b")]);
    sim.ask(Event::ReloadAsked);
    sim.world.warnings.clear();
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.logged("/etc/pmtr.conf: warning: every user may write this file"), [0, 1_100, 2_100]);
    assert_eq!(sim.logged("/etc/pmtr.conf: warning: and its directory").len(), 3);
}

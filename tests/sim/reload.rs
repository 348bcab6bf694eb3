//! Changing the file.

use crate::def::job;
use crate::system::{File, Plan};
use crate::world::{World, code};
use pmtr::model::{Mistake, Severity, Signal, Verb};
use pmtr::supervisor::Event;
use std::time::Duration;

#[test]
fn a_good_file_starts_what_is_new_and_leaves_alone_what_is_not() {
    let mut world = World::with(&[job("a"), job("b")]);
    let pid = world.pid("b");
    world.run_until(5_000);
    world.save(&[job("a").version(1), job("b"), job("c")]);
    assert_eq!(world.order(), "a b c a");
    assert_eq!(world.pid("b"), pid);
    world.exits("b", code(0));
    world.run_until(6_000);
    // The pending delay of an unchanged job stays what it is.
    world.save(&[job("b")]);
    world.run_until(20_000);
    assert_eq!(world.starts("b"), [0, 15_100]);
    assert_eq!((world.pid("a"), world.pid("c")), (None, None));
}

#[test]
fn a_changed_or_removed_job_is_stopped_and_a_changed_one_starts_at_once_when_it_has_gone() {
    let slow = Plan {
        temper: crate::kernel::Temper { term: Some(Duration::from_secs(3)), ..crate::kernel::MEEK },
        ..Plan::default()
    };
    let mut world = World::with_plans(&[job("a"), job("b")], &[("a", slow.clone()), ("b", slow)]);
    world.run_until(900);
    world.save(&[job("a").version(1)]);
    world.run_until(9_000);
    assert_eq!(world.starts("a"), [0, 4_000]);
    assert_eq!(world.sent(Signal::TERM), [1_000, 1_000]);
    assert_eq!(world.supervisor.jobs().count(), 1);
    world.command(Verb::Disable, "b");
    assert_eq!(world.logged("no such job: b").len(), 1);
    world.ask(Event::ReloadAsked);
    assert_eq!(world.starts("a").len(), 2);
}

#[test]
fn an_empty_file_that_somebody_is_writing_is_left_until_it_is_written() {
    let mut world = World::with(&[job("a")]);
    world.file(File::Jobs(vec![]));
    world.run_until(1_000);
    // Opened for writing without an event yet.
    world.sys.file = File::Busy(vec![]);
    world.run_until(10_000);
    assert!(world.sys.reads < 15, "{} reads", world.sys.reads);
    world.file(File::Jobs(vec![job("a"), job("b")]));
    world.run_until(12_000);
    assert_eq!((world.starts("a"), world.starts("b")), (vec![0], vec![10_100]));
}

#[test]
fn a_job_that_is_due_in_the_moment_of_a_reload_starts_under_the_new_file_or_not_at_all() {
    let fails = Plan { life: Some((Duration::ZERO, code(1))), ..Plan::default() };
    let plans = ["a", "b", "c"].map(|name| (name, fails.clone()));
    let mut world = World::with_plans(&[job("a"), job("b"), job("c")], &plans);
    // All three are to be restarted after 10 seconds, just when the quiet time is over.
    world.run_until(9_900);
    world.file(File::Jobs(vec![job("w").wait(), job("b").disable(), job("c").version(1)]));
    world.run_until(10_000);
    assert_eq!(world.order(), "a b c w");
    assert_eq!(world.logged("pausing for job w to finish"), [10_000]);
    world.exits("w", code(0));
    assert_eq!(world.order(), "a b c w c");
}

#[test]
fn a_file_that_is_put_back_to_what_is_in_force_is_told_once() {
    let mut world = World::with(&[job("a")]);
    let pid = world.pid("a");
    world.file(File::Mistakes(1));
    world.run_until(1_000);
    world.save(&[job("a")]);
    world.run_until(2_000);
    world.save(&[]);
    world.run_until(3_000);
    world.save(&[job("a")]);
    world.run_until(4_000);
    world.save(&[job("a")]);
    world.run_until(9_000);
    assert_eq!(world.logged("/etc/pmtr.conf matches the running configuration again"), [1_100, 3_100]);
    assert_eq!((world.starts("a"), world.pid("a")), (vec![0], pid));
}

#[test]
fn each_save_is_logged_before_what_comes_of_it_and_nothing_else_is() {
    let mut world = World::with(&[job("a")]);
    // The look of the start finds what was applied.
    world.ask(Event::ConfigTouched);
    world.run_until(1_000);
    world.save(&[job("a")]);
    world.run_until(2_000);
    world.file(File::Mistakes(1));
    world.run_until(3_000);
    // A change of its mode, say.
    world.ask(Event::ConfigTouched);
    world.run_until(4_000);
    world.file(File::Mistakes(1));
    world.run_until(5_000);
    // Nobody has told that it was saved, but it holds something else.
    world.sys.file = File::Jobs(vec![job("b")]);
    world.ask(Event::ConfigTouched);
    world.run_until(6_000);
    world.file(File::Missing);
    world.run_until(7_000);
    world.save(&[job("b")]);
    let lines: Vec<String> = world.sys.log.iter().map(|(_, notice)| notice.to_string()).collect();
    let rescans = [
        (1_100, "rescanning job configuration"),
        (2_100, "FAILED to parse /etc/pmtr.conf"),
        (4_100, "FAILED to parse /etc/pmtr.conf"),
        (5_100, "pmtr: managing 1 jobs"),
        (7_100, "rescanning job configuration"),
    ];
    assert_eq!(world.logged("rescanning job configuration"), rescans.map(|(at, _)| at));
    for (_, next) in &rescans[1..4] {
        let follows = |pair: &[String]| pair[0] == "rescanning job configuration" && pair[1] == *next;
        assert!(lines.windows(2).any(follows), "{next}: {lines:#?}");
    }
}

#[test]
fn a_file_that_lost_its_jobs_was_saved_once_though_it_is_read_twice() {
    let mut world = World::with(&[job("a")]);
    world.run_until(900);
    world.save(&[]);
    world.run_until(10_000);
    assert_eq!((world.logged("rescanning"), world.logged("managing 0 jobs")), (vec![1_000], vec![3_000]));
}

#[test]
fn mistakes_change_nothing_and_are_logged_once_a_save() {
    let mut world = World::with(&[job("a")]);
    let pid = world.pid("a");
    world.file(File::Mistakes(25));
    for second in 1..=3 {
        world.run_until(second * 1_000);
        world.ask(Event::ConfigTouched);
    }
    assert_eq!(world.logged("FAILED to parse /etc/pmtr.conf"), [100]);
    assert_eq!(world.logged("/etc/pmtr.conf:1:3: error: unknown option").len(), 1);
    assert_eq!(world.logged("unknown option").len(), 20);
    assert_eq!(world.logged("and 5 more errors; pmtr -t shows all").len(), 1);
    assert_eq!(world.logged("NOTE: using PREVIOUS job config").len(), 1);
    // Other mistakes are news, and so are all when the operator asks.
    world.file(File::Mistakes(1));
    world.run_until(6_000);
    assert_eq!(world.logged("FAILED").len(), 2);
    world.ask(Event::ReloadAsked);
    assert_eq!(world.logged("FAILED").len(), 3);
    world.save(&[job("a")]);
    world.file(File::Mistakes(1));
    world.run_until(9_000);
    assert_eq!((world.logged("FAILED").len(), world.pid("a")), (4, pid));
    // Where all are shown there are no more.
    assert_eq!(world.logged("more errors").len(), 1);
}

#[test]
fn a_save_is_read_when_it_is_quiet_and_after_two_seconds_at_most() {
    let mut world = World::with(&[job("a")]);
    world.run_until(1_000);
    world.file(File::Jobs(vec![job("b")]));
    for millis in (1_050..=1_950).step_by(50) {
        world.run_until(millis);
        world.ask(Event::ConfigTouched);
    }
    world.run_until(2_049);
    assert_eq!((world.sys.reads, world.starts("b").len()), (1, 0));
    world.run_until(2_050);
    assert_eq!(world.starts("b"), [2_050]);
    world.file(File::Jobs(vec![job("c")]));
    for millis in (2_100..5_000).step_by(50) {
        world.run_until(millis);
        world.ask(Event::ConfigTouched);
    }
    assert_eq!(world.starts("c"), [4_050]);
}

#[test]
fn a_start_without_jobs_says_once_what_it_waits_for() {
    let mut world = World::with(&[]);
    world.run_until(900);
    world.save(&[job("a")]);
    world.run_until(2_000);
    world.save(&[]);
    world.run_until(10_000);
    assert_eq!(world.logged("no jobs yet; add some to"), [0]);
}

#[test]
fn a_file_that_lost_its_jobs_is_applied_after_two_seconds_and_not_when_they_come_back() {
    let mut world = World::with(&[job("a")]);
    world.run_until(900);
    world.save(&[]);
    assert_eq!(world.logged("has no jobs; stopping all jobs"), [1_000]);
    world.run_until(2_500);
    world.save(&[job("a")]);
    world.run_until(10_000);
    assert_eq!(world.sent(Signal::TERM), []);
    world.save(&[]);
    world.run_until(12_099);
    assert!(world.pid("a").is_some());
    world.run_until(12_100);
    assert_eq!(world.sent(Signal::TERM), [12_100]);
}

#[test]
fn a_file_without_a_byte_changes_nothing_until_the_operator_says_so() {
    let mut world = World::with(&[job("a")]);
    let empty = "/etc/pmtr.conf is empty; jobs keep running, SIGHUP applies it";
    world.run_until(1_000);
    // Also one that had lost its jobs before.
    world.file(File::Jobs(vec![]));
    world.run_until(2_000);
    for second in 3..=5 {
        world.file(File::Blank);
        world.run_until(second * 1_000);
    }
    world.run_until(60_000);
    assert_eq!((world.logged(empty), world.sent(Signal::TERM)), (vec![2_100], vec![]));
    assert_eq!(world.supervisor.next(), pmtr::supervisor::Next::Never);
    world.save(&[job("a")]);
    assert_eq!(world.logged("/etc/pmtr.conf matches the running configuration again"), [60_100]);
    world.file(File::Blank);
    world.run_until(70_000);
    world.save(&[job("a"), job("b")]);
    assert_eq!((world.starts("b"), world.logged("can be read again")), (vec![70_100], vec![]));
    world.file(File::Blank);
    world.run_until(80_000);
    assert_eq!(world.logged(empty), [2_100, 60_200, 70_200]);
    world.ask(Event::ReloadAsked);
    assert_eq!(world.sent(Signal::TERM), [80_000, 80_000]);
}

#[test]
fn an_empty_file_at_the_start_is_one_without_jobs_yet() {
    let mut world = World::unborn(30_000);
    world.sys.file = File::Blank;
    world.begin_with();
    world.run_until(1_000);
    world.file(File::Blank);
    world.run_until(2_000);
    assert_eq!((world.logged("no jobs yet"), world.logged("is empty")), (vec![0], vec![]));
    world.save(&[job("a")]);
    assert_eq!(world.starts("a"), [2_100]);
}

#[test]
fn sighup_reads_at_once_and_applies_an_empty_file_too() {
    let mut world = World::with(&[job("a"), job("b")]);
    world.run_until(1_000);
    world.sys.file = File::Busy(vec![job("a").version(1)]);
    world.ask(Event::ReloadAsked);
    assert_eq!(world.sent(Signal::TERM), [1_000, 1_000]);
    world.sys.file = File::Jobs(vec![]);
    world.ask(Event::ReloadAsked);
    assert_eq!(world.supervisor.jobs().count(), 0);
    assert_eq!(world.logged("rescanning job configuration"), [1_000, 1_000]);
}

#[test]
fn a_file_that_is_gone_or_cannot_be_read_changes_nothing_and_is_logged_once() {
    for (trouble, text) in [
        (File::Missing, "is missing; jobs keep running"),
        (File::Unreadable, "can't read /etc/pmtr.conf: Permission denied"),
        (File::Directory, "is not a regular file"),
    ] {
        let mut world = World::with(&[job("a")]);
        for second in 1..4 {
            world.file(trouble.clone());
            world.run_until(second * 1_000);
        }
        assert_eq!((world.logged(text), world.sent(Signal::TERM)), (vec![100], vec![]));
        world.save(&[job("a")]);
        assert_eq!(world.logged("can be read again"), [3_100]);
        assert_eq!(world.order(), "a");
    }
}

#[test]
fn a_file_that_somebody_is_writing_is_read_later() {
    let mut world = World::with(&[job("a")]);
    world.file(File::Busy(vec![job("b")]));
    world.run_until(5_000);
    assert_eq!(world.order(), "a");
    // Its closing may give no event.
    world.sys.file = File::Jobs(vec![job("b")]);
    world.run_until(6_100);
    assert_eq!(world.order(), "a b");
    assert_eq!(world.logged(WRITER), [2_100]);
}

const WRITER: &str = "waiting for the writer of /etc/pmtr.conf to close it";

#[test]
fn a_file_that_its_writer_keeps_open_is_applied_when_it_has_not_changed_for_ten_seconds() {
    let mut world = World::with(&[job("a")]);
    world.run_until(1_000);
    // Whoever never closes it makes no other event than that of the writing.
    world.sys.file = File::Busy(vec![job("b")]);
    world.ask(Event::ConfigWritten);
    world.run_until(11_999);
    assert_eq!((world.order(), world.logged(WRITER)), ("a".into(), vec![3_000]));
    world.run_until(12_000);
    assert_eq!((world.starts("b"), world.pid("a")), (vec![12_000], None));
    // Then nothing is waited for, and what is written next is another change.
    world.run_until(60_000);
    assert_eq!(world.sys.reads, 12);
    assert_eq!(world.supervisor.next(), pmtr::supervisor::Next::Never);
    world.sys.file = File::Busy(vec![job("c")]);
    world.ask(Event::ConfigWritten);
    world.run_until(80_000);
    assert_eq!((world.starts("c"), world.logged(WRITER)), (vec![71_000], vec![3_000, 62_000]));
}

#[test]
fn a_file_that_changes_within_ten_seconds_again_and_again_is_told_of_and_never_applied() {
    let mut world = World::with(&[job("a")]);
    for round in 0..30_u32 {
        world.sys.file = File::Busy(vec![job("b").version(round % 3)]);
        world.ask(Event::ConfigWritten);
        world.run_until(u64::from(round) * 9_500 + 9_500);
    }
    assert_eq!((world.order(), world.logged(WRITER)), ("a".into(), vec![2_000]));
    // It is put back to what is in force, and closed.
    world.file(File::Jobs(vec![job("a")]));
    world.run_until(300_000);
    assert_eq!(world.logged("/etc/pmtr.conf matches the running configuration again"), [285_100]);
}

#[test]
fn a_file_that_was_emptied_to_be_written_is_waited_for_as_long_as_its_writer_takes() {
    let mut world = World::with(&[job("a")]);
    world.run_until(1_000);
    world.sys.file = File::Busy(vec![]);
    world.ask(Event::ConfigWritten);
    world.run_until(60_000);
    assert_eq!((world.sent(Signal::TERM), world.logged(WRITER)), (vec![], vec![3_000]));
    world.file(File::Jobs(vec![job("a"), job("b")]));
    world.run_until(61_000);
    assert_eq!((world.starts("a"), world.starts("b")), (vec![0], vec![60_100]));
}

#[test]
fn many_writes_are_one_look_a_second() {
    let mut world = World::with(&[job("a")]);
    world.sys.file = File::Busy(vec![job("b")]);
    for millis in 0..5_000 {
        world.run_until(millis);
        world.ask(Event::ConfigWritten);
    }
    assert_eq!(world.sys.reads, 5);
    // It is closed: that counts at once.
    world.file(File::Jobs(vec![job("b")]));
    world.run_until(6_000);
    assert_eq!(world.starts("b"), [5_099]);
}

#[test]
fn the_operator_need_not_wait_for_a_writer() {
    let mut world = World::with(&[job("a")]);
    world.sys.file = File::Busy(vec![job("b")]);
    world.ask(Event::ConfigWritten);
    world.run_until(5_000);
    world.ask(Event::ReloadAsked);
    world.run_until(60_000);
    assert_eq!((world.order(), world.logged(WRITER)), ("a b".into(), vec![2_000]));
    assert_eq!(world.supervisor.next(), pmtr::supervisor::Next::Never);
}

#[test]
fn a_save_without_a_change_does_nothing_and_an_applied_file_ends_remote_commands() {
    let mut world = World::with(&[job("a"), job("b").disable()]);
    world.run_until(1_000);
    world.command(Verb::Disable, "a");
    world.command(Verb::Enable, "b");
    world.save(&[job("a"), job("b").disable()]);
    assert_eq!((world.pid("a"), world.starts("b")), (None, vec![1_000]));
    world.save(&[job("a"), job("b").disable(), job("c")]);
    assert_eq!((world.starts("a"), world.pid("b")), (vec![0, 1_200], None));
    world.command(Verb::Disable, "a");
    world.ask(Event::ReloadAsked);
    assert_eq!(world.starts("a"), [0, 1_200, 1_200]);
    assert_eq!(world.logged("job a is enabled again by the file"), [1_200, 1_200]);
    assert_eq!(world.logged("job b is disabled again by the file"), [1_200]);
    assert_eq!(world.logged("again by the file").len(), 3);
}

#[test]
fn only_a_remote_command_that_ends_is_said_to_end() {
    let mut world = World::with(&[job("a"), job("b"), job("c"), job("d").disable()]);
    world.command(Verb::Disable, "a");
    world.command(Verb::Disable, "b");
    world.command(Verb::Disable, "c");
    // The file says the same, the job is another one, it is gone, or nobody has switched it.
    world.save(&[job("a").disable(), job("b").version(1), job("d").version(1)]);
    world.run_until(1_000);
    assert_eq!(world.logged("again by the file"), world.logged("job b is enabled again by the file"));
    assert_eq!(world.logged("again by the file"), [100]);
    world.save(&[job("a"), job("b").version(1), job("c"), job("d")]);
    assert_eq!(world.logged("again by the file"), [100]);
}

#[test]
fn that_others_can_write_the_file_is_told_each_time_it_is_applied() {
    let mut world = World::unborn(30_000);
    let warning = |what: &str| Mistake::of_file(*b"/etc/pmtr.conf", Severity::Warning, what);
    world.sys.warnings = vec![warning("every user may write this file"), warning("and its directory")];
    world.begin(&[job("a")]);
    assert_eq!(world.order(), "a");
    world.run_until(1_000);
    world.save(&[job("b")]);
    // What is not applied is not told of.
    world.file(File::Mistakes(1));
    world.run_until(2_000);
    world.save(&[job("b")]);
    world.ask(Event::ReloadAsked);
    world.sys.warnings.clear();
    world.ask(Event::ReloadAsked);
    assert_eq!(world.logged("/etc/pmtr.conf: warning: every user may write this file"), [0, 1_100, 2_100]);
    assert_eq!(world.logged("/etc/pmtr.conf: warning: and its directory").len(), 3);
}

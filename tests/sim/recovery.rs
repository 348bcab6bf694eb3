//! A start whose configuration is of no use, with what was applied last.

use crate::def::job;
use crate::sim::Sim;
use crate::world::File;
use pmtr::model::Signal;
use pmtr::supervisor::{Event, NextTick};

const LINE: &str =
    "NOTE: using the LAST GOOD job config of yesterday, from /last-good, until /etc/pmtr.conf is fixed";

fn recovered(file: File) -> Sim {
    let mut sim = Sim::unborn(30_000);
    sim.serve_manager(None);
    sim.recover(&[job("a"), job("b")], file);
    sim.run_until(900);
    sim
}

#[test]
fn the_jobs_of_the_last_good_text_run_and_everybody_is_told_why() {
    for (file, why, status) in [
        (File::Mistakes(1), "/etc/pmtr.conf:1:3: error: unknown option", ", the file has errors"),
        (File::Missing, "/etc/pmtr.conf is missing", ""),
        (File::Unreadable, "can't read /etc/pmtr.conf: Permission denied", ""),
        (File::PartUnreadable, "can't read /etc/pmtr.d: Permission denied", ""),
        (File::Directory, "/etc/pmtr.conf is not a regular file", ""),
        (File::Blank, "/etc/pmtr.conf is empty", ""),
    ] {
        let mut sim = recovered(file);
        // Once, though the file is read again.
        assert_eq!((sim.logged(why), sim.logged(LINE)), (vec![0], vec![0]), "{why}");
        assert_eq!(sim.order(), "a b");
        let told = format!("0 READY=1 STATUS=2 jobs, 2 running{status}, using the last good configuration");
        assert_eq!(sim.notified(), [told]);
        assert_eq!(sim.supervisor.last_good().map(|line| line.to_string()).as_deref(), Some(LINE));
    }
}

#[test]
fn a_file_that_is_mended_is_applied_like_any_other() {
    let mut sim = recovered(File::Mistakes(2));
    let pid = sim.pid("a");
    sim.notified();
    sim.save(&[job("a"), job("c")]);
    sim.run_until(5_000);
    assert_eq!((sim.pid("a"), sim.order(), sim.pid("b")), (pid, "a b c".into(), None));
    assert_eq!(sim.notified()[1], "1000 READY=1 STATUS=2 jobs, 2 running");
    assert_eq!((sim.supervisor.last_good(), sim.supervisor.next()), (None, NextTick::Never));
}

#[test]
fn a_file_that_is_mended_to_the_same_text_restarts_nothing_and_is_in_force() {
    let mut sim = recovered(File::Mistakes(2));
    sim.notified();
    sim.save(&[job("a"), job("b")]);
    sim.run_until(5_000);
    assert_eq!(sim.order(), "a b");
    assert_eq!(sim.logged("/etc/pmtr.conf matches the running configuration again"), [1_000]);
    assert_eq!(sim.notified(), ["1000 STATUS=2 jobs, 2 running"]);
    assert_eq!(sim.supervisor.last_good(), None);
}

#[test]
fn other_mistakes_are_told_and_the_last_good_text_stays() {
    let mut sim = recovered(File::Mistakes(1));
    sim.file(File::Mistakes(2));
    sim.run_until(5_000);
    sim.file(File::Missing);
    sim.run_until(9_000);
    assert_eq!(sim.logged("FAILED to parse"), [0, 1_000]);
    assert_eq!(sim.logged("is missing; jobs keep running"), [5_100]);
    assert!(sim.supervisor.last_good().is_some());
}

#[test]
fn no_byte_is_no_word_unless_the_operator_says_so() {
    for before in [File::Blank, File::Mistakes(1)] {
        let mut sim = recovered(before);
        sim.file(File::Blank);
        sim.run_until(30_000);
        assert_eq!(sim.sent(Signal::TERM), []);
        sim.ask(Event::ReloadAsked);
        assert_eq!(sim.sent(Signal::TERM), [30_000, 30_000]);
        assert_eq!(sim.supervisor.last_good(), None);
    }
}

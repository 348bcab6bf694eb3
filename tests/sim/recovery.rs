//! A start whose configuration is of no use, with what was applied last.

use crate::def::job;
use crate::system::File;
use crate::world::World;
use pmtr::model::Signal;
use pmtr::supervisor::{Event, Next};

const LINE: &str =
    "NOTE: using the LAST GOOD job config of yesterday, from /last-good, until /etc/pmtr.conf is fixed";

fn recovered(file: File) -> World {
    let mut world = World::unborn(30_000);
    world.serve_manager(None);
    world.recover(&[job("a"), job("b")], file);
    world.run_until(900);
    world
}

#[test]
fn the_jobs_of_the_last_good_text_run_and_everybody_is_told_why() {
    for (file, why, status) in [
        (File::Mistakes(1), "/etc/pmtr.conf:1:3: error: unknown option", ", the file has errors"),
        (File::Missing, "/etc/pmtr.conf is missing", ""),
        (File::Unreadable, "can't read /etc/pmtr.conf: Permission denied", ""),
        (File::Directory, "/etc/pmtr.conf is not a regular file", ""),
        (File::Blank, "/etc/pmtr.conf is empty", ""),
    ] {
        let mut world = recovered(file);
        // Once, though the file is read again.
        assert_eq!((world.logged(why), world.logged(LINE)), (vec![0], vec![0]), "{why}");
        assert_eq!(world.order(), "a b");
        let told = format!("0 READY=1 STATUS=2 jobs, 2 running{status}, using the last good configuration");
        assert_eq!(world.tidings(), [told]);
        assert_eq!(world.supervisor.last_good().map(|line| line.to_string()).as_deref(), Some(LINE));
    }
}

#[test]
fn a_file_that_is_mended_is_applied_like_any_other() {
    let mut world = recovered(File::Mistakes(2));
    let pid = world.pid("a");
    world.tidings();
    world.save(&[job("a"), job("c")]);
    world.run_until(5_000);
    assert_eq!((world.pid("a"), world.order(), world.pid("b")), (pid, "a b c".into(), None));
    assert_eq!(world.tidings()[1], "1000 READY=1 STATUS=2 jobs, 2 running");
    assert_eq!((world.supervisor.last_good(), world.supervisor.next()), (None, Next::Never));
}

#[test]
fn a_file_that_is_mended_to_the_same_text_restarts_nothing_and_is_in_force() {
    let mut world = recovered(File::Mistakes(2));
    world.tidings();
    world.save(&[job("a"), job("b")]);
    world.run_until(5_000);
    assert_eq!(world.order(), "a b");
    assert_eq!(world.logged("/etc/pmtr.conf matches the running configuration again"), [1_000]);
    assert_eq!(world.tidings(), ["1000 STATUS=2 jobs, 2 running"]);
    assert_eq!(world.supervisor.last_good(), None);
}

#[test]
fn other_mistakes_are_told_and_the_last_good_text_stays() {
    let mut world = recovered(File::Mistakes(1));
    world.file(File::Mistakes(2));
    world.run_until(5_000);
    world.file(File::Missing);
    world.run_until(9_000);
    assert_eq!(world.logged("FAILED to parse"), [0, 1_000]);
    assert_eq!(world.logged("is missing; jobs keep running"), [5_100]);
    assert!(world.supervisor.last_good().is_some());
}

#[test]
fn no_byte_is_no_word_unless_the_operator_says_so() {
    for before in [File::Blank, File::Mistakes(1)] {
        let mut world = recovered(before);
        world.file(File::Blank);
        world.run_until(30_000);
        assert_eq!(world.sent(Signal::TERM), []);
        world.ask(Event::ReloadAsked);
        assert_eq!(world.sent(Signal::TERM), [30_000, 30_000]);
        assert_eq!(world.supervisor.last_good(), None);
    }
}

//! The sockets that the file asks for.

use crate::def::job;
use crate::sim::Sim;
use crate::sockets::{exposed, listen, report};
use crate::world::File;
use pmtr::model::{Errno, NetError, Signal};
use pmtr::supervisor::{Event, NextTick};

const IN_USE: NetError = NetError::Failed(Errno(98));

#[test]
fn without_a_line_that_asks_for_one_no_socket_is_opened() {
    let mut sim = Sim::with_lines(&[job("a"), job("b").disable()], &[]);
    sim.save(&[job("a").version(1)]);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.deeds(), [""; 0]);
}

#[test]
fn a_socket_is_opened_once_and_kept_by_a_file_that_keeps_its_line() {
    let mut sim = Sim::with_lines(&[job("a")], &[listen(1), report(2)]);
    assert_eq!(sim.deeds(), ["0 open listen on udp://127.0.0.1:1", "0 open report to udp://192.0.2.7:2"]);
    assert_eq!((sim.logged("listening on udp://127.0.0.1:1"), sim.logged("report")), (vec![0], vec![]));
    sim.save(&[job("a").version(1), job("b")]);
    sim.save_lines(&[job("a")], &[report(2), listen(1)]);
    sim.ask(Event::ReloadAsked);
    assert_eq!(sim.deeds(), [""; 0]);
    assert_eq!(sim.logged("listening").len(), 1);
}

#[test]
fn what_is_gone_from_the_file_is_closed_before_anything_else_is_opened() {
    let mut sim = Sim::with_lines(&[job("a")], &[listen(1), report(2)]);
    sim.deeds();
    sim.save_lines(&[job("a")], &[exposed(1), report(3)]);
    assert_eq!(
        sim.deeds(),
        [
            "100 close listen on udp://127.0.0.1:1",
            "100 close report to udp://192.0.2.7:2",
            "100 open listen on udp://0.0.0.0:1",
            "100 open report to udp://192.0.2.7:3",
        ]
    );
    sim.save_lines(&[job("a")], &[]);
    assert_eq!(sim.deeds(), ["200 close listen on udp://0.0.0.0:1", "200 close report to udp://192.0.2.7:3"]);
    assert_eq!(sim.supervisor.next(), NextTick::Never);
    // What comes back is opened like something new.
    sim.save_lines(&[job("a")], &[listen(1)]);
    assert_eq!(sim.deeds(), ["300 open listen on udp://127.0.0.1:1"]);
}

#[test]
fn a_listener_that_others_can_reach_is_warned_of_when_its_line_comes() {
    let mut sim = Sim::with_lines(&[job("a")], &[exposed(1), listen(2)]);
    sim.world.sockets.broken.insert(exposed(1), IN_USE);
    sim.save(&[job("a"), job("b")]);
    sim.run_until(60_000);
    assert_eq!(sim.logged("listen on udp://0.0.0.0:1: anyone who can reach it"), [0]);
    assert_eq!(sim.logged("listen on udp://127.0.0.1:2: every local user"), [0]);
    assert_eq!(sim.logged("can enable and disable jobs").len(), 2);
}

#[test]
fn a_file_that_is_not_applied_keeps_all_sockets() {
    let mut sim = Sim::with_lines(&[job("a")], &[listen(1), report(2)]);
    sim.deeds();
    sim.world.sockets.lines.clear();
    let files = [File::Mistakes(2), File::Missing, File::Unreadable, File::Directory, File::Busy(vec![])];
    for (turn, file) in files.into_iter().enumerate() {
        sim.file(file);
        sim.run_until(5_000 * (turn as u64 + 1));
    }
    // A file that has lost its jobs is believed after two seconds.
    sim.file(File::Jobs(vec![]));
    sim.run_until(27_000);
    assert_eq!((sim.deeds(), sim.reported()), (vec![], vec![0, 10_000, 20_000]));
    sim.run_until(28_000);
    assert_eq!(sim.deeds().len(), 2);
    sim.run_until(60_000);
    assert_eq!(sim.reported().len(), 3);
}

#[test]
fn a_listener_that_fails_is_tried_ever_more_rarely_up_to_every_ten_seconds_and_holds_up_nothing() {
    let mut sim = Sim::unborn(30_000);
    sim.world.sockets.lines = vec![listen(1), listen(2)];
    sim.world.sockets.broken.insert(listen(1), IN_USE);
    sim.begin(&[job("a")]);
    assert_eq!((sim.starts("a"), sim.deeds().len()), (vec![0], 2));
    sim.run_until(15_000);
    // Another reason is no news, and a file that keeps the line changes nothing.
    sim.world.sockets.broken.insert(listen(1), NetError::NoInterface);
    sim.save(&[job("a"), job("b")]);
    sim.run_until(40_000);
    sim.world.sockets.broken.clear();
    sim.run_until(90_000);
    let fails = ["1000", "3000", "7000", "15000", "25000", "35000"].map(|at| format!("{at} fail"));
    let deeds = fails.into_iter().chain(["45000 open".into()]);
    let deeds: Vec<String> = deeds.map(|what| format!("{what} listen on udp://127.0.0.1:1")).collect();
    assert_eq!(sim.deeds(), deeds);
    let line = "can't listen on udp://127.0.0.1:1: Address already in use; trying again within 10 sec";
    assert_eq!((sim.logged(line), sim.logged("can't listen").len()), (vec![0], 1));
    assert_eq!(sim.logged("listening on udp://127.0.0.1:1"), [45_000]);
    assert_eq!(sim.supervisor.next(), NextTick::Never);
}

#[test]
fn a_listener_by_which_nothing_comes_any_more_is_closed_and_opened_again_in_ten_seconds() {
    let mut sim = Sim::with_lines(&[job("a")], &[listen(1), listen(2)]);
    sim.run_until(5_000);
    sim.deeds();
    let id = *sim.world.sockets.open.first_key_value().unwrap().0;
    let fails = Event::SocketFails(id, NetError::Failed(Errno(12)));
    sim.ask(fails);
    // What is known already changes nothing.
    sim.run_until(9_000);
    sim.ask(Event::SocketFails(id, IN_USE));
    sim.world.sockets.broken.insert(listen(1), IN_USE);
    sim.run_until(20_000);
    sim.world.sockets.broken.clear();
    sim.run_until(90_000);
    let deeds = ["5000 close", "15000 fail", "25000 open"];
    assert_eq!(sim.deeds(), deeds.map(|what| format!("{what} listen on udp://127.0.0.1:1")));
    let line = "can't listen on udp://127.0.0.1:1: Cannot allocate memory; trying again within 10 sec";
    assert_eq!((sim.logged(line), sim.logged("can't listen").len()), (vec![5_000], 1));
    assert_eq!(sim.logged("listening on udp://127.0.0.1:1"), [0, 25_000]);
    assert_eq!(sim.supervisor.next(), NextTick::Never);
}

#[test]
fn a_destination_that_fails_is_opened_before_each_report_until_two_went_well() {
    let mut sim = Sim::with_lines(&[job("a")], &[report(1), report(2)]);
    sim.run_until(5_000);
    sim.deeds();
    sim.world.sockets.refusing.insert(report(1));
    sim.run_until(35_000);
    sim.world.sockets.refusing.clear();
    // One that goes well is not enough.
    sim.run_until(45_000);
    sim.world.sockets.refusing.insert(report(1));
    sim.run_until(55_000);
    sim.world.sockets.refusing.clear();
    sim.run_until(79_999);
    assert_eq!(sim.logged("again within"), [10_000]);
    assert_eq!(sim.logged("can't report to udp://192.0.2.7:1: Connection refused"), [10_000]);
    assert_eq!(sim.logged("reporting to udp://192.0.2.7:1 again"), []);
    sim.run_until(200_000);
    assert_eq!(sim.logged("reporting to udp://192.0.2.7:1 again"), [80_000]);
    let deeds = [20_000, 30_000, 40_000, 60_000].map(|at| format!("{at} open report to udp://192.0.2.7:1"));
    assert_eq!(sim.deeds(), deeds);
    // The others got theirs all the time.
    assert_eq!(sim.reported(), (0..=20).map(|n| n * 10_000).collect::<Vec<_>>());
    // Trouble that begins anew is news.
    sim.world.sockets.refusing.insert(report(1));
    sim.run_until(210_000);
    assert_eq!(sim.logged("can't report"), [10_000, 210_000]);
}

#[test]
fn a_destination_that_can_not_be_opened_is_tried_before_each_report() {
    let mut sim = Sim::with_lines(&[job("a")], &[]);
    sim.world.sockets.broken.insert(report(1), NetError::NoMulticast);
    sim.save_lines(&[job("a")], &[report(1)]);
    sim.run_until(25_000);
    sim.world.sockets.broken.clear();
    sim.run_until(60_000);
    let fails = ["100 fail", "10100 fail", "20100 fail", "30100 open"];
    assert_eq!(sim.deeds(), fails.map(|what| format!("{what} report to udp://192.0.2.7:1")));
    assert_eq!(sim.logged("can't do multicast; trying again within 10 sec"), [100]);
    assert_eq!(sim.logged("reporting to udp://192.0.2.7:1 again"), [50_100]);
}

#[test]
fn at_the_end_all_sockets_are_closed_at_once_and_no_more_is_opened_or_reported() {
    let mut sim = Sim::unborn(30_000);
    sim.world.sockets.lines = vec![listen(1), listen(2), report(3)];
    sim.world.sockets.broken.insert(listen(2), IN_USE);
    sim.plan("a", crate::plan::Plan { temper: crate::processes::DEAF, ..Default::default() });
    sim.begin(&[job("a")]);
    sim.run_until(5_000);
    sim.deeds();
    sim.ask(Event::EndAsked(Signal::TERM));
    assert_eq!((sim.deeds().len(), sim.world.sockets.open.len()), (3, 0));
    sim.run_until(14_999);
    assert!(!sim.supervisor.ended());
    sim.ask(Event::ReloadAsked);
    sim.run_until(60_000);
    assert_eq!((sim.deeds(), sim.reported()), (vec![], vec![0]));
}

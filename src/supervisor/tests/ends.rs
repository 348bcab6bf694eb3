//! The end of pmtr: its reasons, its status, and its time.

use super::*;
use crate::model::{Birth, Codes, EndRules, Policy, Restart, SpawnError, Stage};

fn at(secs: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_secs(secs)
}

fn pid(raw: i32) -> Pid {
    Pid::new(raw).unwrap()
}

/// An essential job that is started once.
fn essential(name: &str) -> JobSpec {
    let restart = Restart { on: Some(Codes::NONE), essential: true, ..Restart::default() };
    named(name, restart)
}

fn named(name: &str, restart: Restart) -> JobSpec {
    let policy = Policy { restart, ..Policy::default() };
    JobSpec::from(JobDraft { name: name.as_bytes().to_vec(), policy, ..JobDraft::default() })
}

/// These jobs, which run as processes 100, 101 and so on.
fn running(jobs: Vec<JobSpec>, end: EndRules) -> Supervisor {
    let count = i32::try_from(jobs.len()).unwrap();
    let config = Config { jobs, end, ..Config::default() };
    let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
    let load = Ok(Load::New(Fingerprint { bytes: 1, hash: 1 }, config, Vec::new(), Losses::default()));
    tell(&mut supervisor, 0, Event::Loaded(Reading::Always, load));
    tell(&mut supervisor, 0, Event::Tick);
    for place in 0..count {
        let id = JobId(u32::try_from(place).unwrap());
        tell(&mut supervisor, 0, Event::Spawned(id, Ok(Birth::Executed(pid(100 + place)))));
    }
    supervisor
}

/// What the log says of an event.
fn tell(supervisor: &mut Supervisor, now: u64, event: Event) -> Vec<String> {
    let mut actions = Actions::default();
    supervisor.handle(at(now), event, &mut actions);
    let notice = |action: &Action| {
        if let Action::Act(Effect::Log(notice)) = action { Some(notice.to_string()) } else { None }
    };
    actions.iter().filter_map(notice).collect()
}

fn exited(raw: i32, ending: Ending) -> Event {
    Event::Exited(pid(raw), ending, Survivors::None)
}

fn end() -> Event {
    Event::EndAsked(Signal::TERM)
}

#[test]
fn the_status_of_pmtr_is_that_of_the_essential_job() {
    let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
    for (ending, status) in [
        (Ending::Ran(Exit::Code(0)), 0),
        (Ending::Ran(Exit::Code(255)), 255),
        (Ending::Ran(Exit::Code(256)), 1),
        (Ending::Ran(Exit::Signal(Signal(9))), 137),
        (Ending::Ran(Exit::Signal(Signal(64))), 192),
        (Ending::Ran(Exit::Signal(Signal(200))), 255),
    ] {
        let mut supervisor = running(vec![essential("a")], EndRules::default());
        assert_eq!(supervisor.exit_status(), 0);
        tell(&mut supervisor, 1, exited(100, ending));
        assert!(supervisor.ended());
        assert_eq!(supervisor.exit_status(), status, "{ending:?}");
    }
    let give_up = Some(crate::model::GiveUp { after: 1, within: None });
    let gives_up = Restart { give_up, essential: true, ..Restart::default() };
    let mut supervisor = running(vec![named("a", gives_up)], EndRules::default());
    tell(&mut supervisor, 1, exited(100, Ending::NeverStarted(error)));
    assert_eq!((supervisor.ended(), supervisor.exit_status()), (true, 1));
}

#[test]
fn another_job_that_ends_for_good_does_not_end_pmtr() {
    let never = Restart { on: Some(Codes::NONE), ..Restart::default() };
    let mut supervisor = running(vec![named("a", never), essential("b")], EndRules::default());
    tell(&mut supervisor, 1, exited(100, Ending::Ran(Exit::Code(1))));
    assert!(!supervisor.is_ending());
    // A job that has ended for good before does not end again.
    tell(&mut supervisor, 1, exited(101, Ending::Ran(Exit::Code(4))));
    assert_eq!((supervisor.is_ending(), supervisor.exit_status()), (true, 4));
}

#[test]
fn the_others_are_stopped_in_reverse_order_and_two_signals_kill_them() {
    let plain = |name| named(name, Restart::default());
    let mut supervisor = running(vec![plain("x"), essential("a"), plain("b")], EndRules::default());
    let ended = tell(&mut supervisor, 1, exited(101, Ending::Ran(Exit::Code(3))));
    let reverse = [
        "pmtr: exiting, for the essential job a has ended",
        "sending SIGTERM to job b [102]",
        "sending SIGTERM to job x [100]",
    ];
    assert_eq!(ended[1..], reverse);
    assert_eq!(tell(&mut supervisor, 2, end()), ["pmtr: exiting on signal 15"]);
    let killed = ["sending SIGKILL to job b [102]", "sending SIGKILL to job x [100]"];
    assert_eq!(tell(&mut supervisor, 3, end()), killed);
    assert_eq!(supervisor.exit_status(), 3);
}

#[test]
fn what_has_not_ended_within_the_time_is_killed_at_its_end_and_once() {
    let within = EndRules { when_done: false, within: Some(Duration::from_secs(4)) };
    let mut supervisor = running(vec![named("a", Restart::default())], within);
    assert_eq!(supervisor.end_deadline(), None);
    tell(&mut supervisor, 1, end());
    assert_eq!(supervisor.end_deadline(), Some(at(5)));
    assert_eq!(supervisor.next(), NextTick::At(at(5)));
    assert_eq!(tell(&mut supervisor, 4, Event::Tick), [""; 0]);
    let killed = ["the jobs have not ended within 4 sec, sending SIGKILL", "sending SIGKILL to job a [100]"];
    assert_eq!(tell(&mut supervisor, 5, Event::Tick), killed);
    assert_eq!(supervisor.end_deadline(), None);
    assert_eq!(tell(&mut supervisor, 6, Event::Tick), [""; 0]);
    // No time at all is over at once.
    let within = EndRules { when_done: false, within: Some(Duration::ZERO) };
    let mut supervisor = running(vec![named("a", Restart::default())], within);
    assert_eq!(tell(&mut supervisor, 1, end()).last().unwrap(), "sending SIGKILL to job a [100]");
    let mut supervisor = running(vec![named("a", Restart::default())], EndRules::default());
    tell(&mut supervisor, 1, end());
    assert_eq!(supervisor.end_deadline(), None);
}

#[test]
fn when_all_is_done_the_next_tick_ends_pmtr() {
    let when_done = EndRules { when_done: true, within: None };
    let never = || Restart { on: Some(Codes::NONE), ..Restart::default() };
    for (codes, status) in [([0, 0], 0), ([0, 1], 1), ([1, 0], 1)] {
        let mut supervisor = running(vec![named("a", never()), named("b", never())], when_done);
        tell(&mut supervisor, 1, exited(100, Ending::Ran(Exit::Code(codes[0]))));
        assert!(!supervisor.ends_by_itself());
        tell(&mut supervisor, 1, exited(101, Ending::Ran(Exit::Code(codes[1]))));
        assert!(supervisor.ends_by_itself());
        assert_eq!(supervisor.next(), NextTick::Now);
        assert_eq!(tell(&mut supervisor, 1, Event::Tick), ["pmtr: exiting, for all jobs have ended"]);
        assert!(!supervisor.ends_by_itself() && supervisor.ended());
        assert_eq!(supervisor.exit_status(), status, "{codes:?}");
    }
}

#[test]
fn without_a_file_or_its_rule_nothing_is_done() {
    let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
    supervisor.end_rules.when_done = true;
    assert!(!supervisor.ends_by_itself());
    let never = Restart { on: Some(Codes::NONE), ..Restart::default() };
    let mut supervisor = running(vec![named("a", never)], EndRules::default());
    tell(&mut supervisor, 1, exited(100, Ending::Ran(Exit::Code(0))));
    assert!(!supervisor.ends_by_itself());
    assert_eq!(supervisor.next(), NextTick::Never);
}

#[test]
fn what_a_helper_of_a_killed_pmtr_has_left_is_ended_without_the_rules_of_its_job() {
    let left = [("a", 7, false), ("a", 8, true)].map(|(name, raw, is_main)| LeftBehind {
        job: JobName::new(name.as_bytes()),
        pid: pid(raw),
        is_main,
    });
    let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
    supervisor.handle(at(0), Event::LeftBehind(left.into()), &mut Actions::default());
    let stop = crate::model::Stop { signals: vec![Signal::INT], ..Default::default() };
    let policy = Policy { stop, ..Policy::default() };
    let job = JobSpec::from(JobDraft { name: b"a".to_vec(), policy, ..JobDraft::default() });
    let config = Config { jobs: vec![job], ..Config::default() };
    let load = Ok(Load::New(Fingerprint { bytes: 1, hash: 1 }, config, Vec::new(), Losses::default()));
    let said = tell(&mut supervisor, 0, Event::Loaded(Reading::Always, load));
    let told: Vec<&String> = said.iter().filter(|line| line.contains("was left")).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("[7] was left by a pmtr that was killed, sending SIGTERM"), "{told:?}");
    assert!(told[1].contains("job a [8] was left by a pmtr that was killed, sending SIGINT"), "{told:?}");
    assert_filed(&supervisor);
}

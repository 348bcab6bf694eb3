//! What is filed beside the jobs follows from the jobs: after each turn it is worked out anew.

mod dice;
mod ends;
mod helping;

use super::*;
use crate::model::rng::{Rng, rounds};
use crate::model::{
    Command, Config, Ending, Endpoint, Errno, Exit, Fingerprint, JobDraft, JobName, JobSpec, KeptText, Load,
    LoadError, Losses, Mistake, NetError, Notice, Origin, Role, Severity, Signal, SocketId, Survivors, Verb,
};
use dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Works out anew what is filed, from the jobs alone.
fn assert_filed(supervisor: &Supervisor) {
    let mut index = Index::default();
    let (mut processes, mut pids, mut names) = (Processes::default(), Vec::new(), Vec::new());
    for (id, job) in supervisor.jobs() {
        let slot = supervisor.slot(id).unwrap();
        let need = supervisor.files.need(job.spec()).0;
        assert_eq!(slot.need, need, "{job:?}");
        assert_eq!(slot.rank.0, job.spec().policy.order);
        let queued = job.state() == State::Queued;
        let pending = job.first_run() == FirstRun::Pending;
        let blocked = pending && need == Need::Missing || job.first_run() == FirstRun::Over;
        let entry = IndexEntry {
            deadline: job.deadline(),
            rank: slot.rank,
            queue: match queued && need == Need::Met && !supervisor.helpers.of(id) {
                false => StartQueue::None,
                true if pending => StartQueue::First,
                true => StartQueue::Again(job.not_before()),
            },
            holds: job.spec().policy.fixed.wait && job.goal() == Goal::Up && !blocked,
            lacks: queued && need == Need::Missing,
            unsure: queued && need == Need::Unknown,
            listed: job.goal() != Goal::Gone,
            running: matches!(job.state(), State::Starting { .. } | State::Running { .. }),
            left: !matches!(job.state(), State::Down | State::Waiting | State::Queued | State::Launching),
            busy: job.goal() == Goal::Up || job.state() != State::Down || job.is_put_off(),
        };
        assert_eq!(slot.entry, entry, "{job:?}");
        index.refile(id, &mut IndexEntry::default(), entry);
        if let State::Starting { pid, .. } | State::Running { pid, .. } | State::Stopping { pid, .. } =
            job.state()
        {
            processes.add(pid, Owner::Main(id));
            pids.push(pid);
        }
        processes.regroup(Owner::Main(id), None, job.sweeps());
        names.push(id);
    }
    for (id, pid, group) in supervisor.helpers.owned() {
        pid.into_iter().for_each(|pid| {
            processes.add(pid, Owner::Helper(id));
            pids.push(pid);
        });
        processes.regroup(Owner::Helper(id), None, group);
    }
    names.sort_by_key(|id| supervisor.name_of(*id));
    assert_eq!(format!("{:?}", supervisor.index), format!("{index:?}"));
    assert_eq!((&supervisor.processes, &supervisor.names), (&processes, &names));
    assert_eq!(supervisor.processes(), pids.len());
    assert_eq!(supervisor.pids(), pids);
    let free = supervisor.slots.iter().filter(|slot| slot.is_none()).count();
    assert_eq!(supervisor.free.len() + supervisor.helpers.count(), free);
}

/// What is open, or was tried, follows from the file: nothing of an older one is left, nothing of it is missing.
fn assert_served(supervisor: &Supervisor, dice: &Dice) {
    let newest = dice.sockets.keys().last().map_or(0, |id| id.0);
    let stations: Vec<_> =
        (0..newest + 9).filter_map(|n| Some((SocketId(n), supervisor.station(SocketId(n))?))).collect();
    assert!(stations.iter().map(|(id, _)| id).eq(dice.sockets.keys()), "{:?}", supervisor.network);
    let fails = stations.iter().any(|(id, station)| station.role == Role::Listen && !dice.sockets[id]);
    let reports = stations.iter().any(|(_, station)| station.role == Role::Report);
    assert_eq!(supervisor.network.deadline().is_some(), fails || reports, "{:?}", supervisor.network);
}

/// Of a job that is no more, nothing is kept.
fn assert_forgotten(supervisor: &Supervisor, dice: &Dice) {
    let gone: Vec<_> = dice
        .known
        .iter()
        .filter(|id| supervisor.spec(**id).is_none() && supervisor.helper(**id).is_none())
        .collect();
    assert!(gone.is_empty(), "{gone:?}");
}

fn event(dice: &mut Dice) -> Event {
    let from = Origin { socket: SocketId(0), address: ([127, 0, 0, 1], 9).into(), local: None };
    match dice.rng.below(15) {
        13 => Event::JobReloadAsked(Box::new([b'a' + dice.rng.below(6)])),
        0 => Event::ReloadAsked,
        1 => Event::ConfigTouched,
        2 | 3 => {
            let path = format!("/file{}", dice.rng.below(3)).into_bytes();
            let content = Fingerprint { bytes: 0, hash: dice.rng.below(2) };
            Event::FileSeen(path.into(), (dice.rng.below(3) > 0).then_some(content))
        }
        4 | 5 => {
            let verb = |dice: &mut Dice| if dice.rng.below(2) == 0 { Verb::Enable } else { Verb::Disable };
            let name = |dice: &mut Dice| Box::new([b'a' + dice.rng.below(6)]);
            let commands = (0..dice.rng.below(4)).map(|_| Command { verb: verb(dice), name: name(dice) });
            Event::Command(from, commands.collect())
        }
        10 => Event::Invalid(from),
        11 => {
            let newest = dice.sockets.keys().last().map_or(0, |id| id.0);
            let id = SocketId(dice.rng.below(newest + 2));
            dice.failing = Some(id);
            Event::SocketFails(id, NetError::Failed(Errno(111)))
        }
        6..=8 if !dice.alive.is_empty() => {
            let which = dice.rng.below(dice.alive.len());
            let exit = Exit::Code(if dice.rng.below(4) == 0 { 33 } else { 0 });
            Event::Exited(dice.alive.swap_remove(which), Ending::Ran(exit), dice.survivors())
        }
        12 if !dice.alive.is_empty() => {
            let which = dice.rng.below(dice.alive.len());
            Event::Executed(dice.alive[which])
        }
        _ => Event::Tick,
    }
}

#[test]
fn what_is_filed_follows_from_the_jobs_after_every_turn() {
    for seed in 1..=rounds(300) {
        let rng = Rng::new(seed);
        let (alive, sockets, known) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        let mut dice = Dice { rng, pids: 1, alive, sockets, failing: None, known };
        let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
        let mut now = MonoTime::ZERO;
        if seed < 150 {
            supervisor.serve_manager(now, Some(Duration::from_secs(2)));
        }
        for _ in 0..150 {
            let event = event(&mut dice);
            turn(&mut supervisor, &mut dice, now, event);
            dice.failing = None;
            assert_filed(&supervisor);
            assert_served(&supervisor, &dice);
            assert_forgotten(&supervisor, &dice);
            turn(&mut supervisor, &mut dice, now, Event::Tick);
            assert_filed(&supervisor);
            assert_served(&supervisor, &dice);
            assert_forgotten(&supervisor, &dice);
            now = now + Duration::from_millis(dice.rng.pick(&[0, 100, 1_000, 11_000]));
        }
    }
}

/// What the supervisor wants when a file with this one job has been read.
fn actions_of(supervisor: &mut Supervisor, load: Result<Load, LoadError>) -> Actions {
    let mut actions = Actions::default();
    supervisor.handle(MonoTime::ZERO, Event::Loaded(Reading::Always, load), &mut actions);
    actions
}

#[test]
fn a_file_that_is_named_relative_to_dir_is_another_one_when_dir_is_another_one() {
    let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
    let mut watched = |hash: u64, dir: &[u8], cmd: &[u8]| {
        let draft = JobDraft { name: b"a".to_vec(), cmd: [cmd].into(), ..JobDraft::default() };
        let job = JobSpec::from(JobDraft {
            dir: Some(dir.to_vec()),
            depends: [&b"rel"[..], b"/abs"].into(),
            ..draft
        });
        let content = Fingerprint { bytes: 0, hash };
        let config = Config { jobs: vec![job], ..Config::default() };
        let actions =
            actions_of(&mut supervisor, Ok(Load::New(content, config, Vec::new(), Losses::default())));
        assert_eq!(supervisor.reload.applied(), Some(content));
        let text = |path: &[u8]| String::from_utf8(path.to_vec()).unwrap();
        let mut told = Vec::new();
        for action in actions.iter() {
            if let Action::Act(Effect::Watch(path)) = action {
                told.push(format!("+{}", text(path)));
            } else if let Action::Act(Effect::Unwatch(path)) = action {
                told.push(format!("-{}", text(path)));
            }
        }
        told
    };
    assert_eq!(watched(1, b"/a", b"/bin/x"), ["+/a/rel", "+/abs"]);
    assert_eq!(watched(2, b"/a", b"/bin/y"), [""; 0]);
    assert_eq!(watched(3, b"/b/", b"/bin/y"), ["-/a/rel", "-/abs", "+/b/rel", "+/abs"]);
    // What could not be read is not in force.
    actions_of(&mut supervisor, Err(LoadError::Busy(Fingerprint { bytes: 1, hash: 4 })));
    assert_eq!(supervisor.reload.applied(), Some(Fingerprint { bytes: 0, hash: 3 }));
}

#[test]
fn as_many_mistakes_that_are_other_ones_are_news() {
    let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
    let mut told = |what: &str| {
        let mistake =
            Mistake { line: 1, column: 1, ..Mistake::of_file(*b"/etc/pmtr.conf", Severity::Error, what) };
        let (mut actions, load) = (Actions::default(), Err(LoadError::Mistakes(vec![mistake])));
        let event = Event::Loaded(Reading::IfChanged(None), load);
        supervisor.handle(MonoTime::ZERO, event, &mut actions);
        let wrong = |action: &&Action| matches!(action, Action::Act(Effect::Log(Notice::Mistake(_))));
        actions.iter().filter(wrong).count()
    };
    assert_eq!([told("one"), told("one"), told("another"), told("another")], [1, 0, 1, 0]);
}

#[test]
fn what_a_killed_pmtr_has_left_is_filed_like_any_other_job() {
    let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
    let left = [("b", 7), ("a", 8), ("b", 9)];
    let left = left.map(|(name, pid)| LeftBehind {
        job: JobName::new(name.as_bytes()),
        pid: Pid::new(pid).unwrap(),
        is_main: true,
    });
    supervisor.handle(MonoTime::ZERO, Event::LeftBehind(left.into()), &mut Actions::default());
    assert_filed(&supervisor);
    assert_eq!(supervisor.names, [JobId(1), JobId(0), JobId(2)]);
}

#[test]
fn the_end_of_a_process_that_belongs_to_no_job_is_logged() {
    let (mut supervisor, mut actions) = (Supervisor::new(b"/etc/pmtr.conf", 1), Actions::default());
    let pid = Pid::new(7).unwrap();
    let ended = Event::Exited(pid, Ending::Ran(Exit::Code(0)), Survivors::None);
    supervisor.handle(MonoTime::ZERO, ended, &mut actions);
    let ended = Action::Act(Effect::Log(Notice::AdoptedEnded { pid }));
    assert_eq!(actions.iter().collect::<Vec<_>>(), [&ended]);
}

fn recovered(config: Config, warnings: Vec<Mistake>) -> Event {
    Event::Recovered(Box::new(Recovery {
        instead_of: Err(LoadError::Missing),
        content: Fingerprint { bytes: 1, hash: 1 },
        config,
        warnings,
        kept: Rc::new(KeptText { file: (*b"/last-good").into(), since: "yesterday".into() }),
    }))
}

#[test]
fn a_recovered_configuration_is_warned_of_and_reported_in_its_turn() {
    let report = vec![Endpoint { address: ([127, 0, 0, 1], 9).into(), interface: None }];
    let warning = Mistake::of_file(*b"/last-good", Severity::Warning, "any user can write to this file");
    let event = recovered(Config { report, ..Config::default() }, vec![warning.clone()]);
    let (mut supervisor, mut actions) = (Supervisor::new(b"/etc/pmtr.conf", 1), Actions::default());
    supervisor.handle(MonoTime::ZERO, event, &mut actions);
    let warned = Action::Act(Effect::Log(Notice::Mistake(warning)));
    assert!(actions.iter().any(|action| *action == warned), "{actions:?}");
    assert_eq!(actions.iter().last(), Some(&Action::Report));
}

#[test]
fn once_ending_no_news_of_the_file_is_taken_in() {
    let (mut supervisor, mut actions) = (Supervisor::new(b"/etc/pmtr.conf", 1), Actions::default());
    supervisor.handle(MonoTime::ZERO, Event::EndAsked(Signal::TERM), &mut actions);
    actions = Actions::default();
    let recovered = recovered(Config::default(), Vec::new());
    for event in [Event::ConfigSaved, Event::ConfigTouched, Event::ConfigWritten, recovered] {
        supervisor.handle(MonoTime::ZERO, event, &mut actions);
        let reload = &supervisor.reload;
        assert_eq!((actions.iter().count(), reload.deadline(), reload.applied()), (0, None, None));
    }
}

#[test]
fn just_so_many_switches_of_a_moment_have_a_line() {
    let from = || Origin { socket: SocketId(0), address: ([127, 0, 0, 1], 9).into(), local: None };
    let mut switches = Switches::default();
    let mut told = 0;
    for _ in 0..SWITCHES_TOLD + 5 {
        told += u64::from(switches.may_be_told(MonoTime::ZERO, from()));
    }
    assert_eq!(told, SWITCHES_TOLD);
}

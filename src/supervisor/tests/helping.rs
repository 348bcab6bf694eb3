//! Helpers: their time, their end, and whom they hold up.

use super::*;
use crate::job::LOOK_EVERY;
use crate::model::{Birth, Lasting, Policy, ReloadRules, SpawnError, Stage, Stop, Target};

const A: JobId = JobId(0);

fn at(secs: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_secs(secs)
}

fn pid(raw: i32) -> Pid {
    Pid::new(raw).unwrap()
}

/// The job `a` that runs as process 7 and has commands for all that there is.
fn running(timeout: Option<Lasting>) -> Supervisor {
    running_with("/bin/a", "/bin/stop", timeout)
}

fn running_with(cmd: &str, stop: &str, timeout: Option<Lasting>) -> Supervisor {
    let policy = Policy {
        stop: Stop { with: [stop].into(), timeout, ..Stop::default() },
        reload: ReloadRules { with: ["/bin/reload"].into(), signal: Some(Signal::HUP) },
        ..Policy::default()
    };
    let draft = JobDraft { name: b"a".to_vec(), cmd: [cmd].into(), policy, ..JobDraft::default() };
    let config = Config { jobs: vec![JobSpec::from(draft)], ..Config::default() };
    let mut supervisor = Supervisor::new(b"/etc/pmtr.conf", 1);
    let load = Ok(Load::New(Fingerprint { bytes: 1, hash: 1 }, config, Vec::new(), Losses::default()));
    for event in
        [Event::Loaded(Reading::Always, load), Event::Tick, Event::Spawned(A, Ok(Birth::Executed(pid(7))))]
    {
        supervisor.handle(at(0), event, &mut Actions::default());
    }
    supervisor
}

/// What follows from an event, line by line: log, signals, looks and helpers.
fn told(supervisor: &mut Supervisor, now: MonoTime, event: Event) -> Vec<String> {
    let mut actions = Actions::default();
    supervisor.handle(now, event, &mut actions);
    assert_filed(supervisor);
    let mut lines = Vec::new();
    while let Some(action) = actions.next() {
        match action {
            Action::Act(Effect::Log(notice)) => lines.push(notice.to_string()),
            Action::Act(Effect::Signal(target, signal)) => lines.push(format!("{signal} {}", to(target))),
            Action::Act(Effect::Release(group)) => lines.push(format!("release {}", group.as_raw())),
            Action::Act(_) => {}
            Action::Help(id) => {
                let (_, command, main) = supervisor.helper(id).unwrap();
                let command = String::from_utf8_lossy(command.iter().next().unwrap()).into_owned();
                lines.push(format!("help {} {command} {}", id.0, main.as_raw()));
            }
            Action::Look(group, detail) => lines.push(format!("look {} {detail:?}", group.as_raw())),
            Action::Spawn(_) => lines.push("spawn".to_owned()),
            Action::LoadConfig(_) | Action::ReadOn(_) | Action::Open(_) => {}
            Action::Notify | Action::Report => {}
        }
    }
    lines
}

fn to(target: Target) -> String {
    let (what, pid) = match target {
        Target::Job(pid) => ("group", pid),
        Target::Main(pid) => ("main", pid),
        Target::Rest(pid) => ("rest", pid),
        Target::Others(pid) => ("others", pid),
    };
    format!("{what} {}", pid.as_raw())
}

fn disable() -> Event {
    let from = Origin { socket: SocketId(0), address: ([127, 0, 0, 1], 9).into(), local: None };
    Event::Command(from, vec![Command { verb: Verb::Disable, name: (*b"a").into() }])
}

fn reload() -> Event {
    Event::JobReloadAsked((*b"a").into())
}

fn born(raw: i32) -> Event {
    Event::Helped(JobId(1), Ok(Birth::Executed(pid(raw))))
}

fn exited(raw: i32, status: i32, rest: Survivors) -> Event {
    Event::Exited(pid(raw), Ending::Ran(Exit::Code(status)), rest)
}

fn some() -> Survivors {
    Survivors::Some(Box::new([]))
}

/// The same job with a reload that runs as process 8.
fn reloading() -> Supervisor {
    let mut supervisor = running(None);
    told(&mut supervisor, at(0), reload());
    told(&mut supervisor, at(0), born(8));
    supervisor
}

#[test]
fn a_helper_of_a_stop_has_the_time_of_a_step_from_a_second_to_a_minute_and_one_of_a_reload_a_minute() {
    let lasting = |millis| Some(Lasting::For(Duration::from_millis(millis)));
    for (timeout, limit) in [
        (None, 10_000),
        (Some(Lasting::Never), 60_000),
        (lasting(0), 1_000),
        (lasting(999), 1_000),
        (lasting(1_001), 1_001),
        (lasting(59_999), 59_999),
        (lasting(60_001), 60_000),
    ] {
        let mut supervisor = running(timeout);
        told(&mut supervisor, at(0), disable());
        told(&mut supervisor, at(0), born(8));
        assert_eq!(supervisor.helpers.deadline(), Some(at(0) + Duration::from_millis(limit)), "{timeout:?}");
        let mut supervisor = running(timeout);
        told(&mut supervisor, at(0), reload());
        assert_eq!(supervisor.helpers.deadline(), None);
        told(&mut supervisor, at(0), born(8));
        assert_eq!(supervisor.helpers.deadline(), Some(at(60)));
    }
}

#[test]
fn a_helper_that_does_not_end_gets_sigterm_then_sigkill_and_is_then_reported_and_given_up() {
    let mut supervisor = reloading();
    let owner = Owner::Helper(JobId(1));
    let term = ["job a: `reload with` failed: still running after 60 sec, sending SIGTERM"];
    let tick = |supervisor: &mut Supervisor, secs| told(supervisor, at(secs), Event::Tick);
    assert_eq!(tick(&mut supervisor, 59), [""; 0]);
    assert_eq!(tick(&mut supervisor, 60), [term[0], "15 group 8", "18 group 8"]);
    assert_eq!(supervisor.helpers.deadline(), Some(at(65)));
    assert_eq!(tick(&mut supervisor, 64), [""; 0]);
    assert_eq!(tick(&mut supervisor, 65), ["9 group 8"]);
    assert_eq!(supervisor.helpers.deadline(), Some(at(75)));
    assert!(!supervisor.has_given_up(owner));
    assert_eq!(
        tick(&mut supervisor, 75),
        ["job a [8] has not ended 10 sec after SIGKILL, still waiting for it"]
    );
    assert_eq!(supervisor.helpers.deadline(), None);
    assert!(supervisor.has_given_up(owner) && !supervisor.helpers.of(A));
    // It comes out of the kernel at last, and nobody waits for it any longer.
    assert_eq!(told(&mut supervisor, at(99), exited(8, 0, Survivors::None)), [""; 0]);
    assert!(!supervisor.helpers.of(A) && supervisor.has_given_up(owner));
}

#[test]
fn what_a_helper_leaves_is_killed_at_once_and_waited_for_ten_seconds() {
    let mut supervisor = reloading();
    let left = told(&mut supervisor, at(5), exited(8, 0, some()));
    assert_eq!(left, ["9 rest 8", "sending SIGHUP to job a [7]", "1 main 7"]);
    let [soon, rarely] = LOOK_EVERY;
    assert_eq!(supervisor.helpers.deadline(), Some(at(5) + soon));
    // An orphan that ends may have been the last of them.
    told(&mut supervisor, at(5), exited(99, 0, Survivors::None));
    assert_eq!(supervisor.helpers.deadline(), Some(at(5)));
    assert_eq!(told(&mut supervisor, at(6), Event::Tick), ["look 8 Whether"]);
    assert_eq!(supervisor.helpers.deadline(), Some(at(6) + rarely));
    assert_eq!(told(&mut supervisor, at(6), Event::Looked(pid(8), some())), [""; 0]);
    assert!(supervisor.helpers.of(A));
    assert_eq!(told(&mut supervisor, at(15), Event::Tick), ["look 8 Names"]);
    let gone = told(&mut supervisor, at(15), Event::Looked(pid(8), some()));
    assert!(gone[0].starts_with("giving up on the remaining processes of job a [8]"), "{gone:?}");
    assert_eq!(gone[1..], ["release 8"]);
    assert!(!supervisor.helpers.of(A));
}

#[test]
fn what_a_helper_leaves_and_is_gone_is_released_without_a_line() {
    let mut supervisor = reloading();
    told(&mut supervisor, at(5), exited(8, 1, some()));
    assert_eq!(told(&mut supervisor, at(6), Event::Looked(pid(8), Survivors::None)), ["release 8"]);
    assert_eq!((supervisor.helpers.count(), supervisor.helpers.deadline()), (0, None));
}

#[test]
fn a_second_reload_is_refused_while_one_runs_and_a_stop_kills_it() {
    let mut supervisor = reloading();
    let refused = told(&mut supervisor, at(1), reload());
    assert_eq!(refused, ["job a: `reload with` failed: one is still running"]);
    let stop = told(&mut supervisor, at(2), disable());
    assert_eq!(stop.iter().filter(|line| *line == "9 group 8").count(), 1);
    assert_eq!(stop.last().unwrap(), "help 2 /bin/stop 7");
    // While the command of the stop runs, there is nothing to reload.
    told(&mut supervisor, at(2), Event::Helped(JobId(2), Ok(Birth::Executed(pid(9)))));
    assert_eq!(told(&mut supervisor, at(3), reload()), [""; 0]);
    // The end of the main process kills no command of a stop, and its success brings no signal.
    assert_eq!(told(&mut supervisor, at(3), exited(8, 0, Survivors::None)), [""; 0]);
    let ended = told(&mut supervisor, at(4), exited(7, 0, Survivors::None));
    assert_eq!(ended, ["job a 7 exited after 4 sec: exit status 0"]);
}

#[test]
fn a_helper_that_could_not_be_started_says_what_and_why_and_the_stop_goes_on() {
    for (stage, what) in [(Stage::Exec, "exec /bin/stop"), (Stage::Dir, "dir /")] {
        let why = format!("job a: `stop with` failed: {what}: No such file or directory");
        let error = SpawnError { stage, errno: Errno(2) };
        let goes_on = [why.as_str(), "sending SIGTERM to job a [7]", "15 group 7", "18 group 7"];
        let mut supervisor = running(None);
        assert_eq!(told(&mut supervisor, at(1), disable()).last().unwrap(), "help 1 /bin/stop 7");
        assert_eq!(told(&mut supervisor, at(1), Event::Helped(JobId(1), Err(error))), goes_on);
        // The same when this is known only later.
        let mut supervisor = running(None);
        told(&mut supervisor, at(1), disable());
        let begun = told(&mut supervisor, at(1), Event::Helped(JobId(1), Ok(Birth::Underway(pid(8)))));
        assert_eq!(begun, ["job a: running `stop with` [8]"]);
        let never = Event::Exited(pid(8), Ending::NeverStarted(error), Survivors::None);
        assert_eq!(told(&mut supervisor, at(2), never), goes_on);
        assert!(!supervisor.helpers.of(A));
    }
}

#[test]
fn where_a_helper_was_searched_is_told_if_the_command_of_the_job_is_searched_there_too() {
    for (cmd, stop, why) in [
        ("a", "stop", "exec stop: not found in PATH="),
        ("/bin/a", "stop", "exec stop: No such file or directory"),
        ("a", "/bin/stop", "exec /bin/stop: No such file or directory"),
        ("/bin/a", "stop ", "exec stop : not found in the PATH of an env file"),
    ] {
        let mut supervisor = running_with(cmd, stop, None);
        told(&mut supervisor, at(1), disable());
        // No number: the variable is in an env file.
        let errno = Errno(if stop.ends_with(' ') { 0 } else { 2 });
        let error = SpawnError { stage: Stage::Exec, errno };
        let lines = told(&mut supervisor, at(1), Event::Helped(JobId(1), Err(error)));
        assert!(lines[0].starts_with(&format!("job a: `stop with` failed: {why}")), "{lines:?}");
    }
}

#[test]
fn the_end_of_a_helper_that_was_told_to_end_is_no_second_failure() {
    for (told_at, signal) in [(&[60][..], 15), (&[60, 65], 9)] {
        let mut supervisor = reloading();
        for secs in told_at {
            assert!(!told(&mut supervisor, at(*secs), Event::Tick).is_empty());
        }
        let ended = Event::Exited(pid(8), Ending::Ran(Exit::Signal(Signal(signal))), Survivors::None);
        assert_eq!(told(&mut supervisor, at(70), ended), [""; 0]);
        assert_eq!(supervisor.helpers.count(), 0);
    }
}

#[test]
fn a_helper_that_fails_says_how() {
    for (ending, how) in [(Exit::Code(3), "exit status 3"), (Exit::Signal(Signal(11)), "signal 11")] {
        let mut supervisor = reloading();
        let ended = Event::Exited(pid(8), Ending::Ran(ending), Survivors::None);
        let said = format!("job a: `reload with` failed: {how}");
        assert_eq!(told(&mut supervisor, at(1), ended), [said]);
    }
}

#[test]
fn a_job_does_not_start_while_a_helper_of_it_runs_and_starts_when_that_is_gone() {
    let mut supervisor = running(None);
    told(&mut supervisor, at(20), disable());
    told(&mut supervisor, at(20), born(8));
    told(&mut supervisor, at(21), exited(7, 0, Survivors::None));
    let from = Origin { socket: SocketId(0), address: ([127, 0, 0, 1], 9).into(), local: None };
    let enable = vec![Command { verb: Verb::Enable, name: (*b"a").into() }];
    told(&mut supervisor, at(22), Event::Command(from, enable));
    assert!(!told(&mut supervisor, at(22), Event::Tick).contains(&"spawn".to_owned()));
    let phase = |supervisor: &Supervisor| supervisor.status_from(A, at(22)).map(|(_, status)| status.phase);
    assert_eq!(phase(&supervisor), Some(Phase::Helper(pid(8))));
    assert_eq!(supervisor.helpers.held_by(JobId(9)), None);
    told(&mut supervisor, at(23), exited(8, 0, Survivors::None));
    assert_eq!(phase(&supervisor), Some(Phase::Queued));
    assert!(told(&mut supervisor, at(23), Event::Tick).contains(&"spawn".to_owned()));
}

#[test]
fn a_second_request_to_exit_kills_helpers_and_those_that_have_not_begun_never_do() {
    let end = || Event::EndAsked(Signal::TERM);
    let mut supervisor = running(None);
    told(&mut supervisor, at(1), end());
    told(&mut supervisor, at(1), born(8));
    assert_eq!(supervisor.helpers.deadline(), Some(at(11)));
    let killed = told(&mut supervisor, at(2), end());
    assert_eq!(killed, ["sending SIGKILL to job a [7]", "9 group 7", "9 group 8"]);
    assert_eq!(supervisor.helpers.deadline(), Some(at(12)));
    // Twice is enough.
    assert_eq!(told(&mut supervisor, at(3), end()), [""; 0]);
    let mut actions = Actions::default();
    let mut supervisor = running(None);
    supervisor.handle(at(1), end(), &mut actions);
    supervisor.handle(at(1), end(), &mut actions);
    assert_eq!(supervisor.helpers.count(), 0);
    assert!(supervisor.helper(JobId(1)).is_none());
}

#[test]
fn the_end_of_a_process_ends_its_reload_alone() {
    let mut supervisor = reloading();
    let ended = told(&mut supervisor, at(20), exited(7, 0, Survivors::None));
    assert_eq!(ended, ["job a 7 exited after 20 sec: exit status 0", "9 group 8"]);
    // It is over: the next process hears nothing of it.
    assert!(!told(&mut supervisor, at(20), Event::Tick).contains(&"spawn".to_owned()));
    told(&mut supervisor, at(20), exited(8, 0, Survivors::None));
    assert!(told(&mut supervisor, at(20), Event::Tick).contains(&"spawn".to_owned()));
    let mut actions = Actions::default();
    supervisor.end_reload(A, &mut actions);
    assert_eq!(actions.iter().count(), 0);
}

#[test]
fn only_the_jobs_own_helpers_count_as_its_own() {
    let supervisor = reloading();
    assert!(supervisor.helpers.of(A) && !supervisor.helpers.of(JobId(1)));
    assert_eq!(supervisor.helpers.owned().collect::<Vec<_>>(), [(JobId(1), Some(pid(8)), None)]);
}

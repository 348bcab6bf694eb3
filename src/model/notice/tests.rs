use super::*;
use crate::model::{FilePlace, Level, Loss, Phase, Role, Severity, SpawnError, Stage};

#[test]
fn the_texts_are_those_of_the_manual() {
    let job = JobName::new(b"app-server");
    let pid = Pid::new(18478).unwrap();
    let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
    let start = |tries| FailedStart { error, subject: "/opt/app".into(), searched: None, tries };
    let endpoint = Endpoint { address: ([192, 0, 2, 7], 10000).into(), interface: None };
    let local = Endpoint { address: ([127, 0, 0, 1], 10000).into(), interface: None };
    let listen = Station { role: Role::Listen, endpoint: endpoint.clone() };
    let group = Endpoint { address: ([239, 0, 0, 1], 9999).into(), interface: Some("eth7".into()) };
    let multicast = Station { role: Role::Report, endpoint: group };
    let from = ([192, 0, 2, 9], 4711).into();
    for (notice, text) in [
        (Notice::Starting, "pmtr: starting"),
        (Notice::Managing { jobs: 2 }, "pmtr: managing 2 jobs"),
        (Notice::NoJobs { file: (*b"/etc/pmtr.conf").into() }, "no jobs yet; add some to /etc/pmtr.conf"),
        (Notice::Started { job: job.clone(), pid }, "started job app-server [18478]"),
        (
            Notice::Exited { job: job.clone(), pid, secs: 0, exit: Exit::Code(1) },
            "job app-server 18478 exited after 0 sec: exit status 1",
        ),
        (
            Notice::Exited { job: job.clone(), pid, secs: 75, exit: Exit::Signal(Signal(11)) },
            "job app-server 18478 exited after 75 sec: signal 11",
        ),
        (Notice::TooFast, "job restarting too fast, delaying restart"),
        (Notice::Rescanning, "rescanning job configuration"),
        (
            Notice::Sending { signal: Signal::TERM, job: job.clone(), pid },
            "sending SIGTERM to job app-server [18478]",
        ),
        (
            Notice::Sending { signal: Signal::KILL, job: job.clone(), pid },
            "sending SIGKILL to job app-server [18478]",
        ),
        (
            Notice::LeftBehind { signal: Signal::TERM, job: job.clone(), pid },
            "job app-server [18478] was left by a pmtr that was killed, sending SIGTERM",
        ),
        (Notice::Pausing { job: JobName::new(b"setup") }, "pausing for job setup to finish"),
        (
            Notice::CantStart { job: job.clone(), start: start(1) },
            "can't start job app-server: exec /opt/app: No such file or directory",
        ),
        (
            Notice::StillCantStart { job: job.clone(), start: start(360) },
            "still can't start job app-server (360 tries): exec /opt/app: No such file or directory",
        ),
        (Notice::ParseFailed { file: (*b"/etc/pmtr.conf").into() }, "FAILED to parse /etc/pmtr.conf"),
        (Notice::UsingPrevious, "NOTE: using PREVIOUS job config"),
        (Notice::ExitingOn(Signal::TERM), "pmtr: exiting on signal 15"),
        (
            Notice::Exposed { endpoint: endpoint.clone() },
            "listen on udp://192.0.2.7:10000: anyone who can reach it can enable and disable jobs",
        ),
        (
            Notice::Exposed { endpoint: local },
            "listen on udp://127.0.0.1:10000: every local user can enable and disable jobs",
        ),
        (Notice::Listening { endpoint: endpoint.clone() }, "listening on udp://192.0.2.7:10000"),
        (
            Notice::Unserved { station: listen, error: NetError::Failed(Errno(98)) },
            "can't listen on udp://192.0.2.7:10000: Address already in use; trying again within 10 sec",
        ),
        (
            Notice::Unserved { station: multicast.clone(), error: NetError::NoInterface },
            "can't report to udp://239.0.0.1:9999@eth7: there is no interface eth7; trying again within 10 sec",
        ),
        (
            Notice::Unserved { station: multicast, error: NetError::NoMulticast },
            "can't report to udp://239.0.0.1:9999@eth7: interface eth7 can't do multicast; trying again within 10 sec",
        ),
        (Notice::ReportingAgain { endpoint }, "reporting to udp://192.0.2.7:10000 again"),
        (Notice::InvalidControl { from }, "invalid control msg from 192.0.2.9:4711"),
        (
            Notice::UnknownJobs { names: vec![(*b"web").into(), (*b"a\x1b").into()], more: 3 },
            "no such job: web a? and 3 more",
        ),
        (Notice::UnknownJobs { names: vec![(*b"web").into()], more: 0 }, "no such job: web"),
        (
            Notice::MoreComplaints { invalid: 41, unknown: 1, secs: 2, last: from },
            "in 2 sec 41 more invalid control msgs and 1 that names no such job, the last from 192.0.2.9:4711",
        ),
        (
            Notice::MoreSwitches { switches: 512, last: from },
            "in 1 sec 512 more jobs switched by command, the last from 192.0.2.9:4711",
        ),
        (Notice::Flood { from }, "flood of control msgs, the last from 192.0.2.9:4711; jobs come first"),
    ] {
        assert_eq!(notice.to_string(), text);
    }
}

#[test]
fn what_matters_more_stands_higher() {
    let (job, pid) = (JobName::new(b"web"), Pid::new(7).unwrap());
    let file: Rc<[u8]> = (*b"/etc/pmtr.conf").into();
    let last: Rc<[u8]> = (*b"/var/lib/pmtr/last-good.conf").into();
    let since = "Sat Nov 21 09:03:07 2026".into();
    let kept = Rc::new(KeptText { file: last.clone(), since });
    let mistake =
        Mistake { line: 3, column: 5, ..Mistake::of_file(file.clone(), Severity::Error, "no such option") };
    let exposed = "any user can write to this file and run commands through it";
    let exposed = Mistake::of_file(file.clone(), Severity::Warning, exposed);
    let status = JobStatus { name: job.clone(), phase: Phase::Queued, failed: None };
    let from = ([192, 0, 2, 9], 4711).into();
    let more_mistakes = |errors, warnings| Notice::MoreMistakes(Count { errors, warnings });
    let gone = |more| FilesLost { loss: Loss::Vanished, file: (*b"/etc/pmtr.d/web.conf").into(), more };
    let more = |invalid, unknown| Notice::MoreComplaints { invalid, unknown, secs: 2, last: from };
    let cant = |stage, errno, subject: &str| {
        let error = SpawnError { stage, errno: Errno(errno) };
        let start = FailedStart { error, subject: subject.into(), searched: None, tries: 1 };
        Notice::CantStart { job: job.clone(), start }
    };
    let named = [(pid, (*b"sleep").into()), (Pid::new(8).unwrap(), (*b"a\x1b").into())];
    let left = |left| Notice::LeftOver { job: job.clone(), group: pid, left };
    for (level, notices) in [
        (Level::Debug, vec![(Notice::AdoptedEnded { pid }, "adopted process 7 ended")]),
        (
            Level::Info,
            vec![
                (
                    Notice::Sending { signal: Signal(33), job: job.clone(), pid },
                    "sending signal 33 to job web [7]",
                ),
                (
                    Notice::SendingToRest { signal: Signal::CONT, job: job.clone(), group: pid },
                    "sending SIGCONT to the remaining processes of job web [7]",
                ),
                (Notice::Bouncing { job: job.clone() }, "job web: time to bounce"),
                (
                    Notice::DependsChanged { job: job.clone() },
                    "job web: a file that it depends on has changed",
                ),
                (Notice::DependsBack { job: job.clone() }, "job web: all files that it depends on exist"),
                (Notice::ConfigBack { file: file.clone() }, "/etc/pmtr.conf can be read again"),
                (
                    Notice::ConfigInForce { file: file.clone() },
                    "/etc/pmtr.conf matches the running configuration again",
                ),
                (Notice::Switched { job: job.clone(), enabled: true }, "job web enabled by command"),
                (Notice::Switched { job: job.clone(), enabled: false }, "job web disabled by command"),
                (
                    Notice::SwitchedBack { job: job.clone(), enabled: true },
                    "job web is enabled again by the file",
                ),
                (
                    Notice::SwitchedBack { job: job.clone(), enabled: false },
                    "job web is disabled again by the file",
                ),
                (
                    Notice::MoreSwitches { switches: 9, last: from },
                    "in 1 sec 9 more jobs switched by command, the last from 192.0.2.9:4711",
                ),
                (Notice::Status(status), "job web: waiting for its turn"),
                (Notice::StatusEnd { jobs: 2 }, "that was the state of 2 jobs"),
                (
                    Notice::MoreSwitches { switches: 1, last: from },
                    "in 1 sec 1 more job switched by command, the last from 192.0.2.9:4711",
                ),
                (Notice::StatusEnd { jobs: 1 }, "that was the state of 1 job"),
            ],
        ),
        (
            Level::Warning,
            vec![
                (
                    Notice::DependsRestless {
                        job: job.clone(),
                        file: file.clone(),
                        wait: Duration::from_millis(1_001),
                    },
                    "job web: /etc/pmtr.conf, which it depends on, keeps changing (does the job write it?); \
                     restarting in 2 sec",
                ),
                (
                    Notice::DependsMissing { job: job.clone(), file: file.clone() },
                    "job web is waiting for /etc/pmtr.conf, which it depends on: can't read it",
                ),
                (
                    Notice::ConfigMissing { file: file.clone() },
                    "/etc/pmtr.conf is missing; jobs keep running",
                ),
                (
                    Notice::ConfigUnreadable { file: file.clone(), errno: Errno(13) },
                    "can't read /etc/pmtr.conf: Permission denied; jobs keep running, trying again",
                ),
                (
                    Notice::ConfigEmpty { file: file.clone() },
                    "/etc/pmtr.conf is empty; jobs keep running, SIGHUP applies it",
                ),
                (
                    Notice::ConfigNotAFile { file: file.clone() },
                    "/etc/pmtr.conf is not a regular file; jobs keep running",
                ),
                (
                    Notice::NotKept { file: last, why: "write it: No space left on device".into() },
                    "can't save the last good configuration to /var/lib/pmtr/last-good.conf: write it: No space left on device; that file may be out of date",
                ),
                (
                    Notice::WriterAwaited { file: file.clone() },
                    "waiting for the writer of /etc/pmtr.conf to close it",
                ),
                (
                    Notice::Mistake(exposed),
                    "/etc/pmtr.conf: warning: any user can write to this file and run commands through it",
                ),
                (
                    Notice::Emptied { file: file.clone() },
                    "/etc/pmtr.conf has no jobs; stopping all jobs in 2 s",
                ),
                (Notice::FilesLost(gone(0)), "/etc/pmtr.d/web.conf is missing; stopping its jobs in 2 s"),
                (
                    Notice::FilesLost(gone(2)),
                    "/etc/pmtr.d/web.conf and 2 more files are missing; stopping their jobs in 2 s",
                ),
                (
                    Notice::ConfigUnreadable { file: (*b"/etc/pmtr.d").into(), errno: Errno(13) },
                    "can't read /etc/pmtr.d: Permission denied; jobs keep running, trying again",
                ),
                (more(2, 0), "in 2 sec 2 more invalid control msgs, the last from 192.0.2.9:4711"),
                (
                    more(0, 5),
                    "in 2 sec 5 more control msgs that name no such job, the last from 192.0.2.9:4711",
                ),
                (more(1, 0), "in 2 sec 1 more invalid control msg, the last from 192.0.2.9:4711"),
                (
                    more(0, 1),
                    "in 2 sec 1 more control msg that names no such job, the last from 192.0.2.9:4711",
                ),
                (more_mistakes(0, 2), "and 2 more warnings; pmtr -t shows all"),
                (Notice::Lost { lines: 1 }, "1 message was lost"),
                (Notice::LinesLost { job: (*b"a").into(), lines: 1 }, "1 line of job a was lost"),
                (Notice::Lost { lines: 4 }, "4 messages were lost"),
                (Notice::LinesLost { job: (*b"a\n").into(), lines: 4 }, "4 lines of job a? were lost"),
                (Notice::Shell(Level::Warning, "no room".into()), "no room"),
            ],
        ),
        (
            Level::Error,
            vec![
                (
                    Notice::Outlived { job: job.clone(), pid },
                    "job web [7] has not ended 10 sec after SIGKILL, still waiting for it",
                ),
                (
                    left(Survivors::None),
                    "giving up on the remaining processes of job web [7] 10 sec after SIGKILL: nothing",
                ),
                (
                    left(Survivors::Some(Box::new([]))),
                    "giving up on the remaining processes of job web [7] 10 sec after SIGKILL: processes that can't be named",
                ),
                (
                    left(Survivors::Some(named.into())),
                    "giving up on the remaining processes of job web [7] 10 sec after SIGKILL: sleep [7], a? [8]",
                ),
                (cant(Stage::User, 0, "0day"), "can't start job web: user 0day: no such user"),
                (cant(Stage::User, 5, "ann"), "can't start job web: user ann: Input/output error"),
                (cant(Stage::Cpu, 22, ""), "can't start job web: cpu: Invalid argument"),
                (cant(Stage::Group, 0, "staff"), "can't start job web: group staff: no such group"),
                (cant(Stage::Member(1), 0, "adm"), "can't start job web: groups adm: no such group"),
                (cant(Stage::Group, 1, "staff"), "can't start job web: group staff: Operation not permitted"),
                (
                    cant(Stage::MakeDir(0), 0, "/run/web"),
                    "can't start job web: make dir /run/web: a symbolic link is on the way",
                ),
                (
                    cant(Stage::MakeDir(0), 13, "/run/web"),
                    "can't start job web: make dir /run/web: Permission denied",
                ),
                (
                    cant(Stage::EnvFile(FilePlace::MIN), 2, "web.env"),
                    "can't start job web: env file web.env: No such file or directory",
                ),
                (
                    cant(Stage::EnvFile(FilePlace::MIN), 0, "web.env"),
                    "can't start job web: env file web.env: not a regular file",
                ),
                (
                    cant(Stage::EnvFile(FilePlace { file: 0, line: 3 }), 1, "web.env"),
                    "can't start job web: env file web.env, line 3: no VAR=VALUE",
                ),
                (cant(Stage::OomScore, 13, "-5"), "can't start job web: oom score -5: Permission denied"),
                (
                    cant(Stage::Capability(13), 1, "CAP_NET_RAW"),
                    "can't start job web: keep capability CAP_NET_RAW: Operation not permitted",
                ),
                (Notice::Mistake(mistake), "/etc/pmtr.conf:3:5: error: no such option"),
                (
                    Notice::LastGood { file: file.clone(), kept },
                    "NOTE: using the LAST GOOD job config of Sat Nov 21 09:03:07 2026, from /var/lib/pmtr/last-good.conf, until /etc/pmtr.conf is fixed",
                ),
                (Notice::Unusable { file: file.clone(), blame: Blame::Missing }, "/etc/pmtr.conf is missing"),
                (Notice::Unusable { file: file.clone(), blame: Blame::Empty }, "/etc/pmtr.conf is empty"),
                (
                    Notice::Unusable { file: file.clone(), blame: Blame::NotAFile },
                    "/etc/pmtr.conf is not a regular file",
                ),
                (
                    Notice::Unusable { file: file.clone(), blame: Blame::Written },
                    "a program is writing to /etc/pmtr.conf",
                ),
                (
                    Notice::Unusable { file: file.clone(), blame: Blame::Unreadable(Errno(13)) },
                    "can't read /etc/pmtr.conf: Permission denied",
                ),
                (more_mistakes(3, 0), "and 3 more errors; pmtr -t shows all"),
                (more_mistakes(1, 2), "and 1 error, 2 warnings more; pmtr -t shows all"),
            ],
        ),
    ] {
        for (notice, text) in notices {
            assert_eq!((notice.level(), notice.to_string()), (level, text.to_owned()));
        }
    }
    assert!(Level::Debug < Level::Info && Level::Info < Level::Warning && Level::Warning < Level::Error);
}

#[test]
fn each_step_of_a_start_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<String> = Stage::ALL.iter().map(Stage::to_string).collect();
    assert_eq!(names.len(), Stage::ALL.len(), "{names:?}");
}

#[test]
fn what_a_job_does_by_rules_of_its_own_is_told_in_words_of_its_own() {
    let (job, pid) = (JobName::new(b"web"), Pid::new(7).unwrap());
    let (secs, millis) = (Duration::from_secs, Duration::from_millis);
    let delayed = |wait, runs| Notice::Delayed { job: job.clone(), wait, runs };
    let gave_up = |count, within| Notice::GaveUp { job: job.clone(), count, within };
    for (level, notice, text) in [
        (Level::Warning, delayed(secs(8), 4), "job web restarts in 8 sec, after 4 quick runs in a row"),
        (Level::Warning, delayed(millis(250), 1), "job web restarts in 250 ms"),
        (Level::Warning, delayed(millis(9_999), 1), "job web restarts in 9999 ms"),
        (Level::Warning, delayed(millis(10_500), 1), "job web restarts in 10 sec"),
        (Level::Warning, delayed(secs(1), 1), "job web restarts in 1 sec"),
        (Level::Error, gave_up(6, None), "job web gave up after 6 quick runs"),
        (Level::Error, gave_up(1, None), "job web gave up after 1 quick run"),
        (Level::Error, gave_up(6, Some(secs(60))), "job web gave up after 6 ends in 60 sec"),
        (
            Level::Info,
            Notice::Helping { job: job.clone(), purpose: "stop with", pid },
            "job web: running `stop with` [7]",
        ),
        (
            Level::Warning,
            Notice::HelperFailed { job: job.clone(), purpose: "reload with", why: "exit status 1".into() },
            "job web: `reload with` failed: exit status 1",
        ),
        (
            Level::Info,
            Notice::ExitingFor { job: job.clone() },
            "pmtr: exiting, for the essential job web has ended",
        ),
        (Level::Info, Notice::ExitingDone, "pmtr: exiting, for all jobs have ended"),
        (
            Level::Warning,
            Notice::EndingNow { within: secs(30) },
            "the jobs have not ended within 30 sec, sending SIGKILL",
        ),
        (
            Level::Info,
            Notice::Sending { signal: Signal::INT, job: job.clone(), pid },
            "sending SIGINT to job web [7]",
        ),
        (
            Level::Warning,
            Notice::LeftBehind { signal: Signal::QUIT, job: job.clone(), pid },
            "job web [7] was left by a pmtr that was killed, sending SIGQUIT",
        ),
    ] {
        assert_eq!((notice.level(), notice.to_string()), (level, text.to_owned()));
    }
}

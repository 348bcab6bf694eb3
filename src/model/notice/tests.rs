use super::*;
use crate::model::Role;

#[test]
fn the_texts_are_those_of_the_manual() {
    let job = JobName::new(b"app-server");
    let pid = Pid::new(18478).unwrap();
    let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
    let endpoint = Endpoint { address: ([192, 0, 2, 7], 10000).into(), interface: None };
    let listen = Station { role: Role::Listen, endpoint: endpoint.clone() };
    let group = Endpoint { address: ([239, 0, 0, 1], 9999).into(), interface: Some("eth7".into()) };
    let multicast = Station { role: Role::Report, endpoint: group };
    let from = ([192, 0, 2, 9], 4711).into();
    for (notice, text) in [
        (Notice::Starting, "pmtr: starting"),
        (Notice::Managing { jobs: 2 }, "pmtr: managing 2 jobs"),
        (
            Notice::NoJobs { file: (*b"/etc/pmtr.conf").into() },
            "no jobs yet: they start when /etc/pmtr.conf has some",
        ),
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
            Notice::LeftBehind { job: job.clone(), pid },
            "job app-server [18478] was left by a pmtr that was killed, sending SIGTERM",
        ),
        (Notice::Pausing { job: JobName::new(b"setup") }, "pausing for job setup to finish"),
        (
            Notice::CantStart { job: job.clone(), error, subject: "/opt/app".into() },
            "can't start job app-server: exec /opt/app: No such file or directory",
        ),
        (Notice::ParseFailed { file: (*b"/etc/pmtr.conf").into() }, "FAILED to parse /etc/pmtr.conf"),
        (Notice::UsingPrevious, "NOTE: using PREVIOUS job config"),
        (Notice::ExitingOn(Signal::TERM), "pmtr: exiting on signal 15"),
        (
            Notice::Exposed { endpoint: endpoint.clone() },
            "listen on udp://192.0.2.7:10000: whoever can reach it can enable and disable jobs",
        ),
        (Notice::Listening { endpoint: endpoint.clone() }, "listening on udp://192.0.2.7:10000"),
        (
            Notice::Unserved { station: listen, error: NetError::Failed(Errno(98)) },
            "can't listen on udp://192.0.2.7:10000: Address already in use; trying again every 10 sec",
        ),
        (
            Notice::Unserved { station: multicast.clone(), error: NetError::NoInterface },
            "can't report to udp://239.0.0.1:9999@eth7: there is no interface eth7; trying again every 10 sec",
        ),
        (
            Notice::Unserved { station: multicast, error: NetError::NoMulticast },
            "can't report to udp://239.0.0.1:9999@eth7: interface eth7 can't do multicast; trying again every 10 sec",
        ),
        (Notice::ReportingAgain { endpoint }, "reporting to udp://192.0.2.7:10000 again"),
        (Notice::InvalidControl { from }, "invalid control msg from 192.0.2.9:4711"),
        (
            Notice::UnknownJobs { names: vec![(*b"web").into(), (*b"a\x1b").into()], more: 3 },
            "no such job: web a? and 3 more",
        ),
        (
            Notice::MoreComplaints { invalid: 41, unknown: 1, secs: 2, last: from },
            "in 2 sec 41 more invalid control msgs and 1 that name no such job, the last from 192.0.2.9:4711",
        ),
        (
            Notice::MoreSwitches { switches: 512, last: from },
            "in 1 sec 512 more jobs switched by command, the last from 192.0.2.9:4711",
        ),
        (
            Notice::Flood { from },
            "a flood of control msgs, the last from 192.0.2.9:4711; jobs are served first",
        ),
    ] {
        assert_eq!(notice.to_string(), text);
    }
}

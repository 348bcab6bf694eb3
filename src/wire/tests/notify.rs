use super::super::notify::encode;
use crate::model::{Milestone, MonoTime, NotifyMessage, Pid, Summary};

const NOW: MonoTime = MonoTime::from_nanos(12_345_678_901);

fn text(message: NotifyMessage, main_pid: Option<Pid>) -> String {
    String::from_utf8(encode(&message, NOW, main_pid)).unwrap()
}

#[test]
fn a_milestone_is_written_as_the_protocol_defines_it() {
    let pid = Pid::new(77);
    for (milestone, main_pid, wanted) in [
        (Milestone::Ready, None, "READY=1\n"),
        (Milestone::Ready, pid, "READY=1\nMAINPID=77\n"),
        (Milestone::Reloading, pid, "RELOADING=1\nMONOTONIC_USEC=12345678\n"),
        (Milestone::Stopping, pid, "STOPPING=1\n"),
    ] {
        assert_eq!(
            text(NotifyMessage { milestone: Some(milestone), ..NotifyMessage::default() }, main_pid),
            wanted
        );
    }
}

#[test]
fn a_status_counts_the_jobs_and_one_is_singular() {
    let serving = |jobs, running, mistakes| Summary::Serving { jobs, running, mistakes, last_good: false };
    let recovered = |mistakes| Summary::Serving { jobs: 2, running: 1, mistakes, last_good: true };
    for (summary, wanted) in [
        (serving(12, 11, false), "12 jobs, 11 running"),
        (serving(1, 1, false), "1 job, 1 running"),
        (serving(0, 0, false), "0 jobs, 0 running"),
        (serving(12, 11, true), "12 jobs, 11 running, the file has errors"),
        (serving(1, 0, true), "1 job, 0 running, the file has errors"),
        (recovered(true), "2 jobs, 1 running, the file has errors, using the last good configuration"),
        (recovered(false), "2 jobs, 1 running, using the last good configuration"),
        (Summary::Ending { running: 3 }, "exiting, 3 running"),
        (Summary::Ending { running: 0 }, "exiting, 0 running"),
    ] {
        let message = NotifyMessage { summary: Some(summary), ..NotifyMessage::default() };
        assert_eq!(text(message, None), format!("STATUS={wanted}\n"));
    }
}

#[test]
fn one_message_may_contain_everything_or_nothing() {
    let summary = Some(Summary::Ending { running: 1 });
    let all = NotifyMessage { milestone: Some(Milestone::Stopping), summary, alive: true };
    assert_eq!(text(all, None), "STOPPING=1\nSTATUS=exiting, 1 running\nWATCHDOG=1\n");
    assert_eq!(text(NotifyMessage::default(), Pid::new(77)), "");
}

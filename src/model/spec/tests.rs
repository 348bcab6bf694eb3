//! A definition returns what was packed, and its comparison says what changed.

use super::*;
use crate::model::Stage;

fn full() -> JobDraft {
    let b = |s: &str| s.as_bytes().to_vec();
    JobDraft {
        name: b("web"),
        cmd: ["/bin/web", "", "New York"].into(),
        dir: Some(b("/srv")),
        input: None,
        out: Some(b("log")),
        err: Some(b("syslog")),
        user: Some(b("www")),
        env: ["A=b c"].into(),
        depends: ["/etc/app.conf", "rel"].into(),
        attributes: Attributes {
            nice: Some(-4),
            limits: vec![Limit { resource: Resource::OpenFiles, value: Ok(30) }],
            ..Attributes::default()
        },
        policy: Policy { order: 3, ..Policy::default() },
    }
}

#[test]
fn a_packed_definition_gives_back_what_went_in() {
    let spec = JobSpec::from(full());
    assert_eq!(spec.name.as_bytes(), b"web");
    assert_eq!(spec.launch.cmd().collect::<Vec<_>>(), [c"/bin/web", c"", c"New York"]);
    assert_eq!(spec.launch.path(), c"/bin/web");
    assert_eq!(
        (spec.launch.dir(), spec.launch.input(), spec.launch.out()),
        (c"/srv", None, Output::File(c"log"))
    );
    assert_eq!((spec.launch.err(), spec.launch.user()), (Output::Syslog, Some(c"www")));
    let files = [spec.launch.out(), spec.launch.err(), Output::Null].map(Output::file);
    assert_eq!(files, [Some(c"log"), None, None]);
    assert_eq!(spec.launch.env().collect::<Vec<_>>(), [c"A=b c"]);
    assert_eq!(spec.launch.depends().collect::<Vec<_>>(), [c"/etc/app.conf", c"rel"]);
    assert_eq!(spec.launch.subject(Stage::Limit(0)), "-n 30");
}

#[test]
fn each_step_of_a_start_names_what_it_works_on() {
    let spec = JobSpec::from(full());
    for (stages, subject) in [
        (&[Stage::User, Stage::Groups, Stage::Gid, Stage::Uid][..], "www"),
        (&[Stage::Dir], "/srv"),
        (&[Stage::Nice], "-4"),
        (&[Stage::Limit(0)], "-n 30"),
        (&[Stage::In], "/dev/null"),
        (&[Stage::Out], "log"),
        (&[Stage::Err], "syslog"),
        (&[Stage::Exec], "/bin/web"),
        (&[Stage::Prepare, Stage::Fork, Stage::Close, Stage::Session, Stage::Cpu, Stage::Signals], ""),
        (&[Stage::Limit(1)], ""),
    ] {
        for stage in stages {
            assert_eq!(spec.launch.subject(*stage), subject, "{stage}");
        }
    }
}

#[test]
fn a_job_is_shown_by_name_and_command_and_a_limit_as_it_is_written() {
    let unbounded = Limit { resource: Resource::Core, value: Err(Infinity) };
    assert_eq!(unbounded.to_string(), "-c infinity");
    let shown = format!("{:?}", JobSpec::from(full()));
    assert_eq!(shown, r#"JobSpec { name: web, cmd: ["/bin/web", "", "New York"], order: 3, .. }"#);
}

#[test]
fn another_order_alone_lets_the_process_run_on() {
    let policy = Policy { order: 9, ..full().policy };
    let (a, b) = (JobSpec::from(full()), JobSpec::from(JobDraft { policy, ..full() }));
    assert_eq!((a.compare(&b), a.compare(&a)), (Difference::Policy, Difference::None));
    assert!(a != b);
}

#[test]
fn a_text_moved_between_options_makes_another_job() {
    let a = JobSpec::from(full());
    for other in [
        JobDraft { dir: None, input: Some(b"/srv".to_vec()), ..full() },
        JobDraft { env: Words::default(), depends: ["A=b c", "/etc/app.conf", "rel"].into(), ..full() },
        JobDraft { cmd: ["/bin/web", ""].into(), env: ["New York", "A=b c"].into(), ..full() },
        JobDraft { attributes: Attributes { nice: Some(0), ..full().attributes }, ..full() },
        JobDraft { policy: Fixed { wait: true, ..Fixed::default() }.into(), ..full() },
    ] {
        assert_eq!(a.compare(&JobSpec::from(other)), Difference::Run);
    }
}

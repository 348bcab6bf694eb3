//! A definition returns what was packed, and its comparison says what changed.

use super::*;
use crate::model::{Capabilities, Capability, Config, Errno, FilePlace, Pid, SpawnError, Stage};

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
            group: Some(c"staff".into()),
            groups: ["adm", "4242"].into(),
            env_files: vec![EnvFile::new(b"/etc/web.env", false), EnvFile::new(b"own.env", true)],
            make_dirs: vec![MakeDir::new(b"/run/web", Some(0o700))],
            oom_score: Some(-5),
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
        (&[Stage::Group], "staff"),
        (&[Stage::Member(1)], "4242"),
        (&[Stage::MakeDir(0)], "/run/web"),
        (&[Stage::EnvFile(FilePlace { file: 1, line: 9 })], "own.env"),
        (&[Stage::OomScore], "-5"),
        (&[Stage::Capability(10)], "CAP_NET_BIND_SERVICE"),
        (&[Stage::Dir], "/srv"),
        (&[Stage::Nice], "-4"),
        (&[Stage::Limit(0)], "-n 30"),
        (&[Stage::In], "/dev/null"),
        (&[Stage::Out], "log"),
        (&[Stage::Err], "syslog"),
        (&[Stage::Exec], "/bin/web"),
        (&[Stage::Prepare, Stage::Fork, Stage::Close, Stage::Session, Stage::Cpu, Stage::Signals], ""),
        (&[Stage::Limit(1), Stage::NoNewPrivileges], ""),
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
        JobDraft { attributes: Attributes { group: None, ..full().attributes }, ..full() },
        JobDraft { attributes: Attributes { env_clear: true, ..full().attributes }, ..full() },
        JobDraft { attributes: Attributes { env_files: Vec::new(), ..full().attributes }, ..full() },
        JobDraft { policy: Fixed { wait: true, ..Fixed::default() }.into(), ..full() },
    ] {
        assert_eq!(a.compare(&JobSpec::from(other)), Difference::Run);
    }
}

/// What is searched for a command `web` of a job with these lines of `env`.
fn searched(env: &[&str], attributes: Attributes) -> Option<String> {
    let env = env.iter().copied().collect();
    let draft = JobDraft { cmd: ["web"].into(), env, attributes, ..full() };
    let mut config = Config { jobs: vec![JobSpec::from(draft)], ..Config::default() };
    config.inherit_path(&b"PATH=/own".as_slice().into());
    let error = SpawnError { stage: Stage::Exec, errno: Errno(2) };
    config.jobs[0].launch.searched(error).map(String::from)
}

#[test]
fn a_command_without_a_slash_is_searched_in_the_path_that_the_job_has() {
    let clear = || Attributes { env_clear: true, ..Attributes::default() };
    assert_eq!(searched(&["A=b", "PATH=/a:/b"], clear()).as_deref(), Some("PATH=/a:/b"));
    assert_eq!(searched(&["XPATH=/a"], Attributes::default()).as_deref(), Some("PATH=/own"));
    assert_eq!(searched(&[], clear()).as_deref(), SYSTEM_PATH.to_str().ok());
    let spec = JobSpec::from(JobDraft { cmd: ["web"].into(), ..full() });
    for (stage, errno, searched) in [
        // Where pmtr has none.
        (Stage::Exec, 2, SYSTEM_PATH.to_str().ok()),
        (Stage::Exec, 0, Some("the PATH of an env file")),
        (Stage::Exec, 13, None),
        (Stage::Dir, 2, None),
    ] {
        let error = SpawnError { stage, errno: Errno(errno) };
        assert_eq!(spec.launch.searched(error).as_deref(), searched, "{stage} {errno}");
    }
    for path in ["/bin/web", "bin/web", "./web"] {
        let spec = JobSpec::from(JobDraft { cmd: [path].into(), ..full() });
        let missing = SpawnError { stage: Stage::Exec, errno: Errno(2) };
        assert_eq!((spec.launch.searched(missing), spec.launch.is_searched()), (None, false), "{path}");
    }
}

#[test]
fn jobs_whose_commands_are_searched_share_what_they_have_in_common() {
    let job = |cmd: &str| JobSpec::from(JobDraft { cmd: [cmd].into(), ..full() });
    let mut jobs = vec![job("a"), job("b"), job("/bin/c")];
    let attributes = Rc::new(full().attributes);
    for spec in &mut jobs {
        let cmd = spec.launch.cmd().map(std::ffi::CStr::to_bytes).collect();
        let draft = JobDraft { cmd, ..full() };
        spec.launch = Launch::new(&draft, Rc::clone(&attributes), None, &mut Vec::new());
    }
    let mut config = Config { jobs, ..Config::default() };
    config.inherit_path(&b"PATH=/own".as_slice().into());
    let at = |index: usize| std::ptr::from_ref(config.jobs[index].launch.attributes());
    assert!(at(0) == at(1) && at(0) != at(2) && at(2) == Rc::as_ptr(&attributes));
}

#[test]
fn a_command_beside_a_job_has_its_variables_and_the_number_of_its_process() {
    let env = ["A=b c", "PMTR_PID=9", "XPMTR_PID=1"].into();
    let spec = JobSpec::from(JobDraft { env, ..full() });
    let beside = spec.launch.env_beside(Pid::new(7).unwrap());
    assert_eq!(beside, ["A=b c", "XPMTR_PID=1", "PMTR_PID=7"].into());
}

#[test]
fn a_path_of_pmtr_is_noted_for_a_job_without_attributes_too() {
    let draft = JobDraft { cmd: ["web"].into(), ..JobDraft::default() };
    let mut config = Config { jobs: vec![JobSpec::from(draft)], ..Config::default() };
    config.inherit_path(&b"PATH=/own".as_slice().into());
    assert_eq!(config.jobs[0].launch.search_path(), b"PATH=/own");
}

#[test]
fn a_start_takes_a_copy_if_one_attribute_may_take_time_or_calls() {
    assert!(!Attributes::default().need_a_copy());
    let mut capabilities = Capabilities::default();
    assert!(capabilities.add(Capability::named(b"KILL").unwrap()));
    for attributes in [
        Attributes { group: Some(c"www".into()), ..Attributes::default() },
        Attributes { groups: ["www"].into(), ..Attributes::default() },
        Attributes {
            env_files: vec![EnvFile { path: c"/a".into(), optional: true }],
            ..Attributes::default()
        },
        Attributes { make_dirs: vec![MakeDir { path: c"/a".into(), mode: None }], ..Attributes::default() },
        Attributes { capabilities, ..Attributes::default() },
        Attributes { oom_score: Some(0), ..Attributes::default() },
    ] {
        assert!(attributes.need_a_copy(), "{attributes:?}");
    }
}

use super::*;
use crate::model::{Config, JobDraft, Limit};
use crate::sys::process::effective_uid;
use crate::sys::testing::Dir;
use std::path::PathBuf;

/// A directory of its own for each test, with a command and a file that is none.
struct Scratch(Dir);

impl Scratch {
    fn new() -> Scratch {
        let scratch = Scratch(Dir::new());
        scratch.file("cmd", "", 0o755);
        scratch.file("plain", "", 0o644);
        scratch.file("script", "#! /bin/sh -e\n", 0o755);
        scratch.file("astray", "#!/no/sh\r\n", 0o755);
        scratch
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn at(&self, name: &str) -> Vec<u8> {
        self.0.join(name).as_os_str().as_bytes().to_vec()
    }
}

fn machine(uid: u32) -> Machine<'static> {
    Machine {
        uid,
        user: &|user| match user.to_bytes() {
            b"root" => Some(0),
            b"me" | b"1000" => Some(1000),
            b"www" => Some(33),
            _ => None,
        },
        hard_limit: &|resource| {
            let known =
                [(Resource::OpenFiles, Ok(1024)), (Resource::Core, Err(Infinity)), (Resource::Nice, Ok(25))];
            known.into_iter().find(|(known, _)| *known == resource).map(|(_, hard)| hard)
        },
    }
}

fn parsed(job: JobDraft) -> Parsed {
    Parsed { config: Config { jobs: vec![job.into()], ..Config::default() }, lines: vec![3] }
}

#[test]
fn what_looks_like_a_mistake_is_warned_of() {
    let scratch = Scratch::new();
    let here = scratch.0.path().display().to_string();
    let limit = |resource, value| vec![Limit { resource, value }];
    let good = || JobDraft { name: b"web".to_vec(), cmd: [scratch.at("cmd")].into(), ..JobDraft::default() };
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let cases: Vec<(u32, JobDraft, String)> = vec![
        (1000, good(), String::new()),
        (
            1000,
            JobDraft { cmd: [scratch.at("no")].into(), ..good() },
            format!("cmd {here}/no does not exist"),
        ),
        (
            1000,
            JobDraft { cmd: [scratch.at("cmd/x")].into(), ..good() },
            format!("cmd {here}/cmd/x does not exist"),
        ),
        (
            1000,
            JobDraft { cmd: [scratch.at("plain")].into(), ..good() },
            format!("cmd {here}/plain is not executable"),
        ),
        (1000, JobDraft { cmd: [scratch.at("")].into(), ..good() }, format!("cmd {here}/ is a directory")),
        (
            1000,
            JobDraft { cmd: ["/dev/null"].into(), ..good() },
            "cmd /dev/null is not a regular file".into(),
        ),
        (1000, JobDraft { cmd: [scratch.at("script")].into(), ..good() }, String::new()),
        (
            1000,
            JobDraft { cmd: [scratch.at("astray")].into(), ..good() },
            format!("cmd {here}/astray is a script for /no/sh?, which does not exist"),
        ),
        (
            0,
            JobDraft { dir: Some(scratch.at("")), depends: ["script", "no", "/etc/passwd"].into(), ..good() },
            String::new(),
        ),
        (
            0,
            JobDraft { depends: ["/etc/"].into(), ..good() },
            "depends /etc/ is a directory, not a regular file: the job will wait for one".into(),
        ),
        (
            0,
            JobDraft { dir: Some(b"/dev".to_vec()), depends: ["null"].into(), ..good() },
            "depends null is a device, not a regular file: the job will wait for one".into(),
        ),
        (1000, JobDraft { user: text("me"), ..good() }, String::new()),
        (1000, JobDraft { user: text("1000"), ..good() }, String::new()),
        (0, JobDraft { user: text("www"), ..good() }, String::new()),
        (
            1000,
            JobDraft { user: text("www"), ..good() },
            "user www is another user, which takes a pmtr that runs as root".into(),
        ),
        (0, JobDraft { user: text("wwww"), ..good() }, "user wwww does not exist".into()),
        (0, JobDraft { dir: Some(scratch.at("")), out: text("new.log"), ..good() }, String::new()),
        (
            0,
            JobDraft { dir: Some(scratch.at("no")), out: text("x"), ..good() },
            format!("dir {here}/no does not exist"),
        ),
        (
            0,
            JobDraft { dir: Some(scratch.at("cmd")), ..good() },
            format!("dir {here}/cmd is not a directory"),
        ),
        (0, JobDraft { out: text("syslog"), err: text("syslog"), ..good() }, String::new()),
        (
            0,
            JobDraft { dir: Some(scratch.at("")), out: text("no/log"), ..good() },
            "out no/log: the directory does not exist".into(),
        ),
        (
            0,
            JobDraft { err: text("/no/such/log"), ..good() },
            "err /no/such/log: the directory does not exist".into(),
        ),
        (0, JobDraft { input: text("/no/in"), ..good() }, "in /no/in: the directory does not exist".into()),
        (
            0,
            JobDraft { dir: Some(scratch.at("")), input: text("syslog"), ..good() },
            "in syslog: it does not exist".into(),
        ),
        (1000, JobDraft { limits: limit(Resource::OpenFiles, Ok(1024)), ..good() }, String::new()),
        (
            1000,
            JobDraft { limits: limit(Resource::OpenFiles, Ok(1025)), ..good() },
            "ulimit -n 1025 is above the hard limit 1024, which takes a pmtr that runs as root".into(),
        ),
        (
            1000,
            JobDraft { limits: limit(Resource::OpenFiles, Err(Infinity)), ..good() },
            "ulimit -n infinity is above the hard limit 1024, which takes a pmtr that runs as root".into(),
        ),
        (0, JobDraft { limits: limit(Resource::OpenFiles, Ok(1025)), ..good() }, String::new()),
        (1000, JobDraft { limits: limit(Resource::Core, Err(Infinity)), ..good() }, String::new()),
        (1000, JobDraft { limits: limit(Resource::Stack, Ok(9)), ..good() }, String::new()),
        (1000, JobDraft { nice: Some(-5), ..good() }, String::new()),
        (1000, JobDraft { nice: Some(-6), ..good() }, "nice -6 takes a pmtr that runs as root".into()),
        (0, JobDraft { nice: Some(-20), ..good() }, String::new()),
    ];
    for (uid, job, expected) in cases {
        let found: Vec<Warning> = look(&parsed(job), &machine(uid));
        let texts: Vec<&str> = found.iter().map(|warning| warning.text.as_str()).collect();
        let expected = if expected.is_empty() { vec![] } else { vec![format!("job web: {expected}")] };
        assert_eq!(texts, expected);
        assert!(found.iter().all(|warning| warning.line == 3));
    }
}

/// Runs a test of `file`, whose text is a mistake when it contains `bad`; returns stdout, stderr and status.
fn test(file: &Path, mode: Mode) -> (String, String, u8) {
    let parser = Parser {
        parse: |text| match text.windows(3).any(|part| part == b"bad") {
            true => {
                let mistake = Mistake { line: 1, column: 1, width: 1, text: [].into(), what: "bad".into() };
                Err(vec![mistake.clone(), mistake])
            }
            false if text.is_empty() => Ok(Parsed::default()),
            false => {
                Ok(parsed(JobDraft { name: b"web".to_vec(), cmd: ["/no/cmd"].into(), ..JobDraft::default() }))
            }
        },
        render: |file, mistakes| mistakes.iter().map(|m| format!("{}\n", m.headline(file))).collect(),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    // The files belong to the user who runs the tests.
    let status = run(file, mode, &parser, &machine(effective_uid()), &mut out, &mut err);
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), status)
}

#[test]
fn the_number_of_mistakes_goes_to_stdout_and_all_else_to_stderr() {
    let scratch = Scratch::new();
    let here = scratch.0.path().display();
    let good = scratch.file("good", "x", 0o644);
    let open = scratch.file("open", "", 0o666);
    let bad = scratch.file("bad", "job {\n bad\n}\n\tjob\n{\n}\njob x\njobs {\n", 0o644);
    let missing = scratch.0.join("missing");
    let warning = format!("{here}/good:3: warning: job web: cmd /no/cmd does not exist\n");
    let writable = format!("{here}/open: warning: every user may write this file, and so run commands\n");
    for (file, jobs, mistakes, stderr) in [
        (&good, 1, 0, warning),
        (&open, 0, 0, writable),
        (&bad, 2, 2, format!("{here}/bad:1:1: bad\n{here}/bad:1:1: bad\n")),
        (&missing, 0, 1, format!("{here}/missing: can't read it: No such file or directory\n")),
        (&scratch.0.path().to_path_buf(), 0, 1, format!("{here}: not a regular file\n")),
    ] {
        let stdout = format!("{}: {jobs} jobs, {mistakes} mistakes\n", file.display());
        assert_eq!(test(file, Mode::Test), (stdout.clone(), stderr.clone(), 0));
        assert_eq!(test(file, Mode::Check), (stdout, stderr, u8::from(mistakes > 0)));
    }
    assert!(!missing.exists());
}

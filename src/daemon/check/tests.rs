use super::*;
use crate::cli::{self, Ask};
use crate::sys::process::effective_uid;
use crate::sys::testing::Dir;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A directory for each test, with commands and a file that is not executable.
struct Scratch(Dir);

impl Scratch {
    fn new() -> Scratch {
        let scratch = Scratch(Dir::new());
        for (name, text, mode) in [
            ("cmd", "\x7fELF\0", 0o755),
            ("plain", "", 0o644),
            ("script", "#! /bin/sh -e\n", 0o755),
            ("astray", "#!/no/sh\n", 0o755),
            ("dos", "#!/bin/sh\r\n", 0o755),
            ("bare", "echo hello\n", 0o755),
        ] {
            scratch.file(name, text, mode);
        }
        scratch
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn here(&self) -> String {
        self.0.path().display().to_string()
    }
}

fn machine(uid: u32) -> Machine<'static> {
    fn account(uid: u32, groups: Vec<u32>) -> Option<Account> {
        Some(Account { uid, groups: Some(groups) })
    }
    Machine {
        uid,
        user: &|user| match user.to_bytes() {
            b"root" => account(0, vec![0]),
            b"me" | b"1000" => account(1000, vec![1000]),
            b"www" => account(33, vec![33, effective_gid()]),
            b"far" => account(33, vec![33]),
            _ => None,
        },
        hard_limit: &|resource| {
            let known =
                [(Resource::OpenFiles, Ok(1024)), (Resource::Core, Err(Infinity)), (Resource::Nice, Ok(25))];
            known.into_iter().find(|(known, _)| *known == resource).map(|(_, hard)| hard)
        },
    }
}

/// The group of the files that this process creates.
fn effective_gid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    let dir = Dir::new();
    fs::metadata(dir.path()).unwrap().gid()
}

/// The warnings about a job with these lines: place and text.
fn warnings(uid: u32, lines: &str) -> Vec<String> {
    let text = format!("job {{\n name web\n{lines}\n}}\n");
    let parsed = config::check(text.as_bytes()).unwrap_or_else(|m| panic!("{}", config::render(&m)));
    let found = job::look(&parsed.config.jobs, &parsed.places, &machine(uid));
    let shown = |warning: &Mistake| {
        assert_eq!(warning.severity, Severity::Warning);
        let what = warning.what.strip_prefix("job web: ").unwrap();
        format!("{}:{}: {what}", warning.line, warning.column)
    };
    found.iter().map(shown).collect()
}

#[test]
fn what_the_machine_lacks_is_warned_of_at_its_place() {
    let scratch = Scratch::new();
    let here = scratch.here();
    let cases: &[(u32, &str, &str)] = &[
        (1000, " cmd HERE/cmd", ""),
        (1000, " cmd HERE/no x", "3:6: cmd HERE/no does not exist"),
        (1000, " cmd HERE/cmd/x", "3:6: cmd HERE/cmd/x does not exist"),
        (1000, " cmd HERE/plain", "3:6: cmd HERE/plain is not executable"),
        (1000, " cmd HERE/", "3:6: cmd HERE/ is a directory"),
        (1000, " cmd /dev/null", "3:6: cmd /dev/null is not a regular file"),
        (1000, " cmd HERE/script", ""),
        (1000, " cmd HERE/astray", "3:6: cmd HERE/astray is a script for /no/sh, which does not exist"),
        (
            1000,
            " cmd HERE/dos",
            "3:6: cmd HERE/dos is a script with CR LF at the end of its lines, which the kernel can't run: use dos2unix",
        ),
        (
            1000,
            " cmd HERE/bare",
            "3:6: cmd HERE/bare is a script without `#!` and an interpreter in its first line",
        ),
        (0, " cmd HERE/cmd\n dir HERE\n depends { script no /etc/passwd }", ""),
        (
            0,
            " cmd HERE/cmd\n depends {\n  /etc/passwd\n  /etc/\n }",
            "6:3: depends /etc/ is a directory: pmtr looks at the content of regular files only, so the job will wait for one",
        ),
        (
            0,
            " cmd HERE/cmd\n dir /dev\n depends { null }",
            "5:12: depends null is a device: pmtr looks at the content of regular files only, so the job will wait for one",
        ),
        (1000, " cmd HERE/cmd\n user me", ""),
        (1000, " cmd HERE/cmd\n user 1000", ""),
        (0, " cmd HERE/cmd\n user www", ""),
        (
            1000,
            " cmd HERE/cmd\n user www",
            "4:7: user www is another user: pmtr must run as root to switch to it",
        ),
        (0, " cmd HERE/cmd\n\n user wwww", "5:7: user wwww does not exist"),
        (0, " cmd HERE/cmd\n dir HERE\n out new.log", ""),
        (0, " cmd HERE/cmd\n dir HERE/no\n out x", "4:6: dir HERE/no does not exist"),
        (0, " cmd HERE/cmd\n dir HERE/cmd", "4:6: dir HERE/cmd is not a directory"),
        (0, " cmd HERE/cmd\n out syslog\n err syslog", ""),
        (
            0,
            " cmd HERE/cmd\n dir HERE\n out syslg",
            "5:6: out syslg is a file in HERE: write `syslog` to send the output to the log",
        ),
        (
            0,
            " cmd HERE/cmd\n err Syslog",
            "4:6: err Syslog is a file in /: write `syslog` to send the output to the log",
        ),
        (0, " cmd HERE/cmd\n dir HERE\n out no/log", "5:6: out no/log: the directory does not exist"),
        (0, " cmd HERE/cmd\n err /no/such/log", "4:6: err /no/such/log: the directory does not exist"),
        (0, " cmd HERE/cmd\n err HERE", "4:6: err HERE: it is a directory"),
        (0, " cmd HERE/cmd\n in /no/in", "4:5: in /no/in: the directory does not exist"),
        (0, " cmd HERE/cmd\n dir HERE\n in ./syslog", "5:5: in ./syslog: it does not exist"),
        (1000, " cmd HERE/cmd\n ulimit -n 1024", ""),
        (
            1000,
            " cmd HERE/cmd\n ulimit {\n  -c 0\n  -n 1025\n }",
            "6:3: ulimit -n 1025 is above the hard limit 1024, which only root can raise",
        ),
        (
            1000,
            " cmd HERE/cmd\n ulimit RLIMIT_NOFILE 2000",
            "4:9: ulimit -n 2000 is above the hard limit 1024, which only root can raise",
        ),
        (0, " cmd HERE/cmd\n ulimit -n 1025", ""),
        (1000, " cmd HERE/cmd\n ulimit -c infinity", ""),
        (1000, " cmd HERE/cmd\n ulimit -s 9", ""),
        (1000, " cmd HERE/cmd\n nice -5", ""),
        (1000, " cmd HERE/cmd\n nice -6", "4:7: nice -6 needs a pmtr that runs as root"),
        (0, " cmd HERE/cmd\n nice -20", ""),
    ];
    for (uid, lines, expected) in cases {
        let expected: Vec<String> =
            Some(expected.replace("HERE", &here)).filter(|text| !text.is_empty()).into_iter().collect();
        assert_eq!(warnings(*uid, &lines.replace("HERE", &here)), expected, "{lines}");
    }
}

#[test]
fn rules_of_restarts_that_have_no_effect_are_warned_of() {
    let essential = "1:1: essential has an effect only when the job ends for good: give once, restart on or give up after as well";
    let never = |line: u32, what: &str| format!("{line}:16: give up after {what} or more");
    for (lines, expected) in [
        ("", None),
        ("essential", Some(essential.to_owned())),
        ("essential\n stay down on 0", Some(essential.to_owned())),
        ("essential\n once", None),
        ("essential\n restart on failure", None),
        ("essential\n give up after 3", None),
        ("give up after 5 in 39999ms", Some(never(4, "5 in 39999ms never happens: 5 ends take 40s"))),
        ("give up after 5 in 40s", None),
        ("give up after 1 in 1ms", None),
        ("give up after 5 in 2s\n restart delay 500ms", None),
        (
            "give up after 5 in 1s\n restart delay 500ms",
            Some(never(4, "5 in 1s never happens: 5 ends take 2s")),
        ),
        ("give up after 5 in 1s\n restart delay 500ms jitter 50%", None),
        ("give up after 5 in 1s\n steady after 0", None),
        (
            "steady after never\n give up after 3 in 1m\n restart delay 1m",
            Some(never(5, "3 in 1m never happens: 3 ends take 2m")),
        ),
        ("steady after 30s\n give up after 3 in 1m\n restart delay 1h", None),
    ] {
        assert_eq!(warnings(0, &format!(" cmd /bin/ls\n {lines}")), Vec::from_iter(expected), "{lines}");
    }
}

#[test]
fn output_that_the_user_of_a_job_can_not_write_is_warned_of() {
    let scratch = Scratch::new();
    // Other users must be able to reach this directory.
    fs::set_permissions(scratch.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let here = scratch.here();
    for (name, mode) in [("own", 0o700), ("groups", 0o770), ("open", 0o777)] {
        fs::create_dir(scratch.0.join(name)).unwrap();
        fs::set_permissions(scratch.0.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    scratch.file("open/ours", "", 0o644);
    scratch.file("open/theirs", "", 0o666);
    let entering = "the user of the job may not enter its directory";
    for (user, out, why) in [
        ("root", "own/log", ""),
        ("far", "own/log", entering),
        ("www", "own/log", entering),
        ("far", "groups/log", entering),
        ("www", "groups/log", ""),
        ("far", "open/log", ""),
        ("far", "log", "the user of the job may not create it in its directory"),
        ("far", "open/ours", "the user of the job may not write to it"),
        ("far", "open/theirs", ""),
    ] {
        // Without `user`, it is the user of pmtr, whose groups are unknown.
        let own = format!(" cmd {here}/cmd\n dir {here}\n out {out}");
        let told = warnings(if user == "root" { 0 } else { 33 }, &own);
        assert_eq!(told.is_empty(), why.is_empty() || out.starts_with("groups"), "{user} {out}: {told:?}");
        let lines = format!(" cmd {here}/cmd\n user {user}\n dir {here}\n out {out}");
        let expected = if why.is_empty() { vec![] } else { vec![format!("6:6: out {out}: {why}")] };
        assert_eq!(warnings(0, &lines), expected, "{user} {out}");
    }
}

#[test]
fn words_that_only_a_shell_understands_are_warned_of() {
    let redirection =
        "redirects nothing, because pmtr runs no shell: use in, out and err, or cmd /bin/sh -c \"...\"";
    let operator = "is an ordinary argument, because pmtr runs no shell: use cmd /bin/sh -c \"...\"";
    let variable = "stays as it is, because pmtr expands no variables: use cmd /bin/sh -c \"...\"";
    let expansion = "stays as it is, because pmtr expands nothing: use cmd /bin/sh -c \"...\"";
    let quote = "keeps its single quotes: only double quotes hold words together";
    type Found<'a> = (u32, &'a str, &'a str);
    let cases: &[(&str, &[Found])] = &[
        ("x", &[]),
        ("x > /tmp/log 2>&1", &[(16, ">", redirection)]),
        ("2>/dev/null", &[(14, "2>/dev/null", redirection)]),
        ("x | y && z &", &[(16, "|", operator)]),
        ("--user=$USER -d ${HOME}/x", &[(14, "--user=$USER", variable)]),
        ("'a b' $(date) &", &[(14, "'a", quote), (20, "$(date)", variable), (28, "&", operator)]),
        ("~/x `date`", &[(14, "~/x", expansion)]),
        ("-c 'echo $x'", &[(17, "'echo", quote), (23, "$x'", variable)]),
        // Quoted, an argument of a shell, or not a variable.
        ("\">\" \"$HOME\" a$ $1 b>c it's", &[]),
        ("-c $RUN", &[]),
    ];
    for (words, expected) in cases {
        let expected: Vec<String> =
            expected.iter().map(|(column, word, why)| format!("3:{column}: {word} in cmd {why}")).collect();
        assert_eq!(warnings(0, &format!(" cmd /bin/ls {words}")), expected, "{words}");
    }
}

/// Checks `file`; returns stdout, stderr and exit status.
fn test(file: &Path, options: &[&str]) -> (String, String, u8) {
    let args = options.iter().map(OsString::from).chain(["-c".into(), file.into()]);
    let Ok(Ask::Run(options)) = cli::pmtr(args) else { panic!("{options:?}") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    // The files belong to the user that runs the tests.
    let status = run(&options, &machine(effective_uid()), &mut out, &mut err);
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap(), status)
}

#[test]
fn the_numbers_go_to_stdout_and_all_else_to_stderr() {
    let scratch = Scratch::new();
    let here = scratch.here();
    let good = scratch.file("good", "job {\n name web\n cmd /no/cmd\n}\n", 0o644);
    let quiet = scratch.file("quiet", &format!("job {{\n name web\n cmd {here}/cmd\n}}\n"), 0o644);
    let open = scratch.file("open", "# none\n", 0o666);
    let bad = "nonsense
job
{
 name a
 cmd a
}
report to udp://localhost:1
report to udp://127.0.0.1:1
";
    let bad = scratch.file("bad", bad, 0o644);
    let missing = scratch.0.join("missing");
    let warning = format!(
        "{here}/good:3:6: warning: job web: cmd /no/cmd does not exist\n     cmd /no/cmd\n         ^^^^^^^\n"
    );
    let writable =
        format!("{here}/open: warning: any user can write to this file and run commands through it\n");
    let no_file = format!("{here}/missing: error: can't read it: No such file or directory\n");
    let no_text = format!("{here}: error: can't read it: Is a directory\n");
    for (file, summary, stderr, errors, warnings) in [
        (&good, "1 job, 0 errors, 1 warning", Some(warning), 0, 1),
        (&quiet, "1 job, 0 errors, 0 warnings", Some(String::new()), 0, 0),
        (&open, "0 jobs, 0 errors, 1 warning", Some(writable), 0, 1),
        (&bad, "parse failed: 1 job, 2 errors, 1 warning", None, 2, 1),
        (&missing, "parse failed: 0 jobs, 1 error, 0 warnings", Some(no_file), 1, 0),
        (&scratch.0.path().to_path_buf(), "parse failed: 0 jobs, 1 error, 0 warnings", Some(no_text), 1, 0),
    ] {
        let stdout = format!("{}: {summary}\n", file.display());
        let (out, err, status) = test(file, &["-t"]);
        assert_eq!((&out, status), (&stdout, 0), "{err}");
        assert!(stderr.is_none_or(|stderr| stderr == err), "{err}");
        assert_eq!(test(file, &["--check"]), (stdout.clone(), err.clone(), u8::from(errors > 0)));
        let strict = u8::from(errors + warnings > 0);
        assert_eq!(test(file, &["--check", "--strict"]), (stdout, err, strict));
    }
    assert!(!missing.exists());
}

#[test]
fn with_more_words_the_configuration_is_shown_behind_the_numbers() {
    let scratch = Scratch::new();
    let file = scratch.file("good", "job {\n name web\n cmd /no/cmd\n}\n", 0o644);
    let (out, _, _) = test(&file, &["-t", "-vv"]);
    assert_eq!(out.lines().skip(1).collect::<Vec<_>>(), ["job {", "  name web", "  cmd /no/cmd", "}"]);
}

#[test]
fn print_writes_the_canonical_text_to_stdout_and_all_else_to_stderr() {
    let scratch = Scratch::new();
    let here = scratch.here();
    let good = scratch.file("good", "# x\njob {\n cmd \"/no/cmd\" a\n name \"w\\\"b\" # y\n}\n", 0o646);
    let text = "job {\n  name \"w\\\"b\"\n  cmd /no/cmd a\n}\n".to_owned();
    assert_eq!(test(&good, &["--print"]), (text.clone(), String::new(), 0));
    // What it prints says the same.
    let again = scratch.file("again", &text, 0o644);
    assert_eq!(test(&again, &["--print", "-vv"]), (text, String::new(), 0));
    let bad = scratch.file("bad", "job {\n name web\n}\n", 0o644);
    let (out, err, status) = test(&bad, &["--print"]);
    assert_eq!((out.as_str(), status), ("", 1));
    assert!(err.starts_with(&format!("{here}/bad:1:1: error: ")), "{err}");
    assert!(err.ends_with(&format!("{here}/bad: parse failed: 1 job, 1 error, 0 warnings\n")), "{err}");
    let (out, err, status) = test(&scratch.0.join("missing"), &["--print"]);
    assert_eq!((out.as_str(), err.lines().count(), status), ("", 2, 1), "{err}");
}

#[test]
fn a_text_that_cannot_be_written_is_not_printed() {
    struct Full(ErrorKind);
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let scratch = Scratch::new();
    let file = scratch.file("good", "job {\n name web\n cmd /no/cmd\n}\n", 0o644);
    let args = ["--print".into(), "-c".into(), file.into_os_string()].into_iter();
    let Ok(Ask::Run(options)) = cli::pmtr(args) else { panic!() };
    for (kind, status) in [(ErrorKind::StorageFull, 1), (ErrorKind::BrokenPipe, 0)] {
        let mut err = Vec::new();
        assert_eq!(run(&options, &machine(effective_uid()), &mut Full(kind), &mut err), status);
        assert_eq!(err.is_empty(), status == 0);
    }
}

#[test]
fn what_several_jobs_share_is_warned_of_once() {
    let text = "template t {\n cmd /no/cmd\n}\njob {\n name a\n like t\n}\njob {\n name b\n like t\n dir /no/dir\n}\n\
                job {\n name c\n cmd /no/%{n}\n instances 3\n}\njob {\n name d\n cmd /no/cmd\n}\n";
    let parsed = config::check(text.as_bytes()).unwrap_or_else(|m| panic!("{}", config::render(&m)));
    let found = job::look(&parsed.config.jobs, &parsed.places, &machine(0));
    let shown: Vec<String> = found.iter().map(|found| format!("{}: {}", found.line, found.what)).collect();
    assert_eq!(
        shown,
        [
            "2: job a: cmd /no/cmd does not exist",
            "11: job b: dir /no/dir does not exist",
            "15: job c-1: cmd /no/1 does not exist",
            "20: job d: cmd /no/cmd does not exist",
        ]
    );
}

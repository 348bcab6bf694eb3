use super::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

fn ask(line: &[&str]) -> Result<Ask<PmtrOptions>, Usage> {
    pmtr(line.iter().map(OsString::from))
}

fn options() -> PmtrOptions {
    PmtrOptions {
        strict: false,
        config: DEFAULT_CONFIG.into(),
        foreground: false,
        pidfile: None,
        state: None,
        last_good: None,
        mode: Mode::Run,
        verbosity: 0,
    }
}

#[test]
fn every_way_to_write_options_is_understood() {
    let test =
        |config: &str| PmtrOptions { config: config.into(), foreground: true, mode: Mode::Test, ..options() };
    let cases: &[(&[&str], PmtrOptions)] = &[
        (&[], options()),
        (&["--"], options()),
        (&["-F"], PmtrOptions { foreground: true, ..options() }),
        (&["-vv"], PmtrOptions { verbosity: 2, ..options() }),
        (&["-v", "-F", "-v"], PmtrOptions { verbosity: 2, foreground: true, ..options() }),
        (&["-tc", "/tmp/new.conf"], test("/tmp/new.conf")),
        (&["-tc/tmp/new.conf"], test("/tmp/new.conf")),
        (&["-c/tmp/new.conf", "-t"], test("/tmp/new.conf")),
        (&["-c", "-t"], PmtrOptions { config: "-t".into(), ..options() }),
        (&["-c", "--"], PmtrOptions { config: "--".into(), ..options() }),
        (&["-c", "a", "-cb"], PmtrOptions { config: "b".into(), ..options() }),
        (&["-p", "run/x.pid"], PmtrOptions { pidfile: Some("run/x.pid".into()), ..options() }),
        (
            &["-Fp/run/x.pid", "--"],
            PmtrOptions { pidfile: Some("/run/x.pid".into()), foreground: true, ..options() },
        ),
        (&["--state", "run"], PmtrOptions { state: Some("run".into()), ..options() }),
        (&["--last-good", "kept"], PmtrOptions { last_good: Some("kept".into()), ..options() }),
        (&["--last-good=kept"], PmtrOptions { last_good: Some("kept".into()), ..options() }),
        (
            &["--last-good", "kept", "--check"],
            PmtrOptions { mode: Mode::Check, foreground: true, ..options() },
        ),
        (&["-t", "--last-good=kept"], test(DEFAULT_CONFIG)),
        (&["--check"], PmtrOptions { mode: Mode::Check, foreground: true, ..options() }),
        (&["--check", "-t"], PmtrOptions { mode: Mode::Check, foreground: true, ..options() }),
        (
            &["--strict", "--check"],
            PmtrOptions { mode: Mode::Check, strict: true, foreground: true, ..options() },
        ),
        (&["-t", "--check"], PmtrOptions { mode: Mode::Check, foreground: true, ..options() }),
        (
            &["--print", "-c", "x"],
            PmtrOptions { mode: Mode::Print, config: "x".into(), foreground: true, ..options() },
        ),
        (&["--print", "-t", "--check"], PmtrOptions { mode: Mode::Print, foreground: true, ..options() }),
    ];
    for (line, expected) in cases {
        assert_eq!(ask(line), Ok(Ask::Run(expected.clone())), "{line:?}");
    }
}

#[test]
fn the_default_configuration_does_not_depend_on_the_working_directory() {
    let Ok(Ask::Run(options)) = ask(&[]) else { panic!("no option is an option") };
    assert_eq!((options.config.is_absolute(), options.pidfile, options.state), (true, None, None));
}

#[test]
fn a_test_never_claims_a_pid_file() {
    for line in [["-p", "/run/x.pid", "-t"], ["--check", "-p", "/run/x.pid"]] {
        let Ok(Ask::Run(options)) = ask(&line) else { panic!("{line:?}") };
        assert_eq!((options.pidfile, options.state), (None, None));
    }
}

#[test]
fn help_and_version_take_effect_as_soon_as_they_are_read() {
    for (line, expected) in [
        (&["-h"][..], Ask::Help),
        (&["--help"], Ask::Help),
        (&["-Fh", "nonsense"], Ask::Help),
        (&["-t", "--version", "-x"], Ask::Version),
    ] {
        assert_eq!(ask(line), Ok(expected), "{line:?}");
    }
}

#[test]
fn wrong_usage_says_in_one_line_what_is_wrong() {
    let cases: &[(&[&str], &str)] = &[
        (&["-x"], "unknown option -x"),
        (&["-Fx"], "unknown option -x"),
        (&["-t-"], "unknown option --"),
        (&["-\u{e9}t"], "unknown option -\u{e9}"),
        (&["-c"], "option -c needs an argument: FILE"),
        (&["-Ftc"], "option -c needs an argument: FILE"),
        (&["-c", ""], "option -c needs an argument: FILE"),
        (&["-F", "-p"], "option -p needs an argument: FILE"),
        (&["start"], "unexpected argument: start"),
        (&["-"], "unexpected argument: -"),
        (&[""], "unexpected argument: "),
        (&["-F", "--", "-v"], "unexpected argument: -v"),
        (&["-t", "new.conf"], "unexpected argument: new.conf: did you mean -c new.conf?"),
        (&["--check", "a\x1b"], "unexpected argument: a?: did you mean -c a??"),
        (&["-t", ""], "unexpected argument: "),
        (&["-t", "--strict"], "--strict is for --check: pmtr --check --strict -c FILE"),
        (&["--check", "--strict", "--print"], "--strict is for --check: pmtr --check --strict -c FILE"),
        (&["--print", "new.conf"], "unexpected argument: new.conf: did you mean -c new.conf?"),
        (&["--strict"], "--strict is for --check: pmtr --check --strict -c FILE"),
        (&["--check=yes"], "option --check takes no argument"),
        (&["--chekc"], "unknown option --chekc: did you mean --check?"),
        (&["--checks"], "unknown option --checks: did you mean --check?"),
        (&["--vers"], "unknown option --vers: did you mean --version?"),
        (&["--hlp"], "unknown option --hlp: did you mean --help?"),
        (&["--foreground"], "unknown option --foreground"),
        (&["--=x"], "unknown option --"),
        (&["--a\x1b[2J"], "unknown option --a?[2J"),
    ];
    for (line, expected) in cases {
        let usage = ask(line).unwrap_err().to_string();
        let (first, rest) = usage.split_once('\n').unwrap();
        assert_eq!(first, format!("pmtr: {expected}"), "{line:?}");
        let usage = "usage: pmtr [-Ftvh] [-c FILE] [-p FILE] [--state DIR] [--last-good FILE]";
        assert_eq!(rest, format!("{usage}\n            [--check] [--strict] [--print] [--version]\n"));
    }
}

#[test]
fn file_names_need_not_be_text() {
    let name = OsString::from_vec(b"/tmp/\xff.conf".to_vec());
    let mut joined = OsString::from("-c");
    joined.push(&name);
    let Ok(Ask::Run(options)) = pmtr([joined].into_iter()) else { panic!() };
    assert_eq!(options.config, name);
}

#[test]
fn the_tables_of_options_are_sound() {
    sound(OPTIONS, &help());
    sound(ctl::OPTIONS, &ctl::help());
    sound(rptserver::OPTIONS, &rptserver::help());
}

/// No two options share a letter or a name, and the help shows each with its meaning.
fn sound<I>(table: &[Opt<I>], help: &str) {
    for (i, a) in table.iter().enumerate() {
        assert!(a.letter.is_some() || a.long.is_some());
        for b in &table[i + 1..] {
            assert!(a.letter.is_none() || a.letter != b.letter);
            assert!(a.long.is_none() || a.long != b.long);
        }
        let line = help.lines().find(|line| line.starts_with(&format!("  {} ", a.written()))).unwrap();
        assert!(line.ends_with(a.help), "{line}");
    }
    assert!(help.lines().all(|line| line.len() <= 80), "{help}");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    say(&mut Closed, &help());
    let mut out = Vec::new();
    say(&mut out, &version());
    assert_eq!(out, version().into_bytes());
}

use super::*;
use std::os::unix::ffi::OsStringExt;

fn ask(line: &[&str]) -> Result<Ask<CtlOptions>, Usage> {
    parse(line.iter().map(OsString::from))
}

fn run(line: &[&str]) -> CtlOptions {
    match ask(line) {
        Ok(Ask::Run(options)) => options,
        other => panic!("{line:?}: {other:?}"),
    }
}

/// The first line of the error for wrong usage.
fn wrong(line: &[&str]) -> String {
    let usage = ask(line).unwrap_err().to_string();
    let (first, rest) = usage.split_once('\n').unwrap();
    assert_eq!(rest, "usage: pmtr-ctl [-vh] [-s HOST] [-p PORT] [--version] enable|disable JOB...\n");
    first.strip_prefix("pmtr-ctl: ").unwrap().to_owned()
}

fn shown(commands: &[Command]) -> Vec<(bool, &str)> {
    commands.iter().map(|o| (o.verb == Verb::Enable, std::str::from_utf8(&o.name).unwrap())).collect()
}

#[test]
fn options_may_come_before_between_and_after_the_jobs() {
    let expected = CtlOptions {
        verbose: true,
        host: "app1".into(),
        port: 5,
        commands: [(Verb::Enable, "a"), (Verb::Enable, "b")]
            .map(|(verb, name)| Command { verb, name: name.as_bytes().into() })
            .into(),
    };
    for line in [
        "-v -s app1 -p 5 enable a b",
        "enable a -p 5 b -vs app1",
        "enable -p5 a -sapp1 b -v",
        "-vp5 enable -sapp1 -- a b",
        "-vsapp1 -p 5 -- enable a b",
    ] {
        assert_eq!(run(&line.split(' ').collect::<Vec<_>>()), expected, "{line}");
    }
    let CtlOptions { verbose, host, port, .. } = run(&["disable", "a"]);
    assert_eq!((verbose, &*host, port), (false, "127.0.0.1", 10_000));
}

#[test]
fn each_job_has_the_verb_that_precedes_it() {
    for (line, expected) in [
        (&["enable", "a"][..], &[(true, "a")][..]),
        (&["disable", "a", "b", "enable", "c"], &[(false, "a"), (false, "b"), (true, "c")]),
        (&["enable", "a", "enable", "a", "disable", "a"], &[(true, "a"), (true, "a"), (false, "a")]),
        (&["enable", "--", "-v", "--", "disable", "-"], &[(true, "-v"), (true, "--"), (false, "-")]),
        (&["enable", "caf\u{e9}", "Enable"], &[(true, "caf\u{e9}"), (true, "Enable")]),
    ] {
        assert_eq!(shown(&run(line).commands), expected, "{line:?}");
    }
    let odd = OsString::from_vec(b"\xff".to_vec());
    let Ok(Ask::Run(options)) = parse(["enable".into(), odd].into_iter()) else { panic!() };
    assert_eq!(&*options.commands[0].name, b"\xff");
}

#[test]
fn a_host_is_a_name_or_an_address() {
    for (word, host) in [
        ("app1.example.org", "app1.example.org"),
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
    ] {
        assert_eq!(&*run(&["-s", word, "enable", "a"]).host, host);
    }
    let expected = "is not a host: expected a name or an address, for example app1, 192.0.2.7 or ::1";
    for word in
        ["udp://app1", "udp://127.0.0.1:10000", "[app1]", "[::1", "[::1]:10000", "a b", "me@app1", "\t"]
    {
        assert_eq!(wrong(&["-s", word]), format!("option -s: {} {expected}", word.replace('\t', "?")));
    }
    assert_eq!(wrong(&["-s", "app1:9"]), "option -s: app1:9 is not a host: give the port with -p");
}

#[test]
fn wrong_usage_says_what_is_expected() {
    let long = "x".repeat(256);
    let nothing = "missing command: expected enable or disable, then names of jobs";
    let too_long = format!("no job can have the name \"{long}\": it has 256 bytes, and 255 are the most");
    let cases: &[(&[&str], &str)] = &[
        (&[], nothing),
        (&["-v"], nothing),
        (&["--"], nothing),
        (&["web"], "web is not a command: expected enable or disable, then names of jobs"),
        (&["-v", "Enable", "a"], "Enable is not a command: expected enable or disable, then names of jobs"),
        (&["enable"], "enable names no job: expected at least one after it"),
        (&["enable", "disable", "a"], "enable names no job: expected at least one after it"),
        (&["enable", "a", "disable"], "disable names no job: expected at least one after it"),
        (&["enable", ""], "no job can have the name \"\": it is empty"),
        (
            &["enable", "a b"],
            "no job can have the name \"a b\": it has a blank in it; each job is an argument of its own",
        ),
        (
            &["enable", "a\u{2003}b"],
            "no job can have the name \"a?b\": it has a blank in it; each job is an argument of its own",
        ),
        (&["enable", "a\x1bb"], "no job can have the name \"a?b\": it has a control character in it"),
        (&["enable", &long], &too_long),
        (&["-p", "0", "enable", "a"], "option -p: 0 is not a port: expected a number from 1 to 65535"),
        (
            &["-p", "65536", "enable", "a"],
            "option -p: 65536 is not a port: expected a number from 1 to 65535",
        ),
        (&["-p"], "option -p needs an argument: PORT"),
        (&["enable", "-a"], "unknown option -a"),
        (&["--verion"], "unknown option --verion: did you mean --version?"),
    ];
    for (line, expected) in cases {
        assert_eq!(wrong(line), *expected, "{line:?}");
    }
    run(&["enable", &long[1..]]);
}

#[test]
fn help_and_version_take_effect_as_soon_as_they_are_read() {
    assert_eq!(ask(&["web", "-h", "-x"]), Ok(Ask::Help));
    assert_eq!(ask(&["--version"]), Ok(Ask::Version));
    assert_eq!(version(), format!("pmtr-ctl {}\n", env!("CARGO_PKG_VERSION")));
}

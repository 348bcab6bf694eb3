use super::*;
use std::os::unix::ffi::OsStringExt;

fn ask(line: &[&str]) -> Result<Ask<RptserverOptions>, Usage> {
    parse(line.iter().map(OsString::from))
}

fn run(line: &[&str]) -> RptserverOptions {
    match ask(&[&["-p", "9999", "--once", "1"][..], line].concat()) {
        Ok(Ask::Run(options)) => options,
        other => panic!("{line:?}: {other:?}"),
    }
}

#[test]
fn port_and_one_thing_to_do_are_enough() {
    let nothing = RptserverOptions {
        verbosity: 0,
        address: None,
        port: 9999,
        file: None,
        json: None,
        metrics: None,
        stale_after: Duration::from_secs(60),
        on_stale: Vec::new(),
        once: None,
    };
    let cases: &[(&[&str], RptserverOptions)] = &[
        (&["-f", "a"], RptserverOptions { file: Some("a".into()), ..nothing.clone() }),
        (&["-vfa", "-v"], RptserverOptions { verbosity: 2, file: Some("a".into()), ..nothing.clone() }),
        (&["--json=a"], RptserverOptions { json: Some("a".into()), ..nothing.clone() }),
        (&["--metrics", "a"], RptserverOptions { metrics: Some("a".into()), ..nothing.clone() }),
        (&["--on-stale", "/a"], RptserverOptions { on_stale: vec!["/a".into()], ..nothing.clone() }),
        (&["--once", "3"], RptserverOptions { once: NonZeroUsize::new(3), ..nothing.clone() }),
    ];
    for (line, expected) in cases {
        assert_eq!(ask(&[&["-p9999"][..], line].concat()), Ok(Ask::Run(expected.clone())), "{line:?}");
    }
}

#[test]
fn an_address_may_have_brackets_and_an_interface() {
    for (word, address, interface) in [
        ("192.0.2.7", "192.0.2.7", None),
        ("239.0.0.1@eth0", "239.0.0.1", Some("eth0")),
        ("::1", "::1", None),
        ("[::1]", "::1", None),
        ("[ff02::5]@br-0.17", "ff02::5", Some("br-0.17")),
        ("ff02::5@eth0", "ff02::5", Some("eth0")),
    ] {
        let expected = (address.parse().unwrap(), interface.map(Into::into));
        assert_eq!(run(&["-a", word]).address, Some(expected), "{word}");
    }
}

#[test]
fn a_time_may_have_a_unit() {
    for (word, secs) in
        [("1", 1), ("90", 90), ("90s", 90), ("5m", 300), ("2h", 7_200), ("1d", 86_400), ("365d", 31_536_000)]
    {
        assert_eq!(run(&["--stale-after", word]).stale_after, Duration::from_secs(secs), "{word}");
    }
}

#[test]
fn a_command_is_split_at_blanks_and_quotes_keep_them() {
    for (line, words) in [
        ("/bin/a", &["/bin/a"][..]),
        ("  /bin/a\t-b \n c ", &["/bin/a", "-b", "c"]),
        (r#"/bin/a "b  c" d"#, &["/bin/a", "b  c", "d"]),
        (r#"/bin/a "" x"y z"w"#, &["/bin/a", "", "xy zw"]),
        (r#"/bin/a "\"\\\n" \n 'b c'"#, &["/bin/a", r#""\\n"#, r"\n", "'b", "c'"]),
        (r#""/opt/my app/run" $HOME *"#, &["/opt/my app/run", "$HOME", "*"]),
    ] {
        assert_eq!(run(&["--on-stale", line]).on_stale, words, "{line}");
    }
}

#[test]
fn arguments_that_are_not_text_are_kept_where_allowed() {
    let odd = OsString::from_vec(b"/\xff".to_vec());
    let line = ["-p1".into(), "-f".into(), odd.clone(), "--on-stale".into(), odd.clone()];
    let Ok(Ask::Run(options)) = parse(line.into_iter()) else { panic!() };
    assert_eq!((options.file, options.on_stale), (Some(odd.clone().into()), vec![odd.clone()]));
    for option in ["-a", "-p", "--stale-after", "--once"] {
        assert!(parse([option.into(), odd.clone()].into_iter()).is_err(), "{option}");
    }
}

#[test]
fn wrong_usage_names_the_option_and_what_is_expected() {
    let port = "is not a port: expected a number from 1 to 65535";
    let address =
        "is not a numeric address: expected ADDRESS or ADDRESS@INTERFACE, for example 239.0.0.1@eth0";
    let interface = "names no interface: expected 1 to 15 letters after the @, for example eth0";
    let time = "is not a time: expected a number with s, m, h or d, for example 90s or 5m";
    let range = "is out of range: expected a time from 1s to 365d";
    let whole = "does not begin with /: expected the whole path, as nothing is searched in $PATH";
    let hosts = "is not a number of hosts: expected 1 or more";
    for (option, word, why) in [
        ("-p", "0", port),
        ("-p", "65536", port),
        ("-p", "+1", port),
        ("-p", "http", port),
        ("-a", "app1", address),
        ("-a", "[127.0.0.1]", address),
        ("-a", "[::1", address),
        ("-a", "127.0.0.1:9999", address),
        ("-a", "@eth0", address),
        ("-a", "239.0.0.1@", interface),
        ("-a", "239.0.0.1@a/b", interface),
        ("-a", "239.0.0.1@abcdefghijklmnop", interface),
        ("--stale-after", "m", time),
        ("--stale-after", "5x", time),
        ("--stale-after", "1h30m", time),
        ("--stale-after", "1.5h", time),
        ("--stale-after", "-5", time),
        ("--stale-after", "5 m", time),
        ("--stale-after", "0", range),
        ("--stale-after", "366d", range),
        ("--stale-after", "99999999999999999999h", range),
        ("--on-stale", "logger", whole),
        ("--on-stale", "./logger", whole),
        ("--on-stale", "\"\" /bin/a", whole),
        ("--on-stale", "  ", "names no command"),
        ("--on-stale", "/bin/a \"b", "has a double quote that is not closed"),
        ("--once", "0", hosts),
        ("--once", "+1", hosts),
        ("--once", "all", hosts),
    ] {
        let text = ask(&[option, word]).unwrap_err().to_string();
        let first = text.lines().next().unwrap();
        assert_eq!(first, format!("pmtr-rptserver: option {option}: {word} {why}"));
    }
    let nothing = "there is nothing to do: \
                   expected at least one of -f, --json, --metrics, --on-stale and --once";
    let cases: &[(&[&str], &str)] = &[
        (&[], "option -p PORT is missing: the UDP port to receive reports on"),
        (&["-f", "a"], "option -p PORT is missing: the UDP port to receive reports on"),
        (&["-p", "1"], nothing),
        (&["-p", "1", "-a", "::1", "--stale-after", "1m"], nothing),
        (&["-p", "1", "-f", "/a", "--json", "//a"], "option -f: /a is the file of --json as well"),
        (&["-p", "1", "--metrics", "a", "-f", "./a"], "option -f: ./a is the file of --metrics as well"),
        (
            &["-p", "1", "--metrics", "a/./b", "--json=a/b"],
            "option --json: a/b is the file of --metrics as well",
        ),
        (&["-p", "1", "-f", "a", "b"], "unexpected argument: b"),
        (&["-p", "1", "--jsn", "a"], "unknown option --jsn: did you mean --json?"),
    ];
    for (line, expected) in cases {
        let text = ask(line).unwrap_err().to_string();
        assert_eq!(text.lines().next().unwrap(), format!("pmtr-rptserver: {expected}"), "{line:?}");
    }
}

#[test]
fn the_synopsis_shows_required_options_and_fits_on_a_terminal() {
    assert_eq!(
        ask(&[]).unwrap_err().synopsis,
        "usage: pmtr-rptserver [-vh] [-a ADDRESS] -p PORT [-f FILE] [--json FILE]\n\
        \x20                     [--metrics FILE] [--stale-after TIME] [--on-stale COMMAND]\n\
        \x20                     [--once N] [--version]"
    );
}

#[test]
fn help_and_version_need_no_port() {
    assert_eq!(ask(&["-vh"]), Ok(Ask::Help));
    assert_eq!(ask(&["--version", "-x"]), Ok(Ask::Version));
    assert_eq!(version(), format!("pmtr-rptserver {}\n", env!("CARGO_PKG_VERSION")));
}

use super::super::report::*;
use super::spoilt;
use crate::model::rng::{Rng, rounds};
use crate::model::{Head, JobLine, Part, Pid, ReportedProcess};
use std::net::IpAddr;

/// The content of a job's line, as text.
fn told(job: &JobLine<'_>) -> String {
    let process = match job.process {
        ReportedProcess::None => "none".into(),
        ReportedProcess::Pid(pid) => pid.to_string(),
        ReportedProcess::Unsaid => "unsaid".into(),
    };
    let [name, path] = [job.name, job.path].map(String::from_utf8_lossy);
    format!("{name}|{}|{}|{process}|{path}", if job.enabled { "e" } else { "d" }, job.seconds)
}

fn head<'a>(host: &'a str, interface: Option<&str>, part: Option<(u32, u32, u64)>) -> Head<'a> {
    Head {
        host: Some(host.as_bytes()),
        interface: interface.map(|text| text.parse().unwrap()),
        part: part.map(|(index, of, serial)| Part { index, of, serial }),
    }
}

#[test]
fn the_first_line_has_host_address_and_part() {
    let unsaid = Head { host: None, interface: None, part: None };
    for (line, wanted) in [
        ("report", unsaid),
        ("report ", unsaid),
        ("report app1", head("app1", None, None)),
        ("report app1 ", head("app1", None, None)),
        ("report  app1  10.0.0.5", head("app1", Some("10.0.0.5"), None)),
        ("report app1 fe80::1", head("app1", Some("fe80::1"), None)),
        ("report 10.0.0.1", head("10.0.0.1", None, None)),
        ("report 10.0.0.1 10.0.0.2", head("10.0.0.1", Some("10.0.0.2"), None)),
        ("report app1 part 1/1 0", head("app1", None, Some((1, 1, 0)))),
        ("report app1 part 2/3 7", head("app1", None, Some((2, 3, 7)))),
        ("report app1 10.0.0.5 part 3/3 7", head("app1", Some("10.0.0.5"), Some((3, 3, 7)))),
        ("report app1 part 01/03 007", head("app1", None, Some((1, 3, 7)))),
        (
            "report app1 part 1/4294967295 18446744073709551615",
            head("app1", None, Some((1, u32::MAX, u64::MAX))),
        ),
        // A host may have a keyword of the line as its name.
        ("report part", head("part", None, None)),
        ("report report", head("report", None, None)),
        ("report part part 1/2 3", head("part", None, Some((1, 2, 3)))),
        ("report part 10.0.0.5 part 1/2 3", head("part", Some("10.0.0.5"), Some((1, 2, 3)))),
        ("report ?", head("?", None, None)),
    ] {
        for end in ["", "\n"] {
            let datagram = [line, end].concat();
            let found = decode(datagram.as_bytes());
            assert_eq!(found.map(|found| found.head), Some(wanted), "{datagram:?}");
            assert_eq!(found.map(|found| found.jobs().count()), Some(0));
        }
    }
    let host = "h".repeat(255);
    assert_eq!(decode(format!("report {host}").as_bytes()).unwrap().head, head(&host, None, None));
    assert_eq!(decode(b"report h\xff\n").unwrap().head.host, Some(&b"h\xff"[..]));
}

#[test]
fn a_malformed_first_line_is_rejected() {
    let long = format!("report {}", "h".repeat(256));
    for line in [
        "",
        "\n",
        " ",
        "repor",
        "reports app1",
        "Report app1",
        "enable a",
        "report app1 eth0",
        "report app1 10.0.0",
        "report app1 10.0.0.256",
        "report app1 10.0.0.5/24",
        "report app1 fe80::1%eth0",
        "report app1 10.0.0.5 10.0.0.6",
        "report app1 10.0.0.5 more",
        "report app1 part",
        "report app1 part 1/2",
        "report app1 part 1 2",
        "report app1 part 1/2 3 4",
        "report app1 part 0/3 7",
        "report app1 part 4/3 7",
        "report app1 part 0/0 7",
        "report app1 part 1/2/3 7",
        "report app1 part /3 7",
        "report app1 part 1/ 7",
        "report app1 part +1/3 7",
        "report app1 part 1/+3 7",
        "report app1 part -1/3 7",
        "report app1 part 1/3 -7",
        "report app1 part 1/3 0x7",
        "report app1 part 1/4294967296 7",
        "report app1 part 1/3 18446744073709551616",
        "report app1 10.0.0.5 part",
        "report\tapp1",
        "report app1\r",
        "report app1\0",
        "report app1\x7f",
        "report app\x1b[2J",
        &long,
    ] {
        assert_eq!(decode(line.as_bytes()), None, "{line:?}");
    }
}

#[test]
fn a_line_describes_one_job_in_the_old_and_the_new_format() {
    let long = "n".repeat(255);
    for (line, wanted) in [
        ("web e 12 34 /bin/web", "web|e|12|34|/bin/web".to_string()),
        ("web d 0 0 /bin/web", "web|d|0|none|/bin/web".into()),
        ("web e 12", "web|e|12|unsaid|".into()),
        ("web d 0", "web|d|0|unsaid|".into()),
        ("web e 12 34", "web|e|12|34|".into()),
        ("web e 12 34 ", "web|e|12|34|".into()),
        ("web e 12 34 /my bin/web ", "web|e|12|34|/my bin/web ".into()),
        ("web e 12 34  /x", "web|e|12|34| /x".into()),
        ("web e 007 034 p", "web|e|7|34|p".into()),
        ("web e 18446744073709551615 2147483647 p", "web|e|18446744073709551615|2147483647|p".into()),
        // A job that never started, from a sender that reports the time of day for it.
        ("web e 1795178944 0 /bin/web", "web|e|1795178944|none|/bin/web".into()),
        ("e e 1", "e|e|1|unsaid|".into()),
        ("report e 1", "report|e|1|unsaid|".into()),
        (&format!("{long} e 1"), format!("{long}|e|1|unsaid|")),
    ] {
        for (before, end) in [("", ""), ("", "\n"), ("x d 0\n", ""), ("x d 0\n", "\n")] {
            let text = format!("report h\n{before}{line}{end}");
            let found = decode(text.as_bytes()).unwrap_or_else(|| panic!("{text:?}"));
            assert_eq!(told(&found.jobs().last().unwrap()), wanted, "{text:?}");
            assert_eq!(found.jobs().count(), if before.is_empty() { 1 } else { 2 });
        }
    }
}

#[test]
fn one_malformed_line_invalidates_the_datagram() {
    let long = format!("{} e 1 2 p", "n".repeat(256));
    for line in [
        " ",
        "web",
        "web e",
        "web e ",
        "web x 1",
        "web E 1",
        "web ee 1",
        " e 1",
        " web e 1",
        "web  e 1",
        "web e  1",
        "web e 1 ",
        "web e 1  ",
        "web e 1  /x",
        "web e -1",
        "web e +1",
        "web e 1.5",
        "web e 0x1",
        "web e 1s",
        "web e 18446744073709551616",
        "web e 1 -2 p",
        "web e 1 +2 p",
        "web e 1 00 p",
        "web e 1 2x p",
        "web e 1 2147483648 p",
        "web e 1 99999999999999999999 p",
        "web\te\t1",
        "web e 1 2 /bin\t/x",
        "web e 1 2 /bin/x\r",
        "we\0b e 1",
        "web e 1 2 \0",
        "web e 1 2 \x7f",
        "web e 1 2 \x1b[2J",
        &long,
    ] {
        for text in [format!("report h\n{line}\n"), format!("report h\na e 1\n{line}\nb e 1\n")] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
    }
    // An empty line is malformed too.
    for text in ["report h\n\n", "report h\n\na e 1\n", "report h\na e 1\n\n", "report h\na e 1\n\nb e 1"] {
        assert_eq!(decode(text.as_bytes()), None, "{text:?}");
    }
}

#[test]
fn a_line_is_written_as_it_is_read_and_its_fields_cannot_break_it() {
    let job = |name, path| JobLine { name, enabled: true, seconds: 5, process: ReportedProcess::None, path };
    let mut body = Vec::new();
    encode_line(
        &JobLine { process: ReportedProcess::Pid(Pid::new(77).unwrap()), ..job(b"web", b"/bin/web") },
        &mut body,
    );
    encode_line(&JobLine { enabled: false, seconds: 0, ..job(b"b", b"/my bin/b") }, &mut body);
    encode_line(&JobLine { process: ReportedProcess::Unsaid, ..job(b"old", b"") }, &mut body);
    encode_line(&job(b"a b\nc\t\x7f\xff", b"/x\ny z\0\x1b"), &mut body);
    let wanted = b"web e 5 77 /bin/web\nb d 0 0 /my bin/b\nold e 5 0 \na?b?c??\xff e 5 0 /x?y z??\n";
    assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(wanted));
    assert_eq!(body, wanted);
}

#[test]
fn the_host_name_cannot_break_the_first_line_and_is_never_missing() {
    let first = |host: &[u8], interface: Option<&str>| {
        let mut datagram = b"what was in it before".to_vec();
        let interface = interface.map(|text| text.parse().unwrap());
        let split = Split::new(host, interface, 1, b"");
        assert!(split.len() == 1 && !split.is_empty());
        split.datagram(0, b"", &mut datagram);
        assert!(decode(&datagram).is_some(), "{datagram:?}");
        String::from_utf8_lossy(&datagram).into_owned()
    };
    assert_eq!(first(b"app1", None), "report app1\n");
    assert_eq!(first(b"app1", Some("10.0.0.5")), "report app1 10.0.0.5\n");
    assert_eq!(first(b"app1", Some("ff02::1")), "report app1 ff02::1\n");
    assert_eq!(first(b"", Some("10.0.0.5")), "report ? 10.0.0.5\n");
    assert_eq!(first(b"a b\nc\x7f", None), "report a?b?c?\n");
    assert_eq!(first(&[b'h'; 300], None), format!("report {}\n", "h".repeat(255)));
}

/// Splits a report, checks each datagram, and joins the bodies.
fn check_split(host: &[u8], interface: Option<IpAddr>, serial: u64, body: &[u8]) -> usize {
    let split = Split::new(host, interface, serial, body);
    let (mut joined, mut datagram) = (Vec::new(), Vec::new());
    for index in 0..split.len() {
        split.datagram(index, body, &mut datagram);
        let end = datagram.iter().position(|byte| *byte == b'\n').unwrap();
        let lines = &datagram[end + 1..];
        let alone = lines.iter().filter(|byte| **byte == b'\n').count() == 1;
        assert!(datagram.len() <= MAX_REPORT_BYTES || alone, "{} bytes", datagram.len());
        assert!(lines.is_empty() && body.is_empty() || lines.ends_with(b"\n"), "a line is cut");
        joined.extend_from_slice(lines);
        let found = decode(&datagram).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&datagram)));
        let number = |at: usize| u32::try_from(at).unwrap();
        let part = Part { index: number(index + 1), of: number(split.len()), serial };
        let part = (split.len() > 1).then_some(part);
        assert_eq!(found.head, Head { host: Some(host), interface, part });
        assert_eq!(found.jobs().count(), lines.iter().filter(|byte| **byte == b'\n').count());
    }
    assert_eq!(joined, body);
    split.datagram(split.len(), body, &mut datagram);
    assert!(datagram.is_empty());
    split.len()
}

#[test]
fn a_report_that_fits_is_one_datagram_and_one_byte_more_makes_it_two() {
    // Two lines; the second one fills the datagram.
    let body = |bytes: usize| {
        let first = b"a e 1 0 /a\n";
        [&first[..], b"b e 1 0 ", &vec![b'x'; bytes - first.len() - 9], b"\n"].concat()
    };
    let room = MAX_REPORT_BYTES - b"report h\n".len();
    assert_eq!(check_split(b"h", None, 1, &body(room)), 1);
    assert_eq!(check_split(b"h", None, 1, &body(room + 1)), 2);
    // A line that is too long for any datagram goes alone: first, last or in between.
    let long = [b"b e 1 0 ", &vec![b'x'; 4_000][..], b"\n"].concat();
    assert_eq!(check_split(b"h", None, 1, &long), 1);
    let short = b"a e 1 0 /a\n";
    assert_eq!(check_split(b"h", None, 1, &[&long, &short[..]].concat()), 2);
    assert_eq!(check_split(b"h", None, 1, &[&short[..], &long].concat()), 2);
    assert_eq!(check_split(b"h", None, 1, &[&short[..], &long, &short[..]].concat()), 3);
    assert_eq!(check_split(b"h", None, 1, &long.repeat(5)), 5);
}

#[test]
fn a_split_report_is_the_same_when_joined() {
    let mut rng = Rng::new(3);
    for round in 0..rounds(4_000) {
        let host = super::name(&mut rng);
        let interface = rng.pick(&[None, Some("10.1.2.3"), Some("fe80::aaaa:bbbb:cccc:dddd")]);
        let serial = rng.pick(&[0, 9, 10, u64::MAX]);
        let jobs = if round % 50 == 0 { 2_000 } else { rng.below(100) };
        let longest = rng.pick(&[5, 40, 1_300, 1_400]);
        let mut body = Vec::new();
        for _ in 0..jobs {
            let path = vec![b'x'; rng.below(longest)];
            let process = Pid::new(rng.below(9)).map_or(ReportedProcess::None, ReportedProcess::Pid);
            let (name, seconds) = (super::name(&mut rng), rng.pick(&[0, 1, u64::MAX]));
            let line = JobLine { name: &name, enabled: rng.one_in(2), seconds, process, path: &path };
            let before = body.len();
            encode_line(&line, &mut body);
            // The line decodes to what was encoded.
            let alone = [b"report h\n", &body[before..]].concat();
            assert_eq!(decode(&alone).unwrap().jobs().collect::<Vec<_>>(), [line]);
        }
        check_split(&host, interface.map(|text| text.parse().unwrap()), serial, &body);
    }
}

#[test]
fn any_bytes_are_decoded_as_a_report_or_rejected() {
    let mut rng = Rng::new(4);
    let seeds = [
        &b"report\nweb e 12\ndb d 0\n"[..],
        b"report app1 10.0.0.5 part 1/2 77\nweb e 12 34 /bin/web\ndb d 0 0 /bin/db\n",
        b"report h",
        b"report h part 2/2 1\na e 1",
    ];
    let mut good = 0;
    let rounds = rounds(150_000);
    for round in 0..rounds {
        let seed = rng.pick(&seeds);
        let bytes = if round % 3 == 0 {
            [b"report ", &super::bytes(&mut rng, 40)[..]].concat()
        } else {
            spoilt(&mut rng, seed)
        };
        let Some(found) = decode(&bytes) else { continue };
        good += 1;
        let fit = |name: &[u8]| {
            !name.is_empty() && name.len() <= 255 && !name.iter().any(|b| *b <= 32 || *b == 127)
        };
        assert!(found.head.host.is_none_or(fit), "{bytes:?}");
        assert!(found.head.part.is_none_or(|part| 1 <= part.index && part.index <= part.of), "{bytes:?}");
        // Every line is a job, and each can be encoded again.
        let lines = bytes.split(|byte| *byte == b'\n').skip(1).filter(|line| !line.is_empty()).count();
        assert_eq!(found.jobs().count(), lines, "{bytes:?}");
        for job in found.jobs() {
            assert!(fit(job.name) && !job.path.iter().any(|b| *b < 32 || *b == 127), "{bytes:?}");
        }
    }
    assert!(good > rounds / 15, "{good}");
}

//! What the pages look like, and that no name can break them.

use super::*;
use crate::fleet::pages::{Page, PageForm, Stamp};
use crate::model::rng::{Rng, rounds};

const STAMP: Stamp<'_> = Stamp { text: "Thu Nov  7 21:38:10 2013", unix_seconds: 1_383_860_290 };

fn page(post: &Post, now: MonoTime, form: PageForm) -> String {
    let mut page = Page::new(form);
    let mut next = post.fleet.next(None);
    while let Some((key, host)) = next {
        page.add(now, key, host);
        next = post.fleet.next(Some(key));
    }
    String::from_utf8(page.finish(STAMP).concat()).expect("every page is UTF-8")
}

/// The host with this key reports jobs as (name, enabled, seconds, pid); no pid means the old format.
fn hears(post: &mut Post, key: &HostKey, part: Option<Part>, jobs: &[(&[u8], bool, u64, Option<i32>)]) {
    let head = Head { host: key.name.as_deref(), interface: None, part };
    let mut lines = jobs.iter().map(|(name, enabled, seconds, pid)| {
        let process = pid.map_or(ReportedProcess::Unsaid, |pid| {
            Pid::new(pid).map_or(ReportedProcess::None, ReportedProcess::Pid)
        });
        JobLine { name, enabled: *enabled, seconds: *seconds, process, path: b"" }
    });
    post.fleet.receive(at(0), key.address, &head, &mut lines, &mut post.notes);
}

/// Two hosts, one of them of the first generation.
fn two_hosts() -> Post {
    let mut post = Post::new(LIMITS);
    let jobs = [(&b"app-server"[..], true, 93_784, Some(4711)), (b"back\"up\\\n", false, 0, Some(0))];
    hears(&mut post, &key(5, "app1"), None, &jobs);
    let old = HostKey { name: None, address: address(9) };
    hears(&mut post, &old, None, &[(b"old", true, 184, None), (b"off", false, 7, None)]);
    post
}

#[test]
fn the_page_for_people_looks_as_in_the_manual() {
    let mut post = Post::new(LIMITS);
    hears(&mut post, &key(5, "app1"), None, &[(b"app-server", true, 93_784, Some(4711))]);
    let text = "update at Thu Nov  7 21:38:10 2013\n\
                1 systems reporting\n\
                \n\
                app1 (10.0.0.5):\n\
                \tapp-server                               enabled              1d 2h 3m 4s\n";
    assert_eq!(page(&post, at(0), PageForm::Status), text);
    let text = "update at Thu Nov  7 21:38:10 2013\n\
                2 systems reporting\n\
                \n\
                ? (10.0.0.9):\n\
                \told                                      enabled                    3m 4s\n\
                \toff                                      disabled                       -\n\
                \n\
                app1 (10.0.0.5):\n\
                \tapp-server                               enabled              1d 2h 3m 4s\n\
                \tback\"up\\?                                disabled                       -\n";
    assert_eq!(page(&two_hosts(), at(0), PageForm::Status), text);
    let text = "update at Thu Nov  7 21:38:10 2013\n0 systems reporting\n";
    assert_eq!(page(&Post::new(LIMITS), at(0), PageForm::Status), text);
}

#[test]
fn missing_data_is_noted_in_brackets() {
    let mut post = Post::new(Limits { jobs_per_host: 1, hosts: 1, bytes: 600, ..LIMITS });
    let app = key(5, "app1");
    let brackets = |post: &Post, secs| -> Vec<String> {
        let page = page(post, at(secs), PageForm::Status);
        page.lines().filter(|line| line.starts_with("\t[")).map(str::to_owned).collect()
    };
    post.hears(at(0), &app, None, "a b c");
    assert_eq!(brackets(&post, 0), ["\t[and 2 more jobs, which are too many]"]);
    post.hears(at(1), &app, None, &"x".repeat(300));
    assert_eq!(brackets(&post, 3)[1], "\t[no memory for later reports, this one is 3 sec old]");
    let mut post = Post::new(LIMITS);
    post.hears(at(0), &app, part(1, 3, 7), "a");
    assert_eq!(brackets(&post, 0), ["\t[2 of 3 parts of this report are lost]"]);
    post.hears(at(1), &app, None, "a");
    assert!(brackets(&post, 1).is_empty());
    post.hears(at(11), &app, part(1, 3, 8), "a");
    post.tick(at(21));
    assert_eq!(brackets(&post, 36), ["\t[2 parts of later reports are lost, this one is 35 sec old]"]);
}

#[test]
fn the_page_for_programs_is_json() {
    let text = r#"{"updated": 1383860290, "systems": [
{"host": null, "address": "10.0.0.9", "age": 3, "complete": true, "lost_parts": 0, "left_out_jobs": 0, "short_of_memory": false, "jobs": [{"name": "old", "enabled": true, "running": null, "seconds": 184, "pid": null}, {"name": "off", "enabled": false, "running": null, "seconds": 7, "pid": null}]},
{"host": "app1", "address": "10.0.0.5", "age": 3, "complete": true, "lost_parts": 0, "left_out_jobs": 0, "short_of_memory": false, "jobs": [{"name": "app-server", "enabled": true, "running": true, "seconds": 93784, "pid": 4711}, {"name": "back\"up\\\u000a", "enabled": false, "running": false, "seconds": 0, "pid": null}]}
]}
"#;
    assert_eq!(page(&two_hosts(), at(3), PageForm::Json), text);
    assert_eq!(
        page(&Post::new(LIMITS), at(3), PageForm::Json),
        "{\"updated\": 1383860290, \"systems\": [\n]}\n"
    );
}

#[test]
fn the_page_for_prometheus_has_each_family_in_one_place() {
    let text = r#"# HELP pmtr_job_up Whether the job runs; where old reports don't tell, whether it is to.
# TYPE pmtr_job_up gauge
pmtr_job_up{host="",address="10.0.0.9",name="old"} 1
pmtr_job_up{host="",address="10.0.0.9",name="off"} 0
pmtr_job_up{host="app1",address="10.0.0.5",name="app-server"} 1
pmtr_job_up{host="app1",address="10.0.0.5",name="back\"up\\\\\\x0a"} 0
# HELP pmtr_job_enabled Whether the job is to run.
# TYPE pmtr_job_enabled gauge
pmtr_job_enabled{host="",address="10.0.0.9",name="old"} 1
pmtr_job_enabled{host="",address="10.0.0.9",name="off"} 0
pmtr_job_enabled{host="app1",address="10.0.0.5",name="app-server"} 1
pmtr_job_enabled{host="app1",address="10.0.0.5",name="back\"up\\\\\\x0a"} 0
# HELP pmtr_job_seconds How long the job has been running.
# TYPE pmtr_job_seconds gauge
pmtr_job_seconds{host="",address="10.0.0.9",name="old"} 184
pmtr_job_seconds{host="",address="10.0.0.9",name="off"} 7
pmtr_job_seconds{host="app1",address="10.0.0.5",name="app-server"} 93784
pmtr_job_seconds{host="app1",address="10.0.0.5",name="back\"up\\\\\\x0a"} 0
# HELP pmtr_host_report_age_seconds How long ago the report came that is shown.
# TYPE pmtr_host_report_age_seconds gauge
pmtr_host_report_age_seconds{host="",address="10.0.0.9"} 3
pmtr_host_report_age_seconds{host="app1",address="10.0.0.5"} 3
# HELP pmtr_host_lost_parts Parts missing of this report, or of later ones.
# TYPE pmtr_host_lost_parts gauge
pmtr_host_lost_parts{host="",address="10.0.0.9"} 0
pmtr_host_lost_parts{host="app1",address="10.0.0.5"} 0
# HELP pmtr_hosts Hosts that are heard.
# TYPE pmtr_hosts gauge
pmtr_hosts 2
"#;
    assert_eq!(page(&two_hosts(), at(3), PageForm::Metrics), text);
}

/// The most that a host without jobs takes on a page: its labels twice, each of 255 bytes that can become six times as
/// many, and some lines of fixed text.
const HOST_BYTES: usize = 2 * 6 * 255 + 1_000;

#[test]
fn no_names_make_the_pages_exceed_the_limit_of_the_reports() {
    const BYTES: &[&[u8]] =
        &[b"a", b"\\", b"\"", b"\x01", b"\xff", "\u{85}".as_bytes(), "\u{2028}".as_bytes()];
    let limits = Limits { hosts: 20, bytes: 400_000, ..LIMITS };
    let mut fullest = 0;
    for seed in 0..rounds(30) {
        let mut rng = Rng::new(seed);
        let mut name = |number: u64, longest: usize| -> Vec<u8> {
            let (mut name, byte) = (format!("{number}").into_bytes(), rng.pick(BYTES));
            while rng.below(200) > 0 && name.len() + byte.len() <= longest {
                name.extend(byte);
            }
            name
        };
        let mut post = Post::new(limits);
        for last in 0..20 {
            let longest = if last % 2 == 0 { 255 } else { 20 };
            let key = HostKey { name: Some(name(u64::from(last), longest).into()), address: address(last) };
            for (index, jobs) in [(1, 0..20), (2, 20..50), (3, 50..150), (4, 150..160)] {
                let jobs: Vec<Vec<u8>> = jobs.map(|number| name(number, longest)).collect();
                let jobs: Vec<_> = jobs.iter().map(|job| (&**job, true, u64::MAX, Some(i32::MAX))).collect();
                // Some reports never become whole.
                hears(&mut post, &key, part(index, 4 + u32::from(last % 3 == 0), 7), &jobs);
            }
            post.check(at(0));
        }
        let mut sum = 0;
        for form in [PageForm::Status, PageForm::Json, PageForm::Metrics] {
            let bytes = page(&post, at(0), form).len();
            assert!(bytes <= limits.bytes + limits.hosts * HOST_BYTES, "seed {seed}, {form:?}: {bytes}");
            sum += bytes;
        }
        assert!(sum <= 3 * (limits.bytes + limits.hosts * HOST_BYTES));
        fullest = fullest.max(post.fleet.memory.total);
    }
    assert!(fullest > limits.bytes / 3, "{fullest}");
}

/// Reads the value of a label, from after its opening quote. Returns the name and the text that follows.
fn label(text: &str) -> (Vec<u8>, &str) {
    let (mut value, mut rest) = (String::new(), text);
    loop {
        let mut chars = rest.chars();
        match chars.next().expect("a label ends") {
            '"' => return (decode(&value), chars.as_str()),
            '\\' => value.push(match chars.next().unwrap() {
                c @ ('\\' | '"') => c,
                c => panic!("no escape: \\{c}"),
            }),
            c => {
                assert!(!c.is_control());
                value.push(c);
            }
        }
        rest = chars.as_str();
    }
}

/// The name that a label encodes.
fn decode(value: &str) -> Vec<u8> {
    let mut bytes = value.bytes();
    let mut name = Vec::new();
    while let Some(byte) = bytes.next() {
        match (byte, if byte == b'\\' { bytes.next() } else { None }) {
            (b'\\', Some(b'x')) => {
                let digits: Vec<u8> = bytes.by_ref().take(2).collect();
                name.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            (b'\\', next) => {
                assert_eq!(next, Some(b'\\'));
                name.push(b'\\');
            }
            (byte, _) => name.push(byte),
        }
    }
    name
}

/// Reads one JSON value and returns the text that follows.
fn json(text: &str) -> Option<&str> {
    let text = trim(text);
    match text.chars().next()? {
        '{' => list(&text[1..], |pair| json(trim(string(trim(pair))?).strip_prefix(':')?), '}'),
        '[' => list(&text[1..], json, ']'),
        '"' => string(text),
        '0'..='9' => Some(text.trim_start_matches(|c: char| c.is_ascii_digit())),
        _ => ["null", "true", "false"].iter().find_map(|word| text.strip_prefix(word)),
    }
}

fn trim(text: &str) -> &str {
    text.trim_start_matches([' ', '\n'])
}

fn list(text: &str, item: fn(&str) -> Option<&str>, close: char) -> Option<&str> {
    if let Some(rest) = trim(text).strip_prefix(close) {
        return Some(rest);
    }
    let mut rest = trim(item(text)?);
    while let Some(more) = rest.strip_prefix(',') {
        rest = trim(item(more)?);
    }
    rest.strip_prefix(close)
}

fn string(text: &str) -> Option<&str> {
    let mut rest = text.strip_prefix('"')?;
    loop {
        let mut chars = rest.chars();
        match chars.next()? {
            '"' => return Some(chars.as_str()),
            '\\' => match chars.next()? {
                '"' | '\\' => {}
                'u' => (0..4).try_for_each(|_| chars.next().filter(char::is_ascii_hexdigit).map(drop))?,
                _ => return None,
            },
            c if c < ' ' => return None,
            _ => {}
        }
        rest = chars.as_str();
    }
}

#[test]
fn the_json_reader_rejects_invalid_json() {
    for good in ["{}", "[]", "{\"a\": [1, {\"b\": null}], \"c\": \"\\u00e9\\\"\"}"] {
        assert_eq!(json(good), Some(""), "{good}");
    }
    for bad in ["{\"a\" 1}", "[1,]", "[1 2]", "\"\n\"", "\"\\x\"", "{\"a\": }", "[", "\"a"] {
        assert_ne!(json(bad), Some(""), "{bad}");
    }
}

#[test]
fn no_name_breaks_a_page_and_two_names_are_two_series() {
    // Bytes that are special somewhere, and only a few, so that names are similar to each other.
    const BYTES: &[u8] = b"\\\\\\x0aA\"\n\t\x00\x1b\x7f\xc2\x85\x80\xff\xc3\xa9\xe2\x80\xa8{},= ";
    for seed in 0..rounds(200) {
        let mut rng = Rng::new(seed);
        let mut name = |least: u64| -> Box<[u8]> {
            let length = least + rng.below(6);
            (0..length).map(|_| rng.pick(BYTES)).collect()
        };
        let mut post = Post::new(LIMITS);
        let mut names = BTreeSet::new();
        for last in 0..20 {
            let key = HostKey { name: Some(name(1)), address: address(last) };
            let jobs: BTreeSet<Box<[u8]>> = (0..40).map(|_| name(1)).collect();
            let lines: Vec<_> = jobs.iter().map(|job| (&**job, true, 5, Some(7))).collect();
            hears(&mut post, &key, None, &lines);
            names.extend(jobs.into_iter().map(|job| (key.clone(), job)));
        }
        let status = page(&post, at(0), PageForm::Status);
        assert!(!status.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        assert_eq!(status.lines().count(), 2 + 2 * 20 + names.len());
        let text = page(&post, at(0), PageForm::Json);
        assert_eq!(json(&text), Some("\n"), "seed {seed}: {text}");
        let metrics = page(&post, at(0), PageForm::Metrics);
        let lines: BTreeSet<&str> = metrics.lines().filter(|line| line.starts_with("pmtr_job_up{")).collect();
        let read = lines.into_iter().map(|line| {
            let (host, rest) = label(line.strip_prefix("pmtr_job_up{host=\"").unwrap());
            let (address, rest) = label(rest.strip_prefix(",address=\"").unwrap());
            let (job, rest) = label(rest.strip_prefix(",name=\"").unwrap());
            assert_eq!(rest, "} 1");
            let address = std::str::from_utf8(&address).unwrap().parse().unwrap();
            (HostKey { name: Some(host.into()), address }, job.into())
        });
        let read: Vec<(HostKey, Box<[u8]>)> = read.collect();
        assert_eq!(read.len(), names.len(), "seed {seed}");
        assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), names, "seed {seed}");
    }
}

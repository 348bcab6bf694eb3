//! Reports as they come from the network, and a fleet made of them. The input is datagrams, each behind a byte that
//! says from whom and when it comes, apart by a byte that no report has.

use pmtr::fleet::pages::{Page, PageForm, Stamp};
use pmtr::fleet::{Fleet, HostKey, Limits};
use pmtr::model::{Head, JobLine, MonoTime, ReportedProcess};
use pmtr::wire::report::{Datagram, MAX_REPORT_BYTES, Split, decode, encode_line};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

const APART: u8 = 0xfe;
/// Much less than pmtr-rptserver has, so that every limit is met.
const LIMITS: Limits = Limits {
    hosts: 6,
    names_per_address: 3,
    jobs_per_host: 8,
    bytes: 6_000,
    stale_after: Duration::from_secs(60),
};

pub fn run(input: &[u8]) {
    let mut fleet = Fleet::new(LIMITS);
    let (mut now, mut notes) = (MonoTime::ZERO, Vec::new());
    for piece in input.split(|byte| *byte == APART) {
        let Some((how, datagram)) = piece.split_first() else { continue };
        let from = match how & 3 {
            3 => IpAddr::V6(Ipv6Addr::LOCALHOST),
            last => IpAddr::from([10, 0, 0, *how & 3 | last]),
        };
        now = now
            + Duration::from_millis(
                [0, 0, 1, 5_000, 10_000, 30_000, 59_999, 700_000][usize::from(how >> 2 & 7)],
            );
        fleet.tick(now, &mut notes);
        assert!(fleet.deadline().is_none_or(|deadline| deadline > now), "a deadline lies behind");
        if let Some(datagram) = decode(datagram) {
            again(&datagram);
            fleet.receive(now, from, &datagram.head, &mut datagram.jobs(), &mut notes);
        }
        check(&fleet);
        if how & 0x40 != 0 {
            while fleet.change().is_some() {}
        }
        if how & 0x20 != 0 {
            pages(&fleet, now);
        }
    }
    pages(&fleet, now);
    for note in notes {
        readable(note.to_string().as_bytes(), b"");
    }
    let mut changes = 0;
    while fleet.change().is_some() {
        changes += 1;
    }
    assert!(changes <= 3 * LIMITS.hosts, "{changes} changes wait");
}

/// What was read is the same when it is sent and read again.
fn again(datagram: &Datagram<'_>) {
    let Head { host: Some(host), interface, part: _ } = datagram.head else { return };
    let jobs: Vec<JobLine<'_>> = datagram.jobs().collect();
    let mut body = Vec::new();
    jobs.iter().for_each(|job| encode_line(job, &mut body));
    let split = Split::new(host, interface, 7, &body);
    let (mut bytes, mut told) = (Vec::new(), 0);
    for index in 0..split.len() {
        split.datagram(index, &body, &mut bytes);
        let part = decode(&bytes).expect("what we send is a report");
        assert_eq!((part.head.host, part.head.interface), (Some(host), interface));
        assert_eq!(
            part.head.part.map(|part| (part.index, part.of, part.serial)),
            match split.len() {
                1 => None,
                of => Some((u32::try_from(index).unwrap_or(0) + 1, u32::try_from(of).unwrap_or(0), 7)),
            }
        );
        assert!(bytes.len() <= MAX_REPORT_BYTES || part.jobs().count() < 2, "{} bytes", bytes.len());
        for job in part.jobs() {
            let process = if jobs[told].process == ReportedProcess::Unsaid {
                ReportedProcess::None
            } else {
                jobs[told].process
            };
            assert_eq!(job, JobLine { process, ..jobs[told] });
            told += 1;
        }
    }
    assert_eq!(told, jobs.len());
}

fn check(fleet: &Fleet) {
    let (mut hosts, mut complete, mut last) = (0, 0, None);
    while let Some((key, host)) = fleet.next(last.as_ref()) {
        assert!(last.as_ref().is_none_or(|last: &HostKey| last < key));
        hosts += 1;
        complete += usize::from(host.is_complete());
        last = Some(key.clone());
    }
    assert!(hosts <= LIMITS.hosts, "{hosts} hosts");
    assert_eq!(fleet.complete(), complete);
}

fn pages(fleet: &Fleet, now: MonoTime) {
    let stamp = Stamp { text: "Thu Nov  5 09:03:07 2026", unix_seconds: 1_793_869_387 };
    for form in [PageForm::Status, PageForm::Json, PageForm::Metrics] {
        let mut page = Page::new(form);
        let mut last = None;
        while let Some((key, host)) = fleet.next(last.as_ref()) {
            page.add(now, key, host);
            last = Some(key.clone());
        }
        let text = page.finish(stamp).concat();
        // Reports have their bound; beside them a host has its name, escaped and on each of its lines, and little more.
        let most = LIMITS.bytes + 4_096 + LIMITS.hosts * 10 * (2 * 255 + 300);
        assert!(text.len() <= most, "{form:?} has {} bytes", text.len());
        readable(&text, b"\n\t");
        if form == PageForm::Json {
            let rest = value(text.trim_ascii_start());
            assert!(
                rest.is_some_and(|rest| rest.trim_ascii().is_empty()),
                "{}",
                String::from_utf8_lossy(&text)
            );
        }
    }
}

/// What is left behind one JSON value; nothing when there is none.
fn value(text: &[u8]) -> Option<&[u8]> {
    match text.split_first()? {
        (b'{', rest) => list(rest, b'}', |item| {
            let behind_name = value(item.starts_with(b"\"").then_some(item)?)?.trim_ascii_start();
            value(behind_name.strip_prefix(b":")?.trim_ascii_start())
        }),
        (b'[', rest) => list(rest, b']', value),
        (b'"', mut rest) => loop {
            match rest {
                [b'"', rest @ ..] => break Some(rest),
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', tail @ ..] => rest = tail,
                [b'\\', b'u', digits @ ..]
                    if digits.len() >= 4 && digits[..4].iter().all(u8::is_ascii_hexdigit) =>
                {
                    rest = &digits[4..];
                }
                [b'\\' | 0..=31, ..] | [] => break None,
                [_, tail @ ..] => rest = tail,
            }
        },
        _ => {
            let end = text.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte))?;
            let word = std::str::from_utf8(&text[..end]).ok()?;
            let good = matches!(word, "true" | "false" | "null") || word.parse::<f64>().is_ok();
            good.then_some(&text[end..])
        }
    }
}

fn list(text: &[u8], end: u8, item: impl Fn(&[u8]) -> Option<&[u8]>) -> Option<&[u8]> {
    let mut rest = text.trim_ascii_start();
    if rest.first() == Some(&end) {
        return rest.get(1..);
    }
    loop {
        rest = item(rest)?.trim_ascii_start();
        match rest.split_first()? {
            (b',', tail) => rest = tail.trim_ascii_start(),
            (byte, tail) if *byte == end => return Some(tail),
            _ => return None,
        }
    }
}

/// Text, and nothing in it that a terminal would obey.
fn readable(text: &[u8], but: &[u8]) {
    let text = std::str::from_utf8(text).expect("it is text");
    let obeyed = |char: char| char.is_control() && !but.contains(&u8::try_from(char).unwrap_or(0));
    assert!(!text.contains(obeyed), "{text:?}");
}

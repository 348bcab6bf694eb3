//! Files of other versions, kinds and clocks.

use super::*;

/// Bytes and where in a file they are; all others are zero.
type Parts = [(usize, &'static [u8])];

/// What the second version wrote: a job, a place without one, and a job of which something was seen alive later.
const SECOND: (usize, &Parts) = (
    5048,
    &[
        (0, b"pmtr state 2\n\0\0\x000d9f7a52-3c1e-4f7e-9f0e-6a1b2c3d4e5f\0\0\0\0\xfc\xff\xff\xef"),
        (64, b"M\0\0\0\x0e\0\0\0/etc/some.conf"),
        (4168, b"\0\0O\x91\x94N\0\0\xf5\xa8\xceh\xdd\n\x84\""),
        (4184, b"\xe0\x85\n*\x01\0\0\0g\x12\0\0\0\0\0\0\x10\x98h\xa1=.M\x02\0\xf2\x05*\x01\0\0\0\x03web"),
        (
            4760,
            b"\0\x1aq\x18\x02\0\0\0h\x12\0\0\x01\0\0\0\xb3\xec\xac\xda\xcecE\xe8\0\xbc\xa0e\x01\0\0\0\x02db",
        ),
    ],
);

/// The same by the first version, which did not say anything of the clock.
const FIRST: (usize, &Parts) = (
    5040,
    &[
        (0, b"pmtr state 1\n\0\0\x000d9f7a52-3c1e-4f7e-9f0e-6a1b2c3d4e5f\0\0\0\0\xfc\xff\xff\xef"),
        (64, b"M\0\0\0\x0e\0\0\0/etc/some.conf"),
        (4168, b"\x1f\0\xa4\xc6\xbb1\x90\x06"),
        (4176, b"\xe0\x85\n*\x01\0\0\0g\x12\0\0\0\0\0\0\x10\x98h\xa1=.M\x02\0\xf2\x05*\x01\0\0\0\x03web"),
        (
            4752,
            b"\0\x1aq\x18\x02\0\0\0h\x12\0\0\x01\0\0\0\xb3\xec\xac\xda\xcecE\xe8\0\xbc\xa0e\x01\0\0\0\x02db",
        ),
    ],
);

fn file((length, parts): (usize, &Parts)) -> Vec<u8> {
    let mut bytes = vec![0; length];
    parts.iter().for_each(|(at, part)| bytes[*at..at + part.len()].copy_from_slice(part));
    bytes
}

/// The machine on which those files were written.
fn there() -> Here {
    let boot = b"0d9f7a52-3c1e-4f7e-9f0e-6a1b2c3d4e5f".to_vec();
    Here { boot, namespace: 4_026_531_836, clock: Some(86_400_000_000_000) }
}

/// A file of this version with the number of another, and the checksum that belongs to it.
fn numbered(bytes: &[u8], number: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[11] = number;
    let sum = record::sum(&bytes[..HEAD_BYTES - 8]);
    bytes[HEAD_BYTES - 8..HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn some(kind: RecordKind) -> Record {
    let (pid, name) = (Pid::new(7).unwrap(), JobName::new(b"web"));
    Record { kind, pid, name, before_nanos: 5_000_000_000, after_nanos: 6_000_000_000, seen: false }
}

#[test]
fn what_earlier_versions_have_recorded_are_jobs() {
    let (kind, web, db) = (RecordKind::Job, JobName::new(b"web"), JobName::new(b"db"));
    let [web_pid, db_pid] = [4711, 4712].map(|pid| Pid::new(pid).unwrap());
    let (before_nanos, after_nanos) = (5_000_000_000, 5_000_300_000);
    let records = [
        Record { kind, pid: web_pid, name: web, before_nanos, after_nanos, seen: false },
        Record {
            kind,
            pid: db_pid,
            name: db,
            before_nanos: 6_000_000_000,
            after_nanos: 9_000_000_000,
            seen: true,
        },
    ];
    for (bytes, clock_unknown) in [(file(SECOND), false), (file(FIRST), true)] {
        let told = decode(&bytes, &there(), Some(CONFIG.as_bytes())).unwrap();
        assert_eq!(told, Contents { records: records.to_vec(), damaged: 0, clock_unknown });
        assert_eq!(format::writer(&bytes), Some(77));
    }
}

#[test]
fn each_kind_is_read_as_it_was_written_but_earlier_versions_knew_jobs_only() {
    let kinds = [RecordKind::Job, RecordKind::Helper, RecordKind::Log].map(some);
    let now = bytes(&there(), CONFIG, &kinds.each_ref());
    let told = decode(&now, &there(), None).unwrap();
    assert_eq!((&told.records[..], told.damaged), (&kinds[..], 0));
    let told = decode(&numbered(&now, b'2'), &there(), None).unwrap();
    assert_eq!((&told.records[..], told.damaged), (&kinds[..1], 2));
}

#[test]
fn a_later_version_is_not_read() {
    let now = bytes(&there(), CONFIG, &[&some(RecordKind::Job)]);
    for number in [b'0', b'4', b'9'] {
        let later = numbered(&now, number);
        assert_eq!(
            (decode(&later, &there(), None), format::writer(&later)),
            (Err(Unreadable::Damaged), None)
        );
    }
    assert_eq!(Unreadable::Damaged.to_string(), "is damaged or from another version");
}

#[test]
fn a_left_over_has_its_kind_and_hands_it_on() {
    let dir = Dir::new();
    let jobs = [("web", RecordKind::Helper), ("db", RecordKind::Log), ("db", RecordKind::Job)];
    let jobs = jobs.map(|(name, kind)| {
        let mut job = Job::new(name);
        job.1.kind = kind;
        job
    });
    let expected = jobs.each_ref().map(|job| (job.1.kind, job.1.pid)).to_vec();
    write(dir.path(), &bytes(&here(), CONFIG, &jobs.each_ref().map(|job| &job.1)));
    // The second time they are read from what the first one has written.
    for _ in 0..2 {
        let mut state = claim(dir.path()).unwrap();
        let (left, notices) = state.take_over(own(), None);
        assert!(notices.is_empty(), "{notices:?}");
        let found: Vec<_> = left.iter().map(|left| (left.record.kind, left.record.pid)).collect();
        assert_eq!(found, expected);
        state.claim.file.unlock().unwrap();
    }
}

/// The file as its first version was.
fn of_the_first_version(bytes: &[u8]) -> Vec<u8> {
    let (head, records) = bytes.split_at(HEAD_BYTES);
    let mut first = [b"pmtr state 1", &head[12..HEAD_BYTES - 16]].concat();
    first.extend(record::sum(&first).to_le_bytes());
    [&first, records].concat()
}

#[test]
fn times_are_those_of_the_clock_here_whatever_time_namespace_they_were_written_in() {
    let record = Record {
        kind: RecordKind::Job,
        pid: Pid::new(7).unwrap(),
        name: JobName::new(b"web"),
        before_nanos: 5_000_000_000,
        after_nanos: 6_000_000_000,
        seen: false,
    };
    let of = |clock| Here { boot: b"boot".to_vec(), namespace: 9, clock };
    let second = 1_000_000_000;
    for (there, here, expected, known) in [
        (Some(0), Some(0), 5, true),
        (Some(0), Some(86_400 * second), 86_405, true),
        (Some(86_400 * second), Some(0), 5 - 86_400, true),
        (Some(-2 * second), Some(3 * second), 10, true),
        (None, Some(0), 5, false),
        (Some(second), None, 5, false),
    ] {
        let written = bytes(&of(there), CONFIG, &[&record]);
        let told = decode(&written, &of(here), Some(CONFIG.as_bytes())).unwrap();
        let before_nanos = (expected * second).cast_unsigned();
        let after_nanos = before_nanos.wrapping_add(1_000_000_000);
        assert_eq!(told.records, [Record { before_nanos, after_nanos, ..record.clone() }]);
        assert_eq!(!told.clock_unknown, known);
        // And back again when they are handed on.
        let again = bytes(&of(here), CONFIG, &[&told.records[0]]);
        assert_eq!(decode(&again, &of(there), Some(CONFIG.as_bytes())).unwrap().records[0], record);
    }
    // The first version told nothing of it: it is believed where there is no other clock.
    let first = of_the_first_version(&bytes(&of(None), CONFIG, &[&record]));
    assert_eq!(format::writer(&first), Some(77));
    for (here, known) in [(Some(0), true), (Some(second), false), (None, false)] {
        let told = decode(&first, &of(here), Some(CONFIG.as_bytes())).unwrap();
        assert_eq!((told.records, !told.clock_unknown), (vec![record.clone()], known));
    }
}

#[test]
fn a_file_of_the_first_version_is_read_and_one_of_an_unknown_clock_is_told_of() {
    let dir = Dir::new();
    let job = Job::new("job");
    let expected = vec![("job".to_owned(), job.1.pid)];
    write(dir.path(), &of_the_first_version(&bytes(&here(), CONFIG, &[&job.1])));
    assert_eq!(takes_over(dir.path()), (expected.clone(), Vec::new()));
    write(dir.path(), &bytes(&Here { clock: None, ..here() }, CONFIG, &[&job.1]));
    let path = path_in(dir.path());
    let line =
        format!("{} may be from another time namespace: jobs that are left may run twice", path.display());
    assert_eq!(takes_over(dir.path()), (expected, vec![line]));
    write(dir.path(), &bytes(&Here { clock: None, ..here() }, CONFIG, &[]));
    assert_eq!(takes_over(dir.path()), (Vec::new(), Vec::new()));
}

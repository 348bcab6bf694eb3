use super::format::{Unreadable, decode, file_name, head};
use super::*;
use crate::model::rng::Rng;
use crate::model::{JobName, Signal};
use crate::sys::clock;
use crate::sys::record::RecordKind;
use crate::sys::stat::Stat;
use crate::sys::testing::{Dir, ended, in_own_process, orphaned_session};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Command};

mod refused;
mod versions;

const CONFIG: &str = "/etc/some.conf";

fn uid() -> u32 {
    crate::sys::process::effective_uid()
}

fn own() -> Pid {
    crate::sys::process::own_pid().unwrap()
}

fn claim(dir: &Path) -> Result<StateFile, NotClaimed> {
    StateFile::claim(dir, Path::new(CONFIG), uid())
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join(OsString::from_vec(file_name(CONFIG.as_bytes())))
}

/// A state file as a killed pmtr leaves it; nobody has its lock.
fn write(dir: &Path, bytes: &[u8]) {
    fs::write(path_in(dir), bytes).unwrap();
    fs::set_permissions(path_in(dir), fs::Permissions::from_mode(0o600)).unwrap();
}

fn takes_over(dir: &Path) -> (Vec<(String, Pid)>, Vec<String>) {
    let mut state = claim(dir).unwrap();
    let (left, notices) = state.take_over(own(), None);
    let left = left.into_iter().map(|left| (left.record.name.to_string(), left.record.pid)).collect();
    state.remove();
    (left, notices.iter().map(ToString::to_string).collect())
}

/// A process that leads its own session, with a record that is as its own would be.
struct Job(Child, Record);

impl Job {
    fn new(name: &str) -> Job {
        let before_nanos = clock::since_start();
        // No leader of a group, setsid stays the process that it is.
        let child = Command::new("setsid").args(["/bin/sleep", "1000"]).spawn().unwrap();
        let pid = Pid::new(child.id().cast_signed()).unwrap();
        while !Stat::of(pid).unwrap().leads_session(pid) {
            std::thread::yield_now();
        }
        let after_nanos = clock::since_start();
        Job(
            child,
            Record {
                kind: RecordKind::Job,
                pid,
                name: JobName::new(name.as_bytes()),
                before_nanos,
                after_nanos,
                seen: false,
            },
        )
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn here() -> Here {
    find_here().unwrap()
}

fn bytes(here: &Here, path: &str, records: &[&Record]) -> Vec<u8> {
    let mut bytes = head(here, path.as_bytes(), 77);
    bytes.extend(records.iter().flat_map(|record| record::encode(record)));
    bytes
}

#[test]
fn a_fresh_file_is_made_in_a_directory_that_is_made_and_removed_at_the_end() {
    let dir = Dir::new();
    let below = dir.join("state");
    let mut state = claim(&below).unwrap();
    assert_eq!(fs::metadata(&below).unwrap().mode() & 0o777, 0o700 & !umask());
    let (left, notices) = state.take_over(own(), None);
    assert!(left.is_empty() && notices.is_empty(), "{notices:?}");
    let there = fs::metadata(path_in(&below)).unwrap();
    assert_eq!((there.mode() & 0o7777, there.len()), (0o600, HEAD_BYTES as u64));
    state.remove();
    assert_eq!(fs::read_dir(&below).unwrap().count(), 0);
}

fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap();
    u32::from_str_radix(mask.trim(), 8).unwrap()
}

#[test]
fn what_is_alive_is_found_and_stays_in_the_new_file_and_what_is_not_does_not() {
    let dir = Dir::new();
    let (one, two) = (Job::new("one"), Job::new("two"));
    let dead = {
        let job = Job::new("dead");
        job.1.clone()
    };
    let late =
        Record { before_nanos: one.1.after_nanos + 50_000_000, after_nanos: u64::MAX, ..one.1.clone() };
    let early = Record { after_nanos: two.1.before_nanos - 50_000_000, before_nanos: 0, ..two.1.clone() };
    write(dir.path(), &bytes(&here(), CONFIG, &[&dead, &late, &one.1, &early]));
    let expected = vec![("one".to_owned(), one.1.pid)];
    let mut state = claim(dir.path()).unwrap();
    let (left, notices) = state.take_over(own(), None);
    assert_eq!((left.len(), left[0].record.pid, notices.len()), (1, one.1.pid, 0));
    // Killed again before anything came of it: the next one finds it all the same.
    state.claim.file.unlock().unwrap();
    assert_eq!(takes_over(dir.path()), (expected, Vec::new()));
}

#[test]
fn a_damaged_file_hides_nothing_that_the_former_one_names_and_the_other_way_round() {
    let job = Job::new("one");
    let good = bytes(&here(), "/elsewhere/pmtr.conf", &[&job.1]);
    let (ours, damaged) = (bytes(&here(), CONFIG, &[&job.1]), b"damaged".to_vec());
    for (own_bytes, former_bytes) in [(&damaged, &good), (&ours, &damaged)] {
        let dir = Dir::new();
        let former = dir.join("former.state");
        write(dir.path(), own_bytes);
        fs::write(&former, former_bytes).unwrap();
        fs::set_permissions(&former, fs::Permissions::from_mode(0o600)).unwrap();
        let mut state = claim(dir.path()).unwrap();
        let (left, notices) = state.take_over(own(), Some(&former));
        assert_eq!((left.len(), left[0].record.pid), (1, job.1.pid));
        assert!(notices[0].to_string().ends_with(": 1 damaged record, ignored"), "{notices:?}");
        // Until the lock names the new file, the former one stays.
        assert!(former.exists());
        state.forget_former();
        assert!(!former.exists());
        state.remove();
    }
}

#[test]
fn who_has_the_session_of_a_dead_leader_is_found_if_he_was_there_when_it_was_seen_alive() {
    in_own_process(
        "daemon::state::tests::who_has_the_session_of_a_dead_leader_is_found_if_he_was_there_when_it_was_seen_alive",
        || {
            let dir = Dir::new();
            let before_nanos = clock::since_start();
            let (leader, other, _output) = orphaned_session();
            let after_nanos = clock::since_start();
            ended(leader);
            let (born, name) = (Stat::of(other).unwrap().born_ticks, JobName::new(b"web"));
            let record =
                Record { kind: RecordKind::Job, pid: leader, name, before_nanos, after_nanos, seen: false };
            let seen = |nanos| Record { after_nanos: nanos, seen: true, ..record.clone() };
            while clock::ticks(clock::since_start()) <= born + 1 {
                std::thread::yield_now();
            }
            let found = |record: &Record| {
                write(dir.path(), &bytes(&here(), CONFIG, &[record]));
                takes_over(dir.path()).0.len()
            };
            let later = clock::since_start();
            // Nobody has seen them; seen before they were there, or in the same tick; a number that came round.
            let tick = 1_000_000_000 / clock::ticks_per_second();
            let early = [&record, &seen(before_nanos), &seen(born * tick)].map(found);
            assert_eq!(early, [0, 0, 0]);
            assert_eq!(found(&Record { before_nanos: later - 1, ..seen(later) }), 0);
            assert_eq!(found(&seen(later)), 1);
            // The main process's own record becomes such a one while pmtr runs, and is found again and again.
            write(dir.path(), b"");
            let mut state = claim(dir.path()).unwrap();
            state.take_over(own(), None);
            let at = offset(1);
            state.place(JobId(1));
            state.claim.file.write_all_at(&record::encode(&record), at).unwrap();
            state.saw_alive(JobId(1), own(), later);
            state.saw_alive(JobId(0), leader, later);
            state.saw_alive(JobId(1), leader, later);
            for _ in 0..3 {
                state.claim.file.unlock().unwrap();
                state = claim(dir.path()).unwrap();
                let (left, notices) = state.take_over(own(), None);
                assert!(notices.is_empty(), "{notices:?}");
                assert!(
                    left.len() == 1 && left[0].record.pid == leader && left[0].leader.is_none(),
                    "{left:?}"
                );
            }
            crate::sys::session::member(other, leader).signal(&[Signal::TERM]);
        },
    );
}

#[test]
fn a_stranger_is_never_taken_for_a_job() {
    let dir = Dir::new();
    let (job, before_nanos) = (Job::new("job"), 0);
    // It leads no session: no job of ours.
    let mut sleep = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
    let pid = Pid::new(sleep.id().cast_signed()).unwrap();
    let name = JobName::new(b"x");
    let forged =
        Record { kind: RecordKind::Job, pid, name, before_nanos, after_nanos: u64::MAX, seen: false };
    let init = Record { pid: Pid::new(1).unwrap(), ..forged.clone() };
    let ours = Record { pid: own(), ..forged.clone() };
    write(dir.path(), &bytes(&here(), CONFIG, &[&forged, &init, &ours, &job.1, &job.1]));
    assert_eq!(takes_over(dir.path()), (vec![("job".to_owned(), job.1.pid)], Vec::new()));
    sleep.kill().unwrap();
    sleep.wait().unwrap();
}

#[test]
fn a_file_of_another_boot_namespace_or_path_and_a_damaged_one_are_ignored_with_a_line() {
    let dir = Dir::new();
    let job = Job::new("job");
    let boot = Here { boot: b"01234567-0123-0123-0123-0123456789ab".to_vec(), ..here() };
    let namespace = Here { namespace: here().namespace + 1, ..here() };
    let good = bytes(&here(), CONFIG, &[&job.1]);
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    for (bytes, odd) in [
        (bytes(&boot, CONFIG, &[&job.1]), Unreadable::OtherBoot),
        (bytes(&Here::default(), CONFIG, &[&job.1]), Unreadable::OtherBoot),
        (bytes(&namespace, CONFIG, &[&job.1]), Unreadable::OtherNamespace),
        (bytes(&here(), "/etc/other.conf", &[&job.1]), Unreadable::OtherPath),
        (flipped, Unreadable::Damaged),
        (good[..HEAD_BYTES - 1].to_vec(), Unreadable::Damaged),
        (b"12\n".to_vec(), Unreadable::Damaged),
    ] {
        write(dir.path(), &bytes);
        let line = format!("{} {odd}, ignored", path_in(dir.path()).display());
        assert_eq!(takes_over(dir.path()), (Vec::new(), vec![line]));
    }
    // A record that was cut, and one that is torn, cost only themselves.
    let mut cut = [&good[..], &good[HEAD_BYTES..], &good[HEAD_BYTES..HEAD_BYTES + 100]].concat();
    cut[HEAD_BYTES + RECORD_BYTES + 9] ^= 4;
    write(dir.path(), &cut);
    let (left, notices) = takes_over(dir.path());
    assert_eq!(left, [("job".to_owned(), job.1.pid)]);
    assert!(notices.len() == 1 && notices[0].ends_with(": 2 damaged records, ignored"), "{notices:?}");
}

#[test]
fn a_huge_file_is_not_read() {
    let dir = Dir::new();
    write(dir.path(), b"");
    File::options().write(true).open(path_in(dir.path())).unwrap().set_len(1 << 30).unwrap();
    let (left, notices) = takes_over(dir.path());
    assert!(left.is_empty() && notices[0].ends_with("is too long for a state file, ignored"), "{notices:?}");
}

#[test]
fn rubbish_is_never_a_record_and_never_a_panic() {
    let mut rng = Rng::new(1);
    let here = Here { boot: b"boot".to_vec(), namespace: 9, clock: Some(0) };
    let (pid, name) = (Pid::new(7).unwrap(), JobName::new(b"web"));
    let record = Record { kind: RecordKind::Job, pid, name, before_nanos: 1, after_nanos: 2, seen: false };
    let good = bytes(&here, CONFIG, &[&record, &record]);
    for _ in 0..300_000 {
        let mut bytes = if rng.one_in(2) {
            // A record or less of noise behind a good head, or instead of it.
            let noise: Vec<u8> = (0..rng.below(300)).map(|_| rng.byte()).collect();
            let head = if rng.one_in(2) { &good[..HEAD_BYTES] } else { &[] };
            head.iter().copied().chain(noise).collect()
        } else {
            good[..rng.below(good.len() + 1)].to_vec()
        };
        let untouched = bytes.clone();
        if !bytes.is_empty() {
            let at = rng.below(bytes.len());
            bytes[at] ^= rng.byte();
        }
        if let Ok(Contents { records, .. }) = decode(&bytes, &here, Some(CONFIG.as_bytes())) {
            let whole = if untouched.starts_with(&good[..HEAD_BYTES]) { 2 } else { 0 };
            assert!(records.len() <= whole && records.iter().all(|found| *found == record), "{bytes:?}");
        }
    }
}

#[test]
fn records_have_their_place_and_room_and_there_is_an_end_to_them() {
    let dir = Dir::new();
    let mut state = claim(dir.path()).unwrap();
    assert!(state.place(JobId(0)).0.is_none(), "nothing is recorded before the old file was read");
    state.take_over(own(), None);
    for id in [0, 1, 63, 64, 1000, RECORDS - 1] {
        let (place, notice) = state.place(JobId(id));
        assert_eq!((place.unwrap().offset, notice), (offset(id), None));
        assert!(fs::metadata(path_in(dir.path())).unwrap().len() >= offset(id + 1));
    }
    let told: Vec<bool> = (0..3).map(|more| state.place(JobId(RECORDS + more)).1.is_some()).collect();
    assert_eq!(told, [true, false, false]);
    assert!(fs::metadata(path_in(dir.path())).unwrap().len() <= format::LONGEST_BYTES);
}

#[test]
fn the_names_of_files_are_short_and_differ() {
    let long = [b"/a/", &[b'x'; 255][..]].concat();
    assert_eq!(file_name(&long).len(), 200 + 1 + 16 + 6);
    assert_ne!(file_name(b"/a/pmtr.conf"), file_name(b"/b/pmtr.conf"));
    assert!(file_name(b"/etc/pmtr.conf").starts_with(b"pmtr.conf-"));
}

#[test]
fn the_directory_is_that_of_the_option_or_of_the_user() {
    let option = Some(Path::new("/x"));
    assert_eq!(directory(option, 0, true), Some("/x".into()));
    assert_eq!(directory(None, 0, true), None);
    assert_eq!(directory(None, 0, false), Some("/run/pmtr".into()));
}

#[test]
fn a_path_that_climbs_is_that_of_the_same_configuration() {
    let dir = Dir::new();
    let real = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir(real.join("sub")).unwrap();
    symlink("sub", real.join("link")).unwrap();
    for (told, means) in [
        ("sub/../pmtr.conf", "pmtr.conf"),
        ("link/../sub/pmtr.conf", "sub/pmtr.conf"),
        ("link/pmtr.conf", "link/pmtr.conf"),
        ("missing/../pmtr.conf", "missing/../pmtr.conf"),
    ] {
        assert_eq!(without_parents(&real.join(told)), real.join(means));
    }
    let state = StateFile::claim(&real.join("state"), &real.join("pmtr.conf"), uid()).unwrap();
    let again = StateFile::claim(&real.join("state"), &real.join("sub/../pmtr.conf"), uid());
    assert!(matches!(again, Err(NotClaimed::Held(_))));
    state.remove();
}

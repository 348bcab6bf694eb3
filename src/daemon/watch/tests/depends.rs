//! The files that jobs depend on: what they hold is told, and each change of it once.

use super::*;
use crate::sys::testing::lease;
use std::fs::OpenOptions;

impl Bench {
    /// What has been told of files within this time, by name and length.
    fn facts(&mut self, time: Duration) -> Vec<(String, Option<u64>)> {
        let root = self.path("");
        let seen = self.run_for(time).into_iter();
        let facts = seen.filter_map(|seen| match seen {
            Seen::File(path, print) => {
                let name = path.strip_prefix(&*root).unwrap();
                Some((String::from_utf8(name.to_vec()).unwrap(), print.map(|print| print.bytes)))
            }
            Seen::Saved | Seen::Config | Seen::Writing | Seen::Say(_) => None,
        });
        facts.collect()
    }

    fn add(&mut self, name: &str) {
        let path = self.path(name);
        self.watch.add(path);
    }
}

fn fact(name: &str, bytes: Option<u64>) -> (String, Option<u64>) {
    (name.into(), bytes)
}

#[test]
fn the_first_fact_comes_at_once_and_later_ones_after_a_quiet_time() {
    let mut bench = Bench::new("conf");
    bench.write("a", "1");
    bench.add("a");
    bench.add("gone");
    bench.add("a");
    assert_eq!(bench.facts(Duration::ZERO), [fact("gone", None), fact("a", Some(1))]);
    bench.write("a", "12");
    assert_eq!(bench.facts(Duration::from_millis(99)), []);
    bench.write("a", "123");
    assert_eq!(bench.facts(Duration::from_millis(99)), []);
    assert_eq!(bench.facts(Duration::from_millis(2)), [fact("a", Some(3))]);
    assert_eq!(bench.watch.deadline(), None);
}

#[test]
fn only_another_content_is_told() {
    let mut bench = Bench::new("conf");
    bench.write("a", "1");
    bench.add("a");
    bench.facts(secs(1));
    bench.sh("touch a; chmod 600 a; echo -n 1 >a; cp a b; mv b a");
    assert_eq!(bench.facts(secs(5)), []);
    bench.sh("echo -n 2 >b; touch -r a b; mv b a");
    assert_eq!(bench.facts(secs(5)), [fact("a", Some(1))]);
    bench.sh("rm a");
    assert_eq!(bench.facts(secs(5)), [fact("a", None)]);
    bench.sh("mkfifo a");
    assert_eq!(bench.facts(secs(5)), []);
    bench.sh("rm a; echo 22 >a");
    assert_eq!(bench.facts(secs(5)), [fact("a", Some(3))]);
    bench.sh("rm a; ln -s /dev/null a");
    assert_eq!(bench.facts(secs(5)), [fact("a", None)]);
}

#[test]
fn a_file_in_a_directory_that_is_not_there_yet_is_found() {
    let mut bench = Bench::new("conf");
    bench.add("x/y/z");
    assert_eq!(bench.facts(secs(1)), [fact("x/y/z", None)]);
    bench.sh("mkdir -p x/y; echo 1 >x/y/z");
    assert_eq!(bench.facts(secs(1)), [fact("x/y/z", Some(2))]);
    bench.sh("rm -r x");
    assert_eq!(bench.facts(secs(1)), [fact("x/y/z", None)]);
}

#[test]
fn a_removed_file_is_forgotten_with_its_watches() {
    let mut bench = Bench::new("conf");
    let _ = bench.watch.load(Reading::Always);
    bench.run();
    let before = (bench.watch.table.len(), bench.kernel_watches());
    bench.sh("mkdir -p d/e");
    for i in 0..300 {
        bench.write_here(&format!("d/e/{i}"), "x");
        bench.add(&format!("d/e/{i}"));
    }
    assert_eq!(bench.facts(secs(1)).len(), 300);
    bench.sh("for i in d/e/*; do echo y >$i; done");
    for i in 0..300 {
        let path = bench.path(&format!("d/e/{i}"));
        bench.watch.remove(&path);
    }
    assert_eq!(bench.facts(secs(10)), []);
    assert_eq!((bench.watch.table.len(), bench.kernel_watches()), before);
    assert_eq!(bench.watch.entries.len(), 1);
}

#[test]
fn ten_thousand_files_that_are_missing_are_told_in_portions() {
    let mut bench = Bench::new("conf");
    for i in 0..10_000 {
        bench.add(&format!("{i}"));
    }
    let mut seen = Vec::new();
    bench.watch.work(bench.now, bench.poll.registry(), &mut seen);
    assert!(!seen.is_empty() && seen.len() < 100 && bench.watch.more());
    assert_eq!(bench.facts(Duration::ZERO).len() + seen.len(), 10_000);
    for i in 0..10_000 {
        let path = bench.path(&format!("{i}"));
        bench.watch.remove(&path);
    }
    assert_eq!((bench.watch.table.len(), bench.kernel_watches()), (0, 0));
}

#[test]
fn a_large_file_is_read_in_portions() {
    let mut bench = Bench::new("conf");
    bench.sh("head -c 5000000 /dev/zero >big");
    bench.add("big");
    for _ in 0..3 {
        bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
        assert!(bench.seen.is_empty() && bench.watch.more());
    }
    assert_eq!(bench.facts(Duration::ZERO), [fact("big", Some(5_000_000))]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_again() {
    let mut bench = Bench::new("conf");
    bench.write("big", "x");
    bench.add("big");
    bench.facts(secs(1));
    bench.sh("head -c 5000000 /dev/zero >big");
    bench.run();
    bench.now = bench.now + secs(1);
    bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
    assert!(!bench.watch.hashing.is_empty());
    bench.sh("head -c 5000001 /dev/zero >big");
    assert_eq!(bench.facts(secs(5)), [fact("big", Some(5_000_001))]);
}

#[test]
fn a_small_file_does_not_wait_for_a_large_one() {
    let mut bench = Bench::new("conf");
    bench.sh("truncate -s 60M large");
    bench.write("small", "x");
    bench.add("large");
    bench.add("small");
    bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
    let small = bench.root.join("small").into_os_string().into_encoded_bytes();
    assert!(bench.seen.iter().any(|seen| matches!(seen, Seen::File(path, Some(_)) if **path == *small)));
    assert!(!bench.watch.hashing.is_empty());
}

/// The lines that were said within this time, and the facts.
fn said(bench: &mut Bench, time: Duration) -> (Vec<String>, usize) {
    let root = bench.root.display().to_string() + "/";
    let seen = bench.run_for(time);
    let lines = seen.iter().filter_map(|seen| match seen {
        Seen::Say(notice) => Some(notice.to_string().replace(&root, "")),
        Seen::Saved | Seen::Config | Seen::Writing | Seen::File(..) => None,
    });
    (lines.collect(), seen.iter().filter(|seen| matches!(seen, Seen::File(..))).count())
}

#[test]
fn of_a_file_that_is_too_long_to_be_read_size_and_time_are_told_with_one_line() {
    let mut bench = Bench::new("conf");
    bench.sh("truncate -s 4T huge || truncate -s 1T huge; truncate -s 64M just");
    for name in ["huge", "just"] {
        bench.add(name);
    }
    let line = "huge, which jobs depend on, is larger than 64 MiB; \
                changes are detected by size, inode and modification time only";
    assert_eq!(said(&mut bench, Duration::ZERO), (vec![line.into()], 2));
    for (script, news) in [
        ("chmod 600 huge; ln huge link; rm link", 0),
        ("touch -d '2001-01-01' huge", 1),
        ("printf x | dd of=huge conv=notrunc status=none; touch -d '2001-01-01' huge", 0),
        ("truncate -s +1 huge; touch -d '2001-01-01' huge", 1),
        // Another file of the same size and time.
        ("truncate -r huge new; touch -r huge new; mv new huge", 1),
    ] {
        bench.sh(script);
        assert_eq!(said(&mut bench, secs(5)), (vec![], news), "{script}");
    }
    // What is read again is news again when it is not any more.
    bench.sh("echo 1 >new; mv new huge");
    assert_eq!(bench.facts(secs(5)), [fact("huge", Some(2))]);
    bench.sh("truncate -s 65M huge");
    assert_eq!(said(&mut bench, secs(5)), (vec![line.into()], 1));
}

#[test]
fn a_file_without_an_end_is_left_after_as_much_as_a_file_may_have() {
    let bench = Bench::new("conf");
    bench.sh("truncate -s 70M new");
    let file = File::open(bench.root.join("new")).unwrap();
    // As a file of /proc has it: nobody knows how long it is.
    let mut stamp = FileStamp::of(&file.metadata().unwrap());
    let real = stamp;
    stamp.bytes = 0;
    let mut hashing = Hashing::new(file, stamp);
    assert_eq!(hashing.go_on(&mut (64 << 20)), read::Progress::More);
    assert_eq!(hashing.go_on(&mut (1 << 20)), read::Progress::Long(real));
}

#[test]
fn what_is_no_regular_file_is_said_once_and_counts_as_missing() {
    let mut bench = Bench::new("conf");
    bench.sh("mkdir a");
    bench.add("a");
    let line =
        |what: &str| format!("a, which jobs depend on, is {what}, not a regular file; it counts as missing");
    assert_eq!(said(&mut bench, secs(1)), (vec![line("a directory")], 1));
    bench.sh("rmdir a; mkdir a");
    assert_eq!(said(&mut bench, secs(5)), (vec![], 0));
    bench.sh("rmdir a; mkfifo a");
    assert_eq!(said(&mut bench, secs(5)), (vec![line("a FIFO")], 0));
    bench.sh("rm a; ln -s /dev/null a");
    assert_eq!(said(&mut bench, secs(5)), (vec![line("a device")], 0));
}

#[test]
fn a_link_to_one_of_the_kernels_own_files_counts_as_missing() {
    let mut bench = Bench::new("conf");
    bench.watch.mounts = Mounts::read();
    bench.sh("ln -s /proc/version a");
    bench.add("a");
    let line = "a, which jobs depend on, is a file of the kernel, reached by a link; it counts as missing";
    assert_eq!(said(&mut bench, Duration::ZERO), (vec![line.into()], 1));
    // Who names it himself means it.
    bench.watch.add((*b"/proc/version").into());
    let seen = bench.run();
    assert!(matches!(seen[..], [Seen::File(_, Some(_))]), "{seen:?}");
}

#[test]
fn a_link_through_too_many_directories_counts_as_missing() {
    let mut bench = Bench::new("conf");
    bench.sh("mkdir d; echo 1 > d/file; echo 1 > a");
    bench.add("a");
    assert_eq!(said(&mut bench, secs(1)), (vec![], 1));
    let watches = bench.watch.table.len();
    // Each of them leads to the next one, at last to the file.
    bench.sh("way=$(printf 'd/../%.0s' $(seq 1 20)); next=d/file
        for i in $(seq 1 30); do ln -s $way$next l$i; next=l$i; done; ln -s $next new; mv new a");
    let how = "a, which jobs depend on, is reached by a path that is too long, \
        more than 256 directories and links; it counts as missing";
    assert_eq!(said(&mut bench, secs(5)), (vec![how.into()], 1));
    assert!(bench.watch.table.len() <= watches + 2, "{} watches", bench.watch.table.len());
    assert_eq!(said(&mut bench, secs(60)), (vec![], 0));
    bench.sh("ln -s d/file new; mv new a");
    assert_eq!(said(&mut bench, secs(5)), (vec![], 1));
}

#[test]
fn large_files_are_read_at_full_speed_for_a_second_and_then_with_rests() {
    thread_local! {
        static CLOCK: Cell<MonoTime> = const { Cell::new(MonoTime::ZERO) };
    }
    let mut bench = Bench::new("conf");
    bench.sh("for i in 1 2 3 4; do truncate -s 60M $i; done");
    (1..=4).for_each(|name| bench.add(&name.to_string()));
    // They are opened at once; from then on each portion takes five milliseconds.
    bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
    bench.watch.clock = || CLOCK.replace(CLOCK.get() + Duration::from_millis(5));
    let mut portions = 0;
    while bench.watch.more() {
        bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
        portions += 1;
    }
    assert!(portions >= 200, "a second is for nothing: {portions}");
    let rest = bench.watch.deadline().unwrap();
    assert_eq!(rest.since(bench.now), Duration::from_millis(50));
    let begun = bench.now;
    assert_eq!(bench.facts(secs(60)).len(), 4);
    let (all, last) = (240 + 7, CLOCK.get());
    assert!(last >= MonoTime::ZERO + Duration::from_millis(all * 5), "{last:?}");
    assert!(bench.watch.deadline().is_none() && bench.now > begun);
}

#[test]
fn a_file_that_is_being_written_is_waited_for_but_not_by_a_job_that_was_never_started() {
    let mut bench = Bench::new("conf");
    bench.write("a", "1");
    WRITER.set(Some(true));
    bench.add("a");
    assert_eq!(bench.facts(Duration::ZERO), []);
    assert_eq!(bench.facts(secs(4)), [fact("a", Some(1))]);
    bench.write("a", "12");
    assert_eq!(bench.facts(secs(100)), []);
    WRITER.set(Some(false));
    assert_eq!(bench.facts(secs(31)), [fact("a", Some(2))]);
    assert_eq!(bench.watch.deadline(), None);
}

#[test]
fn a_file_that_fails_to_be_read_is_tried_again_by_itself() {
    let mut bench = Bench::new("conf");
    // It opens like a file, but there is nothing at the address zero.
    bench.sh("ln -s /proc/self/mem a");
    bench.add("a");
    assert_eq!(bench.facts(Duration::ZERO), []);
    assert_eq!(bench.facts(secs(4)), [fact("a", None)]);
    assert!(bench.watch.deadline().is_some());
    bench.sh("echo 1 >b; mv b a");
    assert_eq!(bench.facts(secs(1)), [fact("a", Some(2))]);
    bench.sh("ln -sf /proc/self/mem a");
    assert_eq!(bench.facts(secs(100)), [], "what is known holds until more is");
    bench.sh("ln -sf a a");
    assert_eq!(bench.facts(secs(1)), [fact("a", None)]);
    assert_eq!(bench.watch.deadline(), None);
}

#[test]
fn a_file_that_somebody_has_a_lease_on_is_read_when_that_has_ended() {
    let mut bench = Bench::new("conf");
    bench.write("a", "1");
    let holder = OpenOptions::new().read(true).write(true).open(bench.root.join("a")).unwrap();
    if !lease(&holder) {
        return eprintln!("skipped: no leases here");
    }
    let begun = std::time::Instant::now();
    bench.add("a");
    assert_eq!(bench.facts(Duration::ZERO), []);
    assert!(begun.elapsed() < secs(40), "it waits for the holder");
    drop(holder);
    assert_eq!(bench.facts(secs(31)), [fact("a", Some(1))]);
}

#[test]
fn a_fingerprint_depends_on_the_content_only() {
    let mut bench = Bench::new("conf");
    bench.sh("head -c 100000 /dev/urandom | base64 >conf; cp conf a");
    let (print, _) = bench.load();
    bench.add("a");
    let path = bench.path("a");
    assert!(bench.run().contains(&Seen::File(path, Some(print))));
}

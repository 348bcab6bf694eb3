//! Where the kernel does not tell, or not all, nothing is missed for long.

use super::super::inotify_instance::fault::{ADD, OPEN, READ};
use super::*;
use inotify::EventMask;

const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;

thread_local! {
    static CLOCK: Cell<MonoTime> = const { Cell::new(MonoTime::ZERO) };
}

/// With this clock each portion of work takes a fifth of a second.
fn slow_clock() -> MonoTime {
    CLOCK.replace(CLOCK.get() + Duration::from_millis(200))
}

fn lines(seen: &[Seen]) -> Vec<String> {
    let says = seen.iter().filter_map(|seen| match seen {
        Seen::Say(notice) => Some(notice.to_string()),
        Seen::Saved | Seen::Config | Seen::Writing | Seen::File(..) => None,
    });
    says.collect()
}

#[test]
fn without_notifications_files_are_looked_at_and_both_changes_of_ways_are_said_once() {
    for (step, errno, text) in [
        (OPEN, EMFILE, "Too many open files (fs.inotify.max_user_instances)"),
        (ADD, ENOSPC, "No space left on device (fs.inotify.max_user_watches)"),
    ] {
        FAULTS.set((step, errno));
        let mut bench = Bench::new("conf");
        bench.sh("echo 1 >conf; echo 1 >a");
        bench.load();
        let a = bench.path("a");
        bench.watch.add(a);
        let seen = bench.run();
        let complaint = format!("can't watch files for changes: {text}; checking every 2 sec instead");
        assert_eq!(lines(&seen), [complaint]);
        let of_config = |seen: &&Seen| matches!(seen, Seen::Saved | Seen::Config);
        assert_eq!(bench.run_for(secs(100)).iter().filter(of_config).count(), 0, "{step}");
        bench.sh("chmod 600 conf");
        assert_eq!(bench.run_for(secs(3)), [Seen::Config], "a change of mode is no save");
        bench.load();
        bench.sh("echo 22 >conf; echo 22 >a");
        let seen = bench.run_for(secs(3));
        assert!(seen.contains(&Seen::Saved));
        assert!(seen.iter().any(|s| matches!(s, Seen::File(_, Some(print)) if print.bytes == 3)));
        assert_eq!(bench.load().1, "22\n");
        assert_eq!(lines(&seen), [""; 0]);

        FAULTS.set((0, 0));
        bench.sh("rm a");
        let seen = bench.run_for(secs(2));
        assert_eq!(lines(&seen), ["watching files for changes again"]);
        assert!(seen.iter().any(|s| matches!(s, Seen::File(_, None))));
        assert_eq!(bench.watch.deadline(), None, "at rest nothing is due");
        bench.sh("echo 333 >conf");
        assert!(bench.touched());
    }
}

#[test]
fn notifications_that_break_off_are_done_without_and_taken_up_again() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    bench.run();
    FAULTS.set((READ, 5));
    bench.sh("echo 2 >conf");
    let seen = bench.run();
    assert_eq!(lines(&seen).len(), 1);
    assert!(seen.contains(&Seen::Saved), "what happened meanwhile is looked at");
    bench.load();
    FAULTS.set((0, 0));
    assert_eq!(lines(&bench.run_for(secs(2))).len(), 1);
    bench.sh("echo 3 >conf");
    assert!(bench.touched());
}

#[test]
fn a_flood_of_events_leaves_rests_in_which_it_wakes_nobody() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    bench.run();
    bench.watch.clock = slow_clock;
    let mut events = Events::with_capacity(8);
    let mut portions = 0;
    while !bench.watch.deaf {
        bench.write_here("conf", &portions.to_string());
        bench.poll.poll(&mut events, Some(secs(20))).unwrap();
        events.iter().for_each(|event| bench.ready(event.token()));
        portions += u32::from(bench.watch.unread);
        bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
    }
    assert_eq!(portions, 5, "a second is for nothing");
    bench.write_here("conf", "x");
    bench.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
    assert!(events.is_empty() && !bench.watch.more());
    let rest = bench.watch.deadline().unwrap().since(bench.now);
    assert!(rest < secs(1) && rest >= Duration::from_millis(2), "{rest:?}");
    bench.seen.clear();
    bench.watch.clock = || MonoTime::ZERO;
    let seen = bench.run_for(secs(2));
    assert!(seen.contains(&Seen::Saved), "what came meanwhile is told");
    assert!(!bench.watch.deaf);
    bench.write("conf", "y");
    assert!(bench.touched());
}

/// A directory with many files of jobs, each in a directory of its own.
fn many(bench: &mut Bench, files: u32) {
    bench.sh("echo 1 >conf; mkdir d");
    bench.load();
    for number in 0..files {
        std::fs::create_dir(bench.root.join(format!("d/{number}"))).unwrap();
        let path = bench.path(&format!("d/{number}/x"));
        bench.watch.add(path);
    }
    bench.run();
}

#[test]
fn a_save_of_the_configuration_waits_neither_for_a_storm_of_events_nor_for_the_work_it_leaves() {
    let mut bench = Bench::new("conf");
    many(&mut bench, 300);
    bench.sh("for i in 1 2 3 4 5 6 7 8 9; do mv d e; mv e d; done");
    bench.watch.is_notified();
    bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
    let used_up = secs(60);
    bench.watch.hearing.spend(bench.now, used_up);
    bench.watch.allowance.spend(bench.now, used_up);
    bench.sh("mv d e; mv e d");
    bench.run_for(secs(1));
    assert!(bench.watch.unread && bench.watch.has_queued());
    for text in ["22", "333"] {
        bench.load();
        assert_eq!(bench.run_for(SOON), []);
        bench.write("conf", text);
        assert_eq!(bench.run_for(SOON), [Seen::Saved]);
    }
    bench.load();
    bench.run_for(secs(700));
    assert_eq!(bench.watch.deadline(), None, "at rest nothing is due");
}

#[test]
fn who_has_thousands_of_files_that_keep_changing_is_not_before_who_has_one() {
    let mut bench = Bench::new("conf");
    many(&mut bench, 300);
    bench.write("one", "1");
    let one = bench.path("one");
    bench.watch.add(one.clone());
    bench.run();
    let ids: Vec<FileId> = bench.watch.entries.keys().copied().filter(|id| *id != CONFIG).collect();
    bench.write("one", "22");
    bench.watch.settling.touched(*ids.last().unwrap(), bench.now);
    let told = (0..20).any(|_| {
        // What a storm does, again and again.
        bench.watch.moved(ids.clone(), bench.now);
        bench.watch.hash.extend(&ids);
        bench.now = bench.now + Duration::from_millis(100);
        bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
        bench.seen.iter().any(|seen| matches!(seen, Seen::File(path, Some(_)) if *path == one))
    });
    assert!(told);
}

#[test]
fn a_directory_that_vanishes_and_is_back_while_it_is_being_watched_is_watched() {
    const ENOENT: i32 = 2;
    FAULTS.set((ADD, ENOENT));
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    assert_eq!(bench.run(), []);
    FAULTS.set((0, 0));
    assert_eq!(bench.run_for(secs(3)), []);
    assert_eq!(bench.watch.deadline(), None, "at rest nothing is due");
    bench.sh("echo 22 >conf");
    assert!(bench.touched());
}

#[test]
fn thousands_without_a_watch_are_tried_in_turn_and_all_at_once_when_one_has_got_his() {
    FAULTS.set((ADD, ENOSPC));
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    for number in 0..500 {
        let path = bench.path(&format!("{number}"));
        bench.watch.add(path);
    }
    bench.run();
    assert_eq!(bench.watch.short.len(), 501);
    let before = bench.watch.retried;
    bench.run_for(SOON);
    assert_eq!(bench.watch.retried, FileId(before.0 + PATHS_PER_TURN as u64));
    FAULTS.set((0, 0));
    assert_eq!(lines(&bench.run_for(secs(2))), ["watching files for changes again"]);
    assert_eq!(bench.watch.deadline(), None);
}

#[test]
fn a_list_of_mounts_that_cannot_be_read_is_read_later() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    bench.run();
    // Reading a directory fails.
    bench.watch.mountinfo = File::open(&bench.root).ok();
    bench.watch.mounts_change();
    assert_eq!(bench.run(), [Seen::Config]);
    bench.sh("echo '1 1 0:1 / /srv rw - nfs x:/ rw' >mounts");
    bench.watch.mountinfo = File::open(bench.root.join("mounts")).ok();
    bench.run_for(secs(3));
    assert!(bench.watch.mounts().needs_looks(b"/srv/a"));
    assert_eq!(bench.watch.deadline(), None);
}

#[test]
fn an_overflow_touches_everything() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf; echo 1 >a");
    bench.load();
    let a = bench.path("a");
    bench.watch.add(a.clone());
    bench.run();
    // As if the events of these had been lost.
    bench.watch.go_blind(&std::io::Error::from_raw_os_error(5));
    bench.sh("echo 22 >conf; echo 22 >a");
    bench.watch.look.clear();
    bench.watch.heard(bench.now, -1, EventMask::Q_OVERFLOW, None);
    let seen = bench.run_for(Duration::from_millis(200));
    assert!(seen.contains(&Seen::Saved));
    assert!(seen.iter().any(|s| matches!(s, Seen::File(path, Some(_)) if *path == a)));
}

#[test]
fn a_flood_of_events_is_taken_in_portions_and_the_last_content_wins() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    bench.run();
    // Two names in turn, so that the kernel can't merge the events.
    for i in 0..5000 {
        bench.write_here("conf", &i.to_string());
        bench.write_here("other", "x");
    }
    bench.watch.is_notified();
    bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
    assert_eq!(bench.seen, [Seen::Saved]);
    assert!(bench.watch.more());
    bench.run();
    assert_eq!(bench.load().1, "4999");
}

#[test]
fn a_change_of_mounts_touches_the_configuration_and_what_is_another_file() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf; echo 1 >a; echo 1 >b");
    bench.load();
    for name in ["a", "b"] {
        let path = bench.path(name);
        bench.watch.add(path);
    }
    bench.run();
    // What a mount does to the path, no event tells.
    bench.watch.go_blind(&std::io::Error::from_raw_os_error(5));
    bench.run();
    bench.sh("echo 22 >a");
    bench.watch.mounts_change();
    let seen = bench.run_for(Duration::from_millis(200));
    assert!(seen.contains(&Seen::Config));
    assert_eq!(seen.iter().filter(|s| matches!(s, Seen::File(..))).count(), 1);
}

#[test]
fn what_others_can_change_unnoticed_is_looked_at_every_half_minute() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    let root = bench.root.display().to_string();
    bench.watch.mounts = Mounts::parse(format!("1 1 0:1 / {root} rw - overlay none rw\n").as_bytes());
    bench.load();
    assert_eq!(bench.run(), []);
    assert_eq!(bench.watch.deadline(), Some(bench.now + secs(30)));
    // As if the kernel said nothing.
    let stamp = bench.watch.entries.get_mut(&CONFIG).unwrap().stamp.take();
    assert!(stamp.is_some());
    assert_eq!(bench.run_for(secs(29)), []);
    assert_eq!(bench.run_for(secs(2)), [Seen::Saved]);
}

#[test]
fn a_directory_that_may_not_be_watched_is_looked_into_and_tried_again() {
    const EACCES: i32 = 13;
    FAULTS.set((ADD, EACCES));
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    assert_eq!(bench.run_for(secs(60)), []);
    bench.sh("echo 22 >conf");
    assert_eq!(bench.run_for(secs(5)).first(), Some(&Seen::Saved));
    bench.load();
    FAULTS.set((0, 0));
    bench.run_for(secs(2));
    assert_eq!(bench.watch.deadline(), None, "at rest nothing is due");
}

#[test]
fn a_change_of_mode_counts_when_reading_was_not_permitted() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    bench.run();
    bench.watch.entries.get_mut(&CONFIG).unwrap().denied = true;
    bench.sh("chmod 600 conf");
    assert!(bench.touched());
}

#[test]
fn the_mounts_of_this_machine_wake_nobody_who_waits() {
    let mut poll = Poll::new().unwrap();
    let mut watch = Watch::new(Path::new("/nowhere/conf"), being_written);
    watch.register(poll.registry());
    let mut events = Events::with_capacity(8);
    poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
    assert!(events.iter().all(|event| event.token() != Descriptor::Inotify.token()));
}

//! Mounts that change, once or without pause.

use super::*;

thread_local! {
    static CLOCK: Cell<MonoTime> = const { Cell::new(MonoTime::ZERO) };
}

impl Bench {
    /// Mounts change, and this is mounted by now.
    fn mount(&mut self, point: &str) {
        std::fs::write(self.root.join("mounts"), format!("1 1 0:1 / {point} rw - nfs x:/ rw\n")).unwrap();
        self.watch.mountinfo = File::open(self.root.join("mounts")).ok();
        self.watch.mounts_change();
    }
}

#[test]
fn the_first_change_of_mounts_is_followed_up_at_once_and_the_last_one_after_a_rest() {
    for (each, rest) in [(0, 20), (1, 20), (7, 70), (200, 2_000)] {
        let mut bench = Bench::new("conf");
        bench.sh("echo 1 >conf");
        bench.load();
        bench.run();
        bench.mount("/first");
        // How long the following up takes is all that this clock tells.
        CLOCK.set(MonoTime::ZERO + Duration::from_millis(each));
        bench.watch.clock = || CLOCK.replace(CLOCK.get() + CLOCK.get().since(MonoTime::ZERO));
        bench.watch.follow_up_mounts(bench.now);
        bench.watch.clock = || MonoTime::ZERO;
        assert_eq!(bench.run(), [Seen::Config]);
        let rest = Duration::from_millis(rest);
        let end = bench.now + rest;
        for point in ["/second", "/third", "/last"] {
            bench.mount(point);
            assert_eq!(bench.run(), [], "it rests");
            assert_eq!((bench.watch.deadline(), bench.watch.more()), (Some(end), false));
            // Nobody who asks meanwhile is told of mounts that are no more.
            assert!(bench.watch.mounts().needs_looks(point.as_bytes()));
        }
        assert_eq!(bench.run_for(rest), [Seen::Config], "the last one counts");
        assert_eq!(bench.watch.deadline(), None, "at rest nothing is due");
    }
}

#[test]
fn what_is_done_in_a_rest_knows_the_mounts_of_the_moment() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.mount("/first");
    bench.run();
    let works: [fn(&mut Bench); 3] = [
        |bench| assert!(bench.watch.load(Reading::Always).is_ok()),
        |bench| bench.watch.look.insert(CONFIG),
        |bench| bench.watch.add((*b"/nowhere/a").into()),
    ];
    for (number, work) in works.into_iter().enumerate() {
        let point = format!("/{number}");
        bench.mount(&point);
        work(&mut bench);
        bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
        assert!(bench.watch.remounted && bench.watch.mounts.needs_looks(point.as_bytes()), "{number}");
    }
}

#[test]
fn what_concerns_thousands_of_paths_is_queued_in_portions_and_the_configuration_at_once() {
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf");
    bench.load();
    for number in 0..3_000 {
        let path = bench.path(&number.to_string());
        bench.watch.add(path);
    }
    bench.run();
    bench.watch.doubt_all();
    assert!(bench.watch.config_queued() && bench.watch.look.iter().count() == 1);
    while bench.watch.more() {
        let before = bench.watch.look.iter().count();
        bench.watch.work(bench.now, bench.poll.registry(), &mut bench.seen);
        assert!(bench.watch.look.iter().count() <= before + 1024);
    }
    assert!(bench.watch.sweep.is_over() && bench.watch.arm.is_empty() && bench.watch.look.is_empty());
}

//! One turn ends after a while, whatever the paths of jobs lead through; what is left is done in later ones.

use super::*;

thread_local! {
    static CLOCK: Cell<MonoTime> = const { Cell::new(MonoTime::ZERO) };
}

/// With this clock each path takes as long as all of one turn may.
fn slow_paths() -> MonoTime {
    CLOCK.replace(CLOCK.get() + PATHS_FOR)
}

impl Bench {
    /// Has the watch follow this many files of jobs.
    fn follow(&mut self, files: u32) -> Vec<FileId> {
        self.sh("echo 1 >conf");
        self.load();
        for number in 0..files {
            let path = self.path(&number.to_string());
            self.watch.add(path);
        }
        self.run();
        self.watch.entries.keys().copied().filter(|id| *id != CONFIG).collect()
    }

    fn turn(&mut self) {
        self.watch.work(self.now, self.poll.registry(), &mut self.seen);
    }
}

#[test]
fn slow_paths_end_a_turn_and_none_of_the_queues_waits_for_the_end_of_another() {
    let mut bench = Bench::new("conf");
    let ids = bench.follow(50);
    bench.watch.clock = slow_paths;
    let left = |watch: &Watch| [&watch.arm, &watch.look, &watch.hash].map(|queue| queue.iter().count());
    for queue in [&mut bench.watch.arm, &mut bench.watch.look] {
        queue.extend(&ids);
        queue.insert(CONFIG);
    }
    bench.watch.hash.extend(&ids);
    bench.turn();
    assert!(!bench.watch.config_queued(), "the configuration waits for no other");
    let after_one: usize = left(&bench.watch).iter().sum();
    assert!(after_one >= 148, "{after_one} of 150");
    assert!(bench.watch.more(), "what is left is done at once");
    let before = left(&bench.watch);
    (0..3).for_each(|_| bench.turn());
    let after = left(&bench.watch);
    assert!(before.iter().zip(&after).all(|(before, after)| after < before), "{before:?} {after:?}");
    let mut turns = 0;
    while bench.watch.more() {
        bench.turn();
        turns += 1;
    }
    assert!(bench.watch.allowance.rest().is_some(), "it counts to the allowance: {turns}");
    bench.run_for(secs(600));
    assert_eq!(left(&bench.watch), [0, 0, 0]);
}

//! A hundred thousand restarts and a thousand reloads, after which pmtr holds what it held before.

use super::actor::{Told, actor_or_skip};
use super::figures::Held;
use super::kept::Kept;
use super::length;
use crate::support::Dir;
use pmtr::model::Signal;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

const JOBS: usize = 100;
/// In ten minutes there are so many reloads, each of which restarts all jobs, and a part of them in less.
const RELOADS: u64 = 1_000;
/// Memory that is not asked for anew in each round.
const MAY_GROW_KB: i64 = 64;
const FULL: Duration = Duration::from_secs(600);

#[test]
fn restarts_and_reloads_leave_neither_memory_nor_descriptors_behind() {
    let dir = Dir::new();
    let Some(actor) = actor_or_skip(&dir, "many reloads") else { return };
    let mut told = Told::new(dir.path());
    let reloads = length().map_or(20, |time| (RELOADS * time.as_secs() / FULL.as_secs()).clamp(50, RELOADS));
    let reloads = usize::try_from(reloads).unwrap();
    let (actor, fifo) = (actor.display().to_string(), told.fifo.display().to_string());
    let config = |version: usize| {
        let mut text = String::new();
        for i in 0..JOBS {
            let _ = writeln!(text, "job {{\n name j{i}\n cmd {actor} job {fifo} {i} - - v{version:06}\n}}");
        }
        text
    };
    let mut pmtr = Kept::start(dir, &config(0));
    told.born(JOBS);
    let begun = Instant::now();
    let mut round = |version: usize| {
        let part = pmtr.dir.write("pmtr.conf.part", &config(version));
        fs::rename(part, pmtr.dir.join("pmtr.conf")).unwrap();
        // Every other one at once, and every other one as it is noticed.
        if version.is_multiple_of(2) {
            pmtr.signal(Signal::HUP);
        }
        told.born(JOBS);
    };
    // Without a log daemon the log keeps lines and is full after 15 rounds. From then on memory grows by less and less,
    // and not at all after 200 rounds, as a run of 1,000 shows.
    let warm = (2 * reloads).min(250);
    (1..=warm).for_each(&mut round);
    let before = Held::at_rest(pmtr.pid());
    (warm + 1..=warm + reloads).for_each(&mut round);
    let after = Held::at_rest(pmtr.pid());
    eprintln!(
        "growth: {reloads} reloads with {} restarts in {:.0?}: {before} before, {after} after",
        reloads * JOBS,
        begun.elapsed()
    );
    assert!(after.is_still(before, MAY_GROW_KB));
    assert_eq!(pmtr.count("can't start"), 0, "{:#?}", pmtr.others());
    assert_eq!(pmtr.stop().code(), Some(0));
    // As many ends as starts, and none that nobody wanted.
    let started = JOBS * (1 + warm + reloads);
    if pmtr.lost() == 0 {
        assert_eq!((pmtr.count("started"), pmtr.count("exited")), (started, started));
    }
}

//! Random worlds: senders on a bad channel, and a malicious one.

use super::*;
use crate::model::rng::{Rng, rounds};
use std::collections::BTreeMap;

/// The longest delay of a datagram.
const DELAY: u64 = 4_000;
const STALE: u64 = 60_000;

/// One datagram as it arrives. Its jobs are named after its report and part.
#[derive(Clone, Copy)]
struct Arrival {
    millis: u64,
    sender: u8,
    report: u64,
    index: u32,
    of: u32,
    serial: Option<u64>,
}

/// The parts of one report that have come.
struct Seen {
    began: u64,
    of: u32,
    parts: BTreeSet<u32>,
    completed: Option<u64>,
}

/// A model of a receiver that remembers everything.
#[derive(Default)]
struct Oracle {
    heard: u64,
    /// Reports of which some part came before any part of a newer one.
    seen: BTreeMap<u64, Seen>,
    /// For a sender whose reports have no serials: the last report.
    last: Option<u64>,
    /// Whether the whole report was dropped because it was too old.
    outdated: bool,
}

fn job_names(report: u64, index: u32) -> Vec<String> {
    (0..(report + u64::from(index)) % 3 + 1).map(|job| format!("r{report}p{index}j{job}")).collect()
}

/// Adds all datagrams that arrive from one sender, in no order.
fn sends(rng: &mut Rng, sender: u8, arrivals: &mut Vec<Arrival>) {
    // Kind 0 sends whole reports, kind 2 parts, kind 1 both. Only kind 2, which always gives serials, outruns `DELAY`.
    let kind = sender % 3;
    let mut millis = rng.below(10_000);
    let mut serial = rng.below(1_000_000) + 1_000;
    for report in 0..40 {
        let of = if kind == 0 { 1 } else { rng.below(6) + 1 };
        let is_whole = kind == 0 || kind == 1 && of == 1;
        for index in 1..=of {
            for _ in 0..1 + u64::from(rng.percent(20)) {
                let millis = millis + if rng.percent(50) { rng.below(20) } else { rng.below(DELAY) };
                let serial = Some(serial).filter(|_| !is_whole);
                if !rng.percent(30) {
                    arrivals.push(Arrival { millis, sender, report, index, of, serial });
                }
            }
        }
        serial += 1;
        millis += match rng.below(20) {
            0 => 20_000 + rng.below(100_000),
            1 => {
                // The sender restarts, with a lower serial.
                serial -= rng.below(1_000).min(serial);
                20_000
            }
            2..8 if kind == 2 => 2_000,
            _ => 10_000,
        };
    }
}

impl Oracle {
    fn arrives(&mut self, one: Arrival) {
        if one.millis - self.heard >= STALE {
            *self = Oracle::default();
        }
        self.heard = one.millis;
        self.last = Some(one.report);
        let newer = self.seen.range(one.report + 1..).next().is_some();
        if !newer || self.seen.contains_key(&one.report) {
            self.counts(one);
        }
        let Some((best, completed)) = self.best() else { return };
        // A newer report that is still awaited replaces a whole one that is too old.
        let mut newer = self.seen.range(best + 1..).map(|(_, seen)| seen.began);
        self.outdated |=
            one.millis >= completed + STALE && newer.any(|began| began + 10_000 >= completed + STALE);
    }

    fn counts(&mut self, one: Arrival) {
        let before = self.best();
        let fresh = || Seen { began: one.millis, of: one.of, parts: BTreeSet::new(), completed: None };
        let seen = self.seen.entry(one.report).or_insert_with(fresh);
        seen.parts.insert(one.index);
        // Without a serial, the second copy of a datagram is a new report like the first.
        let counts = seen.completed.is_none() || one.serial.is_none();
        if seen.parts.len() == one.of as usize && counts {
            seen.completed = Some(one.millis);
        }
        self.outdated &= self.best() == before;
    }

    fn best(&self) -> Option<(u64, u64)> {
        self.seen.iter().rev().find_map(|(report, seen)| seen.completed.map(|at| (*report, at)))
    }

    /// What must be shown: names, whether the report is whole, and how many parts are missing if not.
    fn expects(&self, numbered: bool) -> (String, bool, u64) {
        let names = |report, parts: &mut dyn Iterator<Item = u32>| -> String {
            let names: Vec<String> = parts.flat_map(|index| job_names(report, index)).collect();
            names.join(" ")
        };
        if !numbered {
            return (names(self.last.unwrap(), &mut [1].into_iter()), true, 0);
        }
        if let Some((best, _)) = self.best().filter(|_| !self.outdated) {
            return (names(best, &mut (1..=self.seen[&best].of)), true, 0);
        }
        let (report, seen) = self.seen.last_key_value().unwrap();
        let lost = u64::from(seen.of) - seen.parts.len() as u64;
        (names(*report, &mut seen.parts.iter().copied()), false, lost)
    }
}

#[test]
fn a_bad_channel_never_mixes_reports_and_the_newest_whole_one_is_shown() {
    for seed in 0..rounds(300) {
        let mut rng = Rng::new(seed);
        let mut arrivals = Vec::new();
        for sender in 1..=6 {
            sends(&mut rng, sender, &mut arrivals);
        }
        arrivals.sort_by_key(|one| one.millis);
        let mut post = Post::new(LIMITS);
        let mut oracles: BTreeMap<u8, Oracle> = BTreeMap::new();
        let mut heard = BTreeSet::new();
        for one in arrivals {
            let now = at_ms(one.millis);
            post.tick(now);
            for (sender, oracle) in &oracles {
                let is_heard = post.host(&key(*sender, "app")).is_some();
                assert_eq!(is_heard, one.millis - oracle.heard < STALE, "seed {seed}, sender {sender}");
            }
            let part = one.serial.and_then(|serial| part(one.index, one.of, serial));
            let app = key(one.sender, "app");
            post.hears(now, &app, part, &job_names(one.report, one.index).join(" "));
            let oracle = oracles.entry(one.sender).or_default();
            oracle.arrives(one);
            let expected = oracle.expects(one.sender % 3 != 0);
            let (names, is_whole, lost) = post.shows(&app);
            assert_eq!((names, is_whole), (expected.0, expected.1), "seed {seed} at {}", one.millis);
            assert!(is_whole || lost == expected.2, "seed {seed} at {}: {lost} lost", one.millis);
            while let Some((key, turn)) = post.fleet.change() {
                let was_heard = !heard.insert(key.clone());
                assert_eq!(
                    turn == HostChange::Back,
                    was_heard,
                    "seed {seed}: told twice or in the wrong order"
                );
                if turn == HostChange::Back {
                    heard.remove(&key);
                }
            }
        }
        post.tick(at(1_000_000));
        assert_eq!((post.fleet.memory.total, post.fleet.deadline()), (0, None));
        assert_eq!(post.fleet.complete(), 0);
    }
}

#[test]
fn no_sender_exceeds_the_limits_or_changes_what_is_shown_of_others() {
    let limits = Limits { hosts: 40, names_per_address: 4, jobs_per_host: 40, bytes: 600_000, ..LIMITS };
    for seed in 0..rounds(5) {
        let mut rng = Rng::new(seed);
        let mut post = Post::new(limits);
        let mut millis = 0;
        let mut told = [0u64; 4];
        for step in 0..1_500u64 {
            let now = at_ms(millis);
            if step % 50 == 0 {
                for friend in 1..=5 {
                    let jobs = format!("a{step} b c{friend}");
                    let whole = step % 100 == 0;
                    post.hears(now, &key(friend, "friend"), part(1, 1, step).filter(|_| !whole), &jobs);
                    assert_eq!(post.shows(&key(friend, "friend")), shown(&jobs, true, 0), "seed {seed}");
                }
            }
            let name = format!("host{}", rng.below(8));
            let name = if rng.percent(20) { "friend" } else { name.as_str() };
            let sender = key(10 + rng.below(30), name);
            let serial = rng.pick(&[0, 1, 2, step, u64::MAX - 1, u64::MAX]);
            let of = rng.pick(&[1, 2, 3, 1_000, u32::MAX]);
            let index = rng.below(of) + 1;
            let jobs: Vec<String> = (0..rng.below(60))
                .map(|_| "x".repeat(rng.pick(&[1, 10, 50, 250])) + &rng.below(1_000).to_string())
                .collect();
            let part = part(index, of, serial).filter(|_| rng.percent(80));
            post.hears(now, &sender, part, &jobs.join(" "));
            for friend in 1..=5 {
                let jobs = format!("a{} b c{friend}", step / 50 * 50);
                assert_eq!(post.shows(&key(friend, "friend")), shown(&jobs, true, 0), "seed {seed}");
            }
            if rng.percent(10) {
                drop(post.fleet.change());
            }
            for note in post.notes.drain(..) {
                match note {
                    FleetNote::First { .. } | FleetNote::Silent { .. } | FleetNote::Back { .. } => {}
                    FleetNote::HostsFull { .. } => told[0] += 1,
                    FleetNote::NamesFull { .. } => told[1] += 1,
                    FleetNote::JobsFull { .. } => told[2] += 1,
                    FleetNote::BytesFull { .. } => told[3] += 1,
                }
            }
            millis += rng.below(900);
        }
        // Each limit is reached again and again, and is logged at most once in ten minutes.
        assert!(told.iter().all(|times| (1..=1 + millis / 600_000).contains(times)), "seed {seed}: {told:?}");
        post.tick(at(1_000_000));
        assert_eq!((post.fleet.memory.total, post.fleet.deadline()), (0, None));
    }
}

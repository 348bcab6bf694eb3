//! The rows: what is measured of every keeper, in rounds in which each has its turn.

use super::keeper::Keeper;
use super::report::{Goal, Report};
use super::world::{World, millis};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant};

/// A job that has run for so long is restarted at once by everybody.
const SETTLED: Duration = Duration::from_millis(10_200);
/// Between two samples: what the one before has left to be done is to be over.
const PAUSE: Duration = Duration::from_millis(4);

/// So many jobs leave another process, and so much time lies between their deaths.
const LEAVERS: usize = 10;
const APART: Duration = Duration::from_millis(300);

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Amount {
    /// Starts of which the first job is what counts, with 10 jobs and with 1,000.
    pub firsts: [usize; 2],
    /// Starts and stops of 1,000 and of 10,000 jobs.
    pub starts: [usize; 2],
    /// Rounds of ten deaths, each of which begins when all jobs have settled.
    pub deaths: usize,
    pub crowds: usize,
    /// Rounds of deaths that leave another process.
    pub rests: usize,
    pub reloads: usize,
    pub many_reloads: usize,
    /// Reloads of the largest file.
    pub files: usize,
    pub idle: Duration,
}

pub struct Bench<'a> {
    pub keepers: &'a [Box<dyn Keeper>],
    pub place: &'a Path,
    pub amount: Amount,
    pub report: &'a mut Report,
    /// With how many jobs worlds are made.
    pub sizes: &'a [usize],
}

impl<'a> Bench<'a> {
    /// Starts and stops.
    pub fn starts(&mut self) {
        for (jobs, rounds) in [(1_000, self.amount.starts[0]), (10_000, self.amount.starts[1])] {
            if !self.sizes.contains(&jobs) {
                continue;
            }
            let start =
                self.report.row(&format!("start of {jobs} jobs"), "ms", &[Goal::Times(1.25), Goal::First]);
            let effort = self.report.row(
                &format!("processor time for the start of one of {jobs} jobs"),
                "us",
                &[Goal::Times(1.25), Goal::First],
            );
            let stop = self.report.row(&format!("stop of {jobs} jobs"), "ms", &[Goal::First]);
            let mut unable = Vec::new();
            for round in 0..rounds {
                for keeper in in_turn(self.keepers, round).filter(|keeper| keeper.most() >= jobs) {
                    if unable.contains(&keeper.name()) {
                        continue;
                    }
                    let (mut world, took) = World::start(keeper, jobs, self.place);
                    self.report.add(start, keeper.name(), took.map(millis));
                    let spent = took.map(|_| world.effort(&world.alive) / jobs as f64);
                    self.report.add(effort, keeper.name(), spent);
                    self.report.add(stop, keeper.name(), world.stop());
                    if took.is_none() {
                        unable.push(keeper.name());
                    }
                }
            }
        }
    }

    /// From the start of the keeper to the first instruction of its first job: who starts a container waits for that.
    pub fn firsts(&mut self) {
        for (jobs, most, rounds) in [(10, 2.5, self.amount.firsts[0]), (1_000, 6.0, self.amount.firsts[1])] {
            if !self.sizes.contains(&jobs) {
                continue;
            }
            let what = format!("start to the first job of {jobs}");
            let row = self.report.row(&what, "ms", &[Goal::Most(most), Goal::First]);
            for round in 0..rounds {
                for keeper in in_turn(self.keepers, round).filter(|keeper| keeper.most() >= jobs) {
                    let took = World::first(keeper, jobs, self.place);
                    self.report.add(row, keeper.name(), took.map(millis));
                }
            }
        }
    }

    /// All that is asked of those whose jobs have run for a while.
    pub fn lives(&mut self) {
        self.memory();
        let keepers: &'a [Box<dyn Keeper>] = self.keepers;
        let mut worlds: Vec<World> = Vec::new();
        for jobs in self.sizes.iter().copied() {
            for keeper in keepers.iter().filter(|keeper| keeper.most() >= jobs) {
                let (world, all) = World::start(keeper.as_ref(), jobs, self.place);
                match all {
                    Some(_) => worlds.push(world),
                    None => eprintln!("{} could not start {jobs} jobs", keeper.name()),
                }
            }
        }
        let mut since = Instant::now();
        for round in 0..self.amount.deaths {
            std::thread::sleep(SETTLED.saturating_sub(since.elapsed()));
            worlds.iter_mut().for_each(|world| world.renew(10));
            let before: Vec<_> = worlds.iter().map(|world| (world.young.len(), world.effort(&[]))).collect();
            for _ in 0..10 {
                self.single_deaths(&mut worlds, round);
            }
            std::thread::sleep(Duration::from_millis(50));
            self.effort(&worlds, &before);
            since = Instant::now();
        }
        for _ in 0..self.amount.crowds {
            std::thread::sleep(SETTLED.saturating_sub(since.elapsed()));
            self.crowds(&mut worlds);
            since = Instant::now();
        }
        worlds.retain(|world| world.jobs != 10);
        self.reloads(&mut worlds);
    }

    /// Each is alone: several who run the same program at once share its instructions, and would seem smaller.
    fn memory(&mut self) {
        for (jobs, most) in [(0, 0.7), (1_000, 1.2), (10_000, 6.0)] {
            if jobs > 0 && !self.sizes.contains(&jobs) {
                continue;
            }
            let what = format!("memory with {jobs} jobs");
            let row = self.report.row(&what, "MB", &[Goal::Most(most), Goal::First]);
            for keeper in self.keepers.iter().filter(|keeper| keeper.most() >= jobs) {
                let (world, all) = World::start(keeper.as_ref(), jobs, self.place);
                // What was needed for the start only is to be given back by then.
                std::thread::sleep(Duration::from_millis(500));
                self.report.add(row, keeper.name(), all.and_then(|_| world.memory()));
            }
        }
    }

    fn single_deaths(&mut self, worlds: &mut [World], round: usize) {
        let count = worlds.len();
        for place in 0..count {
            let world = &mut worlds[(place + round) % count];
            std::thread::sleep(PAUSE);
            let what = format!("death of a job to its successor, among {}", world.jobs);
            let row = self.report.row(&what, "ms", &[Goal::Times(1.3), Goal::First]);
            let keeper = world.keeper.name();
            let took = if world.unable { None } else { world.death() };
            self.report.add(row, keeper, took);
        }
    }

    /// What a death has cost those who look after the successor, and the successor.
    fn effort(&mut self, worlds: &[World], before: &[(usize, f64)]) {
        for (world, (young, effort)) in worlds.iter().zip(before) {
            let what = format!("processor time for a death and a successor, among {}", world.jobs);
            let row = self.report.row(&what, "us", &[Goal::Times(1.3), Goal::First]);
            let born = &world.young[*young..];
            let spent = (!born.is_empty()).then(|| (world.effort(born) - effort) / born.len() as f64);
            self.report.add(row, world.keeper.name(), spent);
        }
    }

    /// Of the largest that there is of each keeper.
    fn crowds(&mut self, worlds: &mut [World]) {
        let largest = self.sizes.iter().copied().max().unwrap_or(0);
        for world in worlds.iter_mut().filter(|world| world.jobs == largest) {
            std::thread::sleep(Duration::from_millis(200));
            let what = format!("1000 deaths at once among {largest} jobs");
            let goal = if largest > 1_000 { Goal::Most(50.0) } else { Goal::None };
            let reaped = self.report.row(&format!("{what}, all reaped"), "ms", &[goal]);
            let back = self.report.row(
                &format!("{what}, all successors run"),
                "ms",
                &[Goal::Times(1.3), Goal::First],
            );
            world.renew(1_000);
            let took = if world.unable { None } else { world.deaths(1_000) };
            self.report.add(reaped, world.keeper.name(), took.map(|(reaped, _)| reaped));
            self.report.add(back, world.keeper.name(), took.map(|(_, back)| back));
        }
    }

    fn reloads(&mut self, worlds: &mut [World]) {
        let largest = self.sizes.iter().copied().max().unwrap_or(0);
        for version in 1..=self.amount.reloads {
            for world in worlds.iter_mut().filter(|world| world.jobs == largest) {
                let what = format!("one changed job of {largest}, applied");
                let row = self.report.row(&what, "ms", &[Goal::Most(50.0), Goal::First]);
                let took = world.reload(version);
                self.report.add(row, world.keeper.name(), took);
            }
        }
        // The first reloads find their room; from then on none may be added.
        const WARM: usize = 30;
        // So many lines as these deaths make may wait to be read, and take their room first.
        const CROWDS: usize = 2;
        let count = self.amount.many_reloads;
        if count == 0 {
            return;
        }
        let row = self.report.row(
            &format!("memory with 1000 jobs, growth over {count} reloads"),
            "MB",
            &[Goal::Most(0.0625)],
        );
        for world in worlds.iter_mut().filter(|world| world.jobs == 1_000) {
            let reload = |world: &mut World, versions: RangeInclusive<usize>| {
                versions.into_iter().all(|version| world.reload(1_000 + version).is_some())
            };
            let crowds = |world: &mut World| {
                (0..CROWDS).all(|_| {
                    world.renew(1_000);
                    world.deaths(1_000).is_some()
                })
            };
            if !(crowds(world) && reload(world, 1..=WARM)) {
                continue;
            }
            let before = world.own_memory();
            if reload(world, WARM + 1..=WARM + count) {
                let grown = before.zip(world.own_memory()).map(|(before, after)| after - before);
                self.report.add(row, world.keeper.name(), grown);
            }
        }
    }

    /// Deaths of jobs that leave a process in another group of their session: it is found among all processes of the
    /// machine, and ends before the successor starts. Only for those who look after it.
    pub fn rests(&mut self) {
        let keepers: &'a [Box<dyn Keeper>] = self.keepers;
        for jobs in [10, 10_000].into_iter().filter(|jobs| self.sizes.contains(jobs)) {
            let what = format!("death of a job that leaves another group, to its successor, among {jobs}");
            let row = self.report.row(&what, "ms", &[Goal::None]);
            for keeper in keepers.iter().filter(|keeper| keeper.most() >= jobs && keeper.looks_after_rests())
            {
                let world = World::with_leavers(keeper.as_ref(), jobs, LEAVERS, self.place);
                let Some((mut world, mut leavers)) = world else { continue };
                for _ in 0..self.amount.rests {
                    std::thread::sleep(SETTLED);
                    for pid in std::mem::take(&mut leavers) {
                        // Alone: the look at all processes for the one before is to be over and done with.
                        std::thread::sleep(APART);
                        let Some((took, next)) = world.leaver_dies(pid) else { break };
                        self.report.add(row, keeper.name(), Some(took));
                        leavers.push(next);
                    }
                }
            }
        }
    }

    /// What is done while nothing happens.
    pub fn idle(&mut self) {
        let seconds = self.amount.idle.as_secs();
        let what = |what: &str| format!("idle for {seconds} s with 100 jobs, {what}");
        let wakes = self.report.row(&what("wake-ups"), "", &[Goal::Most(0.0)]);
        let time = self.report.row(&what("processor time"), "ms", &[Goal::Most(0.0)]);
        let able = self.keepers.iter().filter(|keeper| keeper.most() >= 100);
        let mut worlds: Vec<World> = Vec::new();
        for keeper in able {
            let (world, all) = World::start(keeper.as_ref(), 100, self.place);
            if all.is_some() {
                worlds.push(world);
            }
        }
        std::thread::sleep(Duration::from_secs(1));
        let before: Vec<_> = worlds.iter().map(World::activity).collect();
        std::thread::sleep(self.amount.idle);
        for (world, before) in worlds.iter().zip(before) {
            let (Some((wakes_before, time_before)), Some((wakes_after, time_after))) =
                (before, world.activity())
            else {
                continue;
            };
            self.report.add(wakes, world.keeper.name(), Some(wakes_after - wakes_before));
            self.report.add(time, world.keeper.name(), Some(time_after - time_before));
        }
    }
}

/// Each time another one is the first.
fn in_turn(keepers: &[Box<dyn Keeper>], round: usize) -> impl Iterator<Item = &dyn Keeper> {
    let count = keepers.len();
    (0..count).map(move |place| keepers[(place + round) % count].as_ref())
}

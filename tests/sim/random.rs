//! Worlds made up from a seed. Whatever happens in them, every promise is checked after every wake-up.

use crate::def::{Def, job};
use crate::plan::{some_exit, some_temper};
use crate::processes::{MEEK, Parent};
use crate::rng::Rng;
use crate::rules::{Again, Ended};
use crate::sim::{Sim, command, somebody};
use crate::sockets::{REFUSED, exposed, listen, report};
use crate::world::{File, Happening};
use pmtr::model::{Command, EndRules, Ending, Losses, NetError, Signal, SocketId, Station, Verb};
use pmtr::supervisor::Event;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[test]
fn random_worlds_break_no_promise() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let events = number("PMTR_SIM_EVENTS").unwrap_or(100);
    if let Some(seed) = number("PMTR_SIM_SEED") {
        return tell(seed, events, usize::MAX);
    }
    let seeds = number("PMTR_SIM_SEEDS").unwrap_or(20_000);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    let kept = std::panic::catch_unwind(|| live(seed, events, false).breach().is_none());
                    if !kept.unwrap_or(false) {
                        next.store(seeds, Ordering::Relaxed);
                        tell(seed, events, 60);
                    }
                }
            });
        }
    });
}

/// Lives the world of this seed once more and shows what led to the breach.
fn tell(seed: u64, events: u64, lines: usize) {
    eprintln!("replay: PMTR_SIM_SEED={seed} PMTR_SIM_EVENTS={events} cargo test --test sim random");
    let sim = live(seed, events, true);
    let trace = &sim.world.trace;
    let from = trace.len().saturating_sub(lines);
    let breach = sim.breach();
    if lines == usize::MAX || breach.is_some() {
        eprintln!("{}", trace[from..].join("\n"));
    }
    if let Some(breach) = breach {
        panic!("seed {seed}: {breach}");
    }
}

impl Sim {
    fn breach(&self) -> Option<&str> {
        self.world.reference.breach.as_deref()
    }
}

fn live(seed: u64, events: u64, tracing: bool) -> Sim {
    // Nobody is asked for a number, so that the worlds are the same with and without a service manager.
    // Half of them know only options of old.
    let words = if seed.is_multiple_of(2) { WordsOf::Old } else { WordsOf::All };
    live_by(Rng::new(seed), Rng::new(!seed), (seed / 2 % 4, words), events, tracing)
}

/// Which options the files of a world use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WordsOf {
    Old,
    All,
}

/// A world in which bytes decide: from the front what happens, from the back how the world answers.
pub fn live_by_bytes(bytes: &[u8]) {
    let again = |tracing| {
        let answers = Rng::from_bytes(bytes.iter().rev().copied().collect());
        let first = bytes.first().copied().unwrap_or(0);
        let words = if first & 32 == 0 { WordsOf::All } else { WordsOf::Old };
        live_by(Rng::from_bytes(bytes.to_vec()), answers, (u64::from(first >> 6), words), u64::MAX, tracing)
    };
    if again(false).breach().is_some() {
        let sim = again(true);
        panic!("{}\n{}", sim.breach().unwrap_or("only once"), sim.world.trace.join("\n"));
    }
}

fn live_by(mut rng: Rng, answers: Rng, (manager, words): (u64, WordsOf), events: u64, tracing: bool) -> Sim {
    // On some seeds numbers are so few that they come round all the time.
    let mut sim = Sim::unborn(if rng.one_in(3) { 14 } else { 30_000 });
    sim.world.tracing = tracing;
    sim.world.facts_after = Duration::from_millis(rng.pick(&[0, 0, 40, 5_000]));
    sim.world.contents = [0; 3].map(|_: u32| (!rng.one_in(4)).then_some(0));
    let mut defs: Vec<Def> = Vec::new();
    for _ in 0..rng.below(6) {
        change(&mut defs, words, &mut rng);
    }
    for _ in 0..rng.below(5) {
        change_lines(&mut sim.world.sockets.lines, &mut rng);
    }
    sim.world.chance = Some(answers);
    match manager {
        0 => sim.serve_manager(None),
        1 => sim.serve_manager(Some(Duration::from_secs(3))),
        _ => {}
    }
    if rng.one_in(4) {
        let count = rng.below(5);
        let left: Vec<_> = (0..count).map(|_| (rng.pick(&NAMES), some_temper(&mut rng))).collect();
        // At most one of a name: of others the reference does not know which is which.
        let mut names = std::collections::BTreeSet::new();
        let left: Vec<_> = left.into_iter().filter(|(name, _)| names.insert(*name)).collect();
        sim.after_kill(&left);
    }
    if rng.one_in(3) {
        sim.world.writers.insert(rng.pick(&NAMES), rng.below(3));
    }
    if rng.one_in(6) {
        sim.recover(&defs, no_use(&mut rng));
    } else {
        sim.begin(&defs);
    }
    for _ in 0..events {
        if sim.breach().is_some() {
            return sim;
        }
        if rng.is_spent() {
            break;
        }
        let pause = rng.pick(&[0, 0, 0, 1, 50, 99, 100, 700, 1_900, 5_000, 10_000, 12_000]);
        sim.live_until(sim.world.now + Duration::from_millis(pause));
        if words == WordsOf::All && rng.one_in(8) {
            new_words(&mut sim, &mut defs, &mut rng);
        } else {
            step(&mut sim, &mut defs, words, &mut rng);
        }
    }
    heal(&mut sim, &defs, words);
    sim
}

/// One change of the file.
fn change(defs: &mut Vec<Def>, words: WordsOf, rng: &mut Rng) {
    let at = |defs: &[Def], rng: &mut Rng| rng.below(defs.len());
    match rng.below(8) {
        0..=2 => {
            let name = rng.pick(&NAMES);
            if !defs.iter().any(|def| def.name == name) {
                let place = rng.below(defs.len() + 1);
                let mut def = job(name).version(rng.below(3));
                def.wait = rng.one_in(4);
                def.once = rng.one_in(4);
                def.disable = rng.one_in(8);
                def.bounce = if rng.one_in(8) { rng.pick(&[1, 15]) } else { 0 };
                def.depends = if rng.one_in(3) { rng.below(8) } else { 0 };
                if words == WordsOf::All {
                    (def.again, def.ended) = (Again::made_up(rng), Ended::made_up(rng));
                }
                defs.insert(place, def);
            }
        }
        _ if defs.is_empty() => {}
        3 => {
            defs.remove(at(defs, rng));
        }
        4 => {
            let at = at(defs, rng);
            defs.swap(0, at);
        }
        5 => {
            let (at, order) = (at(defs, rng), rng.pick(&[-1, 0, 0, 1]));
            defs[at].order = order;
        }
        6 => {
            let at = at(defs, rng);
            defs[at].disable ^= true;
        }
        _ => {
            let at = at(defs, rng);
            match rng.below(4) {
                0 => defs[at].wait ^= true,
                1 => defs[at].depends ^= 1 << rng.below(3),
                _ => defs[at].version = rng.below(3),
            }
        }
    }
}

/// A file that says nothing, or nothing that could be applied.
fn no_use(rng: &mut Rng) -> File {
    match rng.below(5) {
        0 => File::Missing,
        1 => File::Unreadable,
        2 => File::Directory,
        3 => File::Mistakes(1 + rng.below(25)),
        _ => File::Blank,
    }
}

/// What has become of included files. What it has to do with the jobs that are there is chance as well.
fn some_losses(rng: &mut Rng) -> Losses {
    let mut some = || {
        let files = [&b"/etc/pmtr.d/a"[..], b"/etc/pmtr.d/b"].into_iter();
        files.filter(|_| rng.one_in(6)).map(Into::into).collect()
    };
    Losses { vanished: some(), emptied: some() }
}

/// One change of the lines for sockets.
fn change_lines(lines: &mut Vec<Station>, rng: &mut Rng) {
    let line = match rng.below(4) {
        0 => listen(1),
        1 => exposed(2),
        port => report(u16::try_from(port).unwrap()),
    };
    match lines.iter().position(|other| *other == line) {
        Some(place) => drop(lines.remove(place)),
        None => lines.push(line),
    }
}

/// What only a world with all options has.
fn new_words(sim: &mut Sim, defs: &mut [Def], rng: &mut Rng) {
    match rng.below(4) {
        0 | 1 if !defs.is_empty() => {
            let at = rng.below(defs.len());
            match rng.below(3) {
                0 => defs[at].again = Again::made_up(rng),
                1 => defs[at].ended = Ended::made_up(rng),
                _ => (defs[at].again, defs[at].ended) = Default::default(),
            }
            sim.world.file = File::Jobs(defs.to_vec());
            sim.event(Event::ConfigSaved);
        }
        2 => {
            sim.world.end.within = rng.one_in(2).then(|| Duration::from_secs(rng.pick(&[0, 3, 30])));
            sim.world.end.when_done = rng.one_in(8);
            sim.event(Event::ConfigSaved);
        }
        _ => sim.event(Event::JobReloadAsked(rng.pick(&NAMES).as_bytes().into())),
    }
}

fn step(sim: &mut Sim, defs: &mut Vec<Def>, words: WordsOf, rng: &mut Rng) {
    match rng.below(44) {
        0..=8 => {
            change(defs, words, rng);
            if rng.one_in(4) {
                change_lines(&mut sim.world.sockets.lines, rng);
            }
            sim.world.losses = some_losses(rng);
            let busy = rng.one_in(6);
            sim.world.file = if busy { File::Busy(defs.clone()) } else { File::Jobs(defs.clone()) };
            let written = busy && rng.one_in(2);
            sim.event(if written { Event::ConfigWritten } else { Event::ConfigSaved });
        }
        9 => {
            sim.event(rng.pick(&[|| Event::ConfigTouched, || Event::ConfigWritten, || Event::ConfigSaved])())
        }
        10 | 11 => {
            sim.world.file = match rng.below(6) {
                0 => File::Busy(Vec::new()),
                1 => File::Jobs(Vec::new()),
                _ => no_use(rng),
            };
            sim.event(Event::ConfigTouched);
        }
        12 => {
            if let File::Busy(defs) = &sim.world.file {
                sim.world.file = File::Jobs(defs.clone());
            }
            sim.event(Event::ConfigSaved);
        }
        13 | 14 => sim.event(Event::ReloadAsked),
        15..=18 => {
            let name = rng.pick(&NAMES);
            sim.event(command(rng.pick(&[Verb::Enable, Verb::Disable]), name));
        }
        19..=21 => {
            let file = rng.below(3);
            sim.world.contents[file] = if rng.one_in(3) { None } else { Some(rng.below(3)) };
            sim.world.after(Duration::from_millis(rng.pick(&[0, 0, 30])), Happening::Fact(file));
        }
        22..=29 => {
            // Some process ends: a main one or another.
            if !sim.world.processes.table.is_empty() {
                let count = sim.world.processes.table.len();
                let serial = sim.world.processes.table[rng.below(count)].serial;
                sim.world.processes.end(serial, Ending::Ran(some_exit(rng)));
                if !rng.one_in(4) {
                    sim.wake();
                }
            }
        }
        30..=33 => {
            let runs = sim.world.reference.lives.iter().filter_map(|life| life.run.as_ref());
            let runs: Vec<_> = runs.filter(|run| run.reaped.is_none()).map(|r| (r.pid, r.serial)).collect();
            if !runs.is_empty() {
                let run = rng.pick(&runs);
                let parent = if rng.one_in(5) { Parent::Foreign } else { Parent::Process(run.0) };
                // Some make a session of their own: strangers, whose numbers may be anybody's.
                let group = (!rng.one_in(4)).then_some(run);
                let alive = sim.world.processes.find(run.1).is_some_and(|leader| leader.zombie.is_none());
                if alive {
                    let temper = if group.is_some() { some_temper(rng) } else { MEEK };
                    match group {
                        Some(session) if rng.one_in(3) => {
                            sim.world.processes.fork_outside(parent, session, temper);
                        }
                        Some(_) | None => drop(sim.world.processes.fork(parent, group, temper)),
                    }
                }
            }
        }
        34 => {
            sim.world.processes.foreign_reap();
            sim.scan();
        }
        35 | 36 => unstick(sim),
        37 => sim.jump(Duration::from_secs(rng.pick(&[1, 9, 10, 11, 25, 3_600]))),
        38 => sim.jump(Duration::from_millis(rng.pick(&[1, 100, 1_000, 2_000]))),
        39 => {
            // One that is open, or was, or never will be.
            let newest = sim.world.sockets.open.keys().last().map_or(0, |id| id.0);
            sim.event(Event::SocketFails(SocketId(rng.below(newest + 2)), REFUSED));
        }
        40 => {
            for _ in 0..1 + rng.below(3) {
                sim.event(Event::Invalid(somebody()));
            }
        }
        41 => {
            let verb = |rng: &mut Rng| rng.pick(&[Verb::Enable, Verb::Disable]);
            let name = |rng: &mut Rng| rng.pick(&["a", "b", "c", "d", "nobody"]).as_bytes().into();
            let orders = (0..rng.below(4)).map(|_| Command { verb: verb(rng), name: name(rng) }).collect();
            sim.event(Event::Command(somebody(), orders));
        }
        42 => {
            let line = rng.pick(&[listen, exposed, report])(1 + rng.below(3));
            if sim.world.sockets.broken.remove(&line).is_none() {
                sim.world.sockets.broken.insert(line, NetError::NoMulticast);
            }
        }
        _ => {
            if rng.one_in(30) {
                sim.event(Event::EndAsked(Signal::TERM));
            }
        }
    }
}

fn unstick(sim: &mut Sim) {
    for serial in sim.world.processes.unstick() {
        sim.world.after(Duration::ZERO, Happening::End(serial, KILLED));
    }
}

const KILLED: Ending = Ending::Ran(pmtr::model::Exit::Signal(Signal::KILL));

/// The faults end; a minute later all is as it should be. Then pmtr ends, and nothing is left.
fn heal(sim: &mut Sim, defs: &[Def], words: WordsOf) {
    let second = Duration::from_secs(1);
    sim.world.chance = None;
    sim.world.sockets.broken.clear();
    sim.world.writers.clear();
    sim.world.processes.pids = 30_000;
    unstick(sim);
    sim.world.processes.table.iter_mut().for_each(|p| p.temper = MEEK);
    sim.world.processes.foreign_reap();
    for file in 0..3 {
        sim.world.contents[file] = Some(7);
        sim.world.after(Duration::ZERO, Happening::Fact(file));
    }
    // Without rules of their own no job waits for long.
    let plain = |def: &Def| Def { bounce: 0, again: Again::default(), ended: Ended::default(), ..*def };
    sim.world.file = File::Jobs(defs.iter().map(plain).collect());
    sim.world.end = EndRules::default();
    sim.event(Event::ConfigSaved);
    if words == WordsOf::All {
        sim.live_until(sim.world.now + 4 * second);
        // What is being stopped by rules of before may have all the time of the world: now it is over.
        let serials: Vec<u64> = sim.world.processes.table.iter().map(|process| process.serial).collect();
        serials
            .into_iter()
            .for_each(|serial| sim.world.after(Duration::ZERO, Happening::End(serial, KILLED)));
    }
    sim.live_until(sim.world.now + 61 * second);
    sim.world.processes.foreign_reap();
    sim.live_until(sim.world.now + 2 * second);
    let lives = &sim.world.reference.lives;
    if !sim.world.reference.ending && !sim.world.reference.settled() {
        let lives = lives.clone();
        sim.world.reference.broken("in the end all that should run runs and nothing else", &lives);
    }
    if !sim.world.reference.all_served() {
        sim.world.reference.broken("in the end all sockets are served", &sim.world.now);
    }
    sim.event(Event::EndAsked(Signal::TERM));
    sim.live_until(sim.world.now + second);
    sim.world.processes.foreign_reap();
    sim.live_until(sim.world.now + 25 * second);
    if !sim.supervisor.ended() {
        let lives = sim.world.reference.lives.clone();
        sim.world.reference.broken("pmtr ends", &lives);
    }
    let left = sim.world.kept.clone();
    if !left.is_empty() {
        sim.world.reference.broken("what was kept for groups is released", &left);
    }
}

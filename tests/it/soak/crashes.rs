//! A thousand crashes a second among ten thousand jobs.

use super::actor::{Record, Told, What, actor_or_skip};
use super::figures::{Held, Load, Times, own_time, that_fit};
use super::kept::{Kept, zombies};
use super::{length, limit};
use crate::support::{Dir, PATIENCE};
use pmtr::job::policy::QUICK;
use pmtr::model::{MonoTime, Pid, Signal};
use pmtr::sys::clock;
use pmtr::sys::group::signal_job;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

/// A few more, because each takes a little longer than ten seconds from one crash to the next.
const JOBS: usize = 10_100;
/// Who lives so long has not ended quickly, and is restarted at once.
const LONG: Duration = Duration::from_millis(10_050);
/// Who lives so short has ended quickly for whoever looks: in between it depends on when pmtr saw birth and death.
const SHORT: Duration = Duration::from_secs(5);
/// A dead process is looked for at this age, and then ever again until it is gone.
const LOOKED_FOR: Duration = Duration::from_millis(50);
const EVERY: Duration = Duration::from_millis(10);
/// What is measured of memory begins when all rings are full and all jobs have crashed.
const WARM: Duration = Duration::from_secs(30);
/// Lines that wait whenever the machine stumbles take more than ever before; a leak of 32 bytes, the least there can
/// be, for each crash of ten minutes takes twenty thousand.
const MAY_GROW_KB: i64 = 512;
/// From when a start was due.
const LATE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Default)]
struct Life {
    pid: i32,
    born: MonoTime,
    /// Since when a successor is owed.
    died: Option<MonoTime>,
    births: usize,
}

struct Books {
    lives: Vec<Life>,
    dead: VecDeque<(MonoTime, i32)>,
    /// No restart is measured that belongs to a death before the first or after the second.
    from: MonoTime,
    to: MonoTime,
    deaths: usize,
    /// So many deaths before the second have had no successor yet.
    owed: usize,
    /// So many jobs have not been born once, and twice.
    lack: [usize; 2],
    at_once: Times,
    delayed: Times,
    looked: Instant,
    oldest_zombie: Duration,
}

impl Books {
    fn new(jobs: usize, from: MonoTime) -> Books {
        Books {
            lives: vec![Life::default(); jobs],
            dead: VecDeque::new(),
            from,
            to: MonoTime::from_nanos(u64::MAX),
            deaths: 0,
            owed: 0,
            lack: [jobs; 2],
            at_once: Times::default(),
            delayed: Times::default(),
            looked: Instant::now(),
            oldest_zombie: Duration::ZERO,
        }
    }

    fn take(&mut self, record: Record) {
        let life = &mut self.lives[record.number];
        match record.what {
            What::Born => {
                assert!(life.births == 0 || life.died.is_some(), "two of job {} at once", record.number);
                if let Some(died) = life.died.take() {
                    let ran = died.since(life.born);
                    let measured = died >= self.from && died < self.to;
                    self.owed -= usize::from(died < self.to);
                    if ran < SHORT {
                        assert!(
                            record.at >= died + QUICK,
                            "job {} is early: {:?}",
                            record.number,
                            record.at.since(died)
                        );
                        if measured {
                            self.delayed.add(record.at.since(died + QUICK));
                        }
                    } else if ran > QUICK && measured {
                        self.at_once.add(record.at.since(died));
                    }
                }
                if let Some(lack) = self.lack.get_mut(life.births) {
                    *lack -= 1;
                }
                life.births += 1;
                (life.pid, life.born) = (record.pid, record.at);
            }
            What::Dying => {
                life.died = Some(record.at);
                self.dead.push_back((record.at, record.pid));
                self.deaths += usize::from(record.at >= self.from && record.at < self.to);
                self.owed += usize::from(record.at < self.to);
            }
            What::Stormed | What::Strangers => panic!("{record:?}"),
        }
        if self.looked.elapsed() > EVERY {
            self.look();
        }
    }

    /// Looks for zombies among the dead.
    fn look(&mut self) {
        let now = clock::now();
        for _ in 0..self.dead.len() {
            let Some((died, pid)) = self.dead.pop_front() else { break };
            let age = now.since(died);
            if age < LOOKED_FOR {
                self.dead.push_front((died, pid));
                break;
            }
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if stat.contains(") Z ") {
                self.oldest_zombie = self.oldest_zombie.max(age);
                self.dead.push_back((died, pid));
            }
        }
        self.looked = Instant::now();
    }

    /// Takes what comes until it holds.
    fn until(&mut self, told: &mut Told, what: &str, holds: impl Fn(&Books) -> bool) {
        let end = Instant::now() + PATIENCE + length().unwrap_or_default();
        while !holds(self) {
            assert!(Instant::now() < end, "never came true: {what}: {}", self.left());
            if let Some(record) = told.within(Duration::from_millis(1)) {
                self.take(record);
            }
        }
    }

    /// Ends the first lives, one after the other within ten seconds: in that rhythm it goes on.
    fn spread(&mut self, told: &mut Told) {
        let begin = clock::now();
        for i in 0..self.lives.len() {
            let at = begin + QUICK * u32::try_from(i).unwrap() / u32::try_from(self.lives.len()).unwrap();
            self.until(told, "its turn comes", |_| clock::now() >= at);
            let life = self.lives[i];
            let (number, pid, at) = (i, life.pid, clock::now());
            signal_job(Pid::new(pid).unwrap(), Signal::KILL);
            self.take(Record { what: What::Dying, number, pid, at });
        }
    }

    /// What has not come, for whoever has to find out why.
    fn left(&self) -> String {
        let now = clock::now();
        let lives = self.lives.iter().enumerate();
        let owed = lives.filter_map(|(i, life)| Some((i, now.since(life.died?), life.births)));
        let owed: Vec<_> = owed.filter(|(_, since, _)| *since > QUICK + LATE).collect();
        let first: Vec<_> = owed.iter().take(9).collect();
        format!("{} owed, {:?} never born, {} overdue: {first:?}", self.owed, self.lack, owed.len())
    }

    fn births(&self) -> usize {
        self.lives.iter().map(|life| life.births).sum()
    }
}

#[test]
fn of_a_thousand_crashes_a_second_none_is_lost_and_each_is_followed_by_a_start() {
    let dir = Dir::new();
    let Some(actor) = actor_or_skip(&dir, "crashing jobs") else { return };
    let mut told = Told::new(dir.path());
    let jobs = that_fit(if length().is_some() { JOBS } else { 300 });
    let (go, mut config) = (dir.join("go"), String::new());
    for i in 0..jobs {
        // One half crash when they are born and wait ten seconds, the others live ten seconds and are back at once.
        let life = if i % 2 == 0 { 0 } else { LONG.as_micros() };
        let (actor, fifo) = (actor.display(), told.fifo.display());
        let _ =
            writeln!(config, "job {{\n name j{i}\n cmd {actor} job {fifo} {i} {life} {}\n}}", go.display());
    }
    let mut books = Books::new(jobs, clock::now());
    if length().is_none() {
        fs::write(&go, "").unwrap();
    }
    let mut pmtr = Kept::start(dir, &config);
    books.until(&mut told, "all run", |books| books.lack[0] == 0);
    let mut before = (Load::now(pmtr.pid()), own_time(pmtr.pid()), Held::by(pmtr.pid()));
    if let Some(time) = length() {
        fs::write(&go, "").unwrap();
        books.spread(&mut told);
        let from = clock::now() + LONG;
        (books.from, books.to, books.deaths) = (from, from + time, 0);
        books.until(&mut told, "those crash that live long", |_| clock::now() >= from);
        (before.0, before.1) = (Load::now(pmtr.pid()), own_time(pmtr.pid()));
        books.until(&mut told, "it is warm", |_| clock::now() >= from + WARM.min(time / 2));
        before.2 = Held::by(pmtr.pid());
        books.until(&mut told, "the time is over", |_| clock::now() >= from + time);
    } else {
        books.until(&mut told, "each has crashed and is back", |books| books.lack[1] == 0);
    }
    let to = books.to;
    let others = Load::now(pmtr.pid()).others_since(before.0);
    let (busy, after) = (own_time(pmtr.pid()) - before.1, Held::by(pmtr.pid()));
    let back = |books: &Books| books.owed == 0 || length().is_none();
    books.until(&mut told, "each that crashed is back", back);
    let left = zombies(pmtr.pid());
    assert_eq!(pmtr.stop().code(), Some(0));
    while let Some(record) = told.rest() {
        books.take(record);
    }

    let secs = to.min(clock::now()).since(books.from).as_secs_f64();
    eprintln!(
        "crashes: {jobs} jobs, {} crashes in {secs:.0} s, {:.0} a second, each followed by a start; others took \
         {others} % of the processors, pmtr {:.0} % of one",
        books.deaths,
        books.deaths as f64 / secs,
        busy.as_secs_f64() * 100.0 / secs
    );
    eprintln!("  restart at once after the death: {}", books.at_once.text());
    eprintln!("  restart after ten seconds, late by: {}", books.delayed.text());
    eprintln!("  zombies at the end {left}; {} before, {after} after", before.2);
    let [started, exited] = ["started", "exited"].map(|kind| pmtr.count(kind));
    let births = books.births();
    eprintln!(
        "  {births} births; the log told {started} starts, {exited} exits, and dropped {} lines",
        pmtr.lost()
    );
    // In the short form the log has not come to its full size.
    assert!(length().is_none() || after.is_still(before.2, MAY_GROW_KB));
    limit("restart at once, p99", books.at_once.quantile(0.99), LATE, others);
    limit("restart after ten seconds, p99", books.delayed.quantile(0.99), LATE, others);
    limit("oldest zombie", books.oldest_zombie, Duration::from_secs(1), others);
    assert_eq!(pmtr.count("can't start"), 0, "{:#?}", pmtr.others());
    if pmtr.lost() == 0 {
        assert_eq!(started, exited);
        assert!(started >= births);
    }
}

//! Processes that tell of their birth through a FIFO, and who keeps them.

use super::keeper::Keeper;
use super::{bare, place, program};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whoever takes longer than this for anything can't do it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program of jobs that leave another process.
const LEAVER: &str = "leaver";

pub struct World<'a> {
    pub keeper: &'a dyn Keeper,
    pub jobs: usize,
    dir: PathBuf,
    job: PathBuf,
    births: File,
    child: Child,
    begin: Instant,
    ended: bool,
    /// It has not started jobs when it was to: it is not asked again.
    pub unable: bool,
    /// Pids of jobs that have not been killed, the oldest last.
    pub alive: Vec<u32>,
    /// The successors of those that have been.
    pub young: Vec<u32>,
}

impl<'a> World<'a> {
    /// Starts the keeper with so many jobs and does not wait for them.
    pub fn begin(keeper: &'a dyn Keeper, jobs: usize, leavers: usize, place: &Path) -> World<'a> {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (dir, tell) = (place.join(number.to_string()), place.join(format!("{number}-births")));
        fs::create_dir(&dir).unwrap();
        // Beside the keeper's directory: whoever watches that one is not to hear of births.
        fs::create_dir(&tell).unwrap();
        let (fifo, job) = (tell.join("births"), tell.join("job"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let births = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
        program::write(&job, fifo.to_str().unwrap(), false);
        let mut command = keeper.prepare(&dir, &job, jobs);
        if leavers > 0 {
            program::write(&tell.join(LEAVER), fifo.to_str().unwrap(), true);
            keeper.add(&dir, &tell.join(LEAVER), leavers);
        }
        command.stdin(Stdio::null()).stderr(Stdio::null()).current_dir(&dir);
        let begin = Instant::now();
        let child = command.spawn().unwrap();
        World {
            keeper,
            jobs,
            dir,
            job,
            births,
            child,
            begin,
            ended: false,
            unable: false,
            alive: Vec::new(),
            young: Vec::new(),
        }
    }

    /// The same, and waits for all jobs; how long that took. None when they do not all come.
    pub fn start(keeper: &'a dyn Keeper, jobs: usize, place: &Path) -> (World<'a>, Option<Duration>) {
        let mut world = World::begin(keeper, jobs, 0, place);
        let born = world.born(jobs);
        let took = world.begin.elapsed();
        let all = born.map(|pids| {
            world.alive = pids;
            world.alive.reverse();
            took
        });
        (world, all)
    }

    /// The same, and waits for the first one only; how long that took.
    pub fn first(keeper: &'a dyn Keeper, jobs: usize, place: &Path) -> Option<Duration> {
        let mut world = World::begin(keeper, jobs, 0, place);
        // No process has opened the FIFO yet, so the first open is what is reported.
        world.wait();
        let born = world.born(1);
        let took = world.begin.elapsed();
        // A keeper that is ended while it starts the other jobs would spoil the next measurement.
        let all = born.and_then(|_| if jobs > 1 { world.born(jobs - 1) } else { Some(Vec::new()) });
        all.map(|_| took)
    }

    /// The same with so many jobs more that leave another process when they are killed; their pids.
    pub fn with_leavers(
        keeper: &'a dyn Keeper,
        jobs: usize,
        leavers: usize,
        place: &Path,
    ) -> Option<(World<'a>, Vec<u32>)> {
        let mut world = World::begin(keeper, jobs, leavers, place);
        let born = world.born(jobs + leavers)?;
        let runs = |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let leavers = born.into_iter().filter(|pid| runs(pid).ends_with(LEAVER)).collect();
        Some((world, leavers))
    }

    /// Kills one that leaves another process; the time until its successor tells of itself, and that one's pid.
    pub fn leaver_dies(&mut self, pid: u32) -> Option<(f64, u32)> {
        let begin = Instant::now();
        bare::kill(pid, libc::SIGKILL);
        let born = self.born(1)?;
        Some((millis(begin.elapsed()), born[0]))
    }

    /// The pids of the next births.
    pub fn born(&mut self, count: usize) -> Option<Vec<u32>> {
        let mut bytes = vec![0; count * 8];
        let (mut have, begin) = (0, Instant::now());
        while have < bytes.len() {
            match self.births.read(&mut bytes[have..]) {
                // Nobody has it open for writing.
                Ok(0) => std::thread::sleep(Duration::from_micros(20)),
                Ok(count) => have += count,
                Err(_) => {
                    self.wait();
                }
            }
            if begin.elapsed() > PATIENCE {
                self.unable = true;
                return None;
            }
        }
        Some(bytes.chunks(8).map(|pid| u32::from_le_bytes(pid[..4].try_into().unwrap())).collect())
    }

    /// Waits until there is something to read or nobody left to write; true for the latter.
    fn wait(&self) -> bool {
        let mut one = libc::pollfd { fd: self.births.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd, as told.
        unsafe { libc::poll(&raw mut one, 1, 1_000) };
        one.revents & (libc::POLLHUP | libc::POLLIN) == libc::POLLHUP
    }

    /// Kills one job; the time until its successor tells of itself.
    pub fn death(&mut self) -> Option<f64> {
        let pid = self.alive.pop()?;
        let begin = Instant::now();
        bare::kill(pid, libc::SIGKILL);
        let born = self.born(1)?;
        let took = begin.elapsed();
        self.young.extend(born);
        Some(millis(took))
    }

    /// Makes sure that there are so many to be killed: when the old ones are used up, their successors have settled.
    pub fn renew(&mut self, count: usize) {
        if self.alive.len() < count {
            self.alive.splice(0..0, self.young.drain(..).rev());
        }
    }

    /// Kills so many at once; the times until all are reaped and until all successors run.
    pub fn deaths(&mut self, count: usize) -> Option<(f64, f64)> {
        let victims = self.alive.split_off(self.alive.len().checked_sub(count)?);
        let begin = Instant::now();
        victims.iter().for_each(|pid| bare::kill(*pid, libc::SIGKILL));
        let sent = begin.elapsed();
        // A process that was killed is there until it is reaped. Whoever looks all the time takes a processor.
        for pid in &victims {
            while bare::is_there(*pid) && begin.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        let reaped = begin.elapsed().saturating_sub(sent);
        let born = self.born(count)?;
        let back = begin.elapsed();
        self.young.extend(born);
        Some((millis(reaped), millis(back)))
    }

    /// Has one job changed; the time until its new process runs, without the keeper's own quiet time.
    pub fn reload(&mut self, version: usize) -> Option<f64> {
        let begin = Instant::now();
        if !self.keeper.change(&self.dir, &self.job, self.jobs, version) {
            return None;
        }
        self.born(1)?;
        Some(millis(begin.elapsed().saturating_sub(self.keeper.quiet())))
    }

    /// Ends keeper and jobs; the time until none is left.
    pub fn stop(&mut self) -> Option<f64> {
        let begin = Instant::now();
        self.keeper.end(&self.dir, self.child.id());
        while begin.elapsed() < PATIENCE {
            // Without jobs nobody ever opens the FIFO.
            if (self.jobs == 0 || self.wait()) && self.child.try_wait().unwrap().is_some() {
                self.ended = true;
                return Some(millis(begin.elapsed()));
            }
            // What was born and not asked for would be taken for news.
            let _ = self.births.read(&mut [0; 65_536]);
        }
        None
    }

    /// The memory of the keeper and of whom else it has started but its jobs, in MB.
    pub fn memory(&self) -> Option<f64> {
        self.share("Pss:")
    }

    /// What of it comes from no file: that of files comes and goes as the kernel likes.
    pub fn own_memory(&self) -> Option<f64> {
        self.share("Pss_Anon:")
    }

    fn share(&self, kind: &str) -> Option<f64> {
        let share = |pid: u32| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = text.lines().find(|line| line.starts_with(kind))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        Some(self.family().into_iter().filter_map(share).sum::<f64>() / 1024.0)
    }

    /// The processor time so far of the keeper and of whom else it has started, and that of these jobs, in
    /// microseconds. Others that are at work on the machine change it little.
    pub fn effort(&self, jobs: &[u32]) -> f64 {
        self.family().iter().chain(jobs).filter_map(|pid| processor_time(*pid)).sum::<f64>() / 1e3
    }

    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(pid) = family.get(next) {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
            let is_job =
                |pid: &u32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == self.job);
            family.extend(children.filter(|pid| !is_job(pid)));
            next += 1;
        }
        family
    }

    /// How often the keeper has woken up, and its processor time in milliseconds.
    pub fn activity(&self) -> Option<(f64, f64)> {
        let pid = self.child.id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let switches = status.lines().filter(|line| line.contains("voluntary_ctxt_switches"));
        let wakes = switches.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum();
        Some((wakes, processor_time(pid)? / 1e6))
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if !self.ended && self.stop().is_none() {
            eprintln!("{} did not end its jobs", self.keeper.name());
        }
        // Some leave processes behind, and some start others while they are being ended.
        for _ in 0..100 {
            let left =
                place::inhabitants(&self.dir).into_iter().chain(place::inhabitants(&self.births_dir()));
            let left: Vec<u32> = left.collect();
            left.iter().for_each(|pid| bare::kill(*pid, libc::SIGKILL));
            if left.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        place::reap_orphans();
        let _ = fs::remove_dir_all(self.births_dir());
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl World<'_> {
    fn births_dir(&self) -> PathBuf {
        self.job.parent().unwrap().to_owned()
    }
}

/// In nanoseconds.
fn processor_time(pid: u32) -> Option<f64> {
    let times = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    times.split_whitespace().next()?.parse().ok()
}

pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

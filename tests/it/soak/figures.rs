//! What is measured, and how much others did to it.

use crate::support::wait_until;
use std::fmt;
use std::fs;
use std::time::Duration;

/// Times, of which some are longer than others.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What this part of them does not exceed.
    pub fn quantile(&mut self, part: f64) -> Duration {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = (self.0.len() as f64 * part) as usize;
        self.0.get(at.min(last)).copied().unwrap_or_default()
    }

    pub fn text(&mut self) -> String {
        let [half, p99, p999, all] = [0.5, 0.99, 0.999, 1.0].map(|part| millis(self.quantile(part)));
        format!("median {half}, p99 {p99}, p99.9 {p999}, longest {all} ms of {}", self.0.len())
    }
}

pub fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1_000.0)
}

/// The processors' time, in ticks.
#[derive(Clone, Copy, Default)]
pub struct Load {
    all: u64,
    busy: u64,
    ours: u64,
}

impl Load {
    /// Up to now; ours is that of this process, the daemon and what each of them has reaped.
    pub fn now(daemon: i32) -> Load {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let ticks: Vec<u64> = stat
            .lines()
            .next()
            .unwrap()
            .split_whitespace()
            .skip(1)
            .map(|word| word.parse().unwrap())
            .collect();
        let all: u64 = ticks.iter().take(8).sum();
        let own = std::process::id().cast_signed();
        Load { all, busy: all - ticks[3] - ticks[4], ours: spent(own) + spent(daemon) }
    }

    /// The share of all processors that others had since then, in percent.
    pub fn others_since(self, before: Load) -> u64 {
        let (all, busy, ours) = (self.all - before.all, self.busy - before.busy, self.ours - before.ours);
        busy.saturating_sub(ours) * 100 / all.max(1)
    }
}

/// The time of a process and its reaped children.
fn spent(pid: i32) -> u64 {
    fields(pid).get(11..15).map_or(0, |times| times.iter().map(|time| time.parse::<u64>().unwrap()).sum())
}

/// The time of a process alone, as a duration.
pub fn own_time(pid: i32) -> Duration {
    let ticks = fields(pid)
        .get(11..13)
        .map_or(0, |times| times.iter().map(|time| time.parse::<u64>().unwrap()).sum());
    Duration::from_millis(ticks * 1_000 / pmtr::sys::clock::ticks_per_second())
}

fn fields(pid: i32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or("").split_whitespace().map(str::to_string).collect()
}

/// What a process holds.
#[derive(Clone, Copy)]
pub struct Held {
    pss_kb: i64,
    /// What is its own alone, whoever else runs the same program.
    anonymous_kb: i64,
    fds: usize,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held { pss_kb, anonymous_kb, fds } = self;
        write!(f, "{pss_kb} kB PSS, {anonymous_kb} kB of them anonymous, {fds} descriptors")
    }
}

impl Held {
    pub fn by(pid: i32) -> Held {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let kb = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        // What is held for a moment only does not count.
        let fds = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let fds = (0..50).map(|_| fds()).min().unwrap();
        Held { pss_kb: kb("Pss:"), anonymous_kb: kb("Anonymous:"), fds }
    }

    /// The same of one that sleeps and has nothing under way, for which this waits.
    pub fn at_rest(pid: i32) -> Held {
        let switches = || {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            status
                .lines()
                .filter(|line| line.contains("ctxt_switches"))
                .map(str::to_string)
                .collect::<Vec<_>>()
        };
        let mut held = Held::by(pid);
        wait_until("it rests while it is looked at", || {
            let before = switches();
            held = Held::by(pid);
            fields(pid).first().is_some_and(|state| state == "S") && switches() == before
        });
        held
    }
}

impl Held {
    /// Whether it is what it was before, but for so much memory.
    pub fn is_still(self, before: Held, may_grow_kb: i64) -> bool {
        (self.anonymous_kb - before.anonymous_kb).abs() <= may_grow_kb && self.fds == before.fds
    }
}

/// How many jobs of these fit here: as many as are wanted, or fewer where there is no room for so many processes.
pub fn that_fit(wanted: usize) -> usize {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<usize>().ok();
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let processes = limits.lines().find_map(|line| {
        line.strip_prefix("Max processes")?.split_whitespace().next()?.parse::<usize>().ok()
    });
    let rooms = [
        number("/proc/sys/kernel/pid_max").map(|room| room / 3),
        number("/proc/sys/kernel/threads-max").map(|room| room / 3),
        number("/sys/fs/cgroup/pids.max").map(|room| room / 2),
        processes.map(|room| room / 2),
    ];
    rooms.into_iter().flatten().fold(wanted, usize::min)
}

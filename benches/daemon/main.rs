//! Measures the daemon against the bare system calls, in one run, interleaved.
//!
//! `cargo bench --bench daemon` prints a table; `-- --short` takes fewer samples.
//! The goals stand in the table; a row that misses its goal says so. Absolute times depend on the
//! machine and on what else it does: read the ratios.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bare;
mod program;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PMTR: &str = env!("CARGO_BIN_EXE_pmtr");
/// A job that has run for so long is restarted at once.
const SETTLED: Duration = Duration::from_millis(10_200);
/// What the daemon waits after a save before it reads the file.
const QUIET: Duration = Duration::from_millis(100);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, jobs, program] = &arguments[..]
        && mode == "bare"
    {
        return bare::run(jobs.parse().unwrap(), Path::new(program));
    }
    if !cfg!(target_arch = "x86_64") {
        return println!("skipped: the job of this benchmark is made of x86_64 instructions");
    }
    let short = arguments.iter().any(|argument| argument == "--short");
    let mut table = Table::default();
    start(&mut table, short);
    restart(&mut table, short);
    idle(&mut table, short);
    println!("{}", table.0);
}

/// The rows, as they are found.
#[derive(Default)]
struct Table(String);

impl Table {
    fn row(&mut self, what: &str, value: String, goal: &str, holds: Option<bool>) {
        let verdict = match holds {
            Some(true) => "holds",
            Some(false) => "MISSED",
            None => "",
        };
        let line = format!("{what:<58} {value:>22}  {goal:<34} {verdict}\n");
        eprint!("{line}");
        self.0 += &line;
    }

    fn ratio(&mut self, what: &str, ours: f64, bare: f64, limit: f64, goal: &str) {
        let ratio = ours / bare;
        self.row(what, format!("{ours:.2} / {bare:.2} = {ratio:.2}"), goal, Some(ratio <= limit));
    }
}

/// Processes that tell of their birth through a FIFO, and who keeps them.
struct World {
    dir: PathBuf,
    births: File,
    keeper: Child,
}

impl World {
    fn prepare(name: &str) -> (PathBuf, File, PathBuf) {
        let dir = std::env::temp_dir().join(format!("pmtr-bench-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let fifo = dir.join("births");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let births = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let job = dir.join("job");
        program::write(&job, fifo.to_str().unwrap());
        (dir, births, job)
    }

    /// pmtr with so many jobs; returns when it has been told to start.
    fn pmtr(name: &str, jobs: usize) -> World {
        let (dir, births, job) = World::prepare(name);
        fs::write(dir.join("pmtr.conf"), config(&job, jobs, 0)).unwrap();
        let keeper = command(&dir).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        World { dir, births, keeper }
    }

    /// The minimal loop of wait and clone.
    fn bare(name: &str, jobs: usize) -> World {
        let (dir, births, job) = World::prepare(name);
        let me = std::env::current_exe().unwrap();
        let keeper = Command::new(me).arg("bare").arg(jobs.to_string()).arg(job).spawn().unwrap();
        World { dir, births, keeper }
    }

    /// The pids of the next births.
    fn born(&mut self, count: usize) -> Vec<u32> {
        let mut record = [0; 8];
        (0..count)
            .map(|_| {
                self.births.read_exact(&mut record).unwrap();
                u32::try_from(u64::from_le_bytes(record)).unwrap()
            })
            .collect()
    }

    /// The memory that is the keeper's, in bytes.
    fn pss(&self) -> f64 {
        let path = format!("/proc/{}/smaps_rollup", self.keeper.id());
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap_or("Pss: 0");
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Saves the file with the first job changed; the time until its new process runs.
    fn reload(&mut self, jobs: usize, version: usize) -> Duration {
        let text = config(&self.dir.join("job"), jobs, version);
        let part = self.dir.join("part");
        fs::write(&part, text).unwrap();
        let begin = Instant::now();
        fs::rename(part, self.dir.join("pmtr.conf")).unwrap();
        self.born(1);
        begin.elapsed()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        bare::kill(self.keeper.id(), libc::SIGTERM);
        let _ = self.keeper.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The daemon with a log daemon that reads: in a mount namespace of its own, where /run is ours. Without the
/// right to make one it looks for a log daemon now and then and keeps its lines, which the rows will show.
fn command(dir: &Path) -> Command {
    let run = dir.join("run");
    fs::create_dir(&run).unwrap();
    let socket = UnixDatagram::bind(run.join("log")).unwrap();
    std::thread::spawn(move || {
        let mut line = [0; 4096];
        while socket.recv(&mut line).is_ok() {}
    });
    let (config, run) = (dir.join("pmtr.conf"), run.display());
    let works = Command::new("unshare").args(["--mount", "/bin/true"]).stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) || Path::new("/dev/log").exists() {
        let mut command = Command::new(PMTR);
        command.arg("--state").arg(dir.join("state")).arg("-Fc").arg(config);
        return command;
    }
    let mut command = Command::new("unshare");
    let script = format!(
        "mount --make-rprivate / && mount --bind {run} /run && exec {PMTR} --state {} -Fc {}",
        dir.join("state").display(),
        config.display()
    );
    command.args(["--mount", "/bin/sh", "-c", &script]);
    command
}

/// Typical jobs; another version changes the first one.
fn config(job: &Path, jobs: usize, version: usize) -> String {
    let mut text = String::new();
    for i in 0..jobs {
        let version = if i == 0 { version } else { 0 };
        text += &format!(
            "job {{\n  name job-number-{i}\n  cmd {} --config /etc/service-{i}.conf --listen 127.0.0.1 v{version}\n  env \"MODE=production\"\n}}\n",
            job.display()
        );
    }
    text
}

fn kill(pids: &[u32]) {
    pids.iter().for_each(|pid| bare::kill(*pid, libc::SIGKILL));
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn start(table: &mut Table, short: bool) {
    for jobs in [1_000, 10_000] {
        let rounds = if short { 1 } else { 3 };
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            for (times, make) in [
                (&mut bare, World::bare as fn(&str, usize) -> World),
                (&mut ours, World::pmtr as fn(&str, usize) -> World),
            ] {
                let begin = Instant::now();
                let mut world = make("start", jobs);
                world.born(jobs);
                times.push(millis(begin.elapsed()));
            }
        }
        let what = format!("start of {jobs} jobs, ms, against bare clone and exec");
        table.ratio(&what, median(&mut ours), median(&mut bare), 1.25, "at most 1.25 (0.8 of the rate)");
    }
}

fn restart(table: &mut Table, short: bool) {
    const MANY: usize = 10_000;
    let samples = if short { 20 } else { 60 };
    let mut few = World::pmtr("few", 10);
    let mut some = World::pmtr("some", 1_000);
    let mut many = World::pmtr("many", MANY);
    let mut bare_few = World::bare("bare-few", 10);
    let mut bare = World::bare("bare", MANY);
    let empty = World::pmtr("empty", 0);
    let mut pids = [few.born(10), bare_few.born(10), some.born(1_000), many.born(MANY), bare.born(MANY)];
    std::thread::sleep(SETTLED);

    for (jobs, world, limit) in [(0, &empty, 0.7), (1_000, &some, 1.2), (MANY, &many, 6.0)] {
        let (pss, goal) = (world.pss(), format!("under {limit} MB"));
        table.row(&format!("memory with {jobs} jobs, PSS"), format!("{pss:.2} MB"), &goal, Some(pss < limit));
    }

    let mut times: [Vec<f64>; 5] = Default::default();
    for round in 0..samples {
        let worlds = [&mut few, &mut bare_few, &mut some, &mut many, &mut bare];
        for ((world, pids), times) in worlds.into_iter().zip(&mut pids).zip(&mut times) {
            // Ten jobs give ten samples and rest while the others go on.
            if pids.is_empty() || (round % 2 == 1 && pids.len() < 10) {
                continue;
            }
            let pid = pids.remove(pids.len() / 2);
            let begin = Instant::now();
            bare::kill(pid, libc::SIGKILL);
            world.born(1);
            times.push(millis(begin.elapsed()));
        }
    }
    let [few_ms, bare_few_ms, some_ms, many_ms, bare_ms] = times.map(|mut samples| median(&mut samples));
    table.ratio("death to successor among 10 jobs, ms", few_ms, bare_few_ms, 1.3, "at most 1.3");
    table.ratio("death to successor among 1000 jobs, ms", some_ms, bare_few_ms, 1.3, "at most 1.3");
    table.ratio("death to successor among 10000 jobs, ms", many_ms, bare_few_ms, 1.3, "at most 1.3");
    table.ratio("the same against the bare loop with 10000", many_ms, bare_ms, 1.3, "at most 1.3");
    table.ratio("the same, 10000 jobs against 10", many_ms, few_ms, 1.2, "at most 1.2");

    let victims: Vec<u32> = pids[3].iter().rev().take(1_000).copied().collect();
    let begin = Instant::now();
    kill(&victims);
    let sent = begin.elapsed();
    // A process that was killed is there until it is reaped.
    victims.iter().for_each(|pid| while Path::new(&format!("/proc/{pid}")).exists() {});
    let reaped = millis(begin.elapsed().saturating_sub(sent));
    many.born(victims.len());
    let back = millis(begin.elapsed());
    table.row(
        "1000 deaths at once among 10000 jobs, all reaped",
        format!("{reaped:.1} ms"),
        "under 50 ms",
        Some(reaped < 50.0),
    );
    let bare_victims: Vec<u32> = pids[4].iter().rev().take(1_000).copied().collect();
    let begin = Instant::now();
    kill(&bare_victims);
    bare.born(bare_victims.len());
    table.ratio(
        "1000 deaths at once until all successors run, ms",
        back,
        millis(begin.elapsed()),
        1.3,
        "at most 1.3",
    );

    let mut reloads: Vec<f64> = (1..if short { 5 } else { 15 })
        .map(|version| millis(many.reload(MANY, version).saturating_sub(QUIET)))
        .collect();
    let reload = median(&mut reloads);
    table.row(
        "reload with one changed job of 10000, after the quiet",
        format!("{reload:.1} ms"),
        "under 50 ms",
        Some(reload < 50.0),
    );

    // The first reloads find their room; from then on none may be added.
    const WARM: usize = 30;
    let count = if short { 50 } else { 1_000 };
    for version in 1..=WARM {
        some.reload(1_000, version);
    }
    let before = some.pss();
    for version in WARM + 1..=WARM + count {
        some.reload(1_000, version);
    }
    let grown = some.pss() - before;
    let what = format!("memory with 1000 jobs, growth over {count} reloads");
    table.row(&what, format!("{:.0} KB", grown * 1024.0), "none (under 64 KB)", Some(grown < 0.0625));
}

fn idle(table: &mut Table, short: bool) {
    let mut world = World::pmtr("idle", 100);
    world.born(100);
    std::thread::sleep(Duration::from_secs(1));
    let pid = world.keeper.id();
    let look = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let switches: u64 = status
            .lines()
            .filter(|line| line.contains("voluntary_ctxt_switches"))
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .sum();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (switches, fields[11].to_string(), fields[12].to_string())
    };
    let (before, seconds) = (look(), if short { 10 } else { 60 });
    std::thread::sleep(Duration::from_secs(seconds));
    let after = look();
    let what = format!("idle for {seconds} s with 100 jobs");
    let wakes = after.0 - before.0;
    table.row(&what, format!("{wakes} wake-ups"), "none, no CPU time", Some(before == after));
    let _ = std::io::stderr().flush();
}

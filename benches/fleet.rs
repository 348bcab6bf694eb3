//! Ten thousand hosts report to one receiver every ten seconds, and it has one processor to do it on.
//!
//! `cargo bench --bench fleet` prints a table and writes `target/bench/fleet.json`; `-- --short` takes 25 seconds a row instead of 65.
//! The reports come from addresses of the loopback network, sixteen hosts each, as many as a receiver believes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "report/mod.rs"]
mod report;

use report::{Goal, OURS, Report};
use std::fs;
use std::io::Read;
use std::mem;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

const RECEIVER: &str = env!("CARGO_BIN_EXE_pmtr-rptserver");
const HOSTS: usize = 10_000;
const JOBS: usize = 10;
const HOSTS_PER_ADDRESS: usize = 16;
const INTERVAL: Duration = Duration::from_secs(10);
/// From one version of a file to the next: the interval, and what making it may take.
const IN_TIME: Duration = Duration::from_secs(12);
const FILES: [&str; 3] = ["status.txt", "status.json", "pmtr.prom"];

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    let time = Duration::from_secs(if short { 25 } else { 65 });
    println!("{HOSTS} hosts with {JOBS} jobs each, reporting every 10 s, {} s a row\n", time.as_secs());
    let mut report = Report::new("fleet", vec![OURS.to_string()]);
    for (what, within) in [
        ("spread evenly over the ten seconds", INTERVAL),
        ("all within the same second", Duration::from_secs(1)),
    ] {
        row(what, within, time, &mut report);
    }
    report.finish(&format!("one of {} s for each way to send", time.as_secs()));
}

/// A receiver at work in a directory of its own.
struct Receiver {
    child: Child,
    port: u16,
    dir: PathBuf,
    written: [(SystemTime, Instant, Duration); FILES.len()],
}

impl Receiver {
    fn start() -> Receiver {
        let dir = std::env::temp_dir().join(format!("pmtr-bench-fleet-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(RECEIVER);
        command.args(["-a", "0.0.0.0", "-p", &port.to_string()]);
        command.arg("-f").arg(dir.join(FILES[0]));
        command.arg("--json").arg(dir.join(FILES[1]));
        command.arg("--metrics").arg(dir.join(FILES[2]));
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        pin(child.id(), 0);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !FILES.iter().all(|file| dir.join(file).exists()) {
            assert!(Instant::now() < deadline, "the receiver writes no files");
            thread::sleep(Duration::from_millis(10));
        }
        let never = (SystemTime::UNIX_EPOCH, Instant::now(), Duration::ZERO);
        Receiver { child, port, dir, written: [never; FILES.len()] }
    }

    /// Notes which files are new, and how long their predecessors were the newest.
    fn look(&mut self) {
        for (file, (version, since, longest)) in FILES.iter().zip(&mut self.written) {
            let found = fs::metadata(self.dir.join(file)).unwrap().modified().unwrap();
            if found != *version {
                *version = found;
                *since = Instant::now();
            }
            *longest = since.elapsed().max(*longest);
        }
    }

    fn cpu(&self) -> Duration {
        let stat = read(&format!("/proc/{}/stat", self.child.id()));
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    fn peak_mb(&self) -> f64 {
        let status = read(&format!("/proc/{}/status", self.child.id()));
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Datagrams for which the kernel had no room.
    fn dropped(&self) -> u64 {
        let wanted = format!(":{:04X}", self.port);
        let table = read("/proc/net/udp");
        let line = table.lines().find(|line| line.split_whitespace().nth(1).unwrap().ends_with(&wanted));
        line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Sends reports for a while, a round of all hosts every ten seconds and within this time.
fn row(what: &str, within: Duration, time: Duration, table: &mut Report) {
    let mut receiver = Receiver::start();
    pin(0, 1);
    let sockets = senders(receiver.port);
    let mut datagram = String::new();
    let (begin, cpu) = (Instant::now(), receiver.cpu());
    let (mut round, mut sent) = (0, 0);
    while begin.elapsed() < time {
        let in_round = begin.elapsed().saturating_sub(INTERVAL * u32::try_from(round).unwrap());
        let due = HOSTS as u128 * in_round.as_millis().min(within.as_millis()) / within.as_millis();
        let due = usize::try_from(due).unwrap();
        while sent < due {
            report(sent, round, &mut datagram);
            sockets[sent / HOSTS_PER_ADDRESS].send(datagram.as_bytes()).unwrap();
            sent += 1;
        }
        receiver.look();
        if sent == HOSTS && in_round >= INTERVAL {
            (round, sent) = (round + 1, 0);
        }
        thread::sleep(Duration::from_millis(1));
    }
    let load = (receiver.cpu() - cpu).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
    let (dropped, peak) = (receiver.dropped(), receiver.peak_mb());
    let longest = receiver.written.iter().map(|(.., longest)| *longest).max().unwrap();
    let (hosts, jobs, oldest) = pages(&receiver.dir);
    let bytes: u64 = FILES.iter().map(|file| fs::metadata(receiver.dir.join(file)).unwrap().len()).sum();
    // The file may be as old as an interval, and so may be the report in it.
    let behind = round.saturating_sub(oldest);
    for (name, unit, goal, value) in [
        ("one processor's time", "%", Goal::Most(100.0), load),
        ("reports sent", "", Goal::None, (round * HOSTS + sent) as f64),
        ("reports lost", "", Goal::Most(0.0), dropped as f64),
        ("oldest file while it ran", "s", Goal::Most(IN_TIME.as_secs_f64()), longest.as_secs_f64()),
        ("hosts in the files", "", Goal::Least(HOSTS as f64), hosts as f64),
        ("jobs in the files", "", Goal::Least((HOSTS * JOBS) as f64), jobs as f64),
        ("rounds by which the oldest report is behind", "", Goal::Most(2.0), behind as f64),
        ("size of the files", "MB", Goal::None, bytes as f64 / 1e6),
        ("memory at most", "MB", Goal::None, peak),
    ] {
        let row = table.row(&format!("{what}: {name}"), unit, &[goal]);
        table.add(row, OURS, Some(value));
    }
}

fn senders(port: u16) -> Vec<UdpSocket> {
    let sender = |index: usize| {
        let [_, _, high, low] = u32::try_from(index + 1).unwrap().to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 77, high, low), 0)).unwrap();
        socket.connect(("127.0.0.1", port)).unwrap();
        socket
    };
    (0..HOSTS.div_ceil(HOSTS_PER_ADDRESS)).map(sender).collect()
}

/// A report whose first job tells in which round it was sent.
fn report(host: usize, round: usize, datagram: &mut String) {
    use std::fmt::Write;
    datagram.clear();
    writeln!(datagram, "report host{host:05}").unwrap();
    for job in 0..JOBS {
        let pid = 1000 + host;
        writeln!(datagram, "job-{job}-of-host{host:05} e {round} {pid} /usr/local/bin/server").unwrap();
    }
}

/// How many hosts and jobs the last metrics show, and the oldest round in them.
fn pages(dir: &Path) -> (usize, usize, usize) {
    let status = read(dir.join(FILES[0]).to_str().unwrap());
    let hosts = status.lines().nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let metrics = read(dir.join(FILES[2]).to_str().unwrap());
    let values = |name: &str| {
        let begins = format!("{name}{{");
        let lines = metrics.lines().filter(move |line| line.starts_with(&begins));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).collect::<Vec<_>>()
    };
    let oldest = values("pmtr_job_seconds").into_iter().min().unwrap();
    (hosts, values("pmtr_job_up").len(), oldest)
}

fn read(path: &str) -> String {
    let mut text = String::new();
    fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Lets a process run on one processor only: 0 is the caller.
fn pin(pid: u32, processor: usize) {
    // SAFETY: all zeroes are an empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: a set on the stack, and a number that is below its size.
    unsafe { libc::CPU_SET(processor, &mut set) };
    let pid = libc::pid_t::try_from(pid).unwrap();
    // SAFETY: the set lives for the call. On a machine with one processor it fails, and nothing is pinned.
    unsafe { libc::sched_setaffinity(pid, size_of::<libc::cpu_set_t>(), &raw const set) };
}

//! What is no command, as fast as it can be sent: nothing comes of it, and all else goes on.
//! `PMTR_FLOOD` is how many datagrams there are at least; 20,000 if it is not set.

use crate::network::{own_address, own_ip, socket};
use crate::rng::Rng;
use crate::support::{Pmtr, alive};
use pmtr::model::{Pid, Signal};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest datagram.
const LONGEST: usize = 65_507;
/// A job that dies young is due so long after its end.
const DELAY: Duration = Duration::from_secs(10);

/// Sends `least` datagrams at full speed, and then more at leisure until it is told to stop.
/// Returns how many there were, in which time, and whether one of them was answered.
fn flood(to: SocketAddr, least: usize, stop: Arc<AtomicBool>) -> JoinHandle<(usize, Duration, bool)> {
    std::thread::spawn(move || {
        let (sender, _) = socket(own_ip());
        sender.connect(to).unwrap();
        let mut rng = Rng::new(1);
        let noise: Vec<u8> = (0..2 * LONGEST).map(|_| rng.byte()).collect();
        let texts: [&[u8]; 14] = [
            b"",
            b" ",
            b"\n\n\n",
            b"\t",
            b"\0",
            b"enabl",
            b"ENABLE steady",
            b"steady enable",
            b"enable\0steady",
            b"disable steady\0",
            b"disable stead\x7fy",
            b"\x1b[2Jenable steady",
            b"report steady",
            b"disable \xff\xfe    \r\x01",
        ];
        let fills = [b' ', b'\n', b'\t', 0, b'e', 0xff];
        let mut fill = vec![0; LONGEST];
        let (begun, mut sent) = (Instant::now(), 0);
        let mut took = Duration::ZERO;
        while sent < least || !stop.load(Ordering::Relaxed) {
            let _ = match sent % 4 {
                // Every length sooner or later, and the short ones more often.
                0 => {
                    let (from, bytes) = (rng.below(LONGEST), rng.below(LONGEST + 1));
                    sender.send(&noise[from..from + bytes])
                }
                1 => {
                    let (from, bytes) = (rng.below(LONGEST), rng.below(64));
                    sender.send(&noise[from..from + bytes])
                }
                2 => sender.send(rng.pick(&texts)),
                _ => {
                    // A verb, perhaps a half one, and far too much of something behind it.
                    let bytes = rng.below(LONGEST + 1 - 8_192) + 8_192;
                    fill[..bytes].fill(rng.pick(&fills));
                    fill[..7].copy_from_slice(b"disable");
                    sender.send(&fill[rng.below(7)..bytes])
                }
            };
            sent += 1;
            if sent == least {
                took = begun.elapsed();
            }
            if sent > least && sent % 10 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        sender.set_nonblocking(true).unwrap();
        (sent, took, sender.recv(&mut [0; 64]).is_ok())
    })
}

/// What the process has in memory, in kilobytes.
fn resident(pid: i32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_flood_of_what_is_no_command_changes_nothing_and_holds_up_no_restart() {
    let least = std::env::var("PMTR_FLOOD").map_or(20_000, |count| count.parse().unwrap());
    let listener = own_address();
    let dying = 5;
    let mut config = format!("job {{\n name steady\n cmd /bin/sleep 1000\n}}\nlisten on udp://{listener}\n");
    for i in 0..dying {
        config += &format!("job {{\n name dies{i}\n cmd /bin/sleep 1000\n}}\n");
    }
    let mut pmtr = Pmtr::start(&config);
    let steady = pmtr.started("steady");
    let pids: Vec<i32> = (0..dying).map(|i| pmtr.started(&format!("dies{i}"))).collect();
    // The first messages make it take what memory it needs for any.
    let stop = Arc::new(AtomicBool::new(true));
    flood(listener, 2_000, Arc::clone(&stop)).join().unwrap();
    pmtr.settle();
    let (before, begun) = (resident(pmtr.pid()), Instant::now());
    stop.store(false, Ordering::Relaxed);
    let flooding = flood(listener, least, Arc::clone(&stop));
    let killed: Vec<Instant> = pids
        .iter()
        .map(|pid| {
            // Not by a program, whose own start would count as delay.
            pmtr::sys::group::signal_job(Pid::new(*pid).unwrap(), Signal::KILL);
            let at = Instant::now();
            pmtr.wait(&format!(" {pid} exited after "));
            at
        })
        .collect();
    // From the signal to the line that tells of the new process, without the time that it was to wait.
    let late: Vec<Duration> = (0..dying)
        .map(|i| {
            pmtr.started(&format!("dies{i}"));
            killed[i].elapsed().saturating_sub(DELAY)
        })
        .collect();
    stop.store(true, Ordering::Relaxed);
    let (sent, took, answered) = flooding.join().unwrap();
    pmtr.settle();
    let (after, elapsed) = (resident(pmtr.pid()), begun.elapsed());
    let lines = pmtr.count("control msg");
    eprintln!(
        "{sent} datagrams, {least} of them in {took:?}; {before} kB before and {after} kB after; {lines} lines \
         in {elapsed:?}; restarts late by {late:?}"
    );
    assert!(!answered);
    assert!((after - before).abs() <= 1_024, "{before} kB before, {after} kB after");
    // With the messages before, whose time is not counted.
    assert!(lines >= 1 && u64::try_from(lines).unwrap() <= elapsed.as_secs() + 2, "{lines}");
    assert!(alive(steady) && !pmtr.has("by command"));
    assert_eq!(pmtr.count("started job steady"), 1);
    assert_eq!(pmtr.count("started job dies"), 2 * dying);
    assert_eq!(pmtr.count(" exited after "), dying);
    assert_eq!(pmtr.stop().code(), Some(0));
}

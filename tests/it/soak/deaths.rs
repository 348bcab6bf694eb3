//! Ten thousand deaths at once.

use super::actor::{Told, What, actor_or_skip};
use super::figures::{Load, Times, millis, that_fit};
use super::kept::{Kept, children};
use super::{length, limit};
use crate::network::{own_address, own_ip, socket};
use crate::support::{Dir, PATIENCE};
use pmtr::job::policy::QUICK;
use pmtr::model::{MonoTime, Pid, Signal};
use pmtr::sys::clock;
use pmtr::sys::group::signal_job;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const JOBS: usize = 10_000;
/// Who lives so long has not ended quickly, and is restarted at once.
const LONG: Duration = Duration::from_millis(10_100);

/// From a death to when it is noticed, when all die at once.
const UNCLEAR: Duration = Duration::from_secs(2);
/// Between two commands, which are not to be the load.
const PAUSE: Duration = Duration::from_millis(2);

/// Sends the same again and again until it is told to stop; returns how long the answers took. What is lost is sent
/// again after a second.
fn ask(to: SocketAddr, stop: &Arc<AtomicBool>) -> JoinHandle<Times> {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let (asker, _) = socket(own_ip());
        asker.connect(to).unwrap();
        asker.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let (mut times, mut answer) = (Times::default(), [0; 512]);
        while !stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            asker.send(b"enable j0").unwrap();
            if asker.recv(&mut answer).is_ok() {
                times.add(asked.elapsed());
            }
            std::thread::sleep(PAUSE);
        }
        times
    })
}

/// Answers whatever comes, until it is told to stop: among so many who die nobody answers sooner.
fn echo(stop: &Arc<AtomicBool>) -> SocketAddr {
    let (echo, address) = socket(own_ip());
    echo.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let mut said = [0; 512];
        while !stop.load(Ordering::Relaxed) {
            if let Ok((count, from)) = echo.recv_from(&mut said) {
                echo.send_to(&said[..count], from).unwrap();
            }
        }
    });
    address
}

/// Kills all, and waits until all are reaped and have successors. What was told and when it was due is printed.
fn all_die(told: &mut Told, pmtr: &Kept, listener: SocketAddr, lives: &mut [(i32, MonoTime)]) {
    let jobs = lives.len();
    let quick = clock::now().since(lives.iter().map(|(_, born)| *born).max().unwrap()) < QUICK / 2;
    let stop = Arc::new(AtomicBool::new(false));
    let (load, asking) = (Load::now(pmtr.pid()), [ask(listener, &stop), ask(echo(&stop), &stop)]);
    let mut killed = Vec::with_capacity(jobs);
    let exited = pmtr.count("exited");
    let begin = clock::now();
    for (pid, _) in lives.iter() {
        killed.push(clock::now());
        signal_job(Pid::new(*pid).unwrap(), Signal::KILL);
    }
    let took = clock::now().since(begin);
    let mut reaped = None;
    if quick {
        // Where that takes ten seconds the first successors are there before.
        let dead: HashSet<i32> = lives.iter().map(|(pid, _)| *pid).collect();
        let end = Instant::now() + PATIENCE;
        while children(pmtr.pid()).iter().any(|pid| dead.contains(pid)) {
            assert!(Instant::now() < end, "not all are reaped");
        }
        reaped = Some(clock::now().since(begin));
    }
    let mut times = Times::default();
    let mut back = begin;
    for _ in 0..jobs {
        let record = told.next(What::Born);
        let (killed, born) = (killed[record.number], lives[record.number].1);
        let lived = killed.since(born);
        let due = killed + if lived < QUICK { QUICK } else { Duration::ZERO };
        // Close to ten seconds nobody but the daemon can tell whether it was quick.
        if lived < QUICK - UNCLEAR || lived > LONG {
            assert!(record.at >= due, "job {} is early", record.number);
            times.add(record.at.since(due));
        }
        lives[record.number] = (record.pid, record.at);
        back = back.max(record.at);
    }
    stop.store(true, Ordering::Relaxed);
    let [mut answers, mut echoes] = asking.map(|asker| asker.join().unwrap());
    let others = Load::now(pmtr.pid()).others_since(load);
    let kind = if quick { "young" } else { "old" };
    eprintln!(
        "deaths: {jobs} {kind} jobs, killed in {} ms; others took {others} % of the processors",
        millis(took)
    );
    eprintln!("  all {} are back {} ms after the first was killed", jobs, millis(back.since(begin)));
    eprintln!("  from when a start was due: {}", times.text());
    eprintln!("  answers to commands: {}", answers.text());
    eprintln!("  of a bare echo: {}", echoes.text());
    assert!(answers.len() > 0, "no command was answered");
    if let Some(reaped) = reaped {
        limit("all reaped after the first was killed", reaped, Duration::from_secs(1), others);
    }
    // The longest of all is now and then as long as this: thousands who die want a processor before us.
    let most = Duration::from_millis(200) + echoes.quantile(0.99);
    limit("answers, p99, with that of the echo", answers.quantile(0.99), most, others);
    pmtr.waits_for("exited", if pmtr.lost() == 0 { exited + jobs } else { 0 });
}

#[test]
fn of_thousands_of_deaths_at_once_none_is_overlooked_and_commands_are_answered_meanwhile() {
    let dir = Dir::new();
    let Some(actor) = actor_or_skip(&dir, "many deaths at once") else { return };
    let mut told = Told::new(dir.path());
    let jobs = that_fit(if length().is_some() { JOBS } else { 600 });
    let listener = own_address();
    let mut config = format!("listen on udp://{listener}\n");
    for i in 0..jobs {
        let (actor, fifo) = (actor.display(), told.fifo.display());
        let _ = writeln!(config, "job {{\n name j{i}\n cmd {actor} job {fifo} {i} - -\n}}");
    }
    let mut pmtr = Kept::start(dir, &config);
    let mut lives = vec![(0, MonoTime::ZERO); jobs];
    for _ in 0..jobs {
        let record = told.next(What::Born);
        assert_eq!(lives[record.number].0, 0, "two of job {}", record.number);
        lives[record.number] = (record.pid, record.at);
    }
    all_die(&mut told, &pmtr, listener, &mut lives);
    if length().is_some() {
        // In the short form that would be another ten seconds.
        let newest = lives.iter().map(|(_, born)| *born).max().unwrap();
        std::thread::sleep((newest + LONG).since(clock::now()));
        all_die(&mut told, &pmtr, listener, &mut lives);
    }
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(told.rest().is_none());
    assert_eq!(pmtr.count("can't start"), 0, "{:#?}", pmtr.others());
}

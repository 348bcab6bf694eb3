//! Processes that end as they are told to, among strangers that get their numbers.
//!
//! In a pid namespace with four hundred numbers, of which a hundred go round, jobs start, leave others in their groups
//! and sessions and end by themselves while they are told to end. Strangers are born and end as fast, each the leader
//! of a session and group of its own, in which it may leave another; one that gets any signal of pmtr's ends by it,
//! and its parent counts that.

use super::actor::{Told, What, actor_or_skip};
use super::figures::Load;
use super::length;
use super::orphans::as_init;
use crate::support::{Dir, PATIENCE};
use crate::wrapped::namespaces_or_skip;
use pmtr::model::Signal;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

const JOBS: usize = 30;
const STRANGERS: usize = 20;
const NUMBERS: usize = 400;
const PID_MAX: &str = "/proc/sys/kernel/pid_max";
/// So many races there are in ten minutes, and a part of them in less.
const RACES: u64 = 1_000_000;
const FULL: Duration = Duration::from_secs(600);

/// Whether each pid namespace has its own limit of numbers: nothing else may ever be written to.
fn own_numbers_or_skip() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut parts = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let own = (parts.next(), parts.next()) >= (Some(6), Some(14));
    if !own {
        eprintln!(
            "skipped: few numbers for many processes need Linux 6.14, which has a limit for each namespace"
        );
    }
    own
}

#[test]
fn no_signal_ever_reaches_a_stranger_that_has_the_number_of_a_job_that_has_ended() {
    if !namespaces_or_skip("races for numbers") || !own_numbers_or_skip() {
        return;
    }
    let dir = Dir::new();
    let Some(actor) = actor_or_skip(&dir, "races for numbers") else { return };
    let mut told = Told::new(dir.path());
    let outside = fs::read_to_string(PID_MAX).unwrap();
    let races = length().map_or(5_000, |time| RACES * time.as_secs() / FULL.as_secs());
    let races = usize::try_from(races).unwrap().min(1_000_000);
    let (actor, fifo) = (actor.display().to_string(), told.fifo.display().to_string());
    let config = |version: usize| {
        let mut text = String::new();
        for i in 0..JOBS {
            let _ = writeln!(text, "job {{\n name j{i}\n cmd {actor} racer {fifo} {version}\n}}");
        }
        text
    };
    // The limit is that of the namespace in which one writes to it.
    let before = format!("echo {NUMBERS} >{PID_MAX}; {actor} keeper {fifo} {STRANGERS} &");
    let mut pmtr = as_init(dir, &config(0), &before);
    assert_eq!(fs::read_to_string(PID_MAX).unwrap(), outside);
    let (begun, load) = (Instant::now(), Load::now(pmtr.pid()));
    let (mut version, mut strangers, mut hit) = (0, 0, 0);
    let mut heard = Instant::now();
    while pmtr.count("started") < races || strangers == 0 {
        // Each is told to end, or was about to, and is started anew.
        let (starts, reloads) = (pmtr.count("started"), pmtr.count("rescanning"));
        version += 1;
        let part = pmtr.dir.write("pmtr.conf.part", &config(version));
        fs::rename(part, pmtr.dir.join("pmtr.conf")).unwrap();
        pmtr.signal(Signal::HUP);
        pmtr.waits_for("rescanning", reloads + 1);
        pmtr.waits_for("started", starts + JOBS / 2);
        while let Some(record) = told.within(Duration::ZERO) {
            assert_eq!(record.what, What::Strangers);
            (strangers, hit, heard) = (record.number, record.pid, Instant::now());
        }
        assert!(heard.elapsed() < PATIENCE, "nothing is heard of the strangers");
        assert_eq!(hit, 0, "strangers were hit");
    }
    let took = begun.elapsed();
    let others = Load::now(pmtr.pid()).others_since(load);
    let [started, told_to, rest] =
        ["started", "SIGTERM to job", "SIGTERM to the remaining"].map(|kind| pmtr.count(kind));
    eprintln!(
        "races: {started} starts in {took:.0?}, {told_to} of them told to end, {rest} rests swept; {strangers} \
         strangers, {hit} of them hit; others took {others} % of the processors"
    );
    assert_eq!(pmtr.lost(), 0);
    assert!(told_to > started / 20 && rest > 0, "{told_to} {rest}");
    assert_eq!(pmtr.stop().code(), Some(0));
    let failed = pmtr.count("can't start");
    eprintln!("  {failed} starts failed, {} signals were sent after ten seconds", pmtr.count("SIGKILL"));
}

//! Measures the daemon against the bare system calls, and other supervisors, in one run, in rounds in which each
//! has its turn.
//!
//! `cargo bench --bench daemon` prints a table and writes `target/bench/daemon.json`. `-- --short` takes fewer
//! samples, `-- --peers` measures the supervisors that are found here as well and writes `peers.json`,
//! `-- --also FILE` another build of pmtr, for which `kernel.pid_max` must be 65536 or more, and one of the words
//! `firsts`, `starts`, `lives`, `rests`, `files` and `idle` only those rows.
//! Absolute times depend on the machine and on what else it does: read the ratios.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bare;
mod keeper;
mod peers;
mod place;
mod program;
#[path = "../report/mod.rs"]
mod report;
mod rows;
mod silence;
mod world;

use keeper::{Bare, Keeper, Pmtr};
use report::{OURS, Report};
use rows::{Amount, Bench};
use std::fs;
use std::path::Path;
use std::time::Duration;

const PMTR: &str = env!("CARGO_BIN_EXE_pmtr");

const WHOLE: Amount = Amount {
    firsts: [41, 21],
    starts: [11, 5],
    deaths: 10,
    crowds: 9,
    rests: 3,
    reloads: 15,
    many_reloads: 1_000,
    files: 5,
    idle: Duration::from_secs(60),
};
const SHORT: Amount = Amount {
    firsts: [5, 3],
    starts: [3, 1],
    deaths: 2,
    crowds: 1,
    rests: 1,
    reloads: 5,
    many_reloads: 50,
    files: 1,
    idle: Duration::from_secs(10),
};
const PEERS: Amount = Amount {
    firsts: [11, 5],
    starts: [5, 0],
    deaths: 6,
    crowds: 5,
    rests: 0,
    reloads: 5,
    many_reloads: 0,
    files: 0,
    idle: Duration::from_secs(20),
};

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
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let (against_peers, short) = (has("--peers"), has("--short"));
    let mut keepers: Vec<Box<dyn Keeper>> =
        vec![Box::new(Bare), Box::new(Pmtr { name: OURS.to_string(), program: PMTR.into() })];
    let also = arguments.iter().zip(arguments.iter().skip(1)).find(|(option, _)| *option == "--also");
    if let Some((_, program)) = also {
        keepers.push(Box::new(Pmtr { name: "pmtr-also".to_string(), program: program.into() }));
    }
    let (bench, sizes, amount): (_, &[usize], _) = match (against_peers, short) {
        (true, false) => ("peers", &[10, 1_000], PEERS),
        (true, true) => ("peers", &[10, 1_000], Amount { starts: [1, 0], ..SHORT }),
        (false, false) => ("daemon", &[10, 1_000, 10_000], WHOLE),
        (false, true) => ("daemon", &[10, 1_000, 10_000], SHORT),
    };
    if against_peers {
        let (found, missing) = peers::find();
        keepers.extend(found);
        eprintln!("not found here: {}", missing.join(", "));
    }
    let parts = ["firsts", "starts", "lives", "rests", "files", "idle"];
    place::adopt_orphans();
    let place = place::enter();
    let columns = keepers.iter().map(|keeper| keeper.name().to_string()).collect();
    let mut report = Report::new(bench, columns);
    let part = |name: &str| !parts.into_iter().any(has) || has(name);
    if part("files") {
        silence::measure(&keepers, &place, amount.files, &mut report);
    }
    let mut rows = Bench { keepers: &keepers, place: &place, amount, report: &mut report, sizes };
    if part("firsts") {
        rows.firsts();
    }
    if part("starts") {
        rows.starts();
    }
    if part("lives") {
        rows.lives();
    }
    if part("rests") && amount.rests > 0 {
        rows.rests();
    }
    if part("idle") {
        rows.idle();
    }
    let _ = fs::remove_dir_all(&place);
    report.finish(&format!(
        "{} and {} starts to the first job, {} and {} starts and stops, {} x 10 single deaths, {} times 1000 deaths",
        amount.firsts[0],
        amount.firsts[1],
        amount.starts[0], amount.starts[1], amount.deaths, amount.crowds
    ));
}

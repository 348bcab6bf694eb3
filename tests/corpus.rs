//! The inputs that fuzzing has collected and found, as plain tests: `fuzz/corpus/TARGET` holds them, one a file.
//! The modules that are run are in `fuzz/shared` and `tests/shared`; the simulation runs those of the machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../fuzz/shared/arguments.rs"]
mod arguments;
#[path = "shared/config.rs"]
mod config;
#[path = "../fuzz/shared/control.rs"]
mod control;
// The bytes of the state file and the lines of output are nobody else's business: these modules are taken from
// where they are.
#[allow(dead_code)]
#[path = "../src/daemon/state/format.rs"]
mod format;
// Time is measured by the fuzzer alone: a test never depends on the speed of the machine.
#[allow(dead_code)]
#[path = "../fuzz/shared/limits.rs"]
mod limits;
#[path = "../fuzz/shared/output.rs"]
mod output;
#[path = "../fuzz/shared/report.rs"]
mod report;
#[path = "../src/daemon/output/splitter.rs"]
mod splitter;
#[path = "../fuzz/shared/state.rs"]
mod state;

mod sys {
    pub(crate) use pmtr::sys::record;
}
mod daemon {
    pub(crate) mod log {
        pub(crate) use pmtr::daemon::log::MAX_TEXT_BYTES;
    }
}

use std::fs;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: limits::Counting = limits::Counting;

fn each(target: &str, run: impl Fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&input))).is_err() {
            panic!("it was {}", path.display());
        }
        count += 1;
    }
    assert!(count >= 5, "only {count} inputs in {}", directory.display());
}

/// Parses within the memory that the fuzzer allows.
fn parse(text: &[u8]) -> Result<pmtr::config::Parsed, Vec<pmtr::model::Mistake>> {
    let (outcome, bytes) = limits::memory_of(|| pmtr::config::parse(text));
    assert!(
        bytes / limits::copies(text) as usize <= limits::MEMORY,
        "{bytes} bytes of memory for {} of text",
        text.len()
    );
    outcome
}

#[test]
fn configurations_are_taken_whole_or_with_a_place_for_each_mistake() {
    each("config", |text| config::run(text, parse));
}

#[test]
fn a_copy_of_a_job_takes_little_more_than_its_name() {
    const COPIES: usize = 10_000;
    let text = format!(
        "defaults {{\nenv A={}\n}}\njob {{\nname worker\ncmd /bin/x {}\nnice 5\ntag t\ninstances {COPIES}\n}}\n",
        "x".repeat(1000),
        "y ".repeat(100)
    );
    let (parsed, peak) = limits::memory_of(|| pmtr::config::parse(&text).unwrap());
    assert_eq!(parsed.config.jobs.len(), COPIES);
    assert!(peak / COPIES <= 250, "{} bytes for each copy", peak / COPIES);
}

#[test]
fn answers_are_no_longer_than_twice_the_command() {
    each("control", control::run);
}

#[test]
fn a_fleet_stays_within_its_bounds_whatever_is_reported() {
    each("report", report::run);
}

#[test]
fn of_a_state_file_only_what_pmtr_wrote_is_believed() {
    each("state", state::run);
}

#[test]
fn output_becomes_lines_that_may_stand_in_a_log() {
    each("output", output::run);
}

#[test]
fn every_command_line_is_understood_or_refused() {
    each("arguments", arguments::run);
}

#[test]
fn memory_is_counted() {
    let (bytes, peak) = limits::memory_of(|| {
        drop(vec![0_u8; 5_000]);
        vec![0_u8; 3_000]
    });
    assert_eq!((bytes.len(), peak), (3_000, 5_000));
    let ((), peak) = limits::memory_of(|| drop(vec![0_u8; 10]));
    assert_eq!(peak, 10);
}

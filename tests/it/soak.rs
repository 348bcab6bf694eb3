//! Much of everything for a long time, with real processes: thousands of jobs, crashes, orphans, races, reloads.
//!
//! `make soak TIME=600` is the long form, where `PMTR_SOAK` is the time in seconds; each test prints its figures, and
//! limits of time hold if others have left it the machine. In the short form, without `PMTR_SOAK`, all that counts is
//! that nothing is lost, whatever the machine's speed.

mod actor;
mod crashes;
mod deaths;
mod figures;
mod growth;
mod kept;
mod orphans;
mod races;

use std::time::Duration;

/// With more of the processors' time than this, in percent, others have a say in what is late.
const OTHERS_MAY_TAKE: u64 = 10;

/// How long the long form is; none in the short form.
fn length() -> Option<Duration> {
    let seconds = std::env::var("PMTR_SOAK").ok()?;
    Some(Duration::from_secs(seconds.parse().expect("PMTR_SOAK is a number of seconds")))
}

/// In the long form a limit of time holds, unless the machine was not ours.
fn limit(what: &str, time: Duration, limit: Duration, others: u64) {
    let verdict = match time <= limit {
        true => "holds",
        false if others > OTHERS_MAY_TAKE => "not judged, others had the processors too",
        false => "MISSED",
    };
    eprintln!("  {what}: {} ms, goal {} ms: {verdict}", figures::millis(time), limit.as_millis());
    assert!(length().is_none() || verdict != "MISSED", "{what}: {time:?}");
}

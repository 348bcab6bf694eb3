//! How fast configuration text is parsed, against a bare scan for line ends over the same bytes.
//!
//! Both are measured in alternating rounds of one run; the medians and their ratio are printed.
//! They also go to `target/bench/parse.json`.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::indexing_slicing)]

#[path = "report/mod.rs"]
mod report;

use report::{Goal, LIMIT, OURS, Report};
use std::hint::black_box;
use std::time::Instant;

const JOBS: usize = 10_000;
const ROUNDS: usize = 31;

fn typical(jobs: usize) -> String {
    let job = |n: usize| {
        format!(
            "# the server of customer {n}\njob {{\n  name customer-{n:05}\n  user www-data\n  dir /srv/customers/{n:05}\n  \
             cmd /usr/bin/server --port {} --mode production\n  env LANG=C.UTF-8\n  out /var/log/customer-{n:05}.log\n  \
             ulimit -n 1024\n}}\n",
            10_000 + n
        )
    };
    (0..jobs).map(job).collect()
}

fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let begin = Instant::now();
    black_box(work());
    begin.elapsed().as_secs_f64()
}

fn main() {
    let text = typical(JOBS);
    let bytes = text.as_bytes();
    assert_eq!(pmtr::config::parse(bytes).unwrap().config.jobs.len(), JOBS);
    let mut report = Report::new("parse", [LIMIT, OURS].map(String::from).to_vec());
    let what = format!("{JOBS} jobs parsed; bare is a scan for line ends");
    let rate = report.row(&what, "MB/s", &[Goal::Least(100.0)]);
    let speed = |seconds: f64| Some(bytes.len() as f64 / 1e6 / seconds);
    for _ in 0..ROUNDS {
        report.add(rate, OURS, speed(timed(|| pmtr::config::parse(black_box(bytes)).is_ok())));
        report.add(rate, LIMIT, speed(timed(|| black_box(bytes).split(|b| *b == b'\n').count())));
    }
    report.finish(&format!("{ROUNDS} of {} bytes", bytes.len()));
}

//! How fast configuration text is parsed, against a bare scan for line ends over the same bytes.
//!
//! Both are measured in alternating rounds of one run; the medians and their ratio are printed.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss)]

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

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn main() {
    let text = typical(JOBS);
    let bytes = text.as_bytes();
    assert_eq!(pmtr::config::parse(bytes).unwrap().config.jobs.len(), JOBS);
    let (mut parses, mut scans) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        parses.push(timed(|| pmtr::config::parse(black_box(bytes)).is_ok()));
        scans.push(timed(|| black_box(bytes).split(|b| *b == b'\n').count()));
    }
    let speed = |seconds: f64| bytes.len() as f64 / 1e6 / seconds;
    let (parse, scan) = (median(parses), median(scans));
    println!("{} bytes, {JOBS} jobs, median of {ROUNDS} rounds", bytes.len());
    println!("parse  {:8.1} MB/s  {:6.2} ms", speed(parse), parse * 1e3);
    println!("scan   {:8.1} MB/s  {:6.2} ms", speed(scan), scan * 1e3);
    println!("ratio  {:8.1}", parse / scan);
}

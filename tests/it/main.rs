//! The real daemon with real processes, each test in a directory of its own.
//! Nothing here sleeps to wait: a test waits for a line, a file or an end, with a time limit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod command_line;
mod container;
mod ctl;
mod examples;
mod faults;
mod files;
mod flood;
mod groups;
mod hostile;
mod hosts;
mod identity;
mod include;
mod inherited;
mod init_scripts;
mod jobs;
mod journal;
mod last_good;
mod leftovers;
mod log_daemon;
mod many;
mod mounts;
mod network;
mod notify;
mod options;
mod pid_file;
mod programs;
#[path = "../shared/rng.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests share it")]
mod rng;
mod rptserver;
mod rules;
mod saving;
mod soak;
mod state_file;
mod support;
mod surroundings;
mod syslog;
mod tree;
mod upstream;
mod world;
mod wrapped;

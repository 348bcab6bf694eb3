//! The shell around the supervisor: one thread, one loop, nothing in it blocks.
//! Brings events in and carries actions out; decides nothing about jobs.
#![forbid(unsafe_code)]

mod background;
mod births;
mod check;
mod claim;
mod claims;
mod dump;
mod environment;
mod event_loop;
mod event_source;
mod exposure;
mod include;
mod last_good;
pub mod log;
mod manager;
pub mod mounts;
pub mod net;
mod opening;
pub mod output;
mod pace;
mod pidfile;
mod reaper;
mod reaping;
mod regular;
mod rests;
mod sole;
mod sources;
mod start;
mod state;
mod stderr;
mod tokens;
mod trail;
mod trust;
pub mod watch;
mod way;
mod world;

pub use crate::sys::memory::WithReserve;
pub use start::run;

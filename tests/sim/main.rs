//! The whole supervisor in an invented world: thousands of seconds in a millisecond.
//!
//! `sim` drives the real [`pmtr::supervisor::Supervisor`] as the shell does; it acts on `world`, with invented
//! `processes`; `reference` says independently what must and must not happen, after every wake-up. The scenarios are
//! sentences; `random` makes up worlds of its own. One of them again, with all that led there:
//! `PMTR_SIM_SEED=n cargo test --test sim random`; a soak: `PMTR_SIM_SEEDS=n PMTR_SIM_EVENTS=n`.
#![forbid(unsafe_code)]
// A test may stop at the first surprise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)]

mod def;
mod effects;
mod manager;
mod plan;
mod portions;
mod processes;
mod random;
mod reference;
mod refusal;
#[path = "../shared/rng.rs"]
#[allow(dead_code, reason = "other tests share it")]
mod rng;
mod rules;
mod scenario;
mod sim;
mod sockets;
mod world;

mod answers;
mod corpus;
mod depends;
mod end_rules;
mod ending;
mod gate;
mod giving_up;
mod included;
mod left_overs;
mod messages;
mod network;
mod notify;
mod recovery;
mod reload;
mod reload_rules;
mod reports;
mod restart;
mod restart_rules;
mod starts;
mod stop;
mod stop_rules;
mod writers;

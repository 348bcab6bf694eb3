//! pmtr keeps programs running on a Linux machine: one daemon, one file.
//!
//! The modules are in the order of the data flow; `ARCHITECTURE.md` says which may import which.

pub mod model;
pub mod plan;

pub mod cli;
pub mod config;
pub mod fleet;
pub mod job;
pub mod supervisor;
pub mod wire;

pub mod client;
pub mod daemon;
pub mod sys;

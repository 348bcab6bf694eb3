//! The shell: what touches the world in safe code, and hands it to the pure core.
#![forbid(unsafe_code)]

pub mod background;
pub mod check;
pub mod log;
pub mod mounts;
pub mod output;
pub mod pidfile;
mod trail;
pub mod watch;

//! The shell: what touches the world in safe code, and hands it to the pure core.
#![forbid(unsafe_code)]

pub mod background;
pub mod log;
pub mod output;

//! See the module that is run.
#![no_main]
#![allow(clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../shared/control.rs"]
mod control;

libfuzzer_sys::fuzz_target!(|input: &[u8]| control::run(input));

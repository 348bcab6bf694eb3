//! See the module that is run.
#![no_main]
#![allow(clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

// The bytes of the file are nobody else's business, so the module is taken from where it is.
#[allow(dead_code)]
#[path = "../../src/daemon/state/format.rs"]
mod format;
#[path = "../shared/state.rs"]
mod state;
mod sys {
    pub(crate) use pmtr::sys::record;
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| state::run(input));

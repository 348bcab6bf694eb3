//! See the module that is run.
#![no_main]
#![allow(clippy::panic)]

#[path = "../shared/output.rs"]
mod output;
// Lines are nobody else's business, so the module is taken from where it is.
#[path = "../../src/daemon/output/splitter.rs"]
mod splitter;
mod daemon {
    pub(crate) mod log {
        pub(crate) use pmtr::daemon::log::MAX_TEXT_BYTES;
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| output::run(input));

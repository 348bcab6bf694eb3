//! The parser, which may take no longer and no more than the limits say.
#![no_main]
#![allow(clippy::panic, clippy::indexing_slicing)]

#[path = "../../tests/shared/config.rs"]
mod config;
#[path = "../shared/limits.rs"]
mod limits;

use pmtr::config::Parsed;
use pmtr::model::Mistake;

#[global_allocator]
static ALLOCATOR: limits::Counting = limits::Counting;

libfuzzer_sys::fuzz_target!(|text: &[u8]| config::run(text, parse));

fn parse(text: &[u8]) -> Result<Parsed, Vec<Mistake>> {
    let ((outcome, memory), time) = limits::time_of(|| limits::memory_of(|| pmtr::config::parse(text)));
    let copies = limits::copies(text);
    assert!(
        memory / copies as usize <= limits::MEMORY,
        "{memory} bytes of memory for {} of text",
        text.len()
    );
    assert!(time / copies <= limits::TIME, "{time:?} for {} bytes of text", text.len());
    outcome
}

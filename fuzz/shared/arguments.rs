//! Command lines of all programs: words apart by NUL bytes, as no argument has one.

use pmtr::cli::{self, Ask, Usage};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

pub fn run(line: &[u8]) {
    let words = || line.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec()));
    complains_well(cli::pmtr(words()));
    complains_well(cli::rptserver::parse(words()));
    if let Some(Ask::Run(options)) = complains_well(cli::ctl::parse(words())) {
        assert!(!options.commands.is_empty() && options.port > 0);
        // What is asked for can be said.
        for message in pmtr::wire::control::encode(&options.commands, 1_400) {
            assert!(pmtr::wire::control::decode(&message).is_some(), "{message:?}");
        }
    }
}

fn complains_well<O>(asked: Result<Ask<O>, Usage>) -> Option<Ask<O>> {
    asked
        .map_err(|usage| {
            let text = usage.to_string();
            assert!(text.contains(": ") && text.ends_with('\n'), "{text:?}");
            assert!(!text.contains(|char: char| char.is_control() && char != '\n'), "{text:?}");
        })
        .ok()
}

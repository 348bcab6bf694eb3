//! The command lines of the programs: arguments to values. Never reads a file and never prints by itself.
//!
//! Each program has one table of options; parser, usage and help are made from it, and a test compares the manual page
//! with it.
#![forbid(unsafe_code)]

pub mod ctl;
mod getopt;
mod pmtr;
pub mod rptserver;
mod values;

pub use getopt::{Arg, Ask, Opt, Usage, Wrong};
pub use pmtr::{DEFAULT_CONFIG, Mode, OPTIONS, PmtrOption, PmtrOptions, help, parse as pmtr, version};

use std::fmt;
use std::io::{self, Write};

/// The exit status of wrong usage.
pub const STATUS_USAGE: u8 = 2;

/// Writes `text` to `out` and ignores a failure: a reader that has gone (`pmtr --help | head -1`) is not an error, and
/// there is nowhere else to report one.
pub fn say(out: &mut dyn Write, text: &dyn fmt::Display) {
    // Formatted first and written at once: several small writes could be mixed with those of other programs.
    let _: io::Result<()> = out.write_all(text.to_string().as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests;

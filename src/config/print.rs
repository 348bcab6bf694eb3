//! A configuration as canonical text: what it says, one option a line, in the order of the table, without what is
//! the default. The text parses to the same configuration.

use super::options::{Print, Scope, TABLE};
use super::printer::Printer;
use crate::model::{Clean, Config, JobSpec};
use std::fmt::{self, Display};

/// The canonical text.
pub(super) fn print(config: &Config) -> Vec<u8> {
    let mut text = Vec::new();
    for row in Scope::File.options() {
        if let Print::File(print) = row.print {
            print(config, &mut Printer::new(row.keyword(), "", &mut text));
        }
    }
    config.jobs.iter().for_each(|job| print_job(job, &mut text));
    text
}

fn print_job(job: &JobSpec, text: &mut Vec<u8>) {
    text.extend(b"job {\n");
    for row in &TABLE {
        if let Print::Job(print) = row.print {
            print(job, &mut Printer::new(row.keyword(), "  ", text));
        }
    }
    text.extend(b"}\n");
}

/// The canonical text as a terminal may show it.
pub(super) struct CanonicalText<'a>(pub(super) &'a Config);

impl Display for CanonicalText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = print(self.0);
        text.split_inclusive(|byte| *byte == b'\n')
            .try_for_each(|line| writeln!(f, "{}", Clean(line.strip_suffix(b"\n").unwrap_or(line))))
    }
}

//! pmtr-ctl: arguments in, exit code out.
#![forbid(unsafe_code)]

use pmtr::cli::{self, Ask, ctl};
use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    // A user who gives no arguments needs the help.
    if args.peek().is_none() {
        cli::say(&mut stdout(), &ctl::help());
        return ExitCode::from(cli::STATUS_USAGE);
    }
    match ctl::parse(args) {
        Ok(Ask::Run(options)) => ExitCode::from(pmtr::client::ctl::run(&options)),
        Ok(Ask::Help) => {
            cli::say(&mut stdout(), &ctl::help());
            ExitCode::SUCCESS
        }
        Ok(Ask::Version) => {
            cli::say(&mut stdout(), &ctl::version());
            ExitCode::SUCCESS
        }
        Err(usage) => {
            cli::say(&mut stderr(), &usage);
            ExitCode::from(cli::STATUS_USAGE)
        }
    }
}

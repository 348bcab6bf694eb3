//! pmtr-rptserver: arguments in, exit code out.
#![forbid(unsafe_code)]

use pmtr::cli::{self, Ask, rptserver};
use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1).peekable();
    // A user who gives no arguments needs the help.
    if args.peek().is_none() {
        cli::say(&mut stdout(), &rptserver::help());
        return ExitCode::from(cli::STATUS_USAGE);
    }
    match rptserver::parse(args) {
        Ok(Ask::Run(options)) => pmtr::client::rptserver::run(options),
        Ok(Ask::Help) => {
            cli::say(&mut stdout(), &rptserver::help());
            ExitCode::SUCCESS
        }
        Ok(Ask::Version) => {
            cli::say(&mut stdout(), &rptserver::version());
            ExitCode::SUCCESS
        }
        Err(usage) => {
            cli::say(&mut stderr(), &usage);
            ExitCode::from(cli::STATUS_USAGE)
        }
    }
}

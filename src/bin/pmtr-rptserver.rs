//! pmtr-rptserver: arguments in, exit code out.
#![forbid(unsafe_code)]

use pmtr::cli::{self, Ask};
use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::rptserver::parse(std::env::args_os().skip(1)) {
        Ok(Ask::Run(options)) => pmtr::client::rptserver::run(options),
        Ok(Ask::Help) => {
            cli::say(&mut stdout(), &cli::rptserver::help());
            ExitCode::SUCCESS
        }
        Ok(Ask::Version) => {
            cli::say(&mut stdout(), &cli::rptserver::version());
            ExitCode::SUCCESS
        }
        Err(usage) => {
            cli::say(&mut stderr(), &usage);
            ExitCode::from(cli::STATUS_USAGE)
        }
    }
}

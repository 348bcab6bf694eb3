//! pmtr: arguments in, exit code out.
#![forbid(unsafe_code)]

use pmtr::cli::{self, Ask};
use pmtr::daemon::WithReserve;
use std::io::{stderr, stdout};
use std::process::ExitCode;

#[global_allocator]
static MEMORY: WithReserve = WithReserve;

fn main() -> ExitCode {
    match cli::pmtr(std::env::args_os().skip(1)) {
        Ok(Ask::Run(options)) => pmtr::daemon::run(options),
        Ok(Ask::Help) => {
            cli::say(&mut stdout(), &cli::help());
            ExitCode::SUCCESS
        }
        Ok(Ask::Version) => {
            cli::say(&mut stdout(), &cli::version());
            ExitCode::SUCCESS
        }
        Err(usage) => {
            cli::say(&mut stderr(), &usage);
            ExitCode::from(cli::STATUS_USAGE)
        }
    }
}

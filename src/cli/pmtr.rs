//! The command line of pmtr itself.

use super::getopt::{Arg, Ask, Form, Opt, Reader, Usage, Wrong};
use crate::model::Clean;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The configuration without `-c`.
pub const DEFAULT_CONFIG: &str = "/etc/pmtr.conf";

/// How to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PmtrOptions {
    /// `-c`, as written: making it absolute would need a system call.
    pub config: PathBuf,
    /// `-F`; always true for a test, which has nothing to do in the background.
    pub foreground: bool,
    /// `-p`, as written; None for a test, which must not touch the pid file of a running pmtr.
    pub pidfile: Option<PathBuf>,
    /// `--state`, as written; None for a test.
    pub state: Option<PathBuf>,
    /// `--last-good`, as written; None for a test.
    pub last_good: Option<PathBuf>,
    /// `-t`, `--check` or `--print`, or none of them.
    pub mode: Mode,
    /// `--strict`: a test fails for warnings as well.
    pub strict: bool,
    /// How often `-v` was given.
    pub verbosity: u8,
}

/// Whether to run the jobs of a configuration, to test it or to print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Run the jobs.
    Run,
    /// `-t`: print the errors; the exit status is always 0.
    Test,
    /// `--check`: the exit status shows the result as well. Overrides `-t`.
    Check,
    /// `--print`: print the canonical text. Overrides both.
    Print,
}

/// The options by their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PmtrOption {
    Foreground,
    Test,
    Verbose,
    Config,
    Pidfile,
    State,
    LastGood,
    Check,
    Strict,
    Print,
    Help,
    Version,
}

/// Every option of pmtr.
pub const OPTIONS: &[Opt<PmtrOption>] = &[
    Opt {
        id: PmtrOption::Foreground,
        letter: Some('F'),
        long: None,
        argument: None,
        help: "stay in the foreground and log to stderr as well",
    },
    Opt {
        id: PmtrOption::Test,
        letter: Some('t'),
        long: None,
        argument: None,
        help: "check the configuration, print errors, exit 0",
    },
    Opt {
        id: PmtrOption::Verbose,
        letter: Some('v'),
        long: None,
        argument: None,
        help: "verbose; -vv also prints the parsed configuration",
    },
    Opt {
        id: PmtrOption::Config,
        letter: Some('c'),
        long: None,
        argument: Some("FILE"),
        help: "the configuration file, default /etc/pmtr.conf",
    },
    Opt {
        id: PmtrOption::Pidfile,
        letter: Some('p'),
        long: None,
        argument: Some("FILE"),
        help: "write the process id to FILE, fail if another pmtr has it",
    },
    Opt {
        id: PmtrOption::State,
        letter: None,
        long: Some("state"),
        argument: Some("DIR"),
        help: "keep the state file in DIR, default /run/pmtr for root",
    },
    Opt {
        id: PmtrOption::LastGood,
        letter: None,
        long: Some("last-good"),
        argument: Some("FILE"),
        help: "keep the last good configuration in FILE as a fallback",
    },
    Opt {
        id: PmtrOption::Check,
        letter: None,
        long: Some("check"),
        argument: None,
        help: "check like -t, but exit 1 if there are errors",
    },
    Opt {
        id: PmtrOption::Strict,
        letter: None,
        long: Some("strict"),
        argument: None,
        help: "with --check, exit 1 for warnings as well",
    },
    Opt {
        id: PmtrOption::Print,
        letter: None,
        long: Some("print"),
        argument: None,
        help: "print the configuration with all that it includes",
    },
    Opt {
        id: PmtrOption::Help,
        letter: Some('h'),
        long: Some("help"),
        argument: None,
        help: "show this help",
    },
    Opt {
        id: PmtrOption::Version,
        letter: None,
        long: Some("version"),
        argument: None,
        help: "show the version",
    },
];

const FORM: Form<PmtrOption> = Form { program: "pmtr", options: OPTIONS, needed: &[], operands: None };

/// Parses the arguments after the program's own name.
/// `-h`, `--help` and `--version` take effect as soon as they are read, whatever follows them.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Ask<PmtrOptions>, Usage> {
    let mut reader = Reader::new(OPTIONS, args);
    let mut options = PmtrOptions {
        config: DEFAULT_CONFIG.into(),
        foreground: false,
        pidfile: None,
        state: None,
        last_good: None,
        mode: Mode::Run,
        strict: false,
        verbosity: 0,
    };
    while let Some(arg) = reader.next().map_err(|wrong| FORM.usage(wrong))? {
        match arg {
            Arg::Flag(PmtrOption::Foreground) => options.foreground = true,
            Arg::Flag(PmtrOption::Test) => options.mode = options.mode.max(Mode::Test),
            Arg::Flag(PmtrOption::Check) => options.mode = options.mode.max(Mode::Check),
            Arg::Flag(PmtrOption::Print) => options.mode = Mode::Print,
            Arg::Flag(PmtrOption::Strict) => options.strict = true,
            Arg::Flag(PmtrOption::Verbose) => options.verbosity = options.verbosity.saturating_add(1),
            Arg::Flag(PmtrOption::Help) => return Ok(Ask::Help),
            Arg::Flag(PmtrOption::Version) => return Ok(Ask::Version),
            Arg::Value(PmtrOption::Config, file) => options.config = file.into(),
            Arg::Value(PmtrOption::Pidfile, file) => options.pidfile = Some(file.into()),
            Arg::Value(PmtrOption::State, dir) => options.state = Some(dir.into()),
            Arg::Value(PmtrOption::LastGood, file) => options.last_good = Some(file.into()),
            Arg::Operand(word) => return Err(FORM.usage(operand(&word, options.mode))),
            // The table says which options take an argument; the reader never returns these in the other form.
            Arg::Flag(
                PmtrOption::Config | PmtrOption::Pidfile | PmtrOption::State | PmtrOption::LastGood,
            ) => {}
            Arg::Value(
                PmtrOption::Foreground
                | PmtrOption::Test
                | PmtrOption::Verbose
                | PmtrOption::Check
                | PmtrOption::Strict
                | PmtrOption::Print,
                _,
            ) => {}
            Arg::Value(PmtrOption::Help | PmtrOption::Version, _) => {}
        }
    }
    if options.strict && options.mode != Mode::Check {
        return Err(
            FORM.usage(Wrong::Bad("--strict is for --check: pmtr --check --strict -c FILE".to_owned()))
        );
    }
    if options.mode != Mode::Run {
        options.foreground = true;
        options.pidfile = None;
        options.state = None;
        options.last_good = None;
    }
    Ok(Ask::Run(options))
}

/// There are no operands, but a user who tests a file may expect one.
fn operand(word: &OsStr, mode: Mode) -> Wrong {
    match mode {
        Mode::Test | Mode::Check | Mode::Print if !word.is_empty() => {
            let word = Clean(word.as_bytes());
            Wrong::Bad(format!("unexpected argument: {word}: did you mean -c {word}?"))
        }
        Mode::Run | Mode::Test | Mode::Check | Mode::Print => Wrong::operand(word),
    }
}

/// What `--help` prints.
pub fn help() -> String {
    format!(
        "{}\n\n{}\nShort options can be combined: pmtr -tc /tmp/new.conf\nThe manual is pmtr(8).\n",
        FORM.synopsis(),
        FORM.list()
    )
}

/// What `--version` prints.
pub fn version() -> String {
    concat!("pmtr ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

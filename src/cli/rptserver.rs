//! The command line of pmtr-rptserver.

use super::getopt::{Arg, Ask, Form, Opt, Reader, Usage, Wrong};
use super::values;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The default of `--stale-after`.
pub const DEFAULT_STALE_AFTER: Duration = Duration::from_secs(60);

/// How to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RptserverOptions {
    /// How often `-v` was given.
    pub verbosity: u8,
    /// `-a`: the address to receive on, or the group to join, and on which interface.
    pub address: Option<(IpAddr, Option<Box<str>>)>,
    /// `-p`, never 0.
    pub port: u16,
    /// `-f`
    pub file: Option<PathBuf>,
    /// `--json`
    pub json: Option<PathBuf>,
    /// `--metrics`
    pub metrics: Option<PathBuf>,
    /// `--stale-after`
    pub stale_after: Duration,
    /// `--on-stale`, split into words; empty when it was not given, otherwise the first word is an absolute path.
    pub on_stale: Vec<OsString>,
    /// `--once`
    pub once: Option<NonZeroUsize>,
}

/// The options by their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RptserverOption {
    Verbose,
    Address,
    Port,
    File,
    Json,
    Metrics,
    StaleAfter,
    OnStale,
    Once,
    Help,
    Version,
}

/// Every option of pmtr-rptserver.
pub const OPTIONS: &[Opt<RptserverOption>] = &[
    Opt { id: RptserverOption::Verbose, letter: Some('v'), long: None, argument: None, help: "verbose" },
    Opt {
        id: RptserverOption::Address,
        letter: Some('a'),
        long: None,
        argument: Some("ADDRESS"),
        help: "receive on this address or group: ADDRESS[@INTERFACE]",
    },
    Opt {
        id: RptserverOption::Port,
        letter: Some('p'),
        long: None,
        argument: Some("PORT"),
        help: "the UDP port to receive reports on",
    },
    Opt {
        id: RptserverOption::File,
        letter: Some('f'),
        long: None,
        argument: Some("FILE"),
        help: "write the status of all hosts to FILE as text",
    },
    Opt {
        id: RptserverOption::Json,
        letter: None,
        long: Some("json"),
        argument: Some("FILE"),
        help: "write it to FILE as JSON",
    },
    Opt {
        id: RptserverOption::Metrics,
        letter: None,
        long: Some("metrics"),
        argument: Some("FILE"),
        help: "write it to FILE as Prometheus metrics",
    },
    Opt {
        id: RptserverOption::StaleAfter,
        letter: None,
        long: Some("stale-after"),
        argument: Some("TIME"),
        help: "a host is silent after TIME (90, 5m, 1d), default 60s",
    },
    Opt {
        id: RptserverOption::OnStale,
        letter: None,
        long: Some("on-stale"),
        argument: Some("COMMAND"),
        help: "run COMMAND when a host falls silent or comes back",
    },
    Opt {
        id: RptserverOption::Once,
        letter: None,
        long: Some("once"),
        argument: Some("N"),
        help: "exit when N hosts have reported",
    },
    Opt {
        id: RptserverOption::Help,
        letter: Some('h'),
        long: Some("help"),
        argument: None,
        help: "show this help",
    },
    Opt {
        id: RptserverOption::Version,
        letter: None,
        long: Some("version"),
        argument: None,
        help: "show the version",
    },
];

const FORM: Form<RptserverOption> =
    Form { program: "pmtr-rptserver", options: OPTIONS, needed: &[RptserverOption::Port], operands: None };

/// Parses the arguments after the program's own name.
/// `-h`, `--help` and `--version` take effect as soon as they are read, whatever follows them.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Ask<RptserverOptions>, Usage> {
    read(args).map_err(|wrong| FORM.usage(wrong))
}

/// What `--help` prints.
pub fn help() -> String {
    format!(
        "{}

Receives the reports of any number of pmtr and shows which jobs run where.

{}
At least one of -f, --json, --metrics, --on-stale and --once is required.

Each pmtr that reports needs this line in its file, with the address of the
host that pmtr-rptserver runs on:

    report to udp://192.0.2.7:9999

Examples:

    pmtr-rptserver -p 9999 -f /var/www/html/pmtr.txt
    pmtr-rptserver -a 239.0.0.1@eth0 -p 9999 -f pmtr.txt --json pmtr.json
    pmtr-rptserver -p 9999 --stale-after 5m --on-stale /usr/local/bin/tell-me

COMMAND is split at blanks, double quotes keep blanks in a word, and its first
word is an absolute path; no shell is used. Its environment has PMTR_HOST,
PMTR_ADDRESS and PMTR_EVENT (silent or back).
SIGHUP writes the files at once.
The manual is pmtr-rptserver(8).
",
        FORM.synopsis(),
        FORM.list()
    )
}

/// What `--version` prints.
pub fn version() -> String {
    concat!("pmtr-rptserver ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

fn read(args: impl Iterator<Item = OsString>) -> Result<Ask<RptserverOptions>, Wrong> {
    let mut reader = Reader::new(OPTIONS, args);
    let mut port = None;
    let mut options = RptserverOptions {
        verbosity: 0,
        address: None,
        port: 0,
        file: None,
        json: None,
        metrics: None,
        stale_after: DEFAULT_STALE_AFTER,
        on_stale: Vec::new(),
        once: None,
    };
    while let Some(arg) = reader.next()? {
        match arg {
            Arg::Flag(RptserverOption::Verbose) => options.verbosity = options.verbosity.saturating_add(1),
            Arg::Flag(RptserverOption::Help) => return Ok(Ask::Help),
            Arg::Flag(RptserverOption::Version) => return Ok(Ask::Version),
            Arg::Value(RptserverOption::Address, word) => options.address = Some(address(&word)?),
            Arg::Value(RptserverOption::Port, word) => port = Some(values::port(&word)?),
            Arg::Value(RptserverOption::File, word) => options.file = Some(word.into()),
            Arg::Value(RptserverOption::Json, word) => options.json = Some(word.into()),
            Arg::Value(RptserverOption::Metrics, word) => options.metrics = Some(word.into()),
            Arg::Value(RptserverOption::StaleAfter, word) => options.stale_after = stale_after(&word)?,
            Arg::Value(RptserverOption::OnStale, word) => options.on_stale = on_stale(&word)?,
            Arg::Value(RptserverOption::Once, word) => options.once = Some(once(&word)?),
            Arg::Operand(word) => return Err(Wrong::operand(&word)),
            // The table says which options take an argument; the reader never returns these in the other form.
            Arg::Flag(
                RptserverOption::Address
                | RptserverOption::Port
                | RptserverOption::File
                | RptserverOption::Json
                | RptserverOption::Metrics,
            ) => {}
            Arg::Flag(RptserverOption::StaleAfter | RptserverOption::OnStale | RptserverOption::Once) => {}
            Arg::Value(RptserverOption::Verbose | RptserverOption::Help | RptserverOption::Version, _) => {}
        }
    }
    let missing = || Wrong::Bad("option -p PORT is missing: the UDP port to receive reports on".into());
    options.port = port.ok_or_else(missing)?;
    check(&options)?;
    Ok(Ask::Run(options))
}

/// Finds options that are valid one by one, but not together.
fn check(options: &RptserverOptions) -> Result<(), Wrong> {
    let files = [("-f", &options.file), ("--json", &options.json), ("--metrics", &options.metrics)];
    if files.iter().all(|(_, file)| file.is_none()) && options.on_stale.is_empty() && options.once.is_none() {
        let text =
            "there is nothing to do: expected at least one of -f, --json, --metrics, --on-stale and --once";
        return Err(Wrong::Bad(text.into()));
    }
    let given: Vec<_> = files.iter().filter_map(|(name, file)| Some((name, file.as_deref()?))).collect();
    for (i, (name, file)) in given.iter().enumerate() {
        for (other, second) in given.iter().skip(i + 1) {
            if parts(file).eq(parts(second)) {
                return Err(Wrong::value(name, file.as_os_str(), &format!("is the file of {other} as well")));
            }
        }
    }
    Ok(())
}

/// The components of a path without `.`.
fn parts(path: &Path) -> impl Iterator<Item = Component<'_>> {
    path.components().filter(|part| *part != Component::CurDir)
}

fn address(word: &OsStr) -> Result<(IpAddr, Option<Box<str>>), Wrong> {
    let wrong = |why: &str| Wrong::value("-a", word, why);
    let not_numeric =
        "is not a numeric address: expected ADDRESS or ADDRESS@INTERFACE, for example 239.0.0.1@eth0";
    let text = word.to_str().ok_or_else(|| wrong(not_numeric))?;
    let (host, interface) = match text.split_once('@') {
        Some((host, interface)) => (host, Some(interface)),
        None => (text, None),
    };
    let in_brackets = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match in_brackets {
        Some(inner) => inner.parse().map(IpAddr::V6),
        None => host.parse(),
    };
    let address = address.map_err(|_| wrong(not_numeric))?;
    // The same rule as in the configuration.
    let is_name = |name: &&str| {
        (1..=15).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
    };
    match interface {
        Some(name) if !is_name(&name) => {
            Err(wrong("names no interface: expected 1 to 15 letters after the @, for example eth0"))
        }
        name => Ok((address, name.map(Into::into))),
    }
}

fn stale_after(word: &OsStr) -> Result<Duration, Wrong> {
    const YEAR: u64 = 365 * 86_400;
    let wrong = |why: &str| Wrong::value("--stale-after", word, why);
    let text = word.to_str().unwrap_or("");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text.strip_prefix(digits) {
        Some("" | "s") => Some(1),
        Some("m") => Some(60),
        Some("h") => Some(3_600),
        Some("d") => Some(86_400),
        _ => None,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let unit: u64 = unit
        .filter(|_| is_number)
        .ok_or_else(|| wrong("is not a time: expected a number with s, m, h or d, for example 90s or 5m"))?;
    // A number that is too large to parse is out of range as well.
    let secs = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    secs.filter(|secs| (1..=YEAR).contains(secs))
        .map(Duration::from_secs)
        .ok_or_else(|| wrong("is out of range: expected a time from 1s to 365d"))
}

fn on_stale(word: &OsStr) -> Result<Vec<OsString>, Wrong> {
    let wrong = |why: &str| Wrong::value("--on-stale", word, why);
    let words = values::words(word).ok_or_else(|| wrong("has a double quote that is not closed"))?;
    match words.first() {
        Some(first) if Path::new(first).is_absolute() => Ok(words),
        Some(_) => {
            Err(wrong("does not begin with /: expected the whole path, as nothing is searched in $PATH"))
        }
        None => Err(wrong("names no command")),
    }
}

fn once(word: &OsStr) -> Result<NonZeroUsize, Wrong> {
    let number = word.to_str().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number = number.and_then(|text| text.parse().ok());
    number.ok_or_else(|| Wrong::value("--once", word, "is not a number of hosts: expected 1 or more"))
}

#[cfg(test)]
mod tests;

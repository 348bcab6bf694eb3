//! The command line of pmtr-ctl.

use super::getopt::{Arg, Ask, Form, Opt, Reader, Usage, Wrong};
use super::values;
use crate::model::{Clean, Command, Verb};
use std::ffi::{OsStr, OsString};
use std::net::Ipv6Addr;
use std::os::unix::ffi::OsStrExt;

/// The host without `-s`.
pub const DEFAULT_HOST: &str = "127.0.0.1";

/// The port without `-p`.
pub const DEFAULT_PORT: u16 = 10_000;

/// The longest name that a job can have.
const MAX_NAME_BYTES: usize = 255;

/// Which commands to send, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtlOptions {
    /// `-v`
    pub verbose: bool,
    /// `-s`: a name, or an address without brackets.
    pub host: Box<str>,
    /// `-p`, never 0.
    pub port: u16,
    /// In the order given. Never empty.
    pub commands: Vec<Command>,
}

/// The options by their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtlOption {
    Verbose,
    Host,
    Port,
    Help,
    Version,
}

/// Every option of pmtr-ctl.
pub const OPTIONS: &[Opt<CtlOption>] = &[
    Opt {
        id: CtlOption::Verbose,
        letter: Some('v'),
        long: None,
        argument: None,
        help: "print to stderr what is sent, from where and to where",
    },
    Opt {
        id: CtlOption::Host,
        letter: Some('s'),
        long: None,
        argument: Some("HOST"),
        help: "the host that pmtr runs on, default 127.0.0.1",
    },
    Opt {
        id: CtlOption::Port,
        letter: Some('p'),
        long: None,
        argument: Some("PORT"),
        help: "the UDP port that pmtr listens on, default 10000",
    },
    Opt {
        id: CtlOption::Help,
        letter: Some('h'),
        long: Some("help"),
        argument: None,
        help: "show this help",
    },
    Opt {
        id: CtlOption::Version,
        letter: None,
        long: Some("version"),
        argument: None,
        help: "show the version",
    },
];

const FORM: Form<CtlOption> =
    Form { program: "pmtr-ctl", options: OPTIONS, needed: &[], operands: Some("enable|disable JOB...") };

/// Parses the arguments after the program's own name.
/// `-h`, `--help` and `--version` take effect as soon as they are read, whatever follows them.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Ask<CtlOptions>, Usage> {
    read(args).map_err(|wrong| FORM.usage(wrong))
}

/// What `--help` prints, and pmtr-ctl without any argument.
pub fn help() -> String {
    format!(
        "{}

Starts and stops jobs of a running pmtr and prints its answer.

{}
pmtr accepts commands only if its file, /etc/pmtr.conf, has this line:

    listen on udp://127.0.0.1:10000

Every user of this machine can then send commands. To use -s, the file on that
host must name an address that this host can reach. Commands are not
authenticated; see pmtr-ctl(1).

Examples:

    pmtr-ctl disable web             stop web and keep it down
    pmtr-ctl enable web              start it again
    pmtr-ctl disable web enable web  restart it
    pmtr-ctl disable a b enable c    several jobs and both verbs at once

This lasts until the file is next applied (a saved edit or SIGHUP) or pmtr
restarts. To keep a job down for good, add disable to its block in the file.

Exit status: 0 done, 1 failed, 2 wrong usage, 4 no such job (the other jobs
were switched), 6 no answer within 2 seconds.
The manual is pmtr-ctl(1).
",
        FORM.synopsis(),
        FORM.list()
    )
}

/// What `--version` prints.
pub fn version() -> String {
    concat!("pmtr-ctl ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

fn read(args: impl Iterator<Item = OsString>) -> Result<Ask<CtlOptions>, Wrong> {
    let mut reader = Reader::new(OPTIONS, args);
    let (mut verbose, mut host, mut port) = (false, DEFAULT_HOST.into(), DEFAULT_PORT);
    let mut operands = Vec::new();
    while let Some(arg) = reader.next()? {
        match arg {
            Arg::Flag(CtlOption::Verbose) => verbose = true,
            Arg::Flag(CtlOption::Help) => return Ok(Ask::Help),
            Arg::Flag(CtlOption::Version) => return Ok(Ask::Version),
            Arg::Value(CtlOption::Host, word) => host = self::host(&word)?,
            Arg::Value(CtlOption::Port, word) => port = values::port(&word)?,
            Arg::Operand(word) => operands.push(word),
            // The table says which options take an argument; the reader never returns these in the other form.
            Arg::Flag(CtlOption::Host | CtlOption::Port) => {}
            Arg::Value(CtlOption::Verbose | CtlOption::Help | CtlOption::Version, _) => {}
        }
    }
    Ok(Ask::Run(CtlOptions { verbose, host, port, commands: commands(&operands)? }))
}

/// A name or an address; an IPv6 address may have brackets.
fn host(word: &OsStr) -> Result<Box<str>, Wrong> {
    let wrong = |why: &str| Wrong::value("-s", word, why);
    let no_host = "is not a host: expected a name or an address, for example app1, 192.0.2.7 or ::1";
    let text = word.to_str().ok_or_else(|| wrong(no_host))?;
    let in_brackets = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = in_brackets.unwrap_or(text);
    // The interface of an address follows the %.
    let address = host.split('%').next().unwrap_or(host);
    if address.parse::<Ipv6Addr>().is_ok() {
        return Ok(host.into());
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '[' | ']' | '@' | '%');
    match text {
        text if text.contains(odd) => Err(wrong(no_host)),
        text if text.contains(':') => Err(wrong("is not a host: give the port with -p")),
        text => Ok(text.into()),
    }
}

/// Each job with the verb that precedes it.
fn commands(words: &[OsString]) -> Result<Vec<Command>, Wrong> {
    let (first, rest) = words.split_first().ok_or_else(|| {
        Wrong::Bad("missing command: expected enable or disable, then names of jobs".into())
    })?;
    let mut current = verb(first).ok_or_else(|| {
        Wrong::Bad(format!(
            "{} is not a command: expected enable or disable, then names of jobs",
            Clean(first.as_bytes())
        ))
    })?;
    let mut commands = Vec::new();
    // The verb that a job must follow.
    let mut bare = Some(first);
    for word in rest {
        match verb(word) {
            Some(next) => {
                jobs_follow(bare)?;
                (current, bare) = (next, Some(word));
            }
            None => {
                commands.push(Command { verb: current, name: job(word)? });
                bare = None;
            }
        }
    }
    jobs_follow(bare)?;
    Ok(commands)
}

fn jobs_follow(bare: Option<&OsString>) -> Result<(), Wrong> {
    bare.map_or(Ok(()), |word| {
        Err(Wrong::Bad(format!("{} names no job: expected at least one after it", Clean(word.as_bytes()))))
    })
}

fn verb(word: &OsStr) -> Option<Verb> {
    match word.as_bytes() {
        b"enable" => Some(Verb::Enable),
        b"disable" => Some(Verb::Disable),
        _ => None,
    }
}

/// The name of a job, by the rules of the configuration.
fn job(word: &OsStr) -> Result<Box<[u8]>, Wrong> {
    let text = word.to_string_lossy();
    let bad = |why: &str| {
        Err(Wrong::Bad(format!("no job can have the name \"{}\": {why}", Clean(word.as_bytes()))))
    };
    if text.is_empty() {
        bad("it is empty")
    } else if text.contains(char::is_whitespace) {
        bad("it has a blank in it; each job is an argument of its own")
    } else if text.contains(char::is_control) {
        bad("it has a control character in it")
    } else if word.len() > MAX_NAME_BYTES {
        bad(&format!("it has {} bytes, and {MAX_NAME_BYTES} are the most", word.len()))
    } else {
        Ok(word.as_bytes().into())
    }
}

#[cfg(test)]
mod tests;

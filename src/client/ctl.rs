//! pmtr-ctl: sends commands to a pmtr and waits for the answers.

mod call_socket;

use self::call_socket::CallSocket;
use crate::cli::{ctl::CtlOptions, say};
use crate::model::{Clean, Command, Errno, Verb};
use crate::wire::control;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{stderr, stdout};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

/// Everything was done.
pub const STATUS_DONE: u8 = 0;
/// Some or all commands could not be delivered.
pub const STATUS_FAILED: u8 = 1;
/// Every command was answered, but at least one job is unknown.
pub const STATUS_UNKNOWN: u8 = 4;
/// No answer came.
pub const STATUS_SILENT: u8 = 6;

/// How long one message waits for its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest message: it fits into one packet on any network.
const MESSAGE_BYTES: usize = 1_400;

/// How many datagrams that are not answers `-v` shows, and how much of each.
const SHOWN: u64 = 5;
const SHOWN_BYTES: usize = 200;

/// Larger than any datagram.
const BUFFER_BYTES: usize = 65_536;

/// Sends the commands of `options`, prints answers to stdout and failures to stderr, and returns the exit status.
pub fn run(options: &CtlOptions) -> u8 {
    let messages = control::encode(&options.commands, MESSAGE_BYTES);
    let mut talk = Talk { verbose: options.verbose, answered: 0, unknown: false, ignored: 0 };
    let held = talk.hold(options, &messages);
    talk.tell_what_was_ignored();
    match held {
        Ok(()) if talk.unknown => STATUS_UNKNOWN,
        Ok(()) => STATUS_DONE,
        Err(failure) => {
            tell(&failure);
            let left: Vec<&[u8]> = messages.iter().skip(talk.answered).map(Vec::as_slice).collect();
            if messages.len() > 1 {
                tell_what_is_left(&left, &failure);
            }
            failure.status()
        }
    }
}

/// All messages of a call and their answers.
struct Talk {
    verbose: bool,
    /// How many messages have been answered.
    answered: usize,
    /// Whether an answer named an unknown job.
    unknown: bool,
    /// How many datagrams were not answers.
    ignored: u64,
}

/// Why a call ended early.
#[derive(Debug)]
enum Failure {
    /// The host has no address.
    NoHost(Box<str>, String),
    /// Nobody listens on any of these addresses.
    Refused(Vec<SocketAddr>),
    /// Why the kernel can't reach this address.
    Unreachable(SocketAddr, Errno),
    /// This is the broadcast address of a network.
    Broadcast(SocketAddr),
    /// No answer came from this address.
    Silent(SocketAddr),
}

impl Talk {
    fn hold(&mut self, options: &CtlOptions, messages: &[Vec<u8>]) -> Result<(), Failure> {
        let Some((first, rest)) = messages.split_first() else { return Ok(()) };
        let line = self.begin(&addresses(options)?, first)?;
        rest.iter().try_for_each(|message| self.ask(&line, message))
    }

    /// Asks each address until one answers. Goes on to the next one only if nobody received the message: if just the
    /// answer is missing, the message may have been received.
    fn begin(&mut self, addresses: &[SocketAddr], first: &[u8]) -> Result<CallSocket, Failure> {
        let mut refused = Vec::new();
        let mut unreachable = None;
        for address in addresses {
            match CallSocket::open(*address).and_then(|line| self.ask(&line, first).map(|()| line)) {
                Ok(line) => return Ok(line),
                Err(Failure::Refused(more)) => refused.extend(more),
                Err(failure @ (Failure::Unreachable(..) | Failure::Broadcast(_))) => {
                    unreachable = Some(failure)
                }
                Err(failure @ (Failure::Silent(_) | Failure::NoHost(..))) => return Err(failure),
            }
        }
        // That nobody listens is more useful to know than that another address of the host can't be reached.
        Err(unreachable.filter(|_| refused.is_empty()).unwrap_or(Failure::Refused(refused)))
    }

    /// Sends one message, waits for its answer and prints it.
    fn ask(&mut self, line: &CallSocket, message: &[u8]) -> Result<(), Failure> {
        let until = Instant::now() + PATIENCE;
        line.send(message)?;
        if self.verbose {
            let from = line.from().map_or(String::new(), |from| format!(" from udp://{from}"));
            tell(&format_args!("sent to udp://{}{from}: {}", line.to(), Clean(message)));
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let (answer, from) = line.receive(&mut buffer, until)?;
            if from.port() == line.to().port() && is_about(message, answer) {
                if self.verbose && from != line.to() {
                    tell(&format_args!("answered by udp://{from}"));
                }
                self.answered += 1;
                self.unknown |= control::has_unknown(answer) == Some(true);
                say(&mut stdout(), &Lines(answer));
                return Ok(());
            }
            self.ignore(answer);
        }
    }

    /// Shows only the first few datagrams that are not answers: there can be any number of them.
    fn ignore(&mut self, datagram: &[u8]) {
        self.ignored += 1;
        if self.verbose && self.ignored <= SHOWN {
            let (shown, more) = match datagram.get(..SHOWN_BYTES) {
                Some(begin) if datagram.len() > SHOWN_BYTES => (begin, "..."),
                Some(_) | None => (datagram, ""),
            };
            tell(&format_args!("ignored a datagram that is not the answer: {}{more}", Clean(shown)));
        }
    }

    fn tell_what_was_ignored(&self) {
        if self.verbose && self.ignored > SHOWN {
            tell(&format_args!("ignored {} more datagrams that are not the answer", self.ignored - SHOWN));
        }
    }
}

/// All addresses of the host that is asked.
fn addresses(options: &CtlOptions) -> Result<Vec<SocketAddr>, Failure> {
    let no_host = |why: String| Failure::NoHost(options.host.clone(), why);
    let found = (&*options.host, options.port).to_socket_addrs().map_err(|error| {
        let text = error.to_string();
        // Only the reason matters.
        let why = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
        no_host(why.to_owned())
    })?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() { Err(no_host("no address".into())) } else { Ok(found) }
}

/// Whether an answer has one verdict for each command and nothing else: each name as often as in the message, either
/// always as unknown or with the verdict of its command. It is at most twice as long as the message, as pmtr promises.
fn is_about(message: &[u8], answer: &[u8]) -> bool {
    if answer.len() > 2 * message.len() || control::has_unknown(answer).is_none() {
        return false;
    }
    let mut verdicts: Vec<(&[u8], &[u8])> = Vec::new();
    for line in answer.split(|byte| *byte == b'\n') {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(verdict) = words.next() else { continue };
        verdicts.extend(words.map(|name| (name, verdict)));
    }
    let unknown: BTreeSet<&[u8]> =
        verdicts.iter().filter(|(_, verdict)| *verdict == b"unknown").map(|(name, _)| *name).collect();
    let commands = control::decode(message).unwrap_or_default();
    let mut expected: Vec<(&[u8], &[u8])> = Vec::new();
    for Command { verb, name } in &commands {
        let verdict: &[u8] = match verb {
            Verb::Enable | Verb::Disable if unknown.contains(&**name) => b"unknown",
            Verb::Enable => b"enabled",
            Verb::Disable => b"disabled",
        };
        expected.push((name, verdict));
    }
    expected.sort_unstable();
    verdicts.sort_unstable();
    expected == verdicts
}

/// An answer that is safe to print on a terminal.
struct Lines<'a>(&'a [u8]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.strip_suffix(b"\n").unwrap_or(self.0);
        text.split(|byte| *byte == b'\n').try_for_each(|line| writeln!(f, "{}", Clean(line)))
    }
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Failure::NoHost(..) | Failure::Refused(_) | Failure::Unreachable(..) | Failure::Broadcast(_) => {
                STATUS_FAILED
            }
            Failure::Silent(_) => STATUS_SILENT,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NoHost(host, why) => write!(f, "can't find the address of {host}: {why}"),
            Failure::Refused(addresses) => {
                let places: Vec<String> =
                    addresses.iter().map(|address| format!("udp://{address}")).collect();
                let hint =
                    addresses.last().map_or(String::new(), |address| format!("listen on udp://{address}"));
                let places = places.join(" and ");
                write!(
                    f,
                    "nobody listens on {places}: is pmtr running, and does its file have the line \"{hint}\"?"
                )
            }
            Failure::Unreachable(address, why) => write!(f, "can't reach udp://{address}: {why}"),
            Failure::Broadcast(address) => write!(
                f,
                "can't ask udp://{address}: this is a broadcast address, which is not supported; \
                 a multicast group can be asked"
            ),
            Failure::Silent(address) if address.ip().is_multicast() => write!(
                f,
                "no answer from the group udp://{address} within {} seconds\n\
                 That can be a group which nobody listens to, or not on the network that the routes\n\
                 lead to; pmtrs of the first generation, which never answer and have perhaps\n\
                 done it, as their logs tell; or a firewall in between.",
                PATIENCE.as_secs()
            ),
            Failure::Silent(address) => write!(
                f,
                "no answer from udp://{address} within {} seconds\n\
                 That can be a pmtr of the first generation, which never answers and has perhaps\n\
                 done it, as its log tells; a firewall in between; or another program on that port.",
                PATIENCE.as_secs()
            ),
        }
    }
}

/// Prints the commands that were not sent or not answered, in a form that can be given again.
fn tell_what_is_left(left: &[&[u8]], failure: &Failure) {
    let lines = |messages: &[&[u8]]| -> String {
        messages.iter().map(|message| format!("\n    {}", Clean(message))).collect()
    };
    let unasked = match (failure, left.split_first()) {
        (Failure::Silent(_), Some((first, rest))) => {
            tell(&format_args!("not answered:{}", lines(&[first])));
            rest
        }
        (
            Failure::Silent(_)
            | Failure::NoHost(..)
            | Failure::Refused(_)
            | Failure::Unreachable(..)
            | Failure::Broadcast(_),
            _,
        ) => left,
    };
    if !unasked.is_empty() {
        tell(&format_args!("not sent because of that:{}", lines(unasked)));
    }
}

fn tell(text: &dyn fmt::Display) {
    say(&mut stderr(), &format_args!("pmtr-ctl: {text}\n"));
}

#[cfg(test)]
mod tests;

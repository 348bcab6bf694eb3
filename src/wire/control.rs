//! Remote commands and their answers.
//!
//! A command consists of words separated by any white space: `enable a b disable c`. For each run of one verb, the
//! answer has a line for the known names and a line for the unknown ones.

use super::{is_blank, is_control, words};
use crate::model::{Command, Verb, Verdict};

/// The longest command. It bounds the work that one message can cause.
pub const MAX_COMMAND_BYTES: usize = 8_192;

/// Decodes a command; `None` if the message is not one.
pub fn decode(message: &[u8]) -> Option<Vec<Command>> {
    let control = |byte: &u8| is_control(*byte) && !is_blank(*byte);
    if message.len() > MAX_COMMAND_BYTES || message.iter().any(control) {
        return None;
    }
    let mut words = words(message);
    let mut verb = verb(words.next()?)?;
    let mut commands = Vec::new();
    for word in words {
        match self::verb(word) {
            Some(next) => verb = next,
            None => commands.push(Command { verb, name: word.into() }),
        }
    }
    Some(commands)
}

/// The verb that a word stands for, if any.
pub fn verb(word: &[u8]) -> Option<Verb> {
    match word {
        b"enable" => Some(Verb::Enable),
        b"disable" => Some(Verb::Disable),
        _ => None,
    }
}

/// Encodes commands, in order, as messages of at most `room` bytes each, unless one command alone is longer.
pub fn encode(commands: &[Command], room: usize) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut last = None;
    for command in commands {
        let verb = match command.verb {
            Verb::Enable => "enable",
            Verb::Disable => "disable",
        };
        let more = if last == Some(command.verb) { 0 } else { verb.len() + 1 } + 1 + command.name.len();
        match messages.last_mut().filter(|message| message.len() + more <= room) {
            Some(message) => {
                if last != Some(command.verb) {
                    message.push(b' ');
                    message.extend_from_slice(verb.as_bytes());
                }
                message.push(b' ');
                message.extend_from_slice(&command.name);
            }
            None => messages.push([verb.as_bytes(), b" ", &command.name].concat()),
        }
        last = Some(command.verb);
    }
    messages
}

/// The answer to a command. It is at most twice as long as the command: two lines for one verb need two names.
pub fn answer(verdicts: &[Verdict]) -> Vec<u8> {
    let mut text = Vec::new();
    for run in verdicts.chunk_by(|a, b| a.command.verb == b.command.verb) {
        let Some(first) = run.first() else { continue };
        let done = match first.command.verb {
            Verb::Enable => "enabled",
            Verb::Disable => "disabled",
        };
        for (known, word) in [(true, done), (false, "unknown")] {
            let mut names = run.iter().filter(|verdict| verdict.known == known).peekable();
            if names.peek().is_none() {
                continue;
            }
            text.extend_from_slice(word.as_bytes());
            for verdict in names {
                text.push(b' ');
                text.extend_from_slice(&verdict.command.name);
            }
            text.push(b'\n');
        }
    }
    text
}

/// Whether an answer names unknown jobs; `None` if these bytes are not an answer.
pub fn has_unknown(answer: &[u8]) -> Option<bool> {
    let mut unknown = false;
    for line in answer.strip_suffix(b"\n")?.split(|byte| *byte == b'\n') {
        match words(line).next()? {
            b"unknown" => unknown = true,
            b"enabled" | b"disabled" => {}
            _ => return None,
        }
    }
    Some(unknown)
}

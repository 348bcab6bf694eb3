//! Ends of processes: signals and exit statuses.

use super::{Value, number};
use crate::config::errors::Shown;
use crate::config::suggest;
use crate::model::{Codes, Signal};
use std::ops::RangeInclusive;
use std::str::from_utf8;

/// The words of a set of ends that are neither numbers nor signals.
const KINDS: [&str; 4] = ["success", "failure", "signal", "none"];

/// A signal by name or number.
pub(in crate::config) fn signal(word: &[u8]) -> Value<Signal> {
    named(word).ok_or_else(|| match near(word, &[]) {
        _ if !word.is_empty() && word.iter().all(u8::is_ascii_digit) => {
            format!("{} is not a signal: their numbers are 1 to 64", Shown(word))
        }
        Some(meant) => format!("{} is not a signal: did you mean `{meant}`?", Shown(word)),
        None => {
            format!(
                "{} is not a signal: expected a name such as TERM or RTMIN+3, or a number from 1 to 64",
                Shown(word)
            )
        }
    })
}

/// Adds to a set of ends what this word names.
pub(in crate::config) fn add_end(codes: &mut Codes, word: &[u8]) -> Value<()> {
    match word {
        b"success" => codes.add_success(),
        b"failure" => codes.add_failure(),
        b"signal" => codes.add_all_signals(),
        b"none" => {}
        _ => {
            return add_named(
                codes,
                word,
                &KINDS,
                "a signal such as SEGV, `success`, `failure`, `signal` or `none`",
            );
        }
    }
    Ok(())
}

/// The same for a set that says what a success is: it has no words for many ends.
pub(in crate::config) fn add_plain_end(codes: &mut Codes, word: &[u8]) -> Value<()> {
    if KINDS.iter().any(|kind| kind.as_bytes() == word) {
        return Err(format!(
            "`success on` says what a success is: it takes exit statuses, ranges and names of signals, not {}",
            Shown(word)
        ));
    }
    add_named(codes, word, &[], "or a signal such as SEGV")
}

fn add_named(codes: &mut Codes, word: &[u8], kinds: &[&'static str], or: &str) -> Value<()> {
    if word.contains(&b',') {
        return Err(format!("{} names no end: write blanks instead of commas", Shown(word)));
    }
    // A number is an exit status here, never a signal.
    if word.first().is_some_and(u8::is_ascii_digit) {
        statuses(word)?.for_each(|status| codes.add_status(status));
        return Ok(());
    }
    match named(word) {
        Some(signal) => codes.add_signal(signal),
        None => {
            return Err(match near(word, kinds) {
                Some(meant) => format!("{} names no end: did you mean `{meant}`?", Shown(word)),
                None => format!(
                    "{} names no end: expected an exit status, a range such as 5-9, {or}",
                    Shown(word)
                ),
            });
        }
    }
    Ok(())
}

/// An exit status, or a range of them.
fn statuses(word: &[u8]) -> Value<RangeInclusive<u8>> {
    let wrong = || {
        format!(
            "{} is neither an exit status from 0 to 255 nor a range of them such as 5-9; signals have names here",
            Shown(word)
        )
    };
    let status = |digits: &[u8]| match digits.iter().all(u8::is_ascii_digit) {
        true => number(digits).ok_or_else(wrong),
        false => Err(wrong()),
    };
    let mut ends = word.splitn(2, |byte| *byte == b'-');
    let first = status(ends.next().unwrap_or_default())?;
    let last = ends.next().map_or(Ok(first), status)?;
    match first <= last {
        true => Ok(first..=last),
        false => Err(format!("the range {} goes backwards", Shown(word))),
    }
}

fn named(word: &[u8]) -> Option<Signal> {
    from_utf8(word).ok().and_then(Signal::named)
}

/// The signal or other word that was probably meant.
fn near(word: &[u8], others: &[&'static str]) -> Option<&'static str> {
    let known: Vec<&str> = Signal::names().chain(others.iter().copied()).collect();
    let (prefix, rest) = word.split_at_checked(3).unwrap_or_default();
    let is_long = prefix.eq_ignore_ascii_case(b"SIG") && rest.len() > 1;
    // Names are short: those that begin with another letter are other names.
    let among = |word: &[u8]| {
        let letter = word.first().map(u8::to_ascii_lowercase);
        let begins = |known: &str| known.as_bytes().first().map(u8::to_ascii_lowercase) == letter;
        suggest::among(&known, word).filter(|known| begins(known))
    };
    among(word).or_else(|| among(rest).filter(|_| is_long))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(add: fn(&mut Codes, &[u8]) -> Value<()>, words: &str) -> Value<String> {
        let mut codes = Codes::NONE;
        words.split(' ').try_for_each(|word| add(&mut codes, word.as_bytes()))?;
        Ok(codes.to_string())
    }

    #[test]
    fn ends_are_statuses_ranges_signals_and_kinds() {
        for (words, shown) in [
            ("0 33", "0 33"),
            ("9 3-5 4-7", "3-7 9"),
            ("0-255", "0-255"),
            ("007 7-7", "7"),
            ("SIGSEGV RTMIN+3 IOT", "ABRT SEGV RTMIN+3"),
        ] {
            assert_eq!(read(add_end, words).as_deref(), Ok(shown), "{words}");
            assert_eq!(read(add_plain_end, words).as_deref(), Ok(shown), "{words}");
        }
        for word in ["success", "failure", "signal", "none"] {
            assert_eq!(read(add_end, word).as_deref(), Ok(word));
            assert!(read(add_plain_end, word).is_err(), "{word}");
        }
        for word in
            ["", "-", "-3", "3-", "5-3", "256", "0-256", "1-2-3", "3,4", "+3", "0x3", "segv", "all", "SIG"]
        {
            assert!(read(add_end, word).is_err() && read(add_plain_end, word).is_err(), "{word:?}");
        }
    }

    #[test]
    fn a_slip_in_the_name_of_a_signal_is_recognised() {
        for (word, meant) in [
            ("TREM", Some("TERM")),
            ("sigterm", Some("TERM")),
            ("SIGTREM", Some("TERM")),
            ("kill", Some("KILL")),
            ("SIGHUPP", Some("HUP")),
            ("all", None),
            ("foo", None),
            ("SIGFOO", None),
            ("65", None),
            ("RTMIN+31", None),
        ] {
            let told = signal(word.as_bytes()).unwrap_err();
            match meant {
                Some(meant) => assert!(told.ends_with(&format!("did you mean `{meant}`?")), "{told}"),
                None => assert!(!told.contains("did you mean"), "{told}"),
            }
        }
        assert!(signal(b"TERM").is_ok() && signal(b"64").is_ok() && signal(b"").is_err());
    }
}

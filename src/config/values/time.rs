//! Durations.

use super::{Value, number};
use crate::config::errors::Shown;
use crate::config::suggest;
use crate::model::{Lasting, UNITS};
use std::str::from_utf8;
use std::time::Duration;

/// No duration is longer than this many milliseconds: 4294967295 seconds.
const LONGEST: u64 = u32::MAX as u64 * 1000;

const NEVER: &str = "never";

/// A duration: a number with a unit, or without one in seconds.
pub(in crate::config) fn duration(word: &[u8]) -> Value<Duration> {
    match parts(word) {
        Some((digits, unit)) => checked(word, digits, unit),
        None => Err(no_duration(word, "")),
    }
}

/// A duration, or `never`.
pub(in crate::config) fn lasting(word: &[u8]) -> Value<Lasting> {
    if word == NEVER.as_bytes() {
        return Ok(Lasting::Never);
    }
    match parts(word) {
        Some((digits, unit)) => checked(word, digits, unit).map(Lasting::For),
        None if suggest::among(&[NEVER], word).is_some() => {
            Err(format!("{} is not a duration: did you mean `{NEVER}`?", Shown(word)))
        }
        None => Err(no_duration(word, ", or `never`")),
    }
}

fn no_duration(word: &[u8], or: &str) -> String {
    format!(
        "{} is not a duration: expected a whole number with ms, s, m, h or d, for example 250ms, 10s, 5m, 2h, 1d{or}",
        Shown(word)
    )
}

/// `bounce every`.
pub(in crate::config) fn interval(word: &[u8]) -> Value<Duration> {
    let in_unit = word.last().is_some_and(u8::is_ascii_alphabetic);
    let (digits, unit) = parts(word).filter(|(_, unit)| in_unit && *unit >= 1000).ok_or_else(|| {
        format!(
            "{} is not an interval: expected a number with s, m, h or d, for example 30s, 10m, 6h, 1d",
            Shown(word)
        )
    })?;
    let interval = checked(word, digits, unit)?;
    match interval.is_zero() {
        true => Err("an interval cannot be 0: remove the option if the job should not be restarted".into()),
        false => Ok(interval),
    }
}

/// The digits of a duration, and the milliseconds of its unit.
fn parts(word: &[u8]) -> Option<(&[u8], u64)> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = word.split_at_checked(digits).filter(|(digits, _)| !digits.is_empty())?;
    let unit = if unit.is_empty() { "s" } else { from_utf8(unit).ok()? };
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, millis)| (digits, *millis))
}

fn checked(word: &[u8], digits: &[u8], unit: u64) -> Value<Duration> {
    let millis = number::<u64>(digits).and_then(|count| count.checked_mul(unit));
    let millis = millis.filter(|millis| *millis <= LONGEST);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{} is too long: at most 4294967295s, about 136 years", Shown(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_perhaps_a_unit() {
        for (word, millis) in [
            ("0", 0),
            ("7", 7_000),
            ("0ms", 0),
            ("250ms", 250),
            ("010s", 10_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("4294967295", LONGEST),
            ("4294967295000ms", LONGEST),
            ("49710d", 4_294_944_000_000),
        ] {
            let read = Ok(Duration::from_millis(millis));
            assert_eq!(duration(word.as_bytes()), read, "{word}");
            assert_eq!(lasting(word.as_bytes()), read.map(Lasting::For), "{word}");
        }
        let words =
            ["", "s", "ms", "-5s", "+5", "5S", "5M", "5 s", "1.5h", "5ss", "5sec", "never5", "\u{e9}"];
        for word in
            words.into_iter().chain(["4294967296", "4294967295001ms", "49711d", "99999999999999999999"])
        {
            assert!(duration(word.as_bytes()).is_err() && lasting(word.as_bytes()).is_err(), "{word:?}");
        }
        assert_eq!(lasting(b"never"), Ok(Lasting::Never));
        assert!(duration(b"never").is_err() && interval(b"5ms").is_err());
    }
}

//! The time of the core: monotonic, with an arbitrary origin; and durations as a file says them.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A time of the monotonic clock. Setting the time of day does not affect it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoTime(u64);

impl MonoTime {
    /// The origin.
    pub const ZERO: MonoTime = MonoTime(0);

    /// The time `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> MonoTime {
        MonoTime(nanos)
    }

    /// The time since `earlier`. Zero if `earlier` is later.
    pub fn since(self, earlier: MonoTime) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for MonoTime {
    type Output = MonoTime;

    /// Saturates after five centuries.
    fn add(self, by: Duration) -> MonoTime {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        MonoTime(self.0.saturating_add(nanos))
    }
}

/// The units of a duration in a file and their milliseconds, the largest first.
pub const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration as a file says it, in the largest unit that expresses it exactly: `250ms`, `90s`, `2h`.
#[derive(Clone, Copy, Debug)]
pub struct InUnits(pub Duration);

impl fmt::Display for InUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let exact = |(_, unit): &&(&str, u64)| millis.is_multiple_of(*unit);
        match UNITS.iter().find(exact) {
            Some((name, unit)) if millis > 0 => write!(f, "{}{name}", millis / unit),
            Some(_) | None => f.write_str("0s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_in_the_largest_unit_that_expresses_it() {
        for (millis, shown) in [
            (0, "0s"),
            (1, "1ms"),
            (250, "250ms"),
            (1_000, "1s"),
            (1_500, "1500ms"),
            (60_000, "1m"),
            (90_000, "90s"),
            (7_200_000, "2h"),
            (90_000_000, "25h"),
            (86_400_000, "1d"),
            (604_800_000, "7d"),
        ] {
            assert_eq!(InUnits(Duration::from_millis(millis)).to_string(), shown);
        }
    }

    #[test]
    fn differences_never_go_below_zero_and_sums_never_wrap() {
        let early = MonoTime::ZERO + Duration::from_secs(1);
        let late = early + Duration::from_secs(2);
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late + Duration::MAX, MonoTime::from_nanos(u64::MAX));
    }
}

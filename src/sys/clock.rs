//! The two clocks: one for every delay, one for people who read the log.

use crate::model::MonoTime;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::time::SystemTime;

/// The C library's type for the time of day.
// Deprecated for musl only, where it had 32 bits on 32-bit machines. Here it is never stored.
#[cfg_attr(target_env = "musl", allow(deprecated))]
type Seconds = libc::time_t;

/// The present time. The clock stops while the machine is suspended, and nobody can set it.
pub fn now() -> MonoTime {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills in the one timespec that it is given. It cannot fail: this clock exists since 2.6.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    let (secs, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    MonoTime::from_nanos(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// Nanoseconds since the machine was started, including the time it was suspended: the clock of the creation times of
/// processes.
pub fn since_start() -> u64 {
    super::calls::since_start()
}

/// By how many nanoseconds `since_start` is ahead of the same clock in the first time namespace. The creation times
/// in /proc are ahead by as much. None if this is unknown.
pub fn boot_offset() -> Option<i64> {
    let offsets = match std::fs::read_to_string("/proc/self/timens_offsets") {
        Ok(offsets) => offsets,
        // The kernel has no time namespaces.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(0),
        Err(_) => return None,
    };
    // These are the offsets of the namespace of our children. After unshare(2) it differs from ours until an exec, or
    // before Linux 6.1 until a fork.
    let namespace = |name: &str| std::fs::read_link(format!("/proc/self/ns/{name}")).ok();
    let (own, of_children) = (namespace("time")?, namespace("time_for_children")?);
    (own == of_children).then(|| parse_offset(&offsets))?
}

/// Finds `boottime SECONDS NANOSECONDS`.
fn parse_offset(offsets: &str) -> Option<i64> {
    let words = offsets.lines().find_map(|line| line.strip_prefix("boottime "))?;
    let mut numbers = words.split_ascii_whitespace().map(|word| word.parse::<i64>().ok());
    let (seconds, nanos) = (numbers.next()??, numbers.next()??);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// How many ticks a second has in /proc.
pub fn ticks_per_second() -> u64 {
    // SAFETY: takes a number and cannot do more than fail.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok().filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// This time since the machine was started, in the unit of the creation times in /proc.
pub fn ticks(nanos: u64) -> u64 {
    nanos.checked_div(1_000_000_000 / ticks_per_second().clamp(1, 1_000_000_000)).unwrap_or(0)
}

/// The time of day in milliseconds since 1970, a number that is larger at the next start.
pub fn wall_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

/// The time of day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// The local time as ctime(3) writes it, without the end of the line: `Thu Nov  7 21:38:10 2013`.
    pub text: String,
    /// Seconds since 1970.
    pub unix_seconds: u64,
}

/// The time of day and its date.
pub fn calendar() -> Calendar {
    // SAFETY: a null pointer is allowed: the time is returned only.
    let time = unsafe { libc::time(std::ptr::null_mut()) };
    Calendar { text: long_text_of(&parts_of(time)), unix_seconds: u64::try_from(time).unwrap_or(0) }
}

/// The local time at this number of seconds after 1970, as ctime(3) writes it, without the end of the line.
pub fn text_of(seconds: i64) -> String {
    long_text_of(&parts_of(Seconds::try_from(seconds).unwrap_or(0)))
}

/// The local time as at the beginning of a syslog line: `Nov  5 09:03:07 `. Formatted once a second.
pub fn log_stamp() -> [u8; 16] {
    thread_local! {
        static LAST: Cell<(Seconds, [u8; 16])> = const { Cell::new((-1, *b"Jan  1 00:00:00 ")) };
    }
    // SAFETY: a null pointer is allowed: the time is returned only.
    let time = unsafe { libc::time(std::ptr::null_mut()) };
    LAST.with(|last| {
        if last.get().0 != time {
            last.set((time, stamp_of(time)));
        }
        last.get().1
    })
}

fn stamp_of(time: Seconds) -> [u8; 16] {
    stamp_text_of(&parts_of(time))
}

/// The parts of a local time.
fn parts_of(time: Seconds) -> libc::tm {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are good for the call. It reads the environment (TZ), which nothing of ours changes.
    unsafe { libc::localtime_r(&time, parts.as_mut_ptr()) };
    // SAFETY: all zeroes are a valid tm, so it is initialised even if the call has not filled it in.
    unsafe { parts.assume_init() }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The name with this number, or the first one.
fn name(names: &[&'static str], number: i32) -> &'static str {
    usize::try_from(number).ok().and_then(|index| names.get(index)).or(names.first()).copied().unwrap_or("")
}

fn long_text_of(tm: &libc::tm) -> String {
    let (day, month) = (name(&DAYS, tm.tm_wday), name(&MONTHS, tm.tm_mon));
    let year = tm.tm_year.saturating_add(1900);
    let (date, hour, minute, second) = (tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    format!("{day} {month} {date:2} {hour:02}:{minute:02}:{second:02} {year}")
}

fn stamp_text_of(tm: &libc::tm) -> [u8; 16] {
    let two = |number: i32| {
        let number = u8::try_from(number.clamp(0, 99)).unwrap_or(0);
        [b'0' + number / 10, b'0' + number % 10]
    };
    let ([d, ay], [h, our], [m, in_], [s, ec]) =
        (two(tm.tm_mday), two(tm.tm_hour), two(tm.tm_min), two(tm.tm_sec));
    // RFC 3164 requires a space in front of a day below ten.
    let d = if d == b'0' { b' ' } else { d };
    let [a, b, c] = name(&MONTHS, tm.tm_mon).as_bytes().try_into().unwrap_or(*b"Jan");
    [a, b, c, b' ', d, ay, b' ', h, our, b':', m, in_, b':', s, ec, b' ']
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let before = now();
        assert!(before > MonoTime::ZERO);
        assert!(now() >= before);
    }

    #[test]
    fn the_offset_of_a_time_namespace_is_that_of_the_clock_of_births() {
        let shown = "monotonic           7         0\nboottime        86400         5\n";
        assert_eq!(parse_offset(shown), Some(86_400_000_000_005));
        assert_eq!(parse_offset("boottime           -1 500000000\n"), Some(-500_000_000));
        for odd in ["", "monotonic 0 0\n", "boottime 1\n", "boottime x 0\n", "boottime 9300000000 0\n"] {
            assert_eq!(parse_offset(odd), None, "{odd}");
        }
        assert!(boot_offset().is_some());
    }

    #[test]
    fn a_stamp_has_the_form_of_rfc_3164() {
        // SAFETY: all zeroes are a valid tm.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        (tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) = (10, 5, 9, 3, 7);
        assert_eq!(&stamp_text_of(&tm), b"Nov  5 09:03:07 ");
        (tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) = (0, 31, 23, 59, 60);
        assert_eq!(&stamp_text_of(&tm), b"Jan 31 23:59:60 ");
        tm.tm_mon = 12;
        assert_eq!(&stamp_text_of(&tm)[..3], b"Jan");
    }

    #[test]
    fn the_calendar_has_the_form_of_ctime() {
        // SAFETY: all zeroes are a valid tm.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        (tm.tm_wday, tm.tm_mon, tm.tm_mday, tm.tm_year) = (4, 10, 7, 113);
        (tm.tm_hour, tm.tm_min, tm.tm_sec) = (21, 38, 10);
        assert_eq!(long_text_of(&tm), "Thu Nov  7 21:38:10 2013");
        (tm.tm_wday, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) = (0, 17, 1, 2, 3);
        assert_eq!(long_text_of(&tm), "Sun Nov 17 01:02:03 2013");
        assert_eq!(calendar().text.len(), 24);
        let year = |seconds| text_of(seconds).split_off(20);
        assert_eq!((year(1_400_000_000), year(-86_400 * 40)), ("2014".to_owned(), "1969".to_owned()));
        assert!(calendar().unix_seconds > 1_700_000_000);
    }

    #[test]
    fn the_stamp_of_now_is_text_of_sixteen_bytes() {
        let stamp = log_stamp();
        assert!(stamp.is_ascii() && stamp.ends_with(b" "), "{stamp:?}");
    }
}

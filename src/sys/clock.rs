//! The two clocks: one for every delay, one for the eyes of those who read the log.

use crate::model::MonoTime;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::time::SystemTime;

/// The present moment. The clock stands still while the machine sleeps, and nobody can set it.
pub fn now() -> MonoTime {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills in the one timespec that it is given. It cannot fail: this clock exists since 2.6.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    let (secs, nanos) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    MonoTime::from_nanos(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// The time of day in milliseconds since 1970: a number that is larger at the next start.
pub fn wall_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

/// The local time as a syslog line begins with it: `Nov  5 09:03:07 `. Made anew once a second.
pub fn log_stamp() -> [u8; 16] {
    thread_local! {
        static LAST: Cell<(libc::time_t, [u8; 16])> = const { Cell::new((-1, *b"Jan  1 00:00:00 ")) };
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

fn stamp_of(time: libc::time_t) -> [u8; 16] {
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are good for the call. It reads the environment (TZ), which nothing of ours changes.
    unsafe { libc::localtime_r(&time, parts.as_mut_ptr()) };
    // SAFETY: all zeroes are a valid tm, so it is initialised even if the call has not filled it in.
    text_of(&unsafe { parts.assume_init() })
}

fn text_of(tm: &libc::tm) -> [u8; 16] {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let month = usize::try_from(tm.tm_mon).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&MONTHS[0]);
    let two = |number: i32| {
        let number = u8::try_from(number.clamp(0, 99)).unwrap_or(0);
        [b'0' + number / 10, b'0' + number % 10]
    };
    let ([d, ay], [h, our], [m, in_], [s, ec]) =
        (two(tm.tm_mday), two(tm.tm_hour), two(tm.tm_min), two(tm.tm_sec));
    // RFC 3164 wants a blank in front of a day below ten.
    let d = if d == b'0' { b' ' } else { d };
    let [a, b, c] = **month;
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
    fn a_stamp_has_the_form_of_rfc_3164() {
        // SAFETY: all zeroes are a valid tm.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        (tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) = (10, 5, 9, 3, 7);
        assert_eq!(&text_of(&tm), b"Nov  5 09:03:07 ");
        (tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) = (0, 31, 23, 59, 60);
        assert_eq!(&text_of(&tm), b"Jan 31 23:59:60 ");
        tm.tm_mon = 12;
        assert_eq!(&text_of(&tm)[..3], b"Jan");
    }

    #[test]
    fn the_stamp_of_now_is_text_of_sixteen_bytes() {
        let stamp = log_stamp();
        assert!(stamp.is_ascii() && stamp.ends_with(b" "), "{stamp:?}");
    }
}

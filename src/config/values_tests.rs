use super::*;
use crate::model::CpuSet;

fn set(cpus: &[u32]) -> CpuSet {
    let mut set = CpuSet::default();
    for cpu in cpus {
        assert!(set.add(*cpu));
    }
    set
}

#[test]
fn names_are_one_printable_word() {
    for word in ["a", "geo-server", "caf\u{e9}", "#1", "{", &"x".repeat(255)] {
        assert_eq!(name(word.as_bytes()), Ok(JobName::new(word.as_bytes())));
    }
    for word in ["", "a b", "a\tb", "a\u{a0}b", "a\x7f", "a\u{85}", "enable", "disable", &"x".repeat(256)] {
        assert!(name(word.as_bytes()).is_err(), "{word:?}");
    }
}

#[test]
fn users_are_names_or_numbers() {
    for word in ["root", "0", "1000", "4294967294", "3com", "a.b-c_d$", &"u".repeat(99)] {
        assert_eq!(user(word.as_bytes()), Ok(word.as_bytes().to_vec()));
    }
    for word in ["", "-1", "4294967295", "99999999999999999999", "00", "a:b", "a\tb", "a b", &"u".repeat(100)]
    {
        assert!(user(word.as_bytes()).is_err(), "{word:?}");
    }
}

#[test]
fn whole_numbers_have_bounds_and_no_garbage_behind_them() {
    assert_eq!(order(b"-2147483648"), Ok(i32::MIN));
    assert_eq!(order(b"2147483647"), Ok(i32::MAX));
    let nice = |word: &[u8]| number_in::<i8>(word, -20..=19);
    assert_eq!((nice(b"-20"), nice(b"19"), nice(b"+5")), (Ok(-20), Ok(19), Ok(5)));
    for word in ["", "1.5", "2147483648", "-2147483649", "x", "1x", "0x1", "\u{e9}"] {
        assert!(order(word.as_bytes()).is_err(), "{word:?}");
    }
    for word in ["", "-21", "20", "300", "5x", "--5"] {
        assert!(nice(word.as_bytes()).is_err(), "{word:?}");
    }
}

#[test]
fn processors_are_a_list_or_a_mask() {
    for (word, numbers) in [
        ("0", &[0][..]),
        ("0,2-4", &[0, 2, 3, 4]),
        ("5-5", &[5]),
        ("1,1-2,2", &[1, 2]),
        ("256", &[256]),
        ("1023", &[1023]),
        ("007", &[7]),
        ("0x1", &[0]),
        ("0x8f", &[0, 1, 2, 3, 7]),
        ("0x8F", &[0, 1, 2, 3, 7]),
        ("0x10000000000000000", &[64]),
    ] {
        assert_eq!(cpus(word.as_bytes()), Ok(set(numbers)), "{word}");
    }
    let words =
        ["", "0,", ",0", "0,,2", "0--3", "5-3", "-3", "3-", "0x", "0xG", "0x0", "0X1", "8f", "0 1", "+1"];
    for word in words.into_iter().chain(["1024", "0-1024", "99999999999999", "0x1,2"]) {
        assert!(cpus(word.as_bytes()).is_err(), "{word:?}");
    }
    let widest = |digit: &str, zeros: usize| format!("0x{digit}{}", "0".repeat(zeros));
    assert_eq!(cpus(widest("8", 255).as_bytes()), Ok(set(&[1023])));
    assert!(cpus(widest("1", 256).as_bytes()).is_err());
    assert_eq!(cpus(format!("0x{}1", "0".repeat(300)).as_bytes()), Ok(set(&[0])));
}

#[test]
fn limits_are_whole_and_mean_themselves() {
    use Resource::{CpuTime, OpenFiles};
    for (flag, meant) in
        [("-n", OpenFiles), ("RLIMIT_NOFILE", OpenFiles), ("-t", CpuTime), ("RLIMIT_CPU", CpuTime)]
    {
        assert_eq!(resource(flag.as_bytes()), Some(meant));
    }
    for word in ["", "-x", "-nn", "n", "nofile", "rlimit_nofile", "RLIMIT_"] {
        assert_eq!(resource(word.as_bytes()), None, "{word:?}");
    }
    assert_eq!(limit(CpuTime, b"8589934592"), Ok(Ok(8_589_934_592)));
    assert_eq!(limit(CpuTime, b"18446744073709551614"), Ok(Ok(u64::MAX - 1)));
    assert_eq!(limit(CpuTime, b"infinity"), Ok(Err(Infinity)));
    assert_eq!(limit(CpuTime, b"unlimited"), Ok(Err(Infinity)));
    assert_eq!(limit(OpenFiles, b"30"), Ok(Ok(30)));
    assert!(limit(OpenFiles, b"infinity").is_err());
    for word in
        ["", "-1", "10k", "+1", "1.5", "18446744073709551615", "99999999999999999999", "Infinity", "x"]
    {
        assert!(limit(CpuTime, word.as_bytes()).is_err(), "{word:?}");
    }
}

#[test]
fn intervals_are_a_number_and_a_unit() {
    for (word, secs) in [("30s", 30), ("10m", 600), ("6h", 21600), ("1d", 86400), ("4294967295s", u32::MAX)] {
        assert_eq!(interval(word.as_bytes()).map(|every| every.as_secs()), Ok(u64::from(secs)));
    }
    for word in ["", "s", "30", "0s", "-5s", "+5s", "5S", "5 s", "1.5h", "4294967296s", "99999d", "5ss"] {
        assert!(interval(word.as_bytes()).is_err(), "{word:?}");
    }
}

#[test]
fn addresses_are_numeric() {
    for (word, shown) in [
        ("udp://127.0.0.1:9999", "127.0.0.1:9999"),
        ("udp://localhost:1", "127.0.0.1:1"),
        ("udp://[::1]:65535", "[::1]:65535"),
        ("udp://0.0.0.0:53", "0.0.0.0:53"),
    ] {
        assert_eq!(endpoint(word.as_bytes(), false).map(|e| e.address.to_string()), Ok(shown.to_owned()));
    }
    let with = endpoint(b"udp://239.0.0.1:9999@eth0", true).unwrap();
    assert_eq!(
        (with.address.to_string(), with.interface.as_deref()),
        ("239.0.0.1:9999".into(), Some("eth0"))
    );
    let bad =
        ["", "127.0.0.1:1", "tcp://127.0.0.1:1", "udp://", "udp://:1", "udp://127.0.0.1", "udp://127.0.0.1:"];
    let ports = ["udp://127.0.0.1:0", "udp://127.0.0.1:65536", "udp://127.0.0.1:+1", "udp://127.0.0.1:x"];
    let hosts = [
        "udp://::1:99",
        "udp://[::1]",
        "udp://[::1]99",
        "udp://[::1",
        "udp://[fe80::1%eth0]:1",
        "udp://[1]:1",
    ];
    let names = [
        "udp://example.com:1",
        "udp://256.0.0.1:1",
        "udp://1.2.3:1",
        "udp://127.0.0.1:1 ",
        "udp://Localhost:1",
    ];
    let faces = ["udp://127.0.0.1:1@", "udp://127.0.0.1:1@0123456789abcdef", "udp://127.0.0.1:1@a@b c"];
    for word in bad.iter().chain(&ports).chain(&hosts).chain(&names).chain(&faces) {
        assert!(endpoint(word.as_bytes(), true).is_err(), "{word:?}");
    }
    assert!(endpoint(b"udp://127.0.0.1:1@lo", false).is_err());
}

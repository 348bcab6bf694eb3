//! Words to values. Each function says what it expected when the word is not that.

mod ends;
mod time;

pub(super) use ends::{add_end, add_plain_end, signal};
pub(super) use time::{duration, interval, lasting};

use super::errors::Shown;
use super::suggest;
use crate::model::{Capability, CpuSet, Endpoint, Infinity, JobName, Resource, SYSLOG};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::{FromStr, from_utf8};

/// A value, or what is wrong with the word.
pub(super) type Value<T> = Result<T, String>;

/// A path as it is given. Whether the kernel would take it, and where a program is looked for, shows at the start.
pub(super) fn given(word: &[u8]) -> Value<&[u8]> {
    match word {
        [] => Err("expected a path, not an empty word".into()),
        _ => Ok(word),
    }
}

/// A path.
pub(super) fn path(word: &[u8]) -> Value<Vec<u8>> {
    given(word).map(<[u8]>::to_vec)
}

/// The path of `in`.
pub(super) fn input(word: &[u8]) -> Value<Vec<u8>> {
    match word == SYSLOG.as_bytes() {
        true => Err("only `out` and `err` can be `syslog`: use ./syslog for a file with that name".into()),
        false => path(word),
    }
}

/// The path of `dir`.
pub(super) fn directory(word: &[u8]) -> Value<Vec<u8>> {
    absolute(word, "a directory begins with /").map(<[u8]>::to_vec)
}

/// The first word of a command: a path, or a name that is searched.
pub(super) fn program(word: &[u8]) -> Value<&[u8]> {
    match word {
        [] => Err("expected a program, not an empty word".into()),
        [b'~', b'/', ..] | [b'$', ..] => {
            Err(format!("{} is not a path: pmtr expands nothing, so write the path in full", Shown(word)))
        }
        _ => Ok(word),
    }
}

/// An absolute path; `why` it must be one, when it is not.
pub(super) fn absolute<'a>(word: &'a [u8], why: &str) -> Value<&'a [u8]> {
    match word {
        [b'/', ..] => Ok(word),
        [] => Err("expected an absolute path, not an empty word".into()),
        _ => Err(format!("{} is not an absolute path: {why}", Shown(word))),
    }
}

/// The name of a job.
pub(super) fn name(word: &[u8]) -> Value<JobName> {
    let text = String::from_utf8_lossy(word);
    if word.is_empty() {
        Err("a name cannot be empty".into())
    } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        Err("a name cannot contain spaces or control characters".into())
    } else if word.len() > 255 {
        Err(format!("a name has at most 255 bytes, this one has {}", word.len()))
    } else if matches!(word, b"enable" | b"disable") {
        Err(format!("a job cannot be named {}: that is a command of pmtr-ctl", Shown(word)))
    } else {
        Ok(JobName::new(word))
    }
}

/// A user by name or number. Whether there is one is asked when the job starts.
pub(super) fn user(word: &[u8]) -> Value<Vec<u8>> {
    let digits = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let uid = || number::<u32>(word).filter(|uid| *uid < u32::MAX);
    if word.is_empty() {
        Err("expected the name of a user or a uid, not an empty word".into())
    } else if digits && uid().is_none() {
        Err(format!("{} is not a uid: the largest is 4294967294", Shown(word)))
    } else if digits && word.len() > 1 && word.starts_with(b"0") {
        Err(format!("{} is not a uid: write it without leading zeros", Shown(word)))
    } else if word.contains(&b':') {
        Err(format!("{} is not a user: write its group in `group`", Shown(word)))
    } else if word.starts_with(b"-") || word.iter().any(|b| b.is_ascii_control() || *b == b' ') {
        Err(format!("{} is not a user: expected a name or a uid", Shown(word)))
    } else if word.len() > 99 {
        Err(format!("the name of a user has at most 99 bytes, this one has {}", word.len()))
    } else {
        Ok(word.to_vec())
    }
}

/// A group by name or number. Whether there is one is asked when the job starts.
pub(super) fn group(word: &[u8]) -> Value<&[u8]> {
    let digits = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    if word.is_empty() {
        Err("expected the name of a group or a gid, not an empty word".into())
    } else if digits && number::<u32>(word).is_none_or(|gid| gid == u32::MAX) {
        Err(format!("{} is not a gid: the largest is 4294967294", Shown(word)))
    } else if digits && word.len() > 1 && word.starts_with(b"0") {
        Err(format!("{} is not a gid: write it without leading zeros", Shown(word)))
    } else if word.starts_with(b"-") || word.iter().any(|b| b.is_ascii_control() || b" :,".contains(b)) {
        Err(format!("{} is not a group: expected a name or a gid", Shown(word)))
    } else if word.len() > 99 {
        Err(format!("the name of a group has at most 99 bytes, this one has {}", word.len()))
    } else {
        Ok(word)
    }
}

/// A name of `keep capability`.
pub(super) fn capability(word: &[u8]) -> Value<Capability> {
    Capability::named(word).ok_or_else(|| {
        format!("{} is not a capability: expected a name such as CAP_NET_BIND_SERVICE", Shown(word))
    })
}

/// `VAR=VALUE`.
pub(super) fn env(word: &[u8]) -> Value<&[u8]> {
    match word.iter().position(|b| *b == b'=') {
        Some(0) => Err("expected VAR=VALUE: there is no name before the `=`".into()),
        Some(_) => Ok(word),
        None => Err(format!("expected VAR=VALUE: {} has no `=`", Shown(word))),
    }
}

/// `order`.
pub(super) fn order(word: &[u8]) -> Value<i32> {
    number(word)
        .ok_or_else(|| format!("{} is not a whole number between -2147483648 and 2147483647", Shown(word)))
}

/// A whole number of this range.
pub(super) fn number_in<T>(word: &[u8], range: RangeInclusive<T>) -> Value<T>
where
    T: FromStr + PartialOrd + Display,
{
    let (least, most) = (range.start(), range.end());
    let number = number(word).filter(|number| range.contains(number));
    number.ok_or_else(|| format!("{} is not a whole number from {least} to {most}", Shown(word)))
}

/// A percentage.
pub(super) fn percent(word: &[u8]) -> Value<u8> {
    let digits = word.strip_suffix(b"%").filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let percent = digits.and_then(number).filter(|percent| *percent <= 100);
    percent.ok_or_else(|| format!("{} is not a percentage from 0% to 100%", Shown(word)))
}

/// The permission bits of `umask`.
pub(super) fn octal(word: &[u8]) -> Value<u32> {
    let digits = matches!(word.len(), 1..=4) && word.iter().all(|digit| matches!(digit, b'0'..=b'7'));
    let bits = digits.then(|| u32::from_str_radix(from_utf8(word).unwrap_or_default(), 8).ok()).flatten();
    bits.filter(|bits| *bits <= 0o777)
        .ok_or_else(|| format!("{} is not an octal number from 0 to 777, for example 027", Shown(word)))
}

/// `cpu`: a list of numbers and ranges, or a mask.
pub(super) fn cpus(word: &[u8]) -> Value<CpuSet> {
    match word.strip_prefix(b"0x") {
        Some(mask) => cpu_mask(word, mask),
        None => cpu_list(word),
    }
}

fn cpu_list(word: &[u8]) -> Value<CpuSet> {
    let wrong = || format!("{} is neither a list such as 0,2-4 nor a mask such as 0x1d", Shown(word));
    let mut cpus = CpuSet::default();
    for item in word.split(|b| *b == b',') {
        let mut ends = item.splitn(2, |b| *b == b'-');
        let first: u32 = cpu(ends.next().unwrap_or_default()).ok_or_else(wrong)?;
        let last: u32 = ends.next().map_or(Some(first), cpu).ok_or_else(wrong)?;
        if last < first {
            return Err(format!("the range {} goes backwards", Shown(item)));
        }
        if last >= CpuSet::SIZE {
            return Err(too_large());
        }
        cpus.add_all(first, last);
    }
    Ok(cpus)
}

/// A number of digits only; one that is too large for every machine is as good as the largest.
fn cpu(digits: &[u8]) -> Option<u32> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| number(digits).unwrap_or(u32::MAX))
}

fn cpu_mask(word: &[u8], mask: &[u8]) -> Value<CpuSet> {
    let mut cpus = CpuSet::default();
    for (place, digit) in mask.iter().rev().enumerate() {
        let bits = char::from(*digit).to_digit(16);
        let bits =
            bits.ok_or_else(|| format!("{} is not a hexadecimal mask, for example 0x1d", Shown(word)))?;
        let first = u32::try_from(place).unwrap_or(u32::MAX).saturating_mul(4);
        for bit in (0..4u32).filter(|bit| bits >> bit & 1 == 1) {
            if !cpus.add(first.saturating_add(bit)) {
                return Err(too_large());
            }
        }
    }
    match cpus == CpuSet::default() {
        true if mask.is_empty() => Err("`0x` has no digits: a mask is hexadecimal, for example 0x1d".into()),
        true => Err("this mask selects no CPU".into()),
        false => Ok(cpus),
    }
}

fn too_large() -> String {
    format!("CPUs are numbered from 0 to {}", CpuSet::SIZE - 1)
}

/// The resource of a `ulimit`.
pub(super) fn resource(word: &[u8]) -> Option<Resource> {
    let named =
        |(_, flag, name): &&(Resource, &str, &str)| word == flag.as_bytes() || word == name.as_bytes();
    Resource::ALL.iter().find(named).map(|(resource, ..)| *resource)
}

/// Why there is no such resource.
pub(super) fn no_resource(word: &[u8]) -> String {
    if let Some(meant) = suggest::resource(word) {
        return format!("unknown resource {}: did you mean `{meant}`?", Shown(word));
    }
    let flags: Vec<&str> = Resource::ALL.iter().map(|(_, flag, _)| *flag).collect();
    format!(
        "unknown resource {}: expected one of {}, or a name like RLIMIT_NOFILE",
        Shown(word),
        flags.join(" ")
    )
}

/// The value of a `ulimit`.
pub(super) fn limit(resource: Resource, word: &[u8]) -> Value<Result<u64, Infinity>> {
    // All bits set is how the kernel writes infinity: such a number would not mean itself.
    let value = match word {
        b"infinity" | b"unlimited" => Err(Infinity),
        _ => match number::<u64>(word).filter(|value| *value < u64::MAX && !word.starts_with(b"+")) {
            Some(value) => Ok(value),
            None => return Err(no_limit(word)),
        },
    };
    match (resource, value) {
        (Resource::OpenFiles, Err(Infinity)) => Err("the number of open files must be finite".into()),
        _ => Ok(value),
    }
}

fn no_limit(word: &[u8]) -> String {
    let word_shown = Shown(word);
    if let Some(meant) = suggest::among(&["infinity", "unlimited"], word) {
        return format!("{word_shown} is not a limit: did you mean `{meant}`?");
    }
    match word {
        b"-1" => "`-1` is not a limit: use `infinity` for no limit".into(),
        [b'0'..=b'9', ..] if !word.iter().all(u8::is_ascii_digit) => {
            format!(
                "{word_shown} is not a limit: expected a whole number without a unit (sizes are in bytes), or `infinity`"
            )
        }
        [b'0'..=b'9', ..] => {
            format!("{word_shown} is too large: use `infinity` for no limit")
        }
        _ => format!("{word_shown} is not a limit: expected a whole number, or `infinity`"),
    }
}

/// `udp://HOST:PORT`, with `@INTERFACE` where reports go.
pub(super) fn endpoint(word: &[u8], with_interface: bool) -> Value<Endpoint> {
    let form = if with_interface { "udp://HOST:PORT[@INTERFACE]" } else { "udp://HOST:PORT" };
    let expected = || format!("{} is not an address: expected {form}", Shown(word));
    let rest = from_utf8(word).ok().and_then(|text| text.strip_prefix("udp://")).ok_or_else(expected)?;
    let (rest, interface) = match rest.split_once('@') {
        Some(_) if !with_interface => {
            return Err(format!("`@INTERFACE` is for `report to` only: expected {form}"));
        }
        Some((rest, name)) => (rest, Some(interface(name)?)),
        None => (rest, None),
    };
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("the bracket `[` is not closed")?;
            let host = Ipv6Addr::from_str(host).map(IpAddr::V6);
            let host = host.map_err(|_| format!("no IPv6 address between the brackets: expected {form}"))?;
            (host, port.strip_prefix(':'))
        }
        None => match rest.rsplit_once(':') {
            Some((host, port)) => (numeric_host(host, form)?, Some(port)),
            None => (numeric_host(rest, form)?, None),
        },
    };
    let port = port.ok_or_else(|| format!("the port is missing: expected {form}"))?;
    let number = number::<u16>(port.as_bytes()).filter(|n| *n > 0 && !port.starts_with('+'));
    let port = number.ok_or_else(|| {
        format!("{} is not a port: expected a number from 1 to 65535", Shown(port.as_bytes()))
    })?;
    Ok(Endpoint { address: SocketAddr::new(host, port), interface })
}

fn numeric_host(host: &str, form: &str) -> Value<IpAddr> {
    match Ipv4Addr::from_str(host) {
        Ok(address) => Ok(IpAddr::V4(address)),
        Err(_) if host == "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        Err(_) if host.is_empty() => Err(format!("the host is missing: expected {form}")),
        Err(_) if host.contains(':') => Err("put an IPv6 address in brackets: udp://[::1]:9999".into()),
        Err(_) if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') => Err(format!(
            "{} is not an IPv4 address: expected four numbers from 0 to 255",
            Shown(host.as_bytes())
        )),
        Err(_) => Err(format!(
            "{} is not a numeric address, and pmtr does not look up names: use an IPv4 address, an IPv6 address in brackets, or localhost",
            Shown(host.as_bytes())
        )),
    }
}

fn interface(name: &str) -> Value<Box<str>> {
    let graphic = name.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    match name.len() {
        1..=15 if graphic => Ok(name.into()),
        0 => Err("no interface after the `@`".into()),
        _ => Err(format!(
            "{} is not an interface: expected a name of at most 15 bytes, for example eth0",
            Shown(name.as_bytes())
        )),
    }
}

fn number<T: FromStr>(word: &[u8]) -> Option<T> {
    from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;

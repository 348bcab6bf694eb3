//! Capabilities of Linux by name, as in capabilities(7).

use std::fmt;

/// The names in the order of their numbers, without the `CAP_` before each.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// A capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(u8);

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u64);

impl Capability {
    /// The one with this name: with or without `CAP_`, in capital or small letters.
    pub fn named(name: &[u8]) -> Option<Capability> {
        let short = match name.split_at_checked(4) {
            Some((prefix, short)) if prefix.eq_ignore_ascii_case(b"CAP_") => short,
            Some(_) | None => name,
        };
        let number = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(short))?;
        u8::try_from(number).ok().map(Capability)
    }

    /// The one with this number.
    pub fn numbered(number: u8) -> Option<Capability> {
        (usize::from(number) < NAMES.len()).then_some(Capability(number))
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl Capabilities {
    /// Adds one. False if it was there.
    pub fn add(&mut self, capability: Capability) -> bool {
        let before = self.0;
        self.0 |= 1 << capability.0;
        self.0 != before
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One bit for each number.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Those in the set, by number.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        (0..64).filter(move |number| self.0 >> number & 1 == 1).filter_map(Capability::numbered)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CAP_{}", NAMES.get(usize::from(self.0)).unwrap_or(&"UNKNOWN"))
    }
}

impl fmt::Display for Capabilities {
    /// As a file says it: `CAP_KILL CAP_NET_RAW`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, capability) in self.iter().enumerate() {
            let blank = if index > 0 { " " } else { "" };
            write!(f, "{blank}{capability}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_found_by_its_name_with_or_without_the_prefix_in_any_letters() {
        for name in ["CAP_NET_BIND_SERVICE", "NET_BIND_SERVICE", "cap_net_bind_service", "net_bind_service"] {
            let found = Capability::named(name.as_bytes()).unwrap();
            assert_eq!((found.number(), found.to_string().as_str()), (10, "CAP_NET_BIND_SERVICE"), "{name}");
        }
        for name in ["", "CAP_", "CAP", "NET", "CAP_CAP_KILL", "CAP-KILL", "10", "KILL ", "K\u{e9}LL"] {
            assert_eq!(Capability::named(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_kernel() {
        for (name, number) in [
            ("CHOWN", 0),
            ("KILL", 5),
            ("SETPCAP", 8),
            ("NET_RAW", 13),
            ("SYS_ADMIN", 21),
            ("SYS_TIME", 25),
            ("MKNOD", 27),
            ("SETFCAP", 31),
            ("SYSLOG", 34),
            ("CHECKPOINT_RESTORE", 40),
        ] {
            assert_eq!(Capability::named(name.as_bytes()).map(Capability::number), Some(number), "{name}");
        }
        assert_eq!((Capability::numbered(40).is_some(), Capability::numbered(41)), (true, None));
    }

    #[test]
    fn a_set_is_shown_by_number_and_has_each_capability_once() {
        let mut set = Capabilities::default();
        assert!(set.is_empty());
        let [raw, kill] = [&b"NET_RAW"[..], b"KILL"].map(|name| Capability::named(name).unwrap());
        assert_eq!([raw, kill, raw].map(|one| set.add(one)), [true, true, false]);
        assert_eq!((set.to_string().as_str(), set.bits()), ("CAP_KILL CAP_NET_RAW", 1 << 5 | 1 << 13));
        assert!(!set.is_empty());
    }
}

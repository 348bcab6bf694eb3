//! The name of this machine.

/// The present name of this machine. Empty if it is unknown.
pub fn name() -> Vec<u8> {
    // SAFETY: all zeroes are valid names, each of them empty.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in one utsname. Names are left empty if it fails.
    unsafe { libc::uname(&raw mut names) };
    names.nodename.iter().take_while(|byte| **byte != 0).map(|byte| byte.to_ne_bytes()[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_has_the_name_that_the_kernel_tells_everybody() {
        let told = std::fs::read("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(name(), told.trim_ascii_end());
    }
}

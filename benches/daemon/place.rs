//! Where it all happens: a mount namespace of our own with a /run in memory and a log daemon that reads.

use std::ffi::CStr;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::ptr;

/// Moves this process to a place of its own and tells its directory; all it starts is there as well. Without the
/// right to that it stays where it is, and pmtr looks for a log daemon now and then.
pub fn enter() -> PathBuf {
    let here = if unshared() {
        let socket = UnixDatagram::bind("/run/log").unwrap();
        std::thread::spawn(move || {
            let mut line = [0; 8_192];
            while socket.recv(&mut line).is_ok() {}
        });
        PathBuf::from("/run")
    } else {
        eprintln!("not in a place of our own: there is no log daemon, and the files are on a disk");
        std::env::temp_dir()
    };
    let dir = here.join(format!("pmtr-bench-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn unshared() -> bool {
    if fs::symlink_metadata("/dev/log").is_ok_and(|there| !there.is_symlink()) {
        return false;
    }
    // SAFETY: takes a number; there is one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return false;
    }
    mount(c"none", c"/", c"none", libc::MS_REC | libc::MS_PRIVATE)
        && mount(c"tmpfs", c"/run", c"tmpfs", libc::MS_NOSUID)
}

fn mount(what: &CStr, place: &CStr, kind: &CStr, flags: libc::c_ulong) -> bool {
    // SAFETY: three C strings that outlive the call, and no data.
    unsafe { libc::mount(what.as_ptr(), place.as_ptr(), kind.as_ptr(), flags, ptr::null()) == 0 }
}

/// The processes whose program or directory is in this one.
pub fn inhabitants(dir: &Path) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let there = |pid: &u32, what: &str| {
        fs::read_link(format!("/proc/{pid}/{what}")).is_ok_and(|path| path.starts_with(dir))
    };
    numbers.filter(|pid| there(pid, "exe") || there(pid, "cwd")).collect()
}

/// Has orphans of those we start come to us, so that they can be waited for.
pub fn adopt_orphans() {
    // SAFETY: this option takes one number.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
}

/// Reaps whoever has come to us and ended.
pub fn reap_orphans() {
    // SAFETY: a null status is allowed.
    while unsafe { libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

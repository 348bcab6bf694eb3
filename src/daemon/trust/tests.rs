use super::*;
use crate::sys::process::effective_uid;
use crate::sys::testing::{Dir, as_root};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;

/// All mounts are as they should be.
fn mounts() -> Mounts {
    Mounts::parse(b"1 1 0:1 / / rw - ext4 none rw\n")
}

fn write(dir: &Dir, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    permit(&path, mode);
    path
}

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn is_safe(path: &Path) -> bool {
    super::is_safe(path.as_os_str().as_bytes(), &mounts(), effective_uid())
}

#[test]
fn a_command_of_the_system_is_safe_by_any_name() {
    let dir = Dir::new();
    permit(dir.path(), 0o755);
    symlink("/bin/sh", dir.join("link")).unwrap();
    for path in ["/bin/sh", "/usr/bin/../bin/env"] {
        assert!(is_safe(Path::new(path)), "{path}");
    }
    assert!(is_safe(&dir.join("link")));
    for path in ["/no/such", "/", "/dev/null", "bin/sh", ""] {
        assert!(!is_safe(Path::new(path)), "{path}");
    }
}

#[test]
fn what_others_can_write_is_not_safe_at_any_step() {
    let dir = Dir::new();
    permit(dir.path(), 0o755);
    let file = write(&dir, "file", "x", 0o755);
    assert!(is_safe(&file));
    for (mode, safe) in [(0o775, false), (0o757, false), (0o700, true)] {
        permit(&file, mode);
        assert_eq!(is_safe(&file), safe, "{mode:o}");
    }
    for (mode, safe) in [(0o777, false), (0o775, false), (0o1777, true), (0o711, true)] {
        permit(dir.path(), mode);
        assert_eq!(is_safe(&file), safe, "{mode:o}");
    }
}

#[test]
fn what_belongs_to_somebody_else_is_not_safe_at_any_step() {
    if !as_root("files of another user") {
        return;
    }
    let dir = Dir::new();
    permit(dir.path(), 0o755);
    let (file, sub) = (write(&dir, "file", "x", 0o755), dir.join("sub"));
    std::fs::create_dir(&sub).unwrap();
    let inner = write(&dir, "sub/inner", "x", 0o755);
    symlink(&file, dir.join("link")).unwrap();
    assert!(is_safe(&file) && is_safe(&inner) && is_safe(&dir.join("link")));
    std::os::unix::fs::lchown(dir.join("link"), Some(4242), None).unwrap();
    assert!(!is_safe(&dir.join("link")));
    chown(&sub, Some(4242), None).unwrap();
    assert!(is_safe(&file) && !is_safe(&inner) && !is_safe(&dir.join("sub/../file")));
    chown(&file, Some(4242), None).unwrap();
    assert!(!is_safe(&file));
    assert!(super::is_safe(file.as_os_str().as_bytes(), &mounts(), 4242));
}

#[test]
fn an_interpreter_is_a_command_as_well() {
    let dir = Dir::new();
    permit(dir.path(), 0o755);
    let bad = write(&dir, "bad", "x", 0o777);
    let script = |text: &str| write(&dir, "script", text, 0o755);
    for text in
        ["#!/bin/sh", "#! /bin/sh -e\n", "#!\t/usr/bin/env python3\n", "# !/no\n", "#!\n/no\n", "#! \t", ""]
    {
        assert!(is_safe(&script(text)), "{text:?}");
    }
    let shown = bad.display();
    for text in [format!("#!{shown}"), format!("#! {shown} -x\n"), "#!sh\n".into(), "#!\r/bin/sh\n".into()] {
        assert!(!is_safe(&script(&text)), "{text:?}");
    }
    let own = dir.join("script");
    assert!(!is_safe(&script(&format!("#!{}\n", own.display()))), "it is its own interpreter");
}

#[test]
fn nothing_is_looked_at_where_it_could_take_a_while() {
    let dir = Dir::new();
    permit(dir.path(), 0o755);
    let file = write(&dir, "file", "x", 0o755);
    let remote =
        format!("1 1 0:1 / / rw - ext4 none rw\n2 1 0:2 / {} rw - nfs x:/ rw\n", dir.path().display());
    let mut trust = Trust::new(effective_uid());
    let path = file.as_os_str().as_bytes();
    assert!(trust.has(path, &mounts(), MonoTime::ZERO));
    assert!(!super::is_safe(path, &Mounts::parse(remote.as_bytes()), effective_uid()));
    assert!(!super::is_safe(path, &Mounts::default(), effective_uid()));
}

#[test]
fn a_verdict_holds_for_a_minute() {
    let dir = Dir::new();
    permit(dir.path(), 0o755);
    let file = write(&dir, "file", "x", 0o755);
    let mut trust = Trust::new(effective_uid());
    let mut at =
        |secs| trust.has(file.as_os_str().as_bytes(), &mounts(), MonoTime::ZERO + Duration::from_secs(secs));
    assert!(at(10));
    permit(&file, 0o777);
    assert!(at(10) && at(60) && !at(61));
    permit(&file, 0o755);
    assert!(!at(121) && at(122));
}

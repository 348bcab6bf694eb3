//! The configuration under mounts, which give no event of their own.

use crate::support::{Dir, Pmtr};
use crate::wrapped::{behind, namespaces_or_skip};
use std::process::Command;

const OLD: &str = "job {\n name old\n cmd /bin/sleep 1000\n}\n";
const NEW: &str = "job {\n name new\n cmd /bin/sleep 1000\n}\n";

/// The daemon in a mount namespace, with its file at DIR/etc/pmtr.conf after `prepare`.
fn mounted(prepare: &str) -> Option<Pmtr> {
    if !namespaces_or_skip("mounts") {
        return None;
    }
    let dir = Dir::new();
    for name in ["etc", "lower", "upper", "work"] {
        std::fs::create_dir(dir.join(name)).unwrap();
    }
    dir.write("etc/pmtr.conf", OLD);
    dir.write("new", NEW);
    let script = format!("mount --make-rprivate /; cd DIR; {prepare}; cd /; exec PMTR -Fc DIR/etc/pmtr.conf");
    let mut pmtr = behind(dir, "", &["unshare", "--mount"], &script);
    pmtr.started("old");
    Some(pmtr)
}

/// Runs a command line in the daemon's namespace and in the test's directory.
fn inside(pmtr: &Pmtr, command: &str) {
    let (pid, path) = (pmtr.pid().to_string(), pmtr.dir.path().display());
    let command = format!("cd {path}; {command}");
    let status =
        Command::new("nsenter").args(["--mount", "--target", &pid, "/bin/sh", "-ec", &command]).status();
    assert!(status.unwrap().success(), "{command}");
}

#[test]
fn a_mount_over_the_file_and_its_end_are_applied() {
    let Some(mut pmtr) = mounted("true") else { return };
    inside(&pmtr, "mount --bind new etc/pmtr.conf");
    pmtr.started("new");
    inside(&pmtr, "umount etc/pmtr.conf");
    pmtr.started("old");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn an_empty_file_system_over_the_directory_stops_nothing_and_a_file_in_it_counts() {
    let Some(mut pmtr) = mounted("true") else { return };
    inside(&pmtr, "mount -t tmpfs none etc");
    pmtr.wait("is missing; jobs keep running");
    pmtr.settle();
    assert!(pmtr.has("job old: running"));
    inside(&pmtr, "cp new etc/part; mv etc/part etc/pmtr.conf");
    pmtr.started("new");
    inside(&pmtr, "umount etc");
    pmtr.started("old");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn saves_on_tmpfs_and_in_the_upper_layer_of_an_overlay_are_seen() {
    for prepare in [
        "cp etc/pmtr.conf lower; mount -t tmpfs none etc; cp lower/pmtr.conf etc",
        "cp etc/pmtr.conf lower; mount -t tmpfs none work; mkdir work/u work/w; \
            mount -t overlay -o lowerdir=lower,upperdir=work/u,workdir=work/w none etc",
    ] {
        if prepare.contains("overlay")
            && !std::fs::read_to_string("/proc/filesystems").unwrap().contains("overlay")
        {
            eprintln!("skipped: an overlay needs a kernel that has it");
            continue;
        }
        let Some(mut pmtr) = mounted(prepare) else { return };
        // The first write copies the file up; the second one is in place; the third is a rename.
        inside(&pmtr, "cat new >etc/pmtr.conf");
        pmtr.started("new");
        inside(&pmtr, "sed s/new/newer/ new >etc/pmtr.conf");
        pmtr.started("newer");
        inside(&pmtr, "sed s/new/newest/ new >etc/part; mv etc/part etc/pmtr.conf");
        pmtr.started("newest");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

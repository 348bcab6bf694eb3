//! Where the state file is kept, whom it keeps away, and that pmtr runs without one where there can be none.

use crate::support::{Dir, PMTR, Pmtr, alive, copy_of, daemon, output, wait_until};
use crate::wrapped::{AS_INIT, as_init, behind, namespaces_or_skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn job(name: &str, cmd: &str, options: &str) -> String {
    format!("job {{\n name {name}\n cmd {cmd}\n env MARK=DIR/{name}\n{options}}}\n")
}

pub fn state_files(dir: &Path) -> Vec<PathBuf> {
    let list = fs::read_dir(dir.join("state")).unwrap();
    list.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_second_pmtr_with_the_same_file_is_refused_and_touches_nothing() {
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", ""));
    let a = pmtr.started("a");
    let file = state_files(pmtr.dir.path()).remove(0);
    let before = fs::read(&file).unwrap();
    for how in [&["-Fc"][..], &["-c"]] {
        let mut second = daemon(pmtr.dir.path());
        second.args(how).arg(&pmtr.config).arg("-p").arg(pmtr.dir.join("pid"));
        let (status, _, err) = output(&mut second);
        let told = format!(
            "pmtr: {}: a running pmtr [{}] has these jobs already\n",
            pmtr.config.display(),
            pmtr.pid()
        );
        assert_eq!((status, err), (Some(1), told));
        assert!(!pmtr.dir.join("pid").exists());
    }
    let (status, _, err) = output(daemon(pmtr.dir.path()).arg("-tc").arg(&pmtr.config));
    assert_eq!((status, err), (Some(0), String::new()));
    assert_eq!(fs::read(&file).unwrap(), before);
    pmtr.settle();
    assert!(alive(a) && pmtr.count("started job a") == 1);
    assert_eq!(pmtr.stop().code(), Some(0));
    assert_eq!(state_files(pmtr.dir.path()).len(), 0);
}

#[test]
fn a_state_directory_that_cannot_be_used_is_told_of_and_the_jobs_run() {
    for (prepare, what) in [
        ("mkdir real && ln -s real state", "/state: is a symbolic link, which is never followed"),
        ("mkdir -m 777 state", "/state: has the mode 0777, which others could have used"),
        (": >state", "/state: can't open it: Not a directory"),
    ] {
        let dir = Dir::new();
        assert!(
            Command::new("sh").args(["-ec", prepare]).current_dir(dir.path()).status().unwrap().success()
        );
        let mut pmtr = Pmtr::start_in(dir, &job("a", "/bin/sleep 1000", ""), |_| {});
        let line = pmtr.wait("jobs that are left when pmtr is killed can't be recognised: ");
        assert!(line.ends_with(what), "{line}");
        pmtr.started("a");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
    if !namespaces_or_skip("a state directory that can't be written") {
        return;
    }
    for (mount, what) in [
        ("mount -t tmpfs -o ro,mode=755 none DIR/state", ": can't open it: Read-only file system"),
        ("mount -t tmpfs -o uid=4711,mode=755 none DIR/state", "/state: belongs to another user (uid 4711)"),
        ("mount -t tmpfs -o nr_inodes=1,mode=755 none DIR/state", ": can't open it: No space left on device"),
    ] {
        let dir = Dir::new();
        fs::create_dir(dir.join("state")).unwrap();
        let script = format!("mount --make-rprivate /; {mount}; exec PMTR -Fc CONF");
        let mut pmtr = behind(dir, &job("a", "/bin/sleep 1000", ""), &["unshare", "--mount"], &script);
        let line = pmtr.wait("jobs that are left when pmtr is killed can't be recognised: ");
        assert!(line.ends_with(what), "{line}");
        pmtr.started("a");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

#[test]
fn a_full_state_directory_is_told_of_once_and_costs_no_start() {
    if !namespaces_or_skip("a full state directory") {
        return;
    }
    let dir = Dir::new();
    fs::create_dir(dir.join("state")).unwrap();
    // The head has room, the records have not.
    let script =
        "mount --make-rprivate /; mount -t tmpfs -o size=8k,mode=755 none DIR/state; exec PMTR -Fc CONF";
    let config: String = (0..70).map(|i| job(&format!("job-{i}"), "/bin/sleep 1000", "")).collect();
    let mut pmtr = behind(dir, &config, &["unshare", "--mount"], script);
    wait_until("all run", || pmtr.count("started job ") == 70);
    assert_eq!(pmtr.count("can't be recognised"), 1, "{:#?}", pmtr.seen);
    assert!(pmtr.has("can't write it: No space left on device"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn process_one_keeps_no_state_file_unless_it_is_told_to() {
    if !namespaces_or_skip("process 1 and its state file") {
        return;
    }
    let dir = Dir::new();
    copy_of(Path::new(PMTR), &dir, "pmtr");
    let config = job("a", "/bin/sleep 1000", "");
    let script =
        "mount --make-rprivate /; mount -t tmpfs none /run; mount -t proc none /proc; exec DIR/pmtr -vc CONF";
    let mut pmtr = as_init(dir, &config, &AS_INIT, script);
    pmtr.wait("can't be recognised: no state file is kept without --state");
    pmtr.started("a");
    assert!(!Path::new(&format!("/proc/{}/root/run/pmtr", pmtr.pid())).exists());
    assert_eq!(pmtr.stop().code(), Some(0));
    let script =
        "mount --make-rprivate /; mount -t tmpfs none /run; mount -t proc none /proc; exec PMTR -vc CONF";
    let mut pmtr = as_init(Dir::new(), &config, &AS_INIT, script);
    pmtr.started("a");
    assert!(!pmtr.has("can't be recognised"));
    assert_eq!(state_files(pmtr.dir.path()).len(), 1);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn root_keeps_it_in_run_and_an_ordinary_user_in_his_own_directory() {
    if !namespaces_or_skip("the usual state directories") {
        return;
    }
    let dir = Dir::new();
    copy_of(Path::new(PMTR), &dir, "pmtr");
    let config = job("a", "/bin/sleep 1000", "");
    let script = "mount --make-rprivate /; mount -t tmpfs none /run; exec DIR/pmtr -Fc CONF";
    let mut pmtr = behind(dir, &config, &["unshare", "--mount"], script);
    pmtr.started("a");
    let made = fs::read_dir(format!("/proc/{}/root/run/pmtr", pmtr.pid())).unwrap().count();
    assert_eq!(made, 1);
    assert_eq!(pmtr.stop().code(), Some(0));

    let dir = Dir::new();
    crate::support::open_to_all(dir.path());
    copy_of(Path::new(PMTR), &dir, "pmtr");
    fs::create_dir(dir.join("own")).unwrap();
    std::os::unix::fs::chown(dir.join("own"), Some(4242), None).unwrap();
    let own = format!("XDG_RUNTIME_DIR={}", dir.join("own").display());
    let stranger = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups", "env", &own];
    let mut pmtr = behind(dir, &config, &stranger, "exec DIR/pmtr -Fc CONF");
    pmtr.started("a");
    assert_eq!(fs::read_dir(pmtr.dir.join("own/pmtr")).unwrap().count(), 1);
    assert!(!pmtr.has("can't be recognised"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

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
    let list = fs::read_dir(dir.join("state")).unwrap().map(|entry| entry.unwrap().path());
    list.filter(|path| path.extension().is_some_and(|kind| kind == "state")).collect()
}

/// How many files of each kind are in this directory: states and locks.
fn states_and_locks(dir: &Path) -> (usize, usize) {
    let count = |kind: &str| {
        let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|other| other == kind)).count()
    };
    (count("state"), count("lock"))
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
fn a_second_pmtr_is_refused_by_whatever_path_it_comes_and_wherever_its_state_is() {
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", ""));
    pmtr.started("a");
    let dir = pmtr.dir.path();
    fs::create_dir(pmtr.dir.join("etc")).unwrap();
    std::os::unix::fs::symlink(&pmtr.config, pmtr.dir.join("etc/link.conf")).unwrap();
    std::os::unix::fs::symlink(dir, pmtr.dir.join("etc/up")).unwrap();
    for (config, state) in [
        ("pmtr.conf", "other"),
        ("etc/link.conf", "state"),
        ("etc/up/pmtr.conf", "state"),
        ("etc/link.conf", "x"),
    ] {
        let config = pmtr.dir.join(config);
        let mut second = Command::new(PMTR);
        second.env("XDG_RUNTIME_DIR", dir).arg("-Fc").arg(&config).arg("--state").arg(pmtr.dir.join(state));
        let (status, _, err) = output(&mut second);
        let told =
            format!("pmtr: {}: a running pmtr [{}] has these jobs already\n", config.display(), pmtr.pid());
        assert_eq!((status, err), (Some(1), told));
    }
    pmtr.settle();
    assert_eq!((pmtr.count("started job a"), pmtr.stop().code()), (1, Some(0)));
}

#[test]
fn what_a_killed_pmtr_has_left_is_found_by_another_path_and_with_another_state_directory() {
    let mut pmtr = Pmtr::start(&job("a", "/bin/sleep 1000", ""));
    std::os::unix::fs::symlink(&pmtr.config, pmtr.dir.join("link.conf")).unwrap();
    let mut left = pmtr.started("a");
    let paths =
        [("link.conf", "state"), ("pmtr.conf", "other"), ("pmtr.conf", "state"), ("link.conf", "other")];
    for (config, state) in paths {
        pmtr.signal("KILL");
        pmtr.ends();
        assert!(alive(left));
        let dir = std::mem::replace(&mut pmtr.dir, Dir::new());
        let mut command = Command::new(PMTR);
        command.env("XDG_RUNTIME_DIR", dir.path()).current_dir(dir.path());
        command.args(["-F", "-c", config, "--state", state]);
        let config = dir.join("pmtr.conf");
        pmtr = Pmtr::run(dir, config, command, |_| {});
        pmtr.wait(&format!("job a [{left}] was left by a pmtr that was killed, sending SIGTERM"));
        let next = pmtr.started("a");
        assert!(!alive(left));
        left = next;
    }
    assert_eq!(pmtr.stop().code(), Some(0));
    assert!(!alive(left));
    let kept = |dir: &str| fs::read_dir(pmtr.dir.join(dir)).unwrap().count();
    assert_eq!((kept("state"), kept("other")), (0, 0));
}

#[test]
fn where_the_lock_cannot_be_kept_a_line_says_so_and_the_jobs_run() {
    let dir = Dir::new();
    fs::create_dir(dir.join("pmtr")).unwrap();
    fs::set_permissions(dir.join("pmtr"), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let mut pmtr =
        if crate::support::root_or_skip("the lock in /run") && namespaces_or_skip("a /run of its own") {
            copy_of(Path::new(PMTR), &dir, "pmtr-copy");
            let script = "mount --make-rprivate /; mount --bind DIR/pmtr /run; mkdir -m 777 /run/pmtr; \
                      exec DIR/pmtr-copy -Fc CONF --state DIR/state";
            behind(dir, &job("a", "/bin/sleep 1000", ""), &["unshare", "--mount"], script)
        } else {
            Pmtr::start_in(dir, &job("a", "/bin/sleep 1000", ""), |_| {})
        };
    let line = pmtr.wait("cannot lock the configuration against a second pmtr: ");
    assert!(line.ends_with("/pmtr: has mode 0777, which other users could have used"), "{line}");
    pmtr.started("a");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_state_directory_that_cannot_be_used_is_told_of_and_the_jobs_run() {
    for (prepare, what) in [
        ("mkdir real && ln -s real state", "/state: is a symbolic link, which is never followed"),
        ("mkdir -m 777 state", "/state: has mode 0777, which other users could have used"),
        (": >state", "/state: can't open it: Not a directory"),
    ] {
        let dir = Dir::new();
        assert!(
            Command::new("sh").args(["-ec", prepare]).current_dir(dir.path()).status().unwrap().success()
        );
        let mut pmtr = Pmtr::start_in(dir, &job("a", "/bin/sleep 1000", ""), |_| {});
        let line = pmtr.wait("jobs left by a killed pmtr can't be recognized: ");
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
        let line = pmtr.wait("jobs left by a killed pmtr can't be recognized: ");
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
    assert_eq!(pmtr.count("can't be recognized"), 1, "{:#?}", pmtr.seen);
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
    pmtr.wait("can't be recognized: no state file is kept without --state");
    pmtr.started("a");
    assert!(!Path::new(&format!("/proc/{}/root/run/pmtr", pmtr.pid())).exists());
    assert_eq!(pmtr.stop().code(), Some(0));
    let script =
        "mount --make-rprivate /; mount -t tmpfs none /run; mount -t proc none /proc; exec PMTR -vc CONF";
    let mut pmtr = as_init(Dir::new(), &config, &AS_INIT, script);
    pmtr.started("a");
    assert!(!pmtr.has("can't be recognized"));
    assert_eq!(states_and_locks(&pmtr.dir.join("state")), (1, 1));
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
    assert_eq!(states_and_locks(Path::new(&format!("/proc/{}/root/run/pmtr", pmtr.pid()))), (1, 1));
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
    assert_eq!(states_and_locks(&pmtr.dir.join("own/pmtr")), (1, 1));
    assert!(!pmtr.has("can't be recognized"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

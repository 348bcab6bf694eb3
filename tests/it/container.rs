//! The daemon in containers: as process 1, with next to nothing in the root, without the rights of root.

use crate::support::{
    Dir, PMTR, Report, alive, copy_of, kill, open_to_all, output, probe, root_or_skip, wait_until,
};
use crate::wrapped::{AS_INIT, as_init, behind, inner, namespaces_or_skip, tool_or_skip};
use std::path::Path;
use std::process::Command;

#[test]
fn as_process_one_it_reaps_orphans_and_ends_cleanly_without_proc_or_a_writable_root() {
    if !namespaces_or_skip("process 1") {
        return;
    }
    let dir = Dir::new();
    dir.script(
        "orphans",
        "i=0; while [ $i -lt 50 ]; do (setsid /bin/sleep 0.2 &) ; i=$((i+1)); done; exec /bin/sleep 1000",
    );
    let mut pmtr = behind(
        dir,
        "job {\n name orphans\n cmd DIR/orphans\n}\n",
        &AS_INIT,
        "mount --make-rprivate /; mount -t tmpfs none /proc; mount -o remount,bind,ro / 2>/dev/null || true; exec PMTR -vc CONF",
    );
    pmtr.started("orphans");
    pmtr.rewind();
    for _ in 0..50 {
        pmtr.wait("adopted process");
    }
    // No zombie is left among its children.
    let daemon = inner(&pmtr);
    let children = std::fs::read_to_string(format!("/proc/{daemon}/task/{daemon}/children")).unwrap();
    for child in children.split_whitespace() {
        assert!(alive(child.parse().unwrap()), "{child} is a zombie");
    }
    kill(daemon, "TERM");
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(pmtr.has("exiting on signal 15") && !pmtr.has("SIGKILL"));
}

#[test]
fn five_hundred_orphans_at_once_are_reaped_and_none_is_taken_for_a_job() {
    if !namespaces_or_skip("an orphan storm") {
        return;
    }
    let dir = Dir::new();
    dir.script(
        "storm",
        "i=0; while [ $i -lt 500 ]; do (setsid /bin/true &) ; i=$((i+1)); done; exec /bin/sleep 1000",
    );
    let config = "job {\n name storm\n cmd DIR/storm\n}\njob {\n name calm\n cmd /bin/sleep 1000\n}\n";
    let mut pmtr = as_init(dir, config, &AS_INIT, "exec PMTR -vc CONF");
    let (storm, calm) = (pmtr.started("storm"), pmtr.started("calm"));
    pmtr.rewind();
    for _ in 0..500 {
        pmtr.wait("adopted process");
    }
    pmtr.settle();
    assert_eq!(pmtr.count("adopted process"), 500);
    assert!(pmtr.has(&format!("job storm: running [{storm}]")), "{:?}", pmtr.seen.last());
    assert!(pmtr.has(&format!("job calm: running [{calm}]")));
    assert!(!pmtr.has("exited after"));
    // Two children and no zombie are left.
    let daemon = pmtr.pid();
    let children = std::fs::read_to_string(format!("/proc/{daemon}/task/{daemon}/children")).unwrap();
    assert_eq!(children.split_whitespace().count(), 2, "{children}");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn as_process_one_each_signal_that_ends_it_ends_it_with_status_zero() {
    if !namespaces_or_skip("process 1 and signals") {
        return;
    }
    for (signal, number) in [("TERM", 15), ("INT", 2), ("QUIT", 3)] {
        let config = "job {\n name a\n cmd /bin/sleep 1000\n}\n";
        let mut pmtr = as_init(Dir::new(), config, &AS_INIT, "exec PMTR -c CONF");
        let a = pmtr.started("a");
        pmtr.signal(signal);
        assert_eq!(pmtr.ends().code(), Some(0), "{signal}");
        assert!(pmtr.has(&format!("pmtr: exiting on signal {number}")));
        assert!(pmtr.has(&format!("job a {a} exited after")) && !pmtr.has("SIGKILL"));
    }
}

#[test]
fn as_process_one_it_kills_a_stubborn_job_and_what_made_a_session_of_its_own_is_reaped() {
    if !namespaces_or_skip("process 1 and a stubborn job") {
        return;
    }
    let dir = Dir::new();
    let path = dir.path().to_str().unwrap().to_string();
    dir.script(
        "daemonise",
        &format!("setsid sh -c 'mkfifo {path}/gate; touch {path}/there; cat {path}/gate' & while [ ! -e {path}/there ]; do sleep 0.01; done; exit 33"),
    );
    dir.script("deaf", &format!("trap '' TERM; touch {path}/deaf-now; while :; do sleep 1000; done"));
    let config = "job {\n name daemonise\n cmd DIR/daemonise\n}\njob {\n name deaf\n cmd DIR/deaf\n}\n";
    let mut pmtr = as_init(dir, config, &AS_INIT, "exec PMTR -vc CONF");
    pmtr.wait("exit status 33");
    pmtr.settle();
    // Its own session is its own life, for as long as it has one.
    assert!(pmtr.has("job daemonise: finished") && !pmtr.has("the remaining processes of"));
    std::fs::write(pmtr.dir.join("gate"), "go").unwrap();
    pmtr.rewind().wait("adopted process");
    wait_until("it is deaf", || pmtr.dir.join("deaf-now").exists());
    pmtr.signal("TERM");
    pmtr.wait("sending SIGTERM to job deaf");
    pmtr.wait("sending SIGKILL to job deaf");
    assert_eq!(pmtr.ends().code(), Some(0));
    assert!(pmtr.has("exited after") && pmtr.has("signal 9"));
}

/// A root directory with two programs, their libraries, and nothing else.
fn bare_root(dir: &Dir) -> bool {
    let root = dir.join("root");
    std::fs::create_dir_all(root.join("var")).unwrap();
    let mut paths = Vec::new();
    for program in [PMTR, "/bin/sleep"] {
        let (status, out, _) = output(Command::new("ldd").arg(program));
        if status == Some(0) {
            paths.extend(out.split_whitespace().filter(|word| word.starts_with('/')).map(String::from));
        }
    }
    let copied = paths.is_empty()
        || Command::new("cp").args(["-L", "--parents"]).args(&paths).arg(&root).status().unwrap().success();
    copy_of(Path::new(PMTR), dir, "root/pmtr");
    copy_of(Path::new("/bin/sleep"), dir, "root/sleep");
    copied
}

#[test]
fn in_a_root_with_nothing_in_it_a_job_with_files_of_its_own_runs_and_the_others_say_what_they_lack() {
    if !namespaces_or_skip("a bare root") || !tool_or_skip("ldd", "a bare root") {
        return;
    }
    let dir = Dir::new();
    assert!(bare_root(&dir));
    let config = "job {\n name files\n cmd /sleep 1000\n in /pmtr.conf\n out /var/out\n err /var/err\n}\n\
        job {\n name self\n cmd /sleep 1000\n in /pmtr.conf\n out syslog\n err syslog\n user 0\n}\n\
        job {\n name plain\n cmd /sleep 1000\n}\n\
        job {\n name other\n cmd /sleep 1000\n in /pmtr.conf\n out syslog\n err syslog\n user nobody\n}\n\
        job {\n name readonly\n cmd /sleep 1000\n in /pmtr.conf\n out /out\n err /out\n}\n";
    // Neither /proc nor /dev nor /etc, and the configuration on a root that can't be written.
    let script = "mount --make-rprivate /; cp CONF DIR/root/pmtr.conf; mount --bind DIR/root DIR/root; \
        mount -o remount,bind,ro DIR/root; mount -t tmpfs none DIR/root/var; \
        exec chroot DIR/root /pmtr -c /pmtr.conf";
    let mut pmtr = as_init(dir, config, &AS_INIT, script);
    pmtr.started("files");
    pmtr.rewind().started("self");
    for (job, why) in [
        ("plain", "open in /dev/null: No such file or directory"),
        ("other", "user nobody: no such user"),
        ("readonly", "open out /out: Read-only file system"),
    ] {
        let line = pmtr.rewind().wait(&format!("can't start job {job}: "));
        assert!(line.ends_with(why), "{line}");
    }
    // Copies may still be on their way to their commands.
    wait_until("both run", || {
        pmtr.settle();
        pmtr.has("job files: running") && pmtr.has("job self: running")
    });
    assert!(!pmtr.has("exited after"), "{:#?}", pmtr.seen);
    assert_eq!(pmtr.stop().code(), Some(0));
}

const AS_STRANGER: [&str; 4] = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"];

#[test]
fn without_being_root_its_own_jobs_run_and_nobody_elses() {
    if !root_or_skip("a user without an entry") || !tool_or_skip("setpriv", "a user without an entry") {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    copy_of(Path::new(PMTR), &dir, "pmtr");
    copy_of(&probe(), &dir, "probe");
    let config = "job {\n name plain\n cmd DIR/probe DIR/plain\n}\n\
        job {\n name own\n cmd DIR/probe DIR/own\n user 4242\n}\n\
        job {\n name root\n cmd DIR/probe DIR/root\n user root\n}\n\
        job {\n name zero\n cmd DIR/probe DIR/root\n user 0\n}\n\
        job {\n name nobody\n cmd DIR/probe DIR/root\n user nobody\n}\n\
        job {\n name nice\n cmd DIR/probe DIR/root\n nice -5\n}\n\
        job {\n name limit\n cmd DIR/probe DIR/root\n ulimit -n 2000000\n}\n";
    let mut pmtr = behind(dir, config, &AS_STRANGER, "exec DIR/pmtr --state DIR/state -Fc CONF");
    for (job, why) in [
        ("root", "groups of user root: Operation not permitted"),
        ("zero", "groups of user 0: Operation not permitted"),
        ("nobody", "groups of user nobody: Operation not permitted"),
        ("nice", "nice -5: Permission denied"),
        ("limit", "ulimit -n 2000000: Operation not permitted"),
    ] {
        let line = pmtr.rewind().wait(&format!("can't start job {job}: "));
        assert!(line.ends_with(why), "{line}");
    }
    for job in ["plain", "own"] {
        let report = Report::read(&pmtr.dir.join(job));
        assert_eq!(report.get("Uid"), "4242 4242 4242 4242");
        assert_eq!(report.get("Gid"), "4242 4242 4242 4242");
        assert_eq!(report.get("Groups"), "");
    }
    assert!(!pmtr.dir.join("root").exists());
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn root_without_any_capability_runs_jobs_of_its_own_and_says_that_it_cannot_change_user() {
    let wrapper = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    if !root_or_skip("dropped capabilities") || !tool_or_skip("setpriv", "dropped capabilities") {
        return;
    }
    let config = format!(
        "job {{\n name probe\n cmd {} DIR/report\n}}\njob {{\n name other\n cmd /bin/sleep 1000\n user nobody\n}}\n",
        probe().display()
    );
    let mut pmtr = behind(Dir::new(), &config, &wrapper, "exec PMTR -Fc CONF");
    let pid = pmtr.started("probe");
    let report = Report::read(&pmtr.dir.join("report"));
    assert_eq!((report.get("CapEff"), report.get("CapBnd")), ("0000000000000000", "0000000000000000"));
    let line = pmtr.rewind().wait("can't start job other: ");
    assert!(line.ends_with("groups of user nobody: Operation not permitted"), "{line}");
    kill(pid, "KILL");
    pmtr.wait(&format!("job probe {pid} exited"));
    pmtr.save("job {\n name next\n cmd /bin/sleep 1000\n}\n");
    pmtr.started("next");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn in_a_user_namespace_of_somebody_else_it_is_process_one_and_refuses_users_that_are_not_there() {
    if !root_or_skip("a user namespace") || !tool_or_skip("setpriv", "a user namespace") {
        return;
    }
    let unshare = ["unshare", "--user", "--map-root-user", "--pid", "--mount", "--net", "--fork"];
    let wrapper: Vec<&str> = AS_STRANGER.into_iter().chain(unshare).chain(["--kill-child=KILL"]).collect();
    if output(Command::new(wrapper[0]).args(&wrapper[1..]).arg("/bin/true")).0 != Some(0) {
        eprintln!("skipped: a user namespace needs a kernel that lets users make them");
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    copy_of(Path::new(PMTR), &dir, "pmtr");
    let config = "job {\n name plain\n cmd /bin/sleep 1000\n}\n\
        job {\n name root\n cmd /bin/sleep 1000\n user root\n}\n\
        job {\n name nobody\n cmd /bin/sleep 1000\n user nobody\n}\n";
    let mut pmtr = as_init(dir, config, &wrapper, "exec DIR/pmtr -c CONF");
    pmtr.started("plain");
    pmtr.rewind().started("root");
    let line = pmtr.rewind().wait("can't start job nobody: ");
    assert!(line.ends_with("groups of user nobody: Operation not permitted"), "{line}");
    assert_eq!(pmtr.stop().code(), Some(0));
}

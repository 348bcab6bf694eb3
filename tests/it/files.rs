//! What a job's `in`, `out` and `err` lead to.

use crate::support::{Dir, Pmtr, Report, alive, copy_of, kill, open_to_all, probe, root_or_skip, wait_until};
use crate::wrapped::{behind, namespaces_or_skip, tool_or_skip};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

#[test]
fn links_that_a_user_has_planted_lead_no_further_than_that_user_may_go() {
    if !root_or_skip("planted links") {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    let secret = dir.write("secret", "secret\n");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(dir.join("closed")).unwrap();
    fs::set_permissions(dir.join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink(&secret, dir.join("file")).unwrap();
    symlink("closed/new", dir.join("new")).unwrap();
    symlink("/proc/1/mem", dir.join("memory")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    let mut config = String::new();
    let mut jobs = Vec::new();
    for (option, link, why) in [
        ("in", "file", "Permission denied"),
        ("out", "file", "Permission denied"),
        ("err", "file", "Permission denied"),
        ("out", "new", "Permission denied"),
        ("err", "memory", "Permission denied"),
        ("out", "loop", "Too many levels of symbolic links"),
    ] {
        config += &format!(
            "job {{\n name {option}-{link}\n cmd /bin/sh -c \"echo bad; echo bad >&2\"\n user nobody\n {option} DIR/{link}\n}}\n"
        );
        jobs.push((format!("{option}-{link}"), format!("open {option} "), why));
    }
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    for (job, step, why) in jobs {
        let line = pmtr.rewind().wait(&format!("can't start job {job}: "));
        assert!(line.contains(&step) && line.ends_with(why), "{line}");
    }
    assert_eq!(fs::read_to_string(pmtr.dir.join("secret")).unwrap(), "secret\n");
    assert!(!pmtr.dir.join("closed/new").exists());
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn on_a_file_system_that_cannot_be_written_a_job_with_a_log_there_says_so() {
    if !namespaces_or_skip("a read-only file system") {
        return;
    }
    let dir = Dir::new();
    fs::create_dir(dir.join("ro")).unwrap();
    let config = "job {\n name log\n cmd /bin/true\n out DIR/ro/log\n}\njob {\n name other\n cmd /bin/sleep 1000\n in DIR/pmtr.conf\n}\n";
    let script = "mount --make-rprivate /; mount -t tmpfs -o ro none DIR/ro; exec PMTR -Fc CONF";
    let mut pmtr = behind(dir, config, &["unshare", "--mount"], script);
    let line = pmtr.wait("can't start job log: ");
    assert!(line.ends_with("/ro/log: Read-only file system"), "{line}");
    pmtr.rewind().started("other");
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_directory_that_comes_later_is_found_by_the_next_try() {
    let config = "job {\n name later\n cmd /bin/sleep 1000\n dir DIR/sub\n out log\n}\n";
    let mut pmtr = Pmtr::start(config);
    let line = pmtr.wait("can't start job later: dir ");
    assert!(line.ends_with("/sub: No such file or directory"), "{line}");
    fs::create_dir(pmtr.dir.join("sub")).unwrap();
    pmtr.started("later");
    wait_until("the log is there", || pmtr.dir.join("sub/log").exists());
    assert_eq!(pmtr.count("can't start"), 1);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn one_file_by_two_names_has_all_that_was_written_to_both() {
    let dir = Dir::new();
    dir.script("talk", "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; exit 33");
    let config = "job {\n name talk\n cmd DIR/talk\n dir DIR\n out log\n err ./../*/log\n}\n";
    let name = dir.path().file_name().unwrap().to_str().unwrap().to_string();
    let mut pmtr = Pmtr::start_in(dir, &config.replace('*', &name), |_| {});
    pmtr.wait("exit status 33");
    let expected: String = (1..=5).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(fs::read_to_string(pmtr.dir.join("log")).unwrap(), expected);
}

#[test]
fn a_fifo_as_in_holds_up_its_own_job_until_somebody_writes() {
    let dir = Dir::new();
    for name in ["fifo", "never"] {
        assert!(Command::new("mkfifo").arg(dir.join(name)).status().unwrap().success());
    }
    let config = "job {\n name reads\n cmd /bin/cat\n in DIR/fifo\n out DIR/log\n once\n}\n\
        job {\n name held\n cmd /bin/cat\n in DIR/never\n}\n\
        job {\n name free\n cmd /bin/sleep 1000\n}\n";
    let mut pmtr = Pmtr::start_in(dir, config, |_| {});
    pmtr.started("free");
    let [reads, held] = pmtr.begun(["reads", "held"].into_iter())[..] else { panic!("two jobs") };
    assert!(!pmtr.has("started job reads") && !pmtr.has("started job held"));
    fs::write(pmtr.dir.join("fifo"), "through the fifo\n").unwrap();
    assert_eq!(pmtr.started("reads"), reads);
    pmtr.wait(&format!("job reads {reads} exited after"));
    assert_eq!(fs::read_to_string(pmtr.dir.join("log")).unwrap(), "through the fifo\n");
    assert!(alive(held));
    // One that waits in open can be told to end.
    pmtr.save("job {\n name free\n cmd /bin/sleep 1000\n}\n");
    pmtr.wait(&format!("job held {held} exited after"));
    assert!(!pmtr.has("SIGKILL"));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_full_disk_is_the_jobs_own_trouble() {
    let dir = Dir::new();
    dir.script("talk", "echo lost || exit 33");
    let mut pmtr = Pmtr::start_in(dir, "job {\n name talk\n cmd DIR/talk\n out /dev/full\n}\n", |_| {});
    pmtr.wait("exit status 33");
    assert!(!pmtr.has("can't start"));
}

#[test]
fn a_terminal_as_out_does_not_become_the_jobs_terminal() {
    if !tool_or_skip("script", "a terminal") {
        return;
    }
    let dir = Dir::new();
    let path = dir.path().to_str().unwrap().to_string();
    let command = format!("tty >{path}/tty.part; mv {path}/tty.part {path}/tty; exec sleep 1000");
    let mut holder = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let terminal = crate::support::read_when_there(&dir.join("tty")).trim().to_string();
    copy_of(&probe(), &dir, "probe");
    let config = format!(
        "job {{\n name probe\n cmd DIR/probe DIR/report\n in {terminal}\n out {terminal}\n err {terminal}\n}}\n"
    );
    let mut pmtr = Pmtr::start_in(dir, &config, |_| {});
    let pid = pmtr.started("probe").to_string();
    let report = Report::read(&pmtr.dir.join("report"));
    for (key, value) in
        [("tty", "0"), ("session", &pid), ("fd0", &terminal), ("fd1", &terminal), ("fd2", &terminal)]
    {
        assert_eq!(report.get(key), value, "{key}");
    }
    // The terminal hangs up, and nobody but its session hears of it.
    kill(i32::try_from(holder.id()).unwrap(), "KILL");
    holder.wait().unwrap();
    pmtr.settle();
    assert!(pmtr.has(&format!("job probe: running [{pid}]")));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_terminal_on_which_process_one_was_started_does_not_become_a_jobs_terminal_either() {
    if !namespaces_or_skip("a terminal of process 1") || !tool_or_skip("script", "a terminal of process 1") {
        return;
    }
    let dir = Dir::new();
    copy_of(&probe(), &dir, "probe");
    let config = "job {\n name probe\n cmd DIR/probe DIR/report\n out /dev/tty\n}\n\
        job {\n name quiet\n cmd DIR/probe DIR/report\n}\n";
    let wrapper = ["unshare", "--pid", "--mount", "--fork", "--kill-child=KILL"];
    let script = "mount -t proc none /proc; exec script -qec 'exec PMTR -Fc CONF 2>DIR/log' /dev/null";
    let mut pmtr = behind(dir, config, &wrapper, script);
    let report = Report::read(&pmtr.dir.join("report"));
    assert_eq!((report.get("tty"), report.get("fd1")), ("0", "/dev/null"));
    let log = || fs::read_to_string(pmtr.dir.join("log")).unwrap_or_default();
    wait_until("the other one is refused", || {
        log().contains("can't start job probe: open out /dev/tty: No such device or address")
    });
    pmtr.signal("KILL");
    pmtr.ends();
}

#[test]
fn own_output_is_reached_by_jobs_of_any_user_in_any_combination() {
    let dir = Dir::new();
    let said = fs::File::create(dir.join("said")).unwrap();
    fs::set_permissions(dir.join("said"), fs::Permissions::from_mode(0o600)).unwrap();
    let users: &[&str] =
        if root_or_skip("own output of another user") { &["", " user nobody\n"] } else { &[""] };
    let mut config = String::new();
    let mut expected = Vec::new();
    for (number, user) in users.iter().enumerate() {
        for (way, files, out_is_own, err_is_own) in [
            ("straight", " out /dev/stdout\n err /dev/stderr\n", true, false),
            ("crossed", " out /dev/stderr\n err /dev/stdout\n", false, true),
            ("both", " out /dev/stdout\n err /dev/stdout\n", true, true),
            ("alone", " err /dev/stdout\n", false, true),
        ] {
            let name = format!("{way}-{number}");
            config += &format!(
                "job {{\n name {name}\n cmd /bin/sh -c \"echo out-{name}; echo err-{name} >&2\"\n once\n{files}{user}}}\n"
            );
            expected.extend(out_is_own.then(|| format!("out-{name}")));
            expected.extend(err_is_own.then(|| format!("err-{name}")));
        }
    }
    let mut pmtr = Pmtr::start_in(dir, &config, |command| {
        command.stdout(said);
    });
    for number in 0..users.len() {
        pmtr.rewind().wait(&format!("err-straight-{number}"));
        pmtr.rewind().wait(&format!("out-crossed-{number}"));
    }
    expected.sort();
    let lines = || {
        let text = fs::read_to_string(pmtr.dir.join("said")).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    wait_until("all have written", || lines().len() >= expected.len());
    assert_eq!(lines(), expected);
    assert_eq!(pmtr.stop().code(), Some(0));
}

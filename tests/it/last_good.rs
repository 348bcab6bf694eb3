//! A start whose configuration is of no use begins with what was applied last.

use crate::log_daemon::{LogDaemon, OWN_RUN, OWN_RUN_SCRIPT};
use crate::support::{Dir, PMTR, Pmtr, alive, daemon, kill, output, root_or_skip, wait_until};
use crate::wrapped::{behind, namespaces_or_skip};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

const GOOD: &str = "job {\n name kept\n cmd /bin/sleep 1000\n}\njob {\n name old\n cmd /bin/sleep 1001\n}\n";
const BAD: &str = "job {\n name kept\n cmd /bin/sleep 1000\n uesr bob\n}\n";
const LINE: &str = "NOTE: using the LAST GOOD job config of ";

fn with_last_good(dir: Dir, config: &str) -> Pmtr {
    let path = dir.join("last-good");
    Pmtr::start_in(dir, config, |command| {
        command.arg("--last-good").arg(path);
    })
}

/// Kills the daemon and returns its directory. The next start ends what is left.
fn killed(mut pmtr: Pmtr) -> Dir {
    let pid = pmtr.pid();
    kill(pid, "KILL");
    wait_until("it is dead", || !alive(pid));
    std::mem::replace(&mut pmtr.dir, Dir::new())
}

fn again(dir: Dir) -> Pmtr {
    let (config, mut command) = (dir.join("pmtr.conf"), daemon(dir.path()));
    command.arg("-Fc").arg(&config).arg("--last-good").arg(dir.join("last-good"));
    Pmtr::run(dir, config, command, |_| {})
}

/// Waits until what is in force is kept.
fn kept(dir: &Path, text: &str) {
    let canonical = canonical(text);
    wait_until("the text in force is kept", || {
        fs::read_to_string(dir.join("last-good")).is_ok_and(|kept| kept == canonical)
    });
}

/// What is kept of a text of this file.
fn canonical(text: &str) -> String {
    const HEAD: &str = "# pmtr --last-good has written this: all of the configuration in force.\n";
    HEAD.to_owned() + &text.replace("\n ", "\n  ")
}

#[test]
fn after_a_crash_with_a_mistake_in_the_file_the_jobs_run_and_a_mended_file_is_applied() {
    let mut pmtr = with_last_good(Dir::new(), GOOD);
    let old = pmtr.rewind().started("old");
    kept(pmtr.dir.path(), GOOD);
    pmtr.save(BAD);
    pmtr.wait("NOTE: using PREVIOUS job config");
    let mut pmtr = again(killed(pmtr));
    let file = pmtr.config.display().to_string();
    pmtr.wait(&format!("FAILED to parse {file}"));
    pmtr.wait(&format!("{file}:4:2: "));
    let from = pmtr.dir.join("last-good");
    let line = pmtr.wait(LINE);
    assert!(line.ends_with(&format!(", from {}, until {file} is fixed", from.display())), "{line}");
    pmtr.wait("managing 2 jobs");
    let (job, other) = (pmtr.started("kept"), pmtr.rewind().started("old"));
    assert!(alive(job) && alive(other) && !alive(old));
    // The state of the jobs begins with it, and the mistakes were told once.
    pmtr.settle();
    assert_eq!((pmtr.count(LINE), pmtr.count("FAILED to parse")), (2, 1));
    pmtr.save(&(GOOD.to_owned() + "job {\n name new\n cmd /bin/sleep 1002\n}\n"));
    pmtr.started("new");
    assert!(alive(job) && alive(other));
    let text = fs::read_to_string(&pmtr.config).unwrap();
    kept(pmtr.dir.path(), &text);
    pmtr.settle();
    assert_eq!(pmtr.count(LINE), 2);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_file_that_is_missing_or_empty_or_no_file_does_not_leave_the_jobs_down() {
    let mut pmtr = with_last_good(Dir::new(), GOOD);
    pmtr.started("kept");
    kept(pmtr.dir.path(), GOOD);
    let mut dir = killed(pmtr);
    for (script, why) in [
        ("rm pmtr.conf", "pmtr.conf is missing"),
        (": >pmtr.conf", "pmtr.conf is empty"),
        ("rm pmtr.conf; mkdir pmtr.conf", "pmtr.conf is not a regular file"),
        ("rmdir pmtr.conf; ln -s pmtr.conf pmtr.conf", "pmtr.conf: Too many levels of symbolic links"),
    ] {
        let (status, _, errors) = output(Command::new("sh").arg("-ec").arg(script).current_dir(dir.path()));
        assert_eq!(status, Some(0), "{errors}");
        let mut pmtr = again(dir);
        pmtr.wait(why);
        pmtr.wait(LINE);
        pmtr.started("old");
        pmtr.settle();
        // Nothing was made where nothing was.
        let made = pmtr.config.symlink_metadata().is_ok();
        assert_eq!(made, !why.ends_with("is missing"), "{why}");
        assert_eq!(pmtr.stop().code(), Some(0));
        dir = std::mem::replace(&mut pmtr.dir, Dir::new());
    }
}

#[test]
fn without_a_good_text_a_start_fails_for_both_and_without_the_option_as_ever() {
    let dir = Dir::new();
    dir.write("pmtr.conf", BAD);
    let start = |words: &[&str]| {
        output(daemon(dir.path()).current_dir(dir.path()).args(["-F", "-c", "pmtr.conf"]).args(words))
    };
    let last = dir.join("last-good");
    let write = |text: &str, mode| {
        let _ = fs::remove_file(&last);
        fs::write(&last, text).unwrap();
        fs::set_permissions(&last, fs::Permissions::from_mode(mode)).unwrap();
    };
    let mistake = format!("FAILED to parse {}\n", dir.join("pmtr.conf").display());
    let fails = |why: &str| {
        let (status, _, errors) = start(&["--last-good", "last-good"]);
        assert!(status == Some(1) && errors.contains(&mistake) && errors.contains(why), "{errors}");
    };
    fails("there is no last good configuration: ");
    write("", 0o600);
    fails(" is empty");
    write(BAD, 0o600);
    fails(&format!(": it has errors: {}:4:2: error: ", last.display()));
    write(GOOD, 0o620);
    fails(": it has mode 0620, which other users could have used");
    write(GOOD, 0o600);
    fs::rename(&last, dir.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &last).unwrap();
    fails(": it is a symbolic link, which is never followed");
    fs::rename(dir.join("elsewhere"), &last).unwrap();
    let (status, _, errors) = start(&[]);
    assert!(status == Some(1) && errors.contains(&mistake) && !errors.contains("last good"), "{errors}");
    // A test is about the configuration.
    let (status, _, errors) = start(&["--check", "--last-good", "last-good"]);
    assert!(status == Some(1) && errors.contains(":4:2: ") && !errors.contains("last good"), "{errors}");
    std::os::unix::fs::symlink("pmtr.conf", dir.join("link")).unwrap();
    for (file, is) in
        [("pmtr.conf", "configuration itself"), ("link", "configuration itself"), ("p", "pid file")]
    {
        let (status, _, errors) = start(&["-p", "p", "--last-good", file]);
        assert_eq!((status, errors), (Some(1), format!("pmtr: --last-good names the {is}\n")));
    }
    // Its text is written to a file beside it first.
    fs::rename(dir.join("pmtr.conf"), dir.join("other.new")).unwrap();
    let (status, _, errors) = output(daemon(dir.path()).args(["-Fc", "other.new", "--last-good", "other"]));
    assert_eq!(status, Some(1));
    assert_eq!(
        errors,
        "pmtr: --last-good writes FILE.new first, which is the configuration: give it another name\n"
    );
    fs::rename(dir.join("other.new"), dir.join("pmtr.conf")).unwrap();
    if root_or_skip("a text of another user") {
        std::os::unix::fs::chown(&last, Some(4_242), None).unwrap();
        fails(": it belongs to another user (uid 4242)");
    }
}

#[test]
fn what_is_applied_is_kept_for_its_owner_alone_and_only_when_it_is_another_text() {
    let mut pmtr = with_last_good(Dir::new(), GOOD);
    pmtr.started("kept");
    kept(pmtr.dir.path(), GOOD);
    let last = pmtr.dir.join("last-good");
    let there = || fs::symlink_metadata(&last).unwrap();
    let first = there();
    assert_eq!(first.mode() & 0o7777, 0o600);
    pmtr.signal("HUP");
    pmtr.wait("rescanning");
    pmtr.save(BAD);
    pmtr.wait("FAILED to parse");
    assert_eq!((there().ino(), fs::read_to_string(&last).unwrap()), (first.ino(), canonical(GOOD)));
    let other = GOOD.replace("1001", "1003");
    pmtr.save(&other);
    pmtr.wait("rescanning");
    kept(pmtr.dir.path(), &other);
    assert_eq!(there().mode() & 0o7777, 0o600);
    // A link in its place is neither followed nor replaced.
    let victim = pmtr.dir.write("victim", "");
    fs::remove_file(&last).unwrap();
    std::os::unix::fs::symlink(&victim, &last).unwrap();
    pmtr.save(GOOD);
    pmtr.wait("can't save the last good configuration to ");
    assert_eq!((fs::metadata(&victim).unwrap().len(), there().is_symlink()), (0, true));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_full_disk_costs_a_line_and_the_text_of_before_stays() {
    if !namespaces_or_skip("a full disk") {
        return;
    }
    let dir = Dir::new();
    fs::create_dir(dir.join("small")).unwrap();
    let script = "mount --make-rprivate /; mount -t tmpfs -o size=16k,mode=700 none DIR/small; \
        exec PMTR -Fc CONF --last-good DIR/small/last-good";
    let mut pmtr = behind(dir, GOOD, &["unshare", "--mount"], script);
    pmtr.started("kept");
    let last = format!("/proc/{}/root{}", pmtr.pid(), pmtr.dir.join("small/last-good").display());
    wait_until("it is kept", || fs::read_to_string(&last).is_ok_and(|text| text == canonical(GOOD)));
    let more = |n: u32| format!("job {{\n name more{n}\n cmd /than/there/is/room/for\n disable\n}}\n");
    pmtr.save(&(GOOD.to_owned() + &(0..400).map(more).collect::<String>()));
    let line = pmtr.wait("can't save the last good configuration to ");
    assert!(line.contains("write it: No space left on device; that file may be out of date"), "{line}");
    assert_eq!(fs::read_to_string(&last).unwrap(), canonical(GOOD));
    assert!(!Path::new(&format!("{last}.new")).exists());
    pmtr.save(&GOOD.replace("1001", "1004"));
    wait_until("it is kept again", || fs::read_to_string(&last).is_ok_and(|text| text.contains("1004")));
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn in_the_background_the_one_who_starts_it_reads_the_mistakes_on_his_terminal() {
    let dir = Dir::new();
    dir.write("pmtr.conf", BAD);
    let last = dir.write("last-good", GOOD);
    fs::set_permissions(&last, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = daemon(dir.path());
    command.current_dir(dir.path()).args(["-c", "pmtr.conf", "-p", "pid", "--last-good", "last-good"]);
    let (status, _, errors) = output(&mut command);
    let pid: i32 = fs::read_to_string(dir.join("pid")).unwrap().trim().parse().unwrap();
    kill(pid, "TERM");
    wait_until("it has ended", || !alive(pid));
    assert_eq!(status, Some(0), "{errors}");
    assert!(
        errors.contains("FAILED to parse") && errors.contains("uesr bob\n") && errors.contains(LINE),
        "{errors}"
    );
}

#[test]
fn the_log_is_told_of_a_start_that_the_file_has_prevented() {
    if !namespaces_or_skip("a log daemon of its own") {
        return;
    }
    let dir = Dir::new();
    let mut daemon = LogDaemon::at(&dir);
    let mut pmtr = behind(dir, BAD, &OWN_RUN, OWN_RUN_SCRIPT);
    assert_eq!(pmtr.ends().code(), Some(1));
    let file = pmtr.config.display().to_string();
    daemon.wait(&format!("FAILED to parse {file}"));
    daemon.wait(&format!("{file}:4:2: "));
    assert_eq!(pmtr.count("FAILED to parse"), 1);
}

/// Files of others are told of in the log, each time that they are applied.
#[test]
fn a_configuration_that_others_can_change_is_applied_with_a_line_each_time() {
    let mut pmtr = Pmtr::start(GOOD);
    pmtr.started("kept");
    assert!(!pmtr.has("warning: "), "{:?}", pmtr.seen);
    let file = pmtr.config.display().to_string();
    let open = GOOD.replace("1001", "1005");
    let part = pmtr.dir.write("part", &open);
    fs::set_permissions(&part, fs::Permissions::from_mode(0o666)).unwrap();
    fs::rename(part, &pmtr.config).unwrap();
    pmtr.wait(&format!("{file}: warning: any user can write to this file and run commands through it"));
    pmtr.wait("managing 2 jobs");
    // The check says the same.
    let check = || output(Command::new(PMTR).args(["--check", "-c", &file]));
    let (status, _, said) = check();
    assert_eq!(
        (status, said),
        (Some(0), format!("{file}: warning: any user can write to this file and run commands through it\n"))
    );
    fs::set_permissions(&pmtr.config, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(pmtr.dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    pmtr.signal("HUP");
    let line = format!(
        "{file}: warning: any user can put another file into {} and run commands through it",
        pmtr.dir.path().display()
    );
    pmtr.wait(&line);
    pmtr.wait("managing 2 jobs");
    assert_eq!(check().2, format!("{line}\n"));
    fs::set_permissions(pmtr.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if root_or_skip("a file of another user") {
        std::os::unix::fs::chown(&pmtr.config, Some(4_242), None).unwrap();
        pmtr.signal("HUP");
        let line = format!(
            "{file}: warning: another user (uid 4242) owns this file and can run commands through it"
        );
        pmtr.wait(&line);
        pmtr.wait("managing 2 jobs");
        assert_eq!(check().2, format!("{line}\n"));
        // At the start as well.
        pmtr.signal("TERM");
        pmtr.ends();
        let mut pmtr = again(std::mem::replace(&mut pmtr.dir, Dir::new()));
        pmtr.wait(&line);
        pmtr.started("kept");
        assert_eq!(pmtr.stop().code(), Some(0));
    }
}

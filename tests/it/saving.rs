//! Every way of saving ends with exactly the new content in force.

use crate::support::{Dir, Pmtr, alive, output};
use std::process::Command;

const OLD: &str = "job {\n name kept\n cmd /bin/sleep 1000\n}\njob {\n name old\n cmd /bin/sleep 1001\n}\n";
const NEW: &str = "job {\n name kept\n cmd /bin/sleep 1000\n}\njob {\n name new\n cmd /bin/sleep 1002\n}\n";

/// Saves NEW over OLD by a shell command, in which F is the file, N a file with the new content and D
/// the directory, and checks that exactly that comes into force.
fn saved_by(command: &str) {
    let dir = Dir::new();
    std::fs::create_dir(dir.join("etc")).unwrap();
    let file = dir.write("etc/pmtr.conf", OLD);
    let new = dir.write("new", NEW);
    saved_in(dir, &file, &new, command);
}

fn saved_in(dir: Dir, file: &std::path::Path, new: &std::path::Path, command: &str) {
    let mut pmtr = Pmtr::start_in(dir, "", |c| {
        *c = crate::support::daemon(file.parent().unwrap());
        c.arg("-F").arg("-c").arg(file);
        c.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        c.stderr(std::process::Stdio::piped());
    });
    let kept = pmtr.started("kept");
    let old = pmtr.rewind().started("old");
    let script = format!(
        "set -e; F={} N={} D={}\n{command}",
        file.display(),
        new.display(),
        file.parent().unwrap().display()
    );
    let (status, _, errors) = output(Command::new("/bin/bash").arg("-c").arg(&script));
    assert_eq!(status, Some(0), "{errors}");
    pmtr.wait(&format!("job old {old} exited after"));
    pmtr.rewind().started("new");
    // Nothing was acted upon in between: the job that both have still runs, and nothing else was started.
    assert!(alive(kept), "{:?}", pmtr.seen);
    assert_eq!(pmtr.count("started job"), 3, "{:?}", pmtr.seen);
    assert!(!pmtr.has("sending SIGTERM to job kept"), "{:?}", pmtr.seen);
}

macro_rules! ways {
    ($($name:ident: $command:expr;)*) => {
        $(#[test] fn $name() { saved_by($command); })*
    };
}

ways! {
    cat_over: "cat \"$N\" >\"$F\"";
    the_rest_appended: "head -c 50 \"$N\" >\"$F\"; tail -c +51 \"$N\" >>\"$F\"";
    a_slow_writer: "while IFS= read -r l; do printf '%s\\n' \"$l\"; sleep 0.1; done <\"$N\" >\"$F\"";
    copied: "cp \"$N\" \"$F\"";
    copied_over_a_removed_file: "cp --remove-destination \"$N\" \"$F\"";
    moved_over: "cp \"$N\" \"$D/.x\"; mv \"$D/.x\" \"$F\"";
    moved_over_with_the_same_time: "cp \"$N\" \"$D/.x\"; touch -r \"$F\" \"$D/.x\"; mv \"$D/.x\" \"$F\"";
    moved_over_from_another_directory: "cp \"$N\" \"$D/../x\"; mv \"$D/../x\" \"$F\"";
    installed: "install -m 644 \"$N\" \"$F\"";
    edited_by_sed: "sed -i -e 's/old/new/' -e 's/1001/1002/' \"$F\"";
    renamed_to_a_backup_first: "mv \"$F\" \"$F~\"; cat \"$N\" >\"$F\"; rm -f \"$F~\"";
    removed_and_made_later: "rm -f \"$F\"; sleep 1; cp \"$N\" \"$F\"";
    through_another_hard_link: "ln -f \"$F\" \"$D/x\"; cat \"$N\" >\"$D/x\"; rm -f \"$D/x\"";
    through_a_hard_link_elsewhere: "ln -f \"$F\" \"$D/../x\"; cat \"$N\" >\"$D/../x\"; rm -f \"$D/../x\"";
    by_a_link_in_its_place: "cp \"$N\" \"$D/v2\"; ln -s v2 \"$D/x\"; mv -T \"$D/x\" \"$F\"";
    with_the_directory_renamed_away: "mv \"$D\" \"$D.old\"; mkdir \"$D\"; cp \"$N\" \"$F\"; rm -rf \"$D.old\"";
    with_the_directory_made_anew: "rm -rf \"$D\"; mkdir \"$D\"; cp \"$N\" \"$F\"";
    truncated_and_written_later: ": >\"$F\"; sleep 0.3; cat \"$N\" >\"$F\"";
    truncated_to_zeros_and_written_later: "truncate -s 0 \"$F\"; truncate -s 4096 \"$F\"; sleep 0.2; cat \"$N\" >\"$F\"";
    byte_by_byte: ": >\"$F\"; while IFS= read -r -n1 -d '' c; do printf %s \"$c\" >>\"$F\"; done <\"$N\"";
    again_while_it_is_applied: "for i in 1 2 3 4 5; do cp \"$N\" \"$D/x\"; mv \"$D/x\" \"$F\"; echo '# x' >>\"$F\"; done; cp \"$N\" \"$D/x\"; mv \"$D/x\" \"$F\"";
}

#[test]
fn through_memory() {
    if output(Command::new("python3").arg("-V")).0 != Some(0) {
        return eprintln!("skipped: through_memory needs python3");
    }
    saved_by(
        "truncate -s $(stat -c %s \"$N\") \"$F\"; python3 -c 'import mmap,sys; f=open(sys.argv[1],\"r+b\"); m=mmap.mmap(f.fileno(),0); m[:]=open(sys.argv[2],\"rb\").read(); m.flush()' \"$F\" \"$N\"",
    );
}

#[test]
fn by_vim() {
    if !["/usr/bin/vim", "/bin/vim"].iter().any(|path| std::path::Path::new(path).exists()) {
        return eprintln!("skipped: by_vim needs vim");
    }
    saved_by("vim -Nu NONE -i NONE -es -c '%d _' -c \"0r $N\" -c 'wq' \"$F\" </dev/null >/dev/null 2>&1");
}

fn linked(command: &str) {
    let dir = Dir::new();
    for name in ["etc", "real"] {
        std::fs::create_dir(dir.join(name)).unwrap();
    }
    dir.write("real/r.conf", OLD);
    std::os::unix::fs::symlink("../real/r.conf", dir.join("etc/pmtr.conf")).unwrap();
    let (file, new) = (dir.join("etc/pmtr.conf"), dir.write("new", NEW));
    saved_in(dir, &file, &new, command);
}

#[test]
fn the_target_of_a_link_in_place() {
    linked("cat \"$N\" >\"$(realpath \"$F\")\"");
}

#[test]
fn the_target_of_a_link_replaced() {
    linked("r=$(realpath \"$F\"); cp \"$N\" \"$r.n\"; mv \"$r.n\" \"$r\"");
}

#[test]
fn by_swapping_the_directory_as_container_platforms_do() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.join("etc/..v1")).unwrap();
    dir.write("etc/..v1/pmtr.conf", OLD);
    std::os::unix::fs::symlink("..v1", dir.join("etc/..data")).unwrap();
    std::os::unix::fs::symlink("..data/pmtr.conf", dir.join("etc/pmtr.conf")).unwrap();
    let (file, new) = (dir.join("etc/pmtr.conf"), dir.write("new", NEW));
    saved_in(
        dir,
        &file,
        &new,
        "mkdir $D/..v2; cp $N $D/..v2/pmtr.conf; ln -s ..v2 $D/..tmp; mv -T $D/..tmp $D/..data; rm -rf $D/..v1",
    );
}

#[test]
fn a_save_that_leaves_the_content_as_it_was_does_nothing() {
    let mut pmtr = Pmtr::start(OLD);
    let kept = pmtr.started("kept");
    let file = pmtr.config.clone();
    let (status, ..) =
        output(Command::new("/bin/sh").arg("-c").arg(format!(
            "f={}; touch $f; chmod 600 $f; chmod 644 $f; cp $f $f.x; mv $f.x $f",
            file.display()
        )));
    assert_eq!(status, Some(0));
    pmtr.save(NEW);
    pmtr.rewind().started("new");
    assert_eq!(pmtr.count("rescanning job configuration"), 1);
    assert!(alive(kept));
}

#[test]
fn a_file_with_mistakes_changes_nothing_and_every_mistake_is_logged() {
    let mut pmtr = Pmtr::start(OLD);
    pmtr.rewind().started("old");
    pmtr.save("job {\n name a\n cmd rel\n uesr bob\n}\n");
    pmtr.wait("FAILED to parse");
    pmtr.wait("pmtr.conf:3:");
    pmtr.wait("pmtr.conf:4:");
    pmtr.wait("NOTE: using PREVIOUS job config");
    pmtr.settle();
    assert!(pmtr.has("job old: running") && !pmtr.has("sending SIGTERM"));
    // And the next good one is taken.
    pmtr.save(NEW);
    pmtr.started("new");
}

#[test]
fn a_removed_file_changes_nothing_and_is_taken_up_when_it_is_back() {
    let mut pmtr = Pmtr::start(OLD);
    pmtr.rewind().started("old");
    std::fs::remove_file(&pmtr.config).unwrap();
    pmtr.wait("is gone, the jobs run on");
    pmtr.settle();
    assert!(pmtr.has("job old: running"));
    pmtr.save(NEW);
    pmtr.wait("can be read again");
    pmtr.started("new");
}

#[test]
fn an_emptied_file_is_applied_when_it_stays_so_for_two_seconds() {
    let mut pmtr = Pmtr::start(OLD);
    pmtr.rewind().started("old");
    std::fs::write(&pmtr.config, "# nothing left\n").unwrap();
    pmtr.wait("has no jobs any more");
    let noticed = std::time::Instant::now();
    pmtr.wait("sending SIGTERM");
    assert!(noticed.elapsed().as_secs_f64() > 1.9);
    pmtr.wait("exited after");
    pmtr.wait("exited after");
}

#[test]
fn hup_applies_an_empty_file_at_once() {
    let mut pmtr = Pmtr::start(OLD);
    let old = pmtr.rewind().started("old");
    std::fs::write(&pmtr.config, "").unwrap();
    pmtr.signal("HUP");
    pmtr.wait("rescanning job configuration");
    pmtr.wait(&format!("job old {old} exited"));
}

#[test]
fn only_the_changed_job_is_restarted_and_a_removed_one_comes_back_alone() {
    let dir = Dir::new();
    let slow = dir.script(
        "slow",
        "trap 'sleep 1; exit 0' TERM; echo >DIR/ready; while :; do sleep 0.1; done"
            .replace("DIR", dir.path().to_str().unwrap())
            .as_str(),
    );
    let job = |args: &str| format!("job {{\n name slow\n cmd {} {args}\n}}\n", slow.display());
    let mut pmtr = Pmtr::start_in(dir, &(job("") + OLD), |_| {});
    let first = pmtr.started("slow");
    let kept = pmtr.rewind().started("kept");
    crate::support::wait_until("it has its trap", || pmtr.dir.join("ready").exists());
    pmtr.save(OLD);
    pmtr.wait(&format!("sending SIGTERM to job slow [{first}]"));
    pmtr.save(&(job("") + OLD));
    pmtr.signal("HUP");
    pmtr.wait("rescanning job configuration");
    pmtr.wait(&format!("job slow {first} exited"));
    let second = pmtr.started("slow");
    assert!(!alive(first) && alive(second) && alive(kept));
    assert_eq!(pmtr.count("started job slow"), 2);
}

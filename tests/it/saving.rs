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

/// A shell that has the file open for writing until it is told to close it by a line, or to end; each other line that
/// it is given is a command, in which F is the file.
struct Writer(std::process::Child);

impl Writer {
    fn of(pmtr: &Pmtr) -> Writer {
        let mut command = Command::new("/bin/sh");
        command.arg("-s").env("F", &pmtr.config).stdin(std::process::Stdio::piped());
        let mut writer = Writer(command.spawn().unwrap());
        writer.say("exec 3>>\"$F\"; : >\"$F.open\"");
        let ready = format!("{}.open", pmtr.config.display());
        crate::support::wait_until("the writer has the file open", || std::path::Path::new(&ready).exists());
        std::fs::remove_file(ready).unwrap();
        writer
    }

    fn say(&mut self, line: &str) {
        use std::io::Write;
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // With its input it ends.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

const ONE_MORE: &str = "printf 'job {\\n name new\\n cmd /bin/sleep 1002\\n}\\n' >&3";

#[test]
fn a_file_that_its_writer_does_not_close_is_told_of_and_applied_when_it_has_rested_for_ten_seconds() {
    let mut pmtr = Pmtr::start(OLD);
    let kept = pmtr.started("kept");
    let mut writer = Writer::of(&pmtr);
    let begin = std::time::Instant::now();
    writer.say(ONE_MORE);
    pmtr.wait(&format!("waiting for the writer of {} to close it", pmtr.config.display()));
    let told = begin.elapsed().as_secs_f64();
    pmtr.started("new");
    let applied = begin.elapsed().as_secs_f64();
    assert!(told > 1.9 && applied > 9.9, "{told} {applied}");
    assert!(alive(kept));
    assert_eq!(pmtr.count("waiting for the writer"), 1);
    // What it writes next is another save, which is over when it closes the file.
    writer.say("printf 'job {\\n name later\\n cmd /bin/sleep 1003\\n}\\n' >&3");
    pmtr.wait("waiting for the writer");
    writer.say("exec 3>&-");
    pmtr.started("later");
}

#[test]
fn a_save_while_somebody_else_has_the_file_open_is_applied_and_one_by_rename_at_once() {
    let mut pmtr = Pmtr::start(OLD);
    pmtr.rewind().started("old");
    let _writer = Writer::of(&pmtr);
    // Closed by the one, open for the other.
    let again = std::fs::OpenOptions::new().append(true).open(&pmtr.config).unwrap();
    std::io::Write::write_all(&mut &again, b"job {\n name new\n cmd /bin/sleep 1002\n}\n").unwrap();
    drop(again);
    pmtr.wait("waiting for the writer");
    pmtr.started("new");
    pmtr.save(NEW);
    pmtr.wait("rescanning job configuration");
}

#[test]
fn a_file_that_is_never_left_alone_is_told_of_and_applied_by_sighup() {
    let mut pmtr = Pmtr::start(OLD);
    pmtr.rewind().started("old");
    let mut writer = Writer::of(&pmtr);
    writer.say(ONE_MORE);
    writer.say("(while sleep 1; do echo '# more' >&3; done) & more=$!");
    pmtr.wait("waiting for the writer");
    // For longer than it would have to rest.
    crate::support::wait_until("it has been written to for thirteen seconds", || {
        std::fs::read_to_string(&pmtr.config).unwrap().matches("# more").count() >= 13
    });
    pmtr.settle();
    assert!(!pmtr.has("rescanning"), "{:?}", pmtr.seen);
    pmtr.signal("HUP");
    pmtr.started("new");
    assert_eq!(pmtr.count("waiting for the writer"), 1);
    writer.say("kill $more");
}

#[test]
fn what_is_written_through_memory_is_applied_as_it_is_when_it_rests() {
    if output(Command::new("python3").arg("-V")).0 != Some(0) {
        return eprintln!("skipped: writing through memory needs python3");
    }
    let mut pmtr = Pmtr::start(OLD);
    pmtr.rewind().started("old");
    // Neither length nor time need change: only the content does, for as long as the other rule would wait.
    let script = "import mmap, os, sys, time
f = open(sys.argv[1], 'r+b')
m = mmap.mmap(f.fileno(), 0)
f.write(b'j')
f.flush()
for number in range(12):
    at = m.find(b'100', m.find(b'name old')) + 3
    m[at:at + 1] = b'%d' % (number % 8 + 2)
    time.sleep(1)
sys.stdin.read()
";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .arg(&pmtr.config)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begin = std::time::Instant::now();
    pmtr.wait("waiting for the writer");
    pmtr.wait("rescanning job configuration");
    let applied = begin.elapsed().as_secs_f64();
    drop(python.stdin.take());
    python.wait().unwrap();
    assert!(applied > 19.0, "{applied}");
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

//! Every way of saving ends with exactly the new content in force.

use crate::support::{Dir, Pmtr, alive, output};
use std::process::Command;

/// A configuration with the job `kept`, which no save changes, and one more.
fn with(job: &str) -> String {
    format!("job {{\n name kept\n cmd /bin/sleep 1000\n}}\njob {{\n name {job}\n cmd /bin/sleep 1001\n}}\n")
}

/// Ways of saving, as shell commands: F is the file, D its directory, and N a file with the new content.
const WAYS: [(&str, &str); 27] = [
    ("cat over it", r#"cat "$N" >"$F""#),
    ("append the rest", r#"head -c 50 "$N" >"$F"; tail -c +51 "$N" >>"$F""#),
    ("write slowly", r#"while IFS= read -r l; do printf '%s\n' "$l"; sleep 0.1; done <"$N" >"$F""#),
    (
        "append byte by byte",
        r#": >"$F"; while IFS= read -r -n1 -d '' c; do printf %s "$c" >>"$F"; done <"$N""#,
    ),
    ("truncate, write later", r#": >"$F"; sleep 0.3; cat "$N" >"$F""#),
    (
        "truncate to zeros, write later",
        r#"truncate -s 0 "$F"; truncate -s 4096 "$F"; sleep 0.2; cat "$N" >"$F""#,
    ),
    ("cp", r#"cp "$N" "$F""#),
    ("cp that removes first", r#"cp --remove-destination "$N" "$F""#),
    ("mv over it", r#"cp "$N" "$D/.x"; mv "$D/.x" "$F""#),
    ("mv over it with the same time", r#"cp "$N" "$D/.x"; touch -r "$F" "$D/.x"; mv "$D/.x" "$F""#),
    ("mv from another directory", r#"cp "$N" "$D/../x"; mv "$D/../x" "$F""#),
    ("install", r#"install -m 644 "$N" "$F""#),
    ("sed -i", r#"sed -i -e 's/old/new/' "$F""#),
    ("a backup by rename", r#"mv "$F" "$F~"; cat "$N" >"$F"; rm -f "$F~""#),
    ("a backup by copy", r#"cp "$F" "$F~"; cat "$N" >"$F"; rm -f "$F~""#),
    ("rm, then create", r#"rm -f "$F"; cp "$N" "$F""#),
    ("rm, create later", r#"rm -f "$F"; sleep 1; cp "$N" "$F""#),
    ("another name of the file", r#"ln "$(realpath "$F")" "$D/x"; cat "$N" >"$D/x"; rm -f "$D/x""#),
    (
        "another name of the file elsewhere",
        r#"ln "$(realpath "$F")" "$D/../x"; cat "$N" >"$D/../x"; rm -f "$D/../x""#,
    ),
    ("a link moved over it", r#"cp "$N" "$D/v2"; ln -s v2 "$D/x"; mv -T "$D/x" "$F""#),
    ("a link forced over it", r#"cp "$N" "$D/v2"; ln -sfn v2 "$F""#),
    ("a hard link forced over it", r#"cp "$N" "$D/v2"; ln -fL "$D/v2" "$F""#),
    ("the target in place", r#"cat "$N" >"$(realpath "$F")""#),
    ("the target by rename", r#"r=$(realpath "$F"); cp "$N" "$r.n"; mv "$r.n" "$r""#),
    (
        "the directory renamed and made again",
        r#"mv "$D" "$D.old"; mkdir "$D"; cp "$N" "$F"; rm -rf "$D.old""#,
    ),
    ("the directory removed and made again", r#"rm -rf "$D"; mkdir "$D"; cp "$N" "$F""#),
    (
        "edits that follow each other",
        r##"for i in 1 2 3 4 5; do cp "$N" "$D/x"; mv "$D/x" "$F"; echo '# x' >>"$F"; done; cp "$N" "$D/x"; mv "$D/x" "$F""##,
    ),
];

/// Ways of saving that need a program which not every machine has.
const WAYS_BY_OTHERS: [(&str, &str, &str); 2] = [
    (
        "vim",
        "vim --version",
        r#"vim -Nu NONE -i NONE -es -c '%d _' -c "0r $N" -c 'wq' "$F" </dev/null >/dev/null 2>&1"#,
    ),
    (
        "through memory",
        "python3 -V",
        r#"truncate -s $(stat -c %s "$N") "$F"; python3 -c 'import mmap,sys; f=open(sys.argv[1],"r+b"); m=mmap.mmap(f.fileno(),0); m[:]=open(sys.argv[2],"rb").read(); m.flush()' "$F" "$N""#,
    ),
];

/// One field of the matrix: how the file lies there, which is a shell command that has the content in OLD, and how
/// it is saved.
fn saved(layout: &str, way: &str, command: &str) {
    let dir = Dir::new();
    let run = |save: &str, new: &str| {
        let set = format!("set -e; cd {}; D=$PWD/etc F=$D/pmtr.conf N=$PWD/new", dir.path().display());
        let mut shell = Command::new("/bin/bash");
        shell.arg("-c").arg(format!("{set}\n{save}")).env("OLD", with("old"));
        dir.write("new", &with(new));
        let (status, _, errors) = output(&mut shell);
        assert_eq!(status, Some(0), "{way}, {layout}: {errors}");
    };
    run(layout, "new");
    let (file, state) = (dir.join("etc/pmtr.conf"), Dir::new());
    let mut daemon = crate::support::daemon(state.path());
    daemon.arg("-F").arg("-c").arg(&file);
    let mut pmtr = Pmtr::run(state, file, daemon, |_| {});
    let kept = pmtr.started("kept");
    let mut before = ("old", pmtr.rewind().started("old"));
    // After the save in question pmtr goes on watching.
    for (new, save) in [("new", command), ("written", WAYS[0].1), ("renamed", WAYS[8].1)] {
        run(save, new);
        let (name, pid) = before;
        pmtr.rewind().wait(&format!("job {name} {pid} exited after"));
        before = (new, pmtr.rewind().started(new));
    }
    // Nothing was acted upon in between: the job that all have still runs, and nothing else was started.
    assert!(alive(kept), "{way}, {layout}: {:?}", pmtr.seen);
    assert_eq!(pmtr.count("started job"), 5, "{way}, {layout}: {:?}", pmtr.seen);
    assert!(!pmtr.has("sending SIGTERM to job kept"), "{way}, {layout}: {:?}", pmtr.seen);
}

/// A file that lies there like this is saved in each way. What takes the time is waiting, so some go side by side.
fn saved_in_every_way(layout: &str) {
    let there = |probe: &str| {
        let mut shell = Command::new("/bin/sh");
        output(shell.arg("-c").arg(probe)).0 == Some(0)
    };
    let mut ways = WAYS.to_vec();
    for (way, probe, command) in WAYS_BY_OTHERS {
        match there(probe) {
            true => ways.push((way, command)),
            false => eprintln!("skipped: {way} is not installed"),
        }
    }
    std::thread::scope(|scope| {
        for some in ways.chunks(8) {
            scope.spawn(|| some.iter().for_each(|(way, command)| saved(layout, way, command)));
        }
    });
}

#[test]
fn every_way_of_saving_a_plain_file_ends_with_exactly_the_new_content() {
    saved_in_every_way(r#"mkdir etc; echo "$OLD" >etc/pmtr.conf"#);
}

#[test]
fn every_way_of_saving_a_linked_file_ends_with_exactly_the_new_content() {
    saved_in_every_way(r#"mkdir etc real; echo "$OLD" >real/conf; ln -s ../real/conf etc/pmtr.conf"#);
}

#[test]
fn every_way_of_saving_through_a_chain_of_links_ends_with_exactly_the_new_content() {
    saved_in_every_way(
        r#"mkdir etc a b; echo "$OLD" >b/c; ln -s "$PWD/b/c" a/conf; ln -s ../a/conf etc/pmtr.conf"#,
    );
}

#[test]
fn every_way_of_saving_in_a_linked_directory_ends_with_exactly_the_new_content() {
    saved_in_every_way(r#"mkdir real; echo "$OLD" >real/pmtr.conf; ln -s real etc"#);
}

#[test]
fn swapping_the_directory_as_container_platforms_do_ends_with_exactly_the_new_content() {
    saved(
        r#"mkdir -p etc/..v1; echo "$OLD" >etc/..v1/pmtr.conf; ln -s ..v1 etc/..data; ln -s ..data/pmtr.conf etc"#,
        "the swap",
        r#"mkdir $D/..v2; cp $N $D/..v2/pmtr.conf; ln -s ..v2 $D/..tmp; mv -T $D/..tmp $D/..data; rm -rf $D/..v1"#,
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
    let mut pmtr = Pmtr::start(&with("old"));
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
    let mut pmtr = Pmtr::start(&with("old"));
    pmtr.rewind().started("old");
    let _writer = Writer::of(&pmtr);
    // Closed by the one, open for the other.
    let again = std::fs::OpenOptions::new().append(true).open(&pmtr.config).unwrap();
    std::io::Write::write_all(&mut &again, b"job {\n name new\n cmd /bin/sleep 1002\n}\n").unwrap();
    drop(again);
    pmtr.wait("waiting for the writer");
    pmtr.started("new");
    pmtr.save(&with("new"));
    pmtr.wait("rescanning job configuration");
}

#[test]
fn a_file_that_is_never_left_alone_is_told_of_and_applied_by_sighup() {
    let mut pmtr = Pmtr::start(&with("old"));
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
    let mut pmtr = Pmtr::start(&with("old"));
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
fn a_save_that_leaves_the_content_as_it_was_is_logged_and_does_nothing() {
    let mut pmtr = Pmtr::start(&with("old"));
    let kept = pmtr.started("kept");
    let file = pmtr.config.clone();
    let (status, ..) = output(
        Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("f={}; chmod 600 $f; chmod 644 $f; cp $f $f.x; mv $f.x $f", file.display())),
    );
    assert_eq!(status, Some(0));
    pmtr.wait("rescanning job configuration");
    pmtr.save(&with("new"));
    pmtr.rewind().started("new");
    assert_eq!(pmtr.count("rescanning job configuration"), 2);
    assert_eq!(pmtr.count("managing"), 2);
    assert!(alive(kept));
}

#[test]
fn a_file_with_mistakes_changes_nothing_and_every_mistake_is_logged() {
    let mut pmtr = Pmtr::start(&with("old"));
    pmtr.rewind().started("old");
    pmtr.save("job {\n name a\n cmd \"\"\n uesr bob\n}\n");
    pmtr.wait("rescanning job configuration");
    pmtr.wait("FAILED to parse");
    pmtr.wait("pmtr.conf:3:");
    pmtr.wait("pmtr.conf:4:");
    pmtr.wait("NOTE: using PREVIOUS job config");
    pmtr.settle();
    assert!(pmtr.has("job old: running") && !pmtr.has("sending SIGTERM"));
    // And the next good one is taken.
    pmtr.save(&with("new"));
    pmtr.started("new");
}

#[test]
fn a_removed_file_changes_nothing_and_is_taken_up_when_it_is_back() {
    let mut pmtr = Pmtr::start(&with("old"));
    pmtr.rewind().started("old");
    std::fs::remove_file(&pmtr.config).unwrap();
    pmtr.wait("is missing; jobs keep running");
    pmtr.settle();
    assert!(pmtr.has("job old: running"));
    pmtr.save(&with("new"));
    pmtr.wait("can be read again");
    pmtr.started("new");
}

#[test]
fn an_emptied_file_is_applied_when_it_stays_so_for_two_seconds() {
    let mut pmtr = Pmtr::start(&with("old"));
    pmtr.rewind().started("old");
    std::fs::write(&pmtr.config, "# nothing left\n").unwrap();
    pmtr.wait("has no jobs; stopping all jobs");
    let noticed = std::time::Instant::now();
    pmtr.wait("sending SIGTERM");
    assert!(noticed.elapsed().as_secs_f64() > 1.9);
    pmtr.wait("exited after");
    pmtr.wait("exited after");
}

#[test]
fn a_file_without_a_byte_changes_nothing_and_hup_applies_it_at_once() {
    let mut pmtr = Pmtr::start(&with("old"));
    let old = pmtr.rewind().started("old");
    std::fs::write(&pmtr.config, "").unwrap();
    pmtr.wait("is empty; jobs keep running, SIGHUP applies it");
    pmtr.settle();
    assert!(alive(old));
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
    let mut pmtr = Pmtr::start_in(dir, &(job("") + &with("old")), |_| {});
    let first = pmtr.started("slow");
    let kept = pmtr.rewind().started("kept");
    crate::support::wait_until("it has its trap", || pmtr.dir.join("ready").exists());
    pmtr.save(&with("old"));
    pmtr.wait(&format!("sending SIGTERM to job slow [{first}]"));
    pmtr.save(&(job("") + &with("old")));
    pmtr.signal("HUP");
    pmtr.wait("rescanning job configuration");
    pmtr.wait(&format!("job slow {first} exited"));
    let second = pmtr.started("slow");
    assert!(!alive(first) && alive(second) && alive(kept));
    assert_eq!(pmtr.count("started job slow"), 2);
}

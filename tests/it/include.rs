//! A configuration in several files.

use crate::support::{
    Dir, PMTR, Pmtr, alive, copy_of, daemon, open_to_all, output, root_or_skip, wait_until,
};
use crate::wrapped::{behind, tool_or_skip};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const MAIN: &str = "include DIR/conf.d/*.conf\njob {\n name kept\n cmd /bin/sleep 1000\n}\n";

fn job(name: &str) -> String {
    format!("job {{\n name {name}\n cmd /bin/sleep 1000\n}}\n")
}

/// A pmtr with these files in the directory, each with a job of its name.
fn started(names: &[&str]) -> Pmtr {
    let dir = Dir::new();
    fs::create_dir(dir.join("conf.d")).unwrap();
    for name in names {
        dir.write(&format!("conf.d/{name}.conf"), &job(name));
    }
    let mut pmtr = Pmtr::start_in(dir, MAIN, |_| {});
    for name in names.iter().chain(&["kept"]) {
        pmtr.rewind().started(name);
    }
    pmtr
}

fn sh(pmtr: &Pmtr, script: &str) {
    let mut shell = Command::new("/bin/sh");
    let (status, _, errors) = output(shell.args(["-ec", script]).current_dir(pmtr.dir.path()));
    assert_eq!(status, Some(0), "{script}: {errors}");
}

/// The job `kept`, which no included file changes, has never been touched.
fn kept_runs(pmtr: &mut Pmtr) {
    let pid = pmtr.rewind().started("kept");
    assert!(alive(pid), "{:#?}", pmtr.seen);
    assert_eq!(pmtr.count("started job kept"), 1, "{:#?}", pmtr.seen);
}

#[test]
fn each_way_of_changing_an_included_file_applies_at_once() {
    let mut pmtr = started(&["a"]);
    for (save, new, gone) in [
        ("printf '%s' \"$B\" >conf.d/b.conf", "b", None),
        ("printf '%s' \"$C\" >conf.d/.c; mv conf.d/.c conf.d/c.conf", "c", None),
        ("printf '%s' \"$D\" >conf.d/b.conf", "d", Some("b")),
        ("printf '%s' \"$E\" >x; mv x conf.d/c.conf", "e", Some("c")),
        ("mkdir -p away; printf '%s' \"$F\" >away/f; ln -s ../away/f conf.d/f.conf", "f", None),
        ("printf '%s' \"$G\" >away/f", "g", Some("f")),
    ] {
        let jobs = "BCDEFG".chars().map(|c| format!("{c}='{}'", job(&c.to_lowercase().to_string())));
        sh(&pmtr, &format!("{}\n{save}", jobs.collect::<Vec<_>>().join("\n")));
        if let Some(gone) = gone {
            pmtr.wait(&format!("sending SIGTERM to job {gone} ["));
        }
        pmtr.rewind().started(new);
    }
    sh(&pmtr, "echo nonsense >conf.d/b.conf");
    let line = pmtr.wait("conf.d/b.conf:1:1: error: ");
    assert!(line.contains(pmtr.dir.path().to_str().unwrap()), "{line}");
    pmtr.wait("NOTE: using PREVIOUS job config");
    kept_runs(&mut pmtr);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn a_directory_that_appears_brings_its_jobs_and_one_that_vanishes_takes_them_after_two_seconds() {
    let mut pmtr = Pmtr::start(MAIN);
    pmtr.started("kept");
    sh(&pmtr, &format!("mkdir new; printf '%s' '{}' >new/a.conf; mv new conf.d", job("a")));
    let pid = pmtr.started("a");
    // It is back before that.
    sh(&pmtr, "mv conf.d old");
    pmtr.wait("conf.d/a.conf is missing; stopping its jobs in 2 s");
    sh(&pmtr, "mv old conf.d");
    pmtr.wait("matches the running configuration again");
    assert!(alive(pid), "{:#?}", pmtr.seen);
    sh(&pmtr, "rm -r conf.d");
    pmtr.wait("conf.d/a.conf is missing; stopping its jobs in 2 s");
    pmtr.wait(&format!("sending SIGTERM to job a [{pid}]"));
    pmtr.wait("job a ");
    // And after it.
    sh(&pmtr, &format!("mkdir conf.d; printf '%s' '{}' >conf.d/a.conf", job("a")));
    assert_ne!(pmtr.started("a"), pid);
    kept_runs(&mut pmtr);
}

#[test]
fn an_included_file_that_is_emptied_keeps_its_jobs_until_sighup() {
    let mut pmtr = started(&["a", "b"]);
    sh(&pmtr, ": >conf.d/a.conf");
    pmtr.wait("conf.d/a.conf is empty; jobs keep running, SIGHUP applies it");
    // Other files are applied meanwhile.
    pmtr.dir.write("conf.d/c.conf", &job("c"));
    pmtr.started("c");
    assert_eq!(pmtr.count("sending SIGTERM"), 0, "{:#?}", pmtr.seen);
    assert_eq!(pmtr.count("is empty"), 1, "{:#?}", pmtr.seen);
    pmtr.signal("HUP");
    pmtr.wait("sending SIGTERM to job a [");
    kept_runs(&mut pmtr);
}

#[test]
fn a_writer_that_keeps_an_included_file_open_holds_up_all_until_it_closes_it() {
    let mut pmtr = started(&["a"]);
    let mut file = fs::File::create(pmtr.dir.join("conf.d/b.conf")).unwrap();
    file.write_all(job("b").as_bytes()).unwrap();
    pmtr.dir.write("conf.d/c.conf", &job("c"));
    pmtr.wait("waiting for the writer of ");
    assert_eq!((pmtr.count("started job b"), pmtr.count("started job c")), (0, 0), "{:#?}", pmtr.seen);
    drop(file);
    pmtr.started("b");
    pmtr.rewind().started("c");
    kept_runs(&mut pmtr);
}

#[test]
fn nobody_who_may_write_into_a_directory_of_a_pattern_can_make_pmtr_wait() {
    let mut pmtr = started(&["a"]);
    for (script, what) in [
        ("mkfifo conf.d/x.conf", "conf.d/x.conf is a FIFO, not a regular file"),
        ("rm conf.d/x.conf; ln -s /dev/zero conf.d/x.conf", "conf.d/x.conf is a device, not a regular file"),
        ("rm conf.d/x.conf; truncate -s 1G conf.d/x.conf", "conf.d/x.conf: the file is larger than 10 MiB"),
        (
            "rm conf.d/x.conf; ln -s y.conf conf.d/x.conf; ln -s x.conf conf.d/y.conf",
            "can't read DIR/conf.d/x.conf: Too many levels of symbolic links; jobs keep running, trying again",
        ),
        ("cd conf.d; rm x.conf y.conf; seq -f x%g.conf 10000 | xargs touch", "more than 1024 included files"),
    ] {
        sh(&pmtr, script);
        pmtr.wait(&what.replace("DIR", pmtr.dir.path().to_str().unwrap()));
        // It still does what it is asked.
        pmtr.settle();
    }
    assert_eq!(pmtr.count("exited after"), 0, "{:#?}", pmtr.seen);
    sh(&pmtr, "cd conf.d; rm -r x*; mkdir d.conf");
    pmtr.dir.write("conf.d/b.conf", &job("b"));
    pmtr.started("b");
    kept_runs(&mut pmtr);
}

#[test]
fn a_path_that_is_missing_is_an_error_at_its_line() {
    let mut pmtr = started(&[]);
    pmtr.save("include DIR/one.conf\n\ninclude DIR/two.conf\n");
    let line = pmtr.wait("pmtr.conf:1:");
    assert!(line.ends_with("one.conf: No such file or directory"), "{line}");
    pmtr.wait("pmtr.conf:3:");
    pmtr.dir.write("one.conf", &job("one"));
    pmtr.dir.write("two.conf", &job("two"));
    pmtr.started("one");
    pmtr.rewind().started("two");
}

#[test]
fn an_ordinary_user_waits_for_a_directory_that_it_may_not_read_and_watches_a_thousand_files() {
    let test = "a directory that may not be read";
    if !root_or_skip(test) || !tool_or_skip("setpriv", test) {
        return;
    }
    let dir = Dir::new();
    open_to_all(dir.path());
    copy_of(Path::new(PMTR), &dir, "pmtr");
    fs::create_dir(dir.join("conf.d")).unwrap();
    (0..1000).for_each(|n| drop(dir.write(&format!("conf.d/{n:04}.conf"), "# none\n")));
    dir.write("conf.d/a.conf", &job("a"));
    const AS_STRANGER: [&str; 4] = ["setpriv", "--reuid=4242", "--regid=4242", "--clear-groups"];
    let mut pmtr =
        behind(dir, MAIN, &AS_STRANGER, "ulimit -n 1024; exec DIR/pmtr --state DIR/state -Fc CONF");
    let pid = pmtr.started("a");
    sh(&pmtr, "chmod 700 conf.d; touch pmtr.conf; echo '# x' >>pmtr.conf");
    let closed = pmtr.wait("can't read ");
    assert!(closed.ends_with("conf.d: Permission denied; jobs keep running, trying again"), "{closed}");
    sh(&pmtr, "chmod 755 conf.d");
    pmtr.wait("conf.d can be read again");
    pmtr.dir.write("conf.d/0999.conf", &job("b"));
    pmtr.started("b");
    assert!(alive(pid), "{:#?}", pmtr.seen);
    kept_runs(&mut pmtr);
    assert_eq!(pmtr.stop().code(), Some(0));
}

#[test]
fn check_and_print_read_included_files_relative_to_the_file_or_to_where_they_run() {
    let dir = Dir::new();
    fs::create_dir(dir.join("conf.d")).unwrap();
    dir.write("conf.d/a.conf", &job("a"));
    dir.write("pmtr.conf", "include conf.d/*.conf\n");
    let run = |mode: &str, file: &str, at: &str| {
        output(Command::new(PMTR).args([mode, "-c", file]).current_dir(dir.join(at)))
    };
    let printed = "job {\n  name a\n  cmd /bin/sleep 1000\n}\n";
    for (file, at) in
        [("pmtr.conf", ""), ("../pmtr.conf", "conf.d"), (dir.join("pmtr.conf").to_str().unwrap(), "conf.d")]
    {
        assert_eq!(run("--print", file, at), (Some(0), printed.to_owned(), String::new()), "{file}");
        let (status, out, errors) = run("--check", file, at);
        assert_eq!((status, out), (Some(0), format!("{file}: 1 job, 0 errors, 0 warnings\n")), "{errors}");
    }
    dir.write("conf.d/b.conf", "nonsense\n");
    let (status, out, errors) = run("--check", "pmtr.conf", "");
    assert_eq!((status, out.as_str()), (Some(1), "pmtr.conf: parse failed: 1 job, 1 error, 0 warnings\n"));
    assert!(errors.starts_with("conf.d/b.conf:1:1: error: "), "{errors}");
    fs::remove_file(dir.join("conf.d/b.conf")).unwrap();
    // A stream is where it is read.
    let mut pmtr = Command::new(PMTR);
    pmtr.args(["--print", "-c", "/dev/stdin"]).current_dir(dir.path());
    let mut child = pmtr.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"include conf.d/*.conf\n").unwrap();
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), String::from_utf8(out.stdout).unwrap()), (Some(0), printed.to_owned()));
}

#[test]
fn the_last_good_configuration_needs_no_included_file() {
    let dir = Dir::new();
    fs::create_dir(dir.join("conf.d")).unwrap();
    dir.write("conf.d/a.conf", &job("a"));
    let file = dir.write("pmtr.conf", "include conf.d/*.conf\n");
    let kept = dir.join("kept");
    let mut command = daemon(dir.path());
    command.arg("-F").arg("-c").arg(&file).arg("--last-good").arg(&kept);
    let mut pmtr = Pmtr::run(dir, file, command, |_| {});
    pmtr.started("a");
    wait_until("the text is kept", || fs::read_to_string(&kept).is_ok_and(|text| text.contains("name a")));
    assert_eq!(pmtr.stop().code(), Some(0));
    let Pmtr { dir, config, .. } = &pmtr;
    fs::remove_dir_all(dir.join("conf.d")).unwrap();
    fs::write(config, "include conf.d/a.conf\n").unwrap();
    let mut command = daemon(dir.path());
    command.arg("-F").arg("-c").arg(config).arg("--last-good").arg(&kept);
    let mut again = Pmtr::run(Dir::new(), config.clone(), command, |_| {});
    again.wait("using the LAST GOOD job config");
    again.started("a");
}

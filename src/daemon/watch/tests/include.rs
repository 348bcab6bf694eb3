//! Included files.

use super::*;
use crate::model::Losses;
use crate::sys::process::effective_uid;

const MAIN: &str = "include conf.d/*.conf\n";

/// A configuration of this main file, and what the script makes.
fn bench(main: &str, script: &str) -> Bench {
    let bench = Bench::new("pmtr.conf");
    bench.write("pmtr.conf", main);
    bench.sh(script);
    bench
}

impl Bench {
    /// Reads the configuration, which is another one, and shows what it includes.
    fn included(&mut self, than: Option<Fingerprint>) -> (Fingerprint, String, Losses) {
        match self.watch.load(than.map_or(Reading::Always, |than| Reading::IfChanged(Some(than)))) {
            Ok(Content::New(print, texts)) => {
                let shown = self.shown(&texts);
                (print, shown, texts.losses)
            }
            other => panic!("{other:?}"),
        }
    }

    /// For each pattern its files with their texts, without the name of the directory.
    fn shown(&self, texts: &Texts) -> String {
        let shown = texts.sources.included.iter().map(|included| match &included.files {
            Ok(files) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let file =
                    |file: &crate::config::SourceFile| [text(file.name()), text(file.text())].join("=");
                files.iter().map(file).collect::<Vec<_>>().join(" ")
            }
            Err(what) => what.clone(),
        });
        let shown = shown.collect::<Vec<_>>().join("|");
        shown.replace(&format!("{}/", self.root.display()), "")
    }

    /// The same after something has happened, which is noticed.
    fn then(&mut self, before: Fingerprint, script: &str) -> (Fingerprint, String) {
        self.sh(script);
        assert!(self.touched(), "{script}");
        let (print, shown, _) = self.included(Some(before));
        assert_ne!(print, before, "{script}");
        self.run();
        assert_eq!(self.watch.deadline(), None, "{script}");
        (print, shown)
    }
}

#[test]
fn what_matches_is_read_in_the_order_of_names_and_every_change_is_noticed() {
    let mut bench =
        bench(MAIN, "mkdir conf.d; printf 2 >conf.d/b.conf; printf 1 >conf.d/a.conf; echo >conf.d/x");
    let (mut print, shown, _) = bench.included(None);
    assert_eq!(shown, "conf.d/a.conf=1 conf.d/b.conf=2");
    bench.run();
    let watches = bench.watch.table.len();
    for (script, now) in [
        ("printf 3 >conf.d/c.conf", "conf.d/a.conf=1 conf.d/b.conf=2 conf.d/c.conf=3"),
        ("printf 4 >conf.d/b.conf", "conf.d/a.conf=1 conf.d/b.conf=4 conf.d/c.conf=3"),
        ("printf 5 >tmp; mv tmp conf.d/a.conf", "conf.d/a.conf=5 conf.d/b.conf=4 conf.d/c.conf=3"),
        ("rm conf.d/c.conf", "conf.d/a.conf=5 conf.d/b.conf=4"),
        ("mv conf.d/a.conf conf.d/a", "conf.d/b.conf=4"),
        ("mv conf.d/a conf.d/a.conf", "conf.d/a.conf=5 conf.d/b.conf=4"),
        ("ln conf.d/b.conf other; printf 6 >other", "conf.d/a.conf=5 conf.d/b.conf=6"),
        (
            "ln -s \"$PWD/tmp\" conf.d/d.conf; printf 7 >tmp",
            "conf.d/a.conf=5 conf.d/b.conf=6 conf.d/d.conf=7",
        ),
        ("printf 8 >tmp", "conf.d/a.conf=5 conf.d/b.conf=6 conf.d/d.conf=8"),
        ("rm tmp", "conf.d/a.conf=5 conf.d/b.conf=6"),
        (
            "rm conf.d/d.conf other; mkdir conf.d/e.conf; printf 9 >conf.d/b.conf",
            "conf.d/a.conf=5 conf.d/b.conf=9",
        ),
        ("rm -r conf.d", ""),
        ("mkdir conf.d; printf 1 >conf.d/z.conf", "conf.d/z.conf=1"),
        ("mv conf.d old; mkdir new; printf 2 >new/y.conf; mv new conf.d", "conf.d/y.conf=2"),
        ("rm -r conf.d; ln -s old conf.d", "conf.d/z.conf=1"),
        ("printf 3 >old/z.conf", "conf.d/z.conf=3"),
        ("rm conf.d; mv old conf.d; cp conf.d/z.conf conf.d/y.conf", "conf.d/y.conf=3 conf.d/z.conf=3"),
    ] {
        let (next, shown) = bench.then(print, script);
        assert_eq!(shown, now, "{script}");
        print = next;
    }
    assert_eq!(bench.watch.table.len(), watches, "what is no longer included is no longer watched");
    bench.write("pmtr.conf", "# none\n");
    assert!(bench.touched());
    assert_eq!(bench.included(None).1, "");
    assert!(bench.watch.parts().next().is_none() && bench.watch.table.len() < watches);
}

#[test]
fn other_names_in_the_directory_are_nobody_s_business() {
    let mut bench = bench(MAIN, "mkdir conf.d; printf 1 >conf.d/a.conf");
    bench.included(None);
    bench.run();
    bench.sh(
        "cd conf.d; echo x >.a.conf.swp; echo x >a.conf~; echo x >b.conf.bak; mv b.conf.bak c; mkdir d; rm c",
    );
    bench.sh("cd conf.d; cp a.conf .b.conf; mv .b.conf a.conf.dpkg-new; cat a.conf");
    assert_eq!(bench.run(), []);
}

#[test]
fn a_directory_that_does_not_exist_yet_is_waited_for() {
    let mut bench = bench("include a/b/*.conf\ninclude c/*/x.conf\n", "true");
    let (print, shown, _) = bench.included(None);
    assert_eq!(shown, "|");
    bench.run();
    let (print, shown) = bench.then(print, "mkdir -p a/b; printf 1 >a/b/1.conf");
    assert_eq!(shown, "a/b/1.conf=1|");
    let (print, shown) = bench.then(print, "mkdir -p c/d; printf 2 >c/d/x.conf; printf 3 >c/d/y.conf");
    assert_eq!(shown, "a/b/1.conf=1|c/d/x.conf=2");
    bench.sh("mkdir c/e c/f");
    bench.touched();
    assert_eq!(bench.watch.load(Reading::IfChanged(Some(print))), Ok(Content::Same));
    bench.run();
    let (print, shown) = bench.then(print, "printf 4 >c/f/x.conf");
    assert_eq!(shown, "a/b/1.conf=1|c/d/x.conf=2 c/f/x.conf=4");
    assert_eq!(bench.then(print, "rm -r c/d").1, "a/b/1.conf=1|c/f/x.conf=4");
}

#[test]
fn a_path_leads_to_its_file_and_is_a_mistake_without_one() {
    let mut bench = bench("include one\ninclude sub/../two\n", "printf 1 >one; mkdir sub");
    let two = "can't read sub/../two: No such file or directory";
    let (print, shown, _) = bench.included(None);
    assert_eq!(shown, format!("one=1|{two}"));
    bench.run();
    let (print, shown) = bench.then(print, "printf 2 >two");
    assert_eq!(shown, "one=1|sub/../two=2");
    assert_eq!(bench.then(print, "rm one").1, "can't read one: No such file or directory|sub/../two=2");
}

#[test]
fn nothing_but_regular_files_is_opened() {
    let mut bench = bench(
        "include *.x\ninclude dir\ninclude fifo\ninclude /dev/null\n",
        "mkdir dir dir.x; mkfifo fifo; printf 1 >a.x",
    );
    let wanted = "a.x=1|dir is a directory, not a regular file|fifo is a FIFO, not a regular file|\
                  /dev/null is a device, not a regular file";
    let (print, shown, _) = bench.included(None);
    assert_eq!(shown, wanted);
    bench.run();
    assert!(bench.then(print, "mkfifo b.x").1.starts_with("b.x is a FIFO, not a regular file|"));
    // Nobody knows what it leads to, so nothing is taken away.
    bench.sh("rm b.x; ln -s c.x b.x; ln -s b.x c.x");
    let path: Rc<[u8]> = bench.path("b.x");
    let error = LoadError::PartUnreadable(path, Errno(crate::sys::numbers::ELOOP));
    assert_eq!(bench.watch.load(Reading::Always).err(), Some(error));
}

#[test]
fn what_is_included_has_limits() {
    let mut bench = bench("include *.x\n", "for i in $(seq 1024); do : >$i.x; done");
    assert_eq!(bench.included(None).1.split(' ').count(), 1024);
    bench.sh(": >0.x");
    assert_eq!(bench.included(None).1, "more than 1024 included files");
    bench.sh("rm *.x; mkdir d; cd d; for i in $(seq 257); do mkdir $i; done");
    bench.write("pmtr.conf", "include d/*/*\ninclude a\n");
    assert_eq!(
        bench.included(None).1,
        "the patterns lead to more than 256 directories|can't read a: No such file or directory"
    );
    bench.sh("rm -r d; truncate -s 10M a; truncate -s 11M b; for i in 1 2 3 4 5 6; do cp a $i.x; done");
    bench.write("pmtr.conf", "include a\ninclude b\n");
    let (_, shown, _) = bench.included(None);
    assert!(shown.ends_with("|b: the file is larger than 10 MiB"), "{}", shown.len());
    bench.write("pmtr.conf", "include a\ninclude *.x\n");
    let (_, shown, _) = bench.included(None);
    let all = "|6.x: the files of the configuration are larger than 64 MiB";
    assert!(shown.ends_with(all), "{}", shown.len());
    bench.write("pmtr.conf", &format!("include {}*\n", "x".repeat(4096)));
    assert_eq!(bench.included(None).1, "a path has at most 4096 bytes");
}

#[test]
fn a_file_that_becomes_empty_keeps_what_it_held_and_one_that_vanishes_is_told() {
    let mut bench =
        bench(MAIN, "mkdir conf.d; printf 1 >conf.d/a.conf; printf 2 >conf.d/b.conf; : >conf.d/c.conf");
    let (print, shown, losses) = bench.included(None);
    assert_eq!(
        (shown.as_str(), losses),
        ("conf.d/a.conf=1 conf.d/b.conf=2 conf.d/c.conf=", Losses::default())
    );
    bench.watch.applied(print);
    bench.sh(": >conf.d/a.conf; rm conf.d/b.conf");
    let (print, shown, losses) = bench.included(Some(print));
    assert_eq!(shown, "conf.d/a.conf=1 conf.d/c.conf=");
    let (a, b) = (bench.path("conf.d/a.conf"), bench.path("conf.d/b.conf"));
    assert_eq!(losses, Losses { vanished: vec![b], emptied: vec![a.clone()] });
    // As long as that is not in force, it is told again; afterwards the file still has what it held.
    assert_eq!(bench.included(None).1, "conf.d/a.conf= conf.d/c.conf=");
    let (_, _, losses) = bench.included(Some(Fingerprint { bytes: 0, hash: 0 }));
    assert_eq!(losses.vanished.len(), 1);
    bench.watch.applied(print);
    bench.sh("printf 3 >conf.d/c.conf");
    let (_, shown, losses) = bench.included(Some(print));
    assert_eq!(shown, "conf.d/a.conf=1 conf.d/c.conf=3");
    assert_eq!(losses, Losses { vanished: vec![], emptied: vec![a] });
}

#[test]
fn an_included_file_that_is_being_written_is_left_unless_it_must_be_read() {
    let mut bench = bench("include a\ninclude b\n", "printf 1 >a; printf 22 >b");
    let (print, ..) = bench.included(None);
    WRITER.set(Some(true));
    let busy = |bench: &mut Bench| match bench.watch.load(Reading::IfChanged(None)) {
        Err(LoadError::Busy(state)) => state,
        other => panic!("{other:?}"),
    };
    let first = busy(&mut bench);
    assert_eq!((first, first.bytes), (busy(&mut bench), 1));
    assert_eq!(bench.watch.load(Reading::IfChanged(Some(print))), Ok(Content::Same));
    let Ok(Content::New(same, _)) = bench.watch.load(Reading::IfUnwritten(None, first)) else { panic!() };
    assert_eq!(same, print);
    bench.write_here("b", "33");
    let second = busy(&mut bench);
    assert_ne!(second, first);
    assert!(matches!(bench.watch.load(Reading::IfUnwritten(None, first)), Err(LoadError::Busy(_))));
    // One that has just been emptied is going to be written.
    bench.write_here("a", "");
    assert_eq!(busy(&mut bench).bytes, 0);
}

#[test]
fn where_the_kernel_tells_of_no_writer_a_new_file_is_read_when_it_is_closed() {
    let mut bench = bench(MAIN, "mkdir conf.d");
    let (print, ..) = bench.included(None);
    bench.run();
    WRITER.set(None);
    let path = bench.root.join("conf.d/a.conf");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    assert_eq!(bench.run(), [Seen::Writing]);
    for _ in 0..2 {
        let busy = bench.watch.load(Reading::IfChanged(Some(print)));
        assert!(matches!(busy, Err(LoadError::Busy(_))), "{busy:?}");
        std::io::Write::write_all(&mut file, b"half").unwrap();
        assert_eq!(bench.run(), [Seen::Writing]);
    }
    drop(file);
    assert!(bench.touched());
    assert_eq!(bench.included(Some(print)).1, "conf.d/a.conf=halfhalf");
}

#[test]
fn without_inotify_included_files_are_looked_at() {
    let mut bench = bench(MAIN, "mkdir conf.d; printf 1 >conf.d/a.conf");
    let (print, ..) = bench.included(None);
    bench.watch.go_blind(&std::io::Error::from_raw_os_error(24));
    bench.run_for(secs(3));
    for script in ["printf 22 >conf.d/a.conf", "printf 3 >conf.d/b.conf", "rm conf.d/a.conf"] {
        let (before, ..) = bench.included(None);
        assert_eq!(bench.run_for(secs(3)), [], "{script}");
        bench.sh(script);
        let seen = bench.run_for(secs(3));
        assert!(seen.iter().any(|seen| matches!(seen, Seen::Saved | Seen::Config)), "{script}: {seen:?}");
        assert_ne!(bench.included(None).0, before, "{script}");
    }
    assert_ne!(bench.included(None).0, print);
}

#[test]
fn a_directory_that_may_not_be_read_is_told_and_noticed_when_it_may() {
    if effective_uid() == 0 {
        return eprintln!("skipped: root may read every directory");
    }
    let mut bench = bench(MAIN, "mkdir conf.d; printf 1 >conf.d/a.conf; chmod 0 conf.d");
    let error = LoadError::PartUnreadable(bench.path("conf.d"), Errno(13));
    assert_eq!(bench.watch.load(Reading::Always).err(), Some(error));
    bench.run();
    bench.sh("chmod 755 conf.d");
    assert!(bench.touched());
    assert_eq!(bench.included(None).1, "conf.d/a.conf=1");
}

#[test]
fn who_else_can_change_what_is_included_is_told_once() {
    let mut bench = bench(MAIN, "mkdir conf.d; printf 1 >conf.d/a.conf; printf 2 >conf.d/b.conf");
    bench.included(None);
    let told = |bench: &Bench| {
        let told = bench.watch.exposures(effective_uid());
        let told: Vec<String> = told.iter().map(|mistake| mistake.headline().to_string()).collect();
        told.join("\n").replace(&format!("{}/", bench.root.display()), "")
    };
    assert_eq!(told(&bench), "");
    bench.sh("chmod 777 conf.d; chmod 666 conf.d/b.conf");
    bench.included(None);
    let mut lines: Vec<String> = told(&bench).lines().map(Into::into).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "conf.d/a.conf: warning: any user can put another file into conf.d and run commands through it",
            "conf.d/b.conf: warning: any user can write to this file and run commands through it",
        ]
    );
}

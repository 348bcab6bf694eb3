//! A saved configuration is noticed and read as it is. `tests/it/saving.rs` has every way of saving.

use super::*;

const OLD: &str = "job {\n name old\n cmd /bin/old\n}\n";
const NEW: &str = "job {\n name new\n cmd /bin/new\n}\n# some more\n";

#[test]
fn what_is_saved_is_read_and_then_nothing_is_due() {
    let mut bench = Bench::new("etc/conf");
    bench.sh(&format!(
        "mkdir etc a b; echo '{OLD}' >b/c; ln -s \"$PWD/b/c\" a/conf; ln -s ../a/conf etc/conf"
    ));
    let (mut before, _) = bench.load();
    assert_eq!(bench.run(), []);
    for (save, content) in [
        ("cat new >etc/conf", NEW),
        ("cp new b/tmp; mv b/tmp b/c", OLD),
        ("cp new tmp; mv tmp etc/conf", NEW),
    ] {
        bench.write("new", content);
        bench.sh(save);
        assert!(bench.touched(), "{save}");
        let Ok(Content::New(print, texts)) = bench.watch.load(Reading::IfChanged(Some(before))) else {
            panic!("{save}")
        };
        assert_eq!(text_of(&texts), content, "{save}");
        bench.run();
        assert_eq!(bench.watch.load(Reading::IfChanged(Some(print))), Ok(Content::Same), "{save}");
        assert_eq!(bench.watch.deadline(), None, "{save}");
        before = print;
    }
}

#[test]
fn a_swapped_directory_of_a_container_platform_is_noticed() {
    let mut bench = Bench::new("conf");
    bench.sh("mkdir ..v1; echo 1 >..v1/conf; ln -s ..v1 ..data; ln -s ..data/conf conf");
    assert_eq!(bench.load().1, "1\n");
    for i in 2..9 {
        bench.run();
        let old = i - 1;
        bench.sh(&format!(
            "mkdir ..v{i}; echo {i} >..v{i}/conf; ln -s ..v{i} tmp; mv -T tmp ..data; rm -r ..v{old}"
        ));
        assert!(bench.touched());
        assert_eq!(bench.load().1, format!("{i}\n"));
    }
    assert!(bench.watch.table.len() < 8, "old directories are no longer watched");
}

#[test]
fn what_leaves_the_content_is_the_same() {
    let mut bench = Bench::new("conf");
    bench.write("conf", OLD);
    let (print, _) = bench.load();
    bench.run();
    bench.sh("chmod 600 conf; chmod 644 conf; cat conf; echo x >other; rm other");
    assert_eq!(bench.run(), [], "nobody has written the file");
    for script in ["touch conf", "cp conf tmp; cat tmp >conf", "cp conf tmp; mv tmp conf"] {
        bench.sh(script);
        assert!(bench.touched(), "{script}");
        assert_eq!(bench.watch.load(Reading::IfChanged(Some(print))), Ok(Content::Same), "{script}");
    }
    assert!(matches!(bench.watch.load(Reading::IfChanged(None)), Ok(Content::New(..))));
}

#[test]
fn a_save_is_told_from_what_else_happens_to_the_file() {
    for (what, script, seen) in [
        ("written", "echo 2 >conf", Seen::Saved),
        ("closed by who has written nothing", "touch conf", Seen::Saved),
        ("put in its place", "cp conf new; mv new conf", Seen::Saved),
        ("a link to another", "echo 3 >new; ln -sf new conf", Seen::Saved),
        ("removed", "rm conf", Seen::Config),
        ("moved away", "mv conf old", Seen::Config),
        ("moved with its directory", "mv ../etc ../old", Seen::Config),
    ] {
        let mut bench = Bench::new("etc/conf");
        bench.sh("mkdir etc; echo 1 >etc/conf");
        bench.load();
        assert_eq!(bench.run(), [], "{what}");
        bench.sh(&format!("cd etc; {script}"));
        assert_eq!(bench.run(), [seen], "{what}");
    }
}

#[test]
fn a_file_that_comes_into_being_is_noticed_however_deep() {
    let mut bench = Bench::new("a/b/c/conf");
    assert_eq!(bench.watch.load(Reading::Always), Err(LoadError::Missing));
    bench.run();
    for step in ["mkdir a", "mkdir a/b; mkdir a/b/c", "echo 1 >a/b/c/conf"] {
        bench.sh(step);
        assert!(bench.touched(), "{step}");
    }
    assert_eq!(bench.load().1, "1\n");
    bench.sh("mkdir -p new/b/c; echo 2 >new/b/c/conf; mv a old; mv new a");
    assert!(bench.touched(), "a directory above its own was replaced");
    assert_eq!(bench.load().1, "2\n");
    bench.run();
    bench.sh("rm -r a");
    assert!(bench.touched());
    assert_eq!(bench.watch.load(Reading::Always), Err(LoadError::Missing));
    bench.run();
    bench.sh("mkdir -p a/b/c; echo 3 >a/b/c/conf");
    assert!(bench.touched());
    assert_eq!(bench.load().1, "3\n");
}

#[test]
fn a_new_empty_file_waits_for_its_writer() {
    use std::io::Write;
    let mut bench = Bench::new("conf");
    assert_eq!(bench.watch.load(Reading::Always), Err(LoadError::Missing));
    bench.run();
    let mut file = File::create(bench.root.join("conf")).unwrap();
    assert_eq!(bench.run(), [Seen::Writing]);
    file.write_all(b"x").unwrap();
    assert_eq!(bench.run(), [Seen::Writing]);
    drop(file);
    assert!(bench.touched());
}

#[test]
fn a_file_that_is_being_written_is_left_unless_it_must_be_read() {
    let mut bench = Bench::new("conf");
    bench.write("conf", OLD);
    let (print, _) = bench.load();
    WRITER.set(Some(true));
    let mut state = || match bench.watch.load(Reading::IfChanged(None)) {
        Err(LoadError::Busy(state)) => state,
        other => panic!("{other:?}"),
    };
    let first = state();
    assert_eq!((first, first.bytes), (state(), OLD.len() as u64));
    // As it is in force nothing is to be waited for, and in the state in which it was left it is read.
    assert_eq!(bench.watch.load(Reading::IfChanged(Some(print))), Ok(Content::Same));
    assert_eq!(bench.watch.load(Reading::IfUnwritten(Some(print), first)), Ok(Content::Same));
    let Ok(Content::New(same, _)) = bench.watch.load(Reading::IfUnwritten(None, first)) else { panic!() };
    assert_eq!(same, print);
    assert_eq!(bench.load().1, OLD);
}

#[test]
fn where_the_kernel_tells_of_no_writer_a_write_without_a_close_tells_of_one() {
    let mut bench = Bench::new("conf");
    bench.write("conf", OLD);
    bench.load();
    bench.run();
    WRITER.set(None);
    // In the place of another, and in the file itself.
    for truncated in [true, false] {
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).append(!truncated).truncate(truncated).open(bench.root.join("conf")).unwrap();
        std::io::Write::write_all(&mut file, b"x").unwrap();
        assert_eq!(bench.run(), [Seen::Writing]);
        let Err(LoadError::Busy(state)) = bench.watch.load(Reading::IfChanged(None)) else { panic!() };
        let rested = bench.watch.load(Reading::IfUnwritten(None, state));
        assert!(matches!(rested, Ok(Content::New(..))), "{rested:?}");
        drop(file);
        assert!(bench.touched());
        let closed = bench.watch.load(Reading::IfChanged(None));
        assert!(matches!(closed, Ok(Content::New(..))), "{closed:?}");
    }
}

#[test]
fn whatever_a_writer_changes_is_another_state() {
    let mut bench = Bench::new("conf");
    bench.write("conf", OLD);
    let meta = std::fs::metadata(bench.root.join("conf")).unwrap();
    WRITER.set(Some(true));
    let mut seen = Vec::new();
    for script in [
        ":",
        // The same length: who writes through memory changes nothing but the content.
        "sed s/old/new/g conf >x; cat x >conf",
        "cp -p conf kept; echo >>conf",
        "cat kept >conf",
        "touch -d 2020-01-01 conf",
    ] {
        bench.sh(script);
        let Err(LoadError::Busy(state)) = bench.watch.load(Reading::IfChanged(None)) else { panic!() };
        assert!(!seen.contains(&state), "{script}");
        // It is not read for having rested in another state.
        for old in &seen {
            let answer = bench.watch.load(Reading::IfUnwritten(None, *old));
            assert_eq!(answer, Err(LoadError::Busy(state)), "{script}");
        }
        seen.push(state);
    }
    let stamp = FileStamp::of(&meta);
    assert_ne!(read::state_of(&stamp, b"one"), read::state_of(&stamp, b"two"));
}

#[test]
fn a_writer_of_the_configuration_is_heard_and_one_of_other_files_is_not() {
    use std::io::Write;
    let mut bench = Bench::new("conf");
    bench.sh("echo 1 >conf; echo 1 >other; ln -s conf link");
    bench.load();
    bench.watch.add(bench.path("other"));
    bench.run();
    let open = |name: &str| std::fs::OpenOptions::new().append(true).open(bench.root.join(name)).unwrap();
    let (mut conf, mut other) = (open("conf"), open("other"));
    assert_eq!(bench.run(), []);
    other.write_all(b"2").unwrap();
    assert_eq!(bench.run(), []);
    conf.write_all(b"2").unwrap();
    assert_eq!(bench.run(), [Seen::Writing]);
    bench.sh("truncate -s 1 conf");
    assert!(!bench.run().is_empty());
}

#[test]
fn writing_through_another_name_elsewhere_is_noticed() {
    let mut bench = Bench::new("a/conf");
    bench.sh("mkdir a b; echo 1 >a/conf; ln a/conf b/other");
    bench.load();
    bench.run();
    bench.sh("echo 2 >b/other");
    assert!(bench.touched());
    assert_eq!(bench.load().1, "2\n");
    bench.run();
    bench.sh("echo 3 >c; mv c a/conf");
    assert!(bench.touched());
    bench.load();
    bench.run();
    bench.sh("echo 4 >b/other");
    assert_eq!(bench.run(), [], "that is another file now");
}

#[test]
fn what_is_no_file_is_not_opened_and_what_is_too_large_not_read() {
    let mut bench = Bench::new("conf");
    for (script, error) in [
        ("mkfifo conf", LoadError::NotAFile),
        ("rm conf; mkdir conf", LoadError::NotAFile),
        ("rmdir conf; ln -s /dev/null conf", LoadError::NotAFile),
        ("rm conf; ln -s nowhere conf", LoadError::Missing),
        ("rm conf; ln -s conf conf", LoadError::Unreadable(Errno(40))),
        ("rm conf; echo x >file; ln -s file/conf conf", LoadError::Missing),
    ] {
        bench.sh(script);
        assert_eq!(bench.watch.load(Reading::Always), Err(error), "{script}");
        bench.run();
    }
    bench.sh("rm conf; truncate -s 10485760 conf");
    assert!(bench.touched());
    assert_eq!(bench.load().0.bytes, 10 << 20);
    bench.sh("truncate -s 10485761 conf");
    let Err(LoadError::Mistakes(mistakes)) = bench.watch.load(Reading::Always) else { panic!() };
    assert_eq!((mistakes.len(), mistakes[0].line), (1, 0));
    assert!(mistakes[0].headline().to_string().ends_with("/conf: error: the file is larger than 10 MiB"));
}

#[test]
fn a_thousand_reloads_leave_no_more_watches() {
    let mut bench = Bench::new("etc/conf");
    bench.sh("mkdir etc; echo x >etc/conf");
    bench.load();
    let before = bench.watch.table.len();
    for i in 0..1000 {
        bench.write_here("etc/tmp", &i.to_string());
        std::fs::rename(bench.root.join("etc/tmp"), bench.root.join("etc/conf")).unwrap();
        assert!(bench.touched());
        assert_eq!(bench.load().1, i.to_string());
    }
    bench.run();
    assert_eq!(bench.watch.table.len(), before);
    assert_eq!(bench.kernel_watches(), before);
}

impl Bench {
    /// How many watches the kernel keeps for us.
    pub(super) fn kernel_watches(&self) -> usize {
        let fd = self.watch.inotify.as_ref().unwrap().number();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
        info.lines().filter(|line| line.starts_with("inotify wd:")).count()
    }
}

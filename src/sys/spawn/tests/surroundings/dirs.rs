//! `make dir`, also where others try to lead pmtr elsewhere.

use super::*;

#[test]
fn a_directory_is_made_with_its_mode_and_left_alone_if_it_is_there() {
    let mut bench = Bench::new();
    let draft = |bench: &Bench| JobDraft {
        dir: Some(bench.text("a/b")),
        out: None,
        err: None,
        attributes: Attributes {
            umask: Some(0o77),
            ..dirs(&[
                (&bench.text("a"), None),
                (&bench.text("a/b"), Some(0o1)),
                (&bench.text("c//./"), Some(0o777)),
            ])
        },
        ..bench.job(&["/bin/true"])
    };
    // A directory that is not there yet may be `dir`.
    let first = JobDraft { dir: None, ..draft(&bench) };
    assert_eq!(bench.run(first, shared()), Ok(Exit::Code(0)));
    for (name, mode) in [("a", 0o755), ("a/b", 0o1), ("c", 0o777)] {
        assert_eq!(fs::metadata(bench.path(name)).unwrap().mode() & 0o7777, mode, "{name}");
        chmod(&bench.path(name), 0o710);
    }
    assert_eq!(bench.run(draft(&bench), shared()), Ok(Exit::Code(0)));
    for name in ["a", "a/b", "c"] {
        assert_eq!(fs::metadata(bench.path(name)).unwrap().mode() & 0o7777, 0o710, "{name}");
    }
}

#[test]
fn what_is_no_directory_and_what_a_link_leads_to_fails_the_start() {
    let mut bench = Bench::new();
    fs::write(bench.path("file"), "").unwrap();
    fs::create_dir(bench.path("dir")).unwrap();
    symlink("dir", bench.path("link")).unwrap();
    symlink("none", bench.path("dangling")).unwrap();
    for (name, errno) in [
        ("file", libc::ENOTDIR),
        ("file/x", libc::ENOTDIR),
        ("none/x", libc::ENOENT),
        ("link", 0),
        ("link/x", 0),
        ("dangling", 0),
        ("dangling/x", 0),
    ] {
        let draft = bench.prints(dirs(&[(b"/", None), (name.as_bytes(), None)]), None);
        assert_eq!(bench.piped(draft), Err(error(Stage::MakeDir(1), errno)), "{name}");
    }
    assert!(!bench.path("dir/x").exists() && !bench.path("none").exists());
}

#[test]
fn a_directory_belongs_to_the_user_and_the_group_of_the_job() {
    if !as_root("the directory of another user") {
        return;
    }
    let mut bench = Bench::new();
    chmod(bench.dir.path(), 0o755);
    fs::create_dir(bench.path("closed")).unwrap();
    chmod(&bench.path("closed"), 0o700);
    fs::create_dir(bench.path("open")).unwrap();
    chmod(&bench.path("open"), 0o777);
    for (name, user, group, expected) in [
        ("a", None, None, (0, 0)),
        ("b", Some("nobody"), None, (NOBODY, NOBODY)),
        ("b/c", Some("nobody"), None, (NOBODY, NOBODY)),
        ("d", Some("nobody"), Some(c"4242"), (NOBODY, 4242)),
        ("e", None, Some(c"4242"), (0, 4242)),
        ("closed/f", Some("nobody"), None, (NOBODY, NOBODY)),
        ("open/g", Some("nobody"), Some(c"4242"), (NOBODY, 4242)),
    ] {
        let attributes = Attributes { group: group.map(Into::into), ..dirs(&[(name.as_bytes(), None)]) };
        assert!(bench.piped(bench.prints(attributes, user)).is_ok(), "{name}");
        let there = fs::metadata(bench.path(name)).unwrap();
        assert_eq!((there.uid(), there.gid()), expected, "{name}");
    }
    // Elsewhere it is made by the user, who may not.
    give(&bench.path("open"), 1);
    chmod(&bench.path("open"), 0o755);
    let draft = bench.prints(dirs(&[(b"open/x", None)]), Some("nobody"));
    assert_eq!(bench.piped(draft), Err(error(Stage::MakeDir(0), libc::EACCES)));
}

/// Ends another thread when it is dropped, even if the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_directory_that_is_swapped_meanwhile_leads_pmtr_nowhere() {
    if !as_root("a directory that another user swaps") {
        return;
    }
    let mut bench = Bench::new();
    chmod(bench.dir.path(), 0o755);
    // What only root may read and change.
    fs::create_dir(bench.path("roots")).unwrap();
    fs::write(bench.path("roots/env"), "A=secret").unwrap();
    chmod(&bench.path("roots/env"), 0o600);
    fs::create_dir(bench.path("theirs")).unwrap();
    give(&bench.path("theirs"), NOBODY);
    fs::create_dir(bench.path("theirs/real")).unwrap();
    fs::write(bench.path("theirs/real/env"), "A=own").unwrap();
    [bench.path("theirs/real"), bench.path("theirs/real/env")].iter().for_each(|path| give(path, NOBODY));
    symlink(bench.path("roots"), bench.path("theirs/link")).unwrap();
    symlink("real", bench.path("theirs/way")).unwrap();
    let stop = AtomicBool::new(false);
    let [real, link, way] = ["theirs/real", "theirs/link", "theirs/way"].map(|name| bench.path(name));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Exchanges a directory and a link again and again.
                let _ = fs::rename(&way, real.with_extension("old"));
                let _ = fs::rename(&link, &way);
                let _ = fs::rename(&way, &link);
                let _ = fs::rename(real.with_extension("old"), &way);
                let _ = fs::rename(&real, real.with_extension("dir"));
                let _ = symlink("link", &real);
                let _ = fs::remove_file(&real);
                let _ = fs::rename(real.with_extension("dir"), &real);
            }
        });
        let _stop = Stop(&stop);
        for round in 0..300 {
            let name = format!("theirs/real/new{round}");
            let attributes = Attributes {
                env_files: files(&[(b"theirs/way/env", true), (b"theirs/real/env", true)]).env_files,
                ..dirs(&[(name.as_bytes(), None)])
            };
            for only_files in [false, true] {
                let make_dirs = if only_files { Vec::new() } else { attributes.make_dirs.clone() };
                let attributes = Attributes { make_dirs, ..attributes.clone() };
                let text = bench.piped(bench.prints(attributes, Some("nobody"))).unwrap_or_default();
                assert!(!text.contains("secret"), "{text}");
            }
        }
    });
    let names: Vec<_> =
        fs::read_dir(bench.path("roots")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["env"]);
}

//! `env file`: what is read with whose rights, and what is not.

use super::*;

#[test]
fn later_files_win_over_earlier_ones_and_over_ours_and_env_wins_over_all() {
    let mut bench = Bench::new();
    bench.spawner.environment =
        [c"A=ours", c"B=ours", c"C=ours", c"D=ours", c"E=ours"].map(CString::from).into();
    fs::write(bench.path("1"), "A=1\nB=1\nC=1\nC='1 again'\n").unwrap();
    fs::write(bench.path("2"), "# two\nexport B=2\n").unwrap();
    let attributes = files(&[(b"1", false), (b"none", true), (&bench.text("2"), false)]);
    let draft = JobDraft { env: ["A=job"].into(), ..bench.prints(attributes.clone(), None) };
    assert_eq!(bench.piped(draft.clone()).unwrap(), "A=job\nB=2\nC=1 again\nD=ours\nE=ours\n");
    let attributes = Attributes { env_clear: true, ..attributes };
    let path = SYSTEM_PATH.to_str().unwrap();
    let expected = format!("A=job\nB=2\nC=1 again\n{path}\n");
    assert_eq!(bench.piped(JobDraft { attributes, ..draft }).unwrap(), expected);
}

#[test]
fn a_file_that_is_missing_or_wrong_fails_the_start_with_its_line() {
    let mut bench = Bench::new();
    chmod(bench.dir.path(), 0o755);
    fs::write(bench.path("good"), "A=1").unwrap();
    fs::write(bench.path("bad"), "A=1\n\nsecret\n").unwrap();
    fs::write(bench.path("open"), "A=\"secret\n").unwrap();
    let large = |bytes: usize| format!("A={}", "x".repeat(bytes - 2));
    fs::write(bench.path("largest"), large((1 << 20) - 4).replace("xx", "\n#").replace("=\n", "=1\n"))
        .unwrap();
    fs::write(bench.path("too-large"), large((1 << 20) + 1)).unwrap();
    fs::create_dir(bench.path("dir")).unwrap();
    symlink("good", bench.path("link")).unwrap();
    symlink("fifo", bench.path("to-fifo")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(bench.path("fifo")).status().unwrap().success());
    let cases: &[EnvCase] = &[
        ("good", Ok("1")),
        ("link", Ok("1")),
        ("largest", Ok("1")),
        ("none", Err((0, libc::ENOENT))),
        ("good/none", Err((0, libc::ENOTDIR))),
        ("bad", Err((3, 1))),
        ("open", Err((1, 2))),
        ("too-large", Err((0, libc::EFBIG))),
        // None of these is opened.
        ("dir", Err((0, 0))),
        ("fifo", Err((0, 0))),
        ("to-fifo", Err((0, 0))),
        ("/dev/zero", Err((0, 0))),
    ];
    for (name, expected) in cases {
        for optional in [false, true] {
            let attributes = files(&[(b"good", false), (name.as_bytes(), optional)]);
            let expected = match expected {
                Ok(value) => Ok(format!("A={value}")),
                Err((0, libc::ENOENT | libc::ENOTDIR)) if optional => Ok("A=1".to_owned()),
                Err((line, errno)) => Err(error(Stage::EnvFile(FilePlace { file: 1, line: *line }), *errno)),
            };
            let draft = bench.prints(Attributes { env_clear: true, ..attributes }, None);
            let found = bench.piped(draft).map(|text| text.lines().next().unwrap().to_owned());
            assert_eq!(found, expected, "{name} {optional}");
        }
    }
}

#[test]
fn a_file_that_hangs_holds_up_its_own_start_alone() {
    let mut bench = Bench::new();
    fs::write(bench.path("env"), "A=1").unwrap();
    let file = fs::OpenOptions::new().write(true).open(bench.path("env")).unwrap();
    if !crate::sys::testing::lease(&file) {
        return eprintln!("skipped: needs a file system with leases");
    }
    let attributes = Attributes { env_clear: true, ..files(&[(b"env", false)]) };
    let draft = bench.prints(attributes, None);
    let pid = bench.spawn(draft, shared()).unwrap().pid();
    while bench.spawner.stage(pid) != Some(Stage::EnvFile(FilePlace::MIN)) {
        std::thread::yield_now();
    }
    assert_eq!(
        bench.run(JobDraft { out: None, err: None, ..bench.job(&["/bin/true"]) }, shared()),
        Ok(Exit::Code(0))
    );
    drop(file);
    assert_eq!(bench.outcome(pid), Ok(Exit::Code(0)));
}

#[test]
fn a_copy_needs_no_memory_when_the_limits_of_the_job_are_in_force() {
    let mut bench = Bench::new();
    let many: String = (0..65_536).map(|number| format!("V{number}=1\n")).collect();
    fs::write(bench.path("many"), many).unwrap();
    let users: &[Option<&str>] =
        if as_root("memory of another user") { &[None, Some("nobody")] } else { &[None] };
    chmod(bench.dir.path(), 0o755);
    for user in users {
        for env_files in [files(&[(b"many", false)]).env_files, Vec::new()] {
            let limits = vec![limit(Resource::AddressSpace, 1 << 16), limit(Resource::Data, 1 << 12)];
            let attributes = Attributes { limits, env_files, ..Attributes::default() };
            let draft = JobDraft { out: None, err: None, ..bench.prints(attributes, *user) };
            let made = bench.spawn(draft, Way::Copy).unwrap();
            let Made::Copy(pid, Some(mut pipe)) = made else { panic!("{made:?}") };
            assert_eq!(pipe.read(&mut [0]).unwrap(), 0);
            // It came as far as its command, for which this is too little.
            assert_eq!(bench.spawner.stage(pid), None, "{user:?}");
            ended(pid);
            bench.spawner.reaped(pid);
        }
    }
}

#[test]
fn only_a_file_that_nobody_but_root_can_change_is_read_as_root() {
    if !as_root("a file of another user") {
        return;
    }
    let mut bench = Bench::new();
    chmod(bench.dir.path(), 0o755);
    for (dir, mode, owner) in
        [("safe", 0o755, 0), ("open", 0o777, 0), ("sticky", 0o1777, 0), ("theirs", 0o755, NOBODY)]
    {
        fs::create_dir(bench.path(dir)).unwrap();
        for (file, mode, owner) in
            [("secret", 0o600, 0), ("group", 0o660, 0), ("own", 0o600, NOBODY), ("read", 0o644, 0)]
        {
            let path = bench.path(dir).join(file);
            fs::write(&path, "A=1").unwrap();
            chmod(&path, mode);
            give(&path, owner);
        }
        symlink("secret", bench.path(dir).join("link")).unwrap();
        symlink("own", bench.path(dir).join("to-own")).unwrap();
        fs::write(bench.path(dir).join("first"), "A=1").unwrap();
        chmod(&bench.path(dir).join("first"), 0o600);
        fs::hard_link(bench.path(dir).join("first"), bench.path(dir).join("second")).unwrap();
        chmod(&bench.path(dir), mode);
        give(&bench.path(dir), owner);
    }
    symlink("safe", bench.path("way")).unwrap();
    for (dir, trusted) in
        [("safe", true), ("sticky", false), ("open", false), ("theirs", false), ("way", false)]
    {
        for (file, is_read) in [
            ("secret", trusted),
            ("group", false),
            ("own", true),
            ("read", true),
            ("link", false),
            ("to-own", true),
            ("second", false),
        ] {
            let name = format!("{dir}/{file}");
            let attributes = Attributes { env_clear: true, ..files(&[(name.as_bytes(), false)]) };
            let found = bench.piped(bench.prints(attributes, Some("nobody")));
            let refused = Err(error(Stage::EnvFile(FilePlace::MIN), libc::EACCES));
            match is_read {
                true => {
                    assert!(found.as_ref().is_ok_and(|text| text.starts_with("A=1\n")), "{name}: {found:?}")
                }
                false => assert_eq!(found, refused, "{name}"),
            }
        }
    }
    // What only root may enter is missing, not forbidden.
    fs::create_dir(bench.path("closed")).unwrap();
    chmod(&bench.path("closed"), 0o700);
    let draft = bench.prints(files(&[(b"closed/none", true)]), Some("nobody"));
    assert!(bench.piped(draft).is_ok());
    let draft = bench.prints(files(&[(b"closed/none", false)]), Some("nobody"));
    assert_eq!(bench.piped(draft), Err(error(Stage::EnvFile(FilePlace::MIN), libc::ENOENT)));
}

#[test]
fn root_follows_no_link_of_others_and_reads_nothing_of_the_kernel_where_others_lead() {
    if !as_root("a link of another user") {
        return;
    }
    let mut bench = Bench::new();
    for (dir, mode, owner) in
        [("", 0o755, 0), ("safe", 0o755, 0), ("sticky", 0o1777, 0), ("theirs", 0o755, NOBODY)]
    {
        fs::create_dir_all(bench.path(dir)).unwrap();
        chmod(&bench.path(dir), mode);
        give(&bench.path(dir), owner);
    }
    fs::write(bench.path("safe/secret"), "A=1").unwrap();
    fs::write(bench.path("theirs/plain"), "A=1").unwrap();
    for (link, target, owner) in [
        ("safe/roots", "secret", 0),
        ("safe/far", "../theirs/./plain", 0),
        ("safe/twice", "../way/roots", 0),
        ("safe/to-theirs", "../theirs/link", 0),
        ("safe/loop", "loop", 0),
        ("safe/version", "/proc/version", 0),
        ("safe/lent", "secret", NOBODY),
        ("sticky/moved", "../safe/secret", 0),
        ("theirs/moved", "../safe/secret", 0),
        ("theirs/link", "../safe/secret", NOBODY),
        ("theirs/way", "../safe", NOBODY),
    ] {
        symlink(target, bench.path(link)).unwrap();
        std::os::unix::fs::lchown(bench.path(link), Some(owner), Some(owner)).unwrap();
    }
    symlink(bench.path("safe"), bench.path("way")).unwrap();
    for (name, refused) in [
        ("safe/roots", None),
        ("safe/far", None),
        ("safe/twice", None),
        ("way/secret", None),
        ("theirs/plain", None),
        ("safe/to-theirs", Some(libc::EACCES)),
        ("safe/loop", Some(libc::ELOOP)),
        ("safe/version", Some(0)),
        ("safe/lent", Some(libc::EACCES)),
        ("sticky/moved", Some(libc::EACCES)),
        ("theirs/moved", Some(libc::EACCES)),
        ("theirs/link", Some(libc::EACCES)),
        ("theirs/way/secret", Some(libc::EACCES)),
    ] {
        for user in [None, Some("root")] {
            let attributes = Attributes { env_clear: true, ..files(&[(name.as_bytes(), false)]) };
            let found = bench.piped(bench.prints(attributes, user)).map(|text| text.starts_with("A=1\n"));
            let expected =
                refused.map_or(Ok(true), |errno| Err(error(Stage::EnvFile(FilePlace::MIN), errno)));
            assert_eq!(found, expected, "{name} {user:?}");
        }
    }
}

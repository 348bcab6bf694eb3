//! Groups and rights of a job.

use super::*;

#[test]
fn groups_are_those_of_the_job_and_unknown_ones_fail_the_start() {
    let mut bench = Bench::new();
    let unknown = Attributes { group: Some(c"no-such-group-here".into()), ..Attributes::default() };
    assert_eq!(bench.piped(bench.prints(unknown, None)), Err(error(Stage::Group, 0)));
    let unknown = Attributes { groups: ["0", "no-such-group-here"].into(), ..Attributes::default() };
    assert_eq!(bench.piped(bench.prints(unknown, None)), Err(error(Stage::Member(1), 0)));
    let own = CString::new(crate::sys::groups::effective_gid().to_string()).unwrap();
    let ids = |bench: &Bench, group: Option<&CStr>, groups: &[&str], user: Option<&str>| JobDraft {
        user: user.map(|user| user.as_bytes().to_vec()),
        attributes: Attributes {
            group: group.map(Into::into),
            groups: groups.iter().collect(),
            ..Attributes::default()
        },
        ..bench.job(&["/bin/sh", "-c", "grep -E ^[UG] /proc/self/status | grep -v mask | tr '\\n\\t' ' '"])
    };
    assert!(bench.piped(ids(&bench, Some(&own), &[], None)).is_ok());
    if !as_root("groups of another user") {
        assert_eq!(bench.piped(ids(&bench, Some(c"0"), &[], None)), Err(error(Stage::Group, libc::EPERM)));
        assert_eq!(bench.piped(ids(&bench, None, &["0"], None)), Err(error(Stage::Member(0), libc::EPERM)));
        return;
    }
    for (group, groups, user, expected) in [
        (
            Some(c"4242"),
            &[][..],
            Some("nobody"),
            "Uid: 65534 65534 65534 65534 Gid: 4242 4242 4242 4242 Groups: 4242",
        ),
        (Some(c"4242"), &["7", "4343"], Some("nobody"), "Gid: 4242 4242 4242 4242 Groups: 7 4343"),
        (None, &["4343"], Some("nobody"), "Gid: 65534 65534 65534 65534 Groups: 4343"),
        (Some(c"4242"), &["daemon"], None, "Uid: 0 0 0 0 Gid: 4242 4242 4242 4242 Groups: 1"),
        (None, &["4343"], Some("root"), "Uid: 0 0 0 0 Gid: 0 0 0 0 Groups: 4343"),
    ] {
        let text = bench.piped(ids(&bench, group, groups, user)).unwrap();
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(expected), "{text}");
    }
}

#[test]
fn rights_are_given_up_and_kept_as_the_job_asks() {
    let mut bench = Bench::new();
    let shows = |bench: &Bench, attributes, user: Option<&str>| JobDraft {
        user: user.map(|user| user.as_bytes().to_vec()),
        attributes,
        ..bench.job(&["/bin/cat", "/proc/self/status", "/proc/self/oom_score_adj"])
    };
    for way in both() {
        let attributes = Attributes { no_new_privileges: true, ..Attributes::default() };
        let text = bench.output(shows(&bench, attributes, None), way);
        assert_eq!(line(&text, "NoNewPrivs:"), "1", "{way:?}");
    }
    let attributes = Attributes { oom_score: Some(1000), ..Attributes::default() };
    assert!(bench.piped(shows(&bench, attributes, None)).unwrap().ends_with("\n1000\n"));
    let mut capabilities = Capabilities::default();
    capabilities.add(Capability::named(b"KILL").unwrap());
    capabilities.add(Capability::named(b"NET_BIND_SERVICE").unwrap());
    let attributes = || Attributes { capabilities, ..Attributes::default() };
    if !as_root("capabilities of another user") {
        let refused = error(Stage::Capability(5), libc::EPERM);
        assert_eq!(bench.piped(shows(&bench, attributes(), None)), Err(refused));
        let attributes = Attributes { oom_score: Some(-1000), ..Attributes::default() };
        assert_eq!(bench.piped(shows(&bench, attributes, None)), Err(error(Stage::OomScore, libc::EACCES)));
        return;
    }
    for no_new_privileges in [false, true] {
        let attributes = Attributes { no_new_privileges, ..attributes() };
        let text = bench.piped(shows(&bench, attributes, Some("nobody"))).unwrap();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(line(&text, set), "0000000000000420", "{set}");
        }
    }
    let text = bench.piped(shows(&bench, attributes(), None)).unwrap();
    assert_eq!(line(&text, "CapAmb:"), "0000000000000420");
    // The files of a job are opened with the rights of its user alone.
    fs::write(bench.path("closed"), "").unwrap();
    chmod(&bench.path("closed"), 0o600);
    chmod(bench.dir.path(), 0o755);
    let mut capabilities = Capabilities::default();
    capabilities.add(Capability::named(b"DAC_OVERRIDE").unwrap());
    let attributes = Attributes { capabilities, ..Attributes::default() };
    let draft = JobDraft { input: Some(b"closed".to_vec()), ..shows(&bench, attributes, Some("nobody")) };
    assert_eq!(bench.piped(draft), Err(error(Stage::In, libc::EACCES)));
}

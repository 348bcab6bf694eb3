//! Which hosts are in the table, which leave it, and what is logged about them.

use super::*;
use crate::model::Level;

fn hears(post: &mut Post, secs: u64, last: u8, name: &str) {
    post.hears(at(secs), &key(last, name), None, "a");
}

fn order(fleet: &Fleet) -> Vec<String> {
    let mut keys = Vec::new();
    let mut next = fleet.next(None);
    while let Some((key, _)) = next {
        keys.push(key.to_string());
        next = fleet.next(Some(key));
    }
    keys
}

#[test]
fn hosts_are_ordered_by_name_and_then_by_address() {
    let mut post = Post::new(LIMITS);
    for (last, name) in [(7, "b"), (5, "b"), (9, "a"), (11, ""), (2, "")] {
        hears(&mut post, 0, last, name);
    }
    let expected = ["? (10.0.0.2)", "? (10.0.0.11)", "a (10.0.0.9)", "b (10.0.0.5)", "b (10.0.0.7)"];
    assert_eq!(order(&post.fleet), expected);
    // A walk continues after a host that has left in the meantime.
    assert_eq!(post.fleet.next(Some(&key(6, "b"))).unwrap().0, &key(7, "b"));
}

#[test]
fn a_silent_host_leaves_and_its_return_is_reported() {
    let mut post = Post::new(LIMITS);
    hears(&mut post, 0, 5, "app1");
    hears(&mut post, 30, 6, "app2");
    assert_eq!(post.fleet.deadline(), Some(at(60)));
    post.tick(at(60));
    assert_eq!(order(&post.fleet), ["app2 (10.0.0.6)"]);
    assert_eq!(post.fleet.complete(), 1);
    post.tick(at(90));
    assert_eq!((post.fleet.deadline(), post.fleet.memory.total), (None, 0));
    hears(&mut post, 1_000, 5, "app1");
    let said = [
        "app1 (10.0.0.5) reports for the first time",
        "app2 (10.0.0.6) reports for the first time",
        "app1 (10.0.0.5) has been silent for 60 sec",
        "app2 (10.0.0.6) has been silent for 60 sec",
        "app1 (10.0.0.5) is heard again",
    ];
    assert_eq!(post.says(), said);
    let (app1, app2) = (key(5, "app1"), key(6, "app2"));
    let expected = [(app1.clone(), HostChange::Silent), (app2, HostChange::Silent), (app1, HostChange::Back)];
    assert_eq!(post.changes(), expected);
    assert_eq!(post.changes(), []);
}

#[test]
fn at_most_two_changes_of_each_host_wait() {
    let mut post = Post::new(LIMITS);
    let app = key(5, "app1");
    let silent_at = |post: &mut Post, round: u64| {
        hears(post, round * 100, 5, "app1");
        post.tick(at(round * 100 + 60));
    };
    silent_at(&mut post, 0);
    hears(&mut post, 100, 6, "app2");
    silent_at(&mut post, 1);
    // Silent, back, silent: the first two undo each other.
    assert_eq!(post.changes(), [(app.clone(), HostChange::Silent), (key(6, "app2"), HostChange::Silent)]);
    for round in 2..50 {
        silent_at(&mut post, round);
    }
    assert_eq!(post.changes(), [(app.clone(), HostChange::Back), (app.clone(), HostChange::Silent)]);
    hears(&mut post, 5_000, 5, "app1");
    assert_eq!(post.fleet.change(), Some((app.clone(), HostChange::Back)));
    post.tick(at(5_060));
    hears(&mut post, 5_061, 5, "app1");
    assert_eq!(post.fleet.change(), Some((app.clone(), HostChange::Silent)));
    post.tick(at(5_200));
    assert_eq!(post.changes(), [(app.clone(), HostChange::Back), (app, HostChange::Silent)]);
}

#[test]
fn a_full_table_refuses_new_hosts_and_says_so_once() {
    let mut post = Post::new(Limits { hosts: 2, ..LIMITS });
    hears(&mut post, 0, 1, "a");
    hears(&mut post, 0, 2, "b");
    post.says();
    for last in 3..200 {
        hears(&mut post, 1, last, "c");
    }
    let full = "c (10.0.0.3) and other new hosts are ignored, there are already 2; \
                let some hosts report to another receiver";
    assert_eq!(post.says(), [full]);
    assert_eq!(order(&post.fleet), ["a (10.0.0.1)", "b (10.0.0.2)"]);
    // One of the two is silent: it makes room.
    hears(&mut post, 59, 2, "b");
    hears(&mut post, 60, 3, "c");
    assert_eq!(order(&post.fleet), ["b (10.0.0.2)", "c (10.0.0.3)"]);
    let said = ["a (10.0.0.1) has been silent for 60 sec", "c (10.0.0.3) reports for the first time"];
    assert_eq!(post.says(), said);
    // It is forgotten, so its changes are dropped, and there is no room for it any more.
    assert_eq!(post.changes(), []);
    hears(&mut post, 61, 1, "a");
    assert!(post.says().is_empty());
    // While this continues, nothing more is logged.
    for round in 1..100 {
        for (last, name) in [(2, "b"), (3, "c"), (1, "a")] {
            hears(&mut post, 61 + 50 * round, last, name);
        }
    }
    assert!(post.says().is_empty());
    for round in 1..20 {
        for (last, name) in [(2, "b"), (3, "c")] {
            hears(&mut post, 5_011 + 50 * round, last, name);
        }
    }
    hears(&mut post, 6_020, 1, "a");
    assert_eq!(post.says().len(), 1);
}

#[test]
fn the_host_that_was_silent_for_longest_is_forgotten_first() {
    let mut post = Post::new(Limits { hosts: 3, ..LIMITS });
    for (secs, last, name) in [(0, 1, "a"), (1, 2, "b"), (2, 3, "c"), (100, 4, "d"), (100, 2, "b")] {
        hears(&mut post, secs, last, name);
    }
    post.says();
    post.hears(at(101), &key(3, "c"), None, "a");
    post.hears(at(101), &key(1, "a"), None, "a");
    let said = post.says();
    assert_eq!(said.first().unwrap(), "c (10.0.0.3) is heard again");
    assert!(said.last().unwrap().starts_with("a (10.0.0.1) and other new hosts are ignored"));
}

#[test]
fn an_address_has_sixteen_names_and_silent_ones_make_room() {
    let mut post = Post::new(LIMITS);
    hears(&mut post, 0, 8, "neighbour");
    for name in 0..10_000 {
        hears(&mut post, 1, 9, &format!("n{name}"));
    }
    assert_eq!(post.fleet.heard.len(), 17);
    let said = post.says();
    assert_eq!(said.len(), 18);
    let full =
        "10.0.0.9 reports under more than 16 names, the rest are ignored; check what is sending from there";
    assert_eq!(said[17], full);
    hears(&mut post, 59, 8, "neighbour");
    hears(&mut post, 61, 9, "n5000");
    assert_eq!(order(&post.fleet), ["n5000 (10.0.0.9)", "neighbour (10.0.0.8)"]);
    // Only one silent host of this address was forgotten.
    assert_eq!(post.fleet.roster.known(), 17);
}

#[test]
fn of_one_address_too_the_host_that_was_silent_for_longest_goes_first() {
    let mut post = Post::new(Limits { names_per_address: 2, ..LIMITS });
    for (secs, name) in [(0, "b"), (1, "a"), (100, "c"), (101, "a")] {
        hears(&mut post, secs, 9, name);
    }
    assert_eq!(post.says().last().unwrap(), "a (10.0.0.9) is heard again");
    hears(&mut post, 102, 9, "b");
    assert!(post.says()[0].starts_with("10.0.0.9 reports under more than 2 names"));
}

#[test]
fn jobs_beyond_the_limit_are_counted_and_not_kept() {
    let mut post = Post::new(Limits { jobs_per_host: 3, ..LIMITS });
    let app = key(5, "app1");
    post.hears(at(0), &app, None, "a b a c d e");
    assert_eq!(post.shows(&app), shown("a b c", true, 0));
    assert_eq!(post.host(&app).unwrap().left_out(), 2);
    post.hears(at(1), &app, part(1, 3, 7), "a b");
    post.hears(at(1), &app, part(2, 3, 7), "c d e");
    post.hears(at(1), &app, part(3, 3, 7), "f");
    assert_eq!(post.shows(&app), shown("a b c", true, 0));
    assert_eq!(post.host(&app).unwrap().left_out(), 3);
    let said = post.says();
    assert_eq!(
        said[1..],
        ["app1 (10.0.0.5) reports more than 3 jobs, the rest are ignored; split them among several pmtr"]
    );
    // Parts beyond the limit of jobs are dropped too.
    for index in 1..1_000 {
        post.hears(at(2), &app, part(index, u32::MAX, 8), "");
    }
    post.tick(at(12));
    assert_eq!(post.host(&app).unwrap().lost_parts(), u64::from(u32::MAX) - 3);
}

#[test]
fn a_report_that_does_not_fit_is_dropped_and_the_previous_one_stays() {
    let mut post = Post::new(Limits { hosts: 10, bytes: 16_000, ..LIMITS });
    let (greedy, modest) = (key(1, "greedy"), key(2, "modest"));
    let many: Vec<String> = (0..50).map(|number| format!("job{number}")).collect();
    post.hears(at(0), &greedy, None, &many[..20].join(" "));
    post.hears(at(1), &greedy, None, &many.join(" "));
    assert_eq!(post.shows(&greedy).0, many[..20].join(" "));
    assert!(post.host(&greedy).unwrap().is_short_of_memory());
    // Even if it is too old by now.
    for secs in 2..80 {
        post.hears(at(secs), &greedy, None, &many.join(" "));
    }
    assert_eq!(post.shows(&greedy), shown(&many[..20].join(" "), true, 0));
    let short = "a report of greedy (10.0.0.1) is dropped, all reports together may take 16000 bytes; \
                 let some hosts report to another receiver";
    assert_eq!(post.says()[1], short);
    post.hears(at(80), &greedy, None, &many[..25].join(" "));
    // A host that takes all it can leaves the others their shares.
    for secs in 81..90 {
        post.hears(at(secs), &modest, None, &format!("a{secs} b"));
        assert_eq!(post.shows(&modest), shown(&format!("a{secs} b"), true, 0));
    }
    assert!(!post.host(&greedy).unwrap().is_short_of_memory());
    post.tick(at(200));
    assert_eq!(post.fleet.memory.total, 0);
}

#[test]
fn a_part_that_does_not_fit_counts_as_lost() {
    let mut post = Post::new(Limits { hosts: 10, bytes: 16_000, ..LIMITS });
    let (app, job) = (key(1, "app"), "x".repeat(200));
    post.hears(at(0), &app, None, "a");
    for index in 1..=10 {
        post.hears(at(1), &app, part(index, 10, 7), &format!("{job}{index}"));
    }
    assert_eq!(post.shows(&app), shown("a", true, 0));
    post.tick(at(11));
    let (names, is_complete, lost) = post.shows(&app);
    assert_eq!((names.as_str(), is_complete), ("a", true));
    assert!((1..10).contains(&lost), "{lost}");
}

#[test]
fn each_note_has_its_level_and_a_clean_text() {
    let host = key(1, "a");
    assert_eq!(FleetNote::First { host: host.clone() }.level(), Level::Debug);
    assert_eq!(FleetNote::Back { host: host.clone() }.level(), Level::Info);
    assert_eq!(FleetNote::NamesFull { host, limit: 1 }.level(), Level::Warning);
    let host = HostKey { name: Some((*b"a\x1b[2J\xff").into()), address: address(1) };
    assert_eq!(FleetNote::Back { host }.to_string(), "a?[2J? (10.0.0.1) is heard again");
}

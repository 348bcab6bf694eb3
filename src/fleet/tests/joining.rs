//! How datagrams become reports.

use super::*;

fn app() -> HostKey {
    key(5, "app1")
}

/// What a host sends, as (time in milliseconds, part, jobs), and what is shown of it afterwards.
type Step<'a> = (u64, Option<Part>, &'a str, (String, bool, u64));

fn follow(what: &str, steps: &[Step<'_>]) -> Post {
    let mut post = Post::new(LIMITS);
    for (number, (millis, part, jobs, expected)) in steps.iter().enumerate() {
        post.hears(at_ms(*millis), &app(), *part, jobs);
        assert_eq!(post.shows(&app()), *expected, "{what}, step {number}");
    }
    post
}

#[test]
fn a_report_in_one_piece_replaces_all_earlier_ones() {
    follow(
        "whole",
        &[
            (0, None, "a b", shown("a b", true, 0)),
            (10_000, None, "c", shown("c", true, 0)),
            (20_000, part(1, 2, 7), "d", shown("c", true, 0)),
            (20_100, None, "e", shown("e", true, 0)),
            // The incomplete report is older than this one.
            (20_200, part(2, 2, 7), "f", shown("e", true, 0)),
            (20_250, part(1, 2, 7), "d", shown("e", true, 0)),
            (20_300, None, "", shown("", true, 0)),
        ],
    );
}

#[test]
fn parts_are_joined_in_any_order_and_duplicates_change_nothing() {
    follow(
        "joined",
        &[
            (0, part(3, 3, 7), "e f", shown("e f", false, 2)),
            (1, part(3, 3, 7), "x", shown("e f", false, 2)),
            (2, part(1, 3, 7), "a b", shown("a b e f", false, 1)),
            (3, part(2, 3, 7), "c d", shown("a b c d e f", true, 0)),
            (4, part(2, 3, 7), "x", shown("a b c d e f", true, 0)),
            (9_000, part(1, 3, 7), "x", shown("a b c d e f", true, 0)),
            (10_000, part(1, 1, 8), "g", shown("g", true, 0)),
        ],
    );
}

#[test]
fn parts_of_two_serials_are_never_mixed() {
    follow(
        "two serials",
        &[
            (0, part(1, 2, 7), "a", shown("a", false, 1)),
            (10, part(2, 2, 8), "y", shown("y", false, 1)),
            // The last part of 7 comes after the first part of 8.
            (20, part(2, 2, 7), "b", shown("a b", true, 0)),
            (30, part(1, 2, 8), "x", shown("x y", true, 0)),
        ],
    );
    follow(
        "the older one is not waited for",
        &[
            (0, part(1, 2, 7), "a", shown("a", false, 1)),
            (10, part(2, 2, 8), "y", shown("y", false, 1)),
            (20, part(1, 2, 8), "x", shown("x y", true, 0)),
            (30, part(2, 2, 7), "b", shown("x y", true, 0)),
            (40, part(1, 2, 7), "a", shown("x y", true, 0)),
        ],
    );
    follow(
        "three at once",
        &[
            (0, part(1, 2, 7), "a", shown("a", false, 1)),
            (10, part(1, 2, 8), "m", shown("m", false, 1)),
            (20, part(1, 2, 9), "x", shown("x", false, 1)),
            (30, part(2, 2, 7), "b", shown("x", false, 1)),
            (40, part(2, 2, 8), "n", shown("m n", true, 0)),
            (50, part(2, 2, 9), "y", shown("x y", true, 0)),
        ],
    );
    follow(
        "one that begins behind a newer one",
        &[
            (0, part(1, 3, 7), "a", shown("a", false, 2)),
            (10, part(1, 2, 9), "x", shown("x", false, 1)),
            (20, part(2, 3, 7), "b", shown("x", false, 1)),
            (30, part(1, 2, 8), "m", shown("x", false, 1)),
            (40, part(3, 3, 7), "c", shown("a b c", true, 0)),
        ],
    );
    follow(
        "one serial with two numbers of parts",
        &[
            (0, part(1, 2, 7), "a", shown("a", false, 1)),
            (10, part(2, 3, 7), "y", shown("y", false, 2)),
            (20, part(1, 3, 7), "x", shown("x y", false, 1)),
            (30, part(2, 2, 7), "b", shown("a b", true, 0)),
        ],
    );
}

#[test]
fn the_last_whole_report_stays_and_parts_lost_since_are_counted() {
    let mut post = follow(
        "lossy",
        &[
            (0, part(1, 2, 1), "a", shown("a", false, 1)),
            (1, part(2, 2, 1), "b", shown("a b", true, 0)),
            (10_000, part(1, 3, 2), "x", shown("a b", true, 0)),
            // Report 2 was given up at 20 seconds.
            (20_000, part(2, 3, 3), "y", shown("a b", true, 2)),
            (30_000, part(2, 3, 4), "y", shown("a b", true, 4)),
        ],
    );
    assert_eq!(post.host(&app()).unwrap().age(at(31)).as_secs(), 30);
    post.hears(at(31), &app(), part(3, 3, 4), "z");
    post.hears(at(31), &app(), part(1, 3, 4), "x");
    assert_eq!(post.shows(&app()), shown("x y z", true, 0));
}

#[test]
fn a_whole_report_that_is_too_old_is_replaced_by_parts_of_newer_ones() {
    let mut post = follow(
        "old",
        &[
            (0, None, "a b", shown("a b", true, 0)),
            (50_000, part(1, 2, 6), "x", shown("a b", true, 0)),
            (59_500, part(1, 3, 7), "y", shown("a b", true, 0)),
        ],
    );
    assert_eq!(post.fleet.deadline(), Some(at(60)));
    post.tick(at(60));
    assert_eq!(post.shows(&app()), shown("y", false, 2));
    assert_eq!(post.fleet.complete(), 0);
    // It was given up, and stays until something newer comes.
    post.tick(at(75));
    assert_eq!(post.shows(&app()), shown("y", false, 2));
    assert_eq!(post.fleet.deadline(), Some(at_ms(119_500)));
    post.hears(at(79), &app(), part(2, 2, 8), "z");
    assert_eq!(post.shows(&app()), shown("z", false, 1));
}

#[test]
fn an_old_whole_report_stays_if_nothing_newer_is_awaited() {
    let mut post = follow(
        "nothing newer",
        &[(0, None, "a b", shown("a b", true, 0)), (30_000, part(1, 2, 7), "x", shown("a b", true, 0))],
    );
    post.tick(at(75));
    assert_eq!(post.shows(&app()), shown("a b", true, 1));
    post.hears(at(76), &app(), part(1, 2, 8), "y");
    assert_eq!(post.shows(&app()), shown("y", false, 1));
}

#[test]
fn a_duplicate_part_of_a_whole_report_does_not_begin_a_new_one() {
    let mut post = follow(
        "twice",
        &[
            (0, part(1, 2, 7), "a", shown("a", false, 1)),
            (10, part(1, 2, 8), "x", shown("x", false, 1)),
            (20, part(2, 2, 7), "b", shown("a b", true, 0)),
            (30, part(1, 2, 7), "a", shown("a b", true, 0)),
            (40, part(2, 2, 8), "y", shown("x y", true, 0)),
            (50, part(1, 2, 8), "x", shown("x y", true, 0)),
        ],
    );
    post.tick(at(30));
    assert_eq!(post.shows(&app()), shown("x y", true, 0));
}

#[test]
fn a_lower_serial_is_late_for_ten_seconds_and_then_means_a_restarted_sender() {
    follow(
        "started anew",
        &[
            (0, part(1, 1, 1_000), "a", shown("a", true, 0)),
            (9_999, part(1, 1, 1), "x", shown("a", true, 0)),
            (10_000, part(1, 1, 2), "b", shown("b", true, 0)),
            (10_001, part(1, 1, 1_001), "c", shown("c", true, 0)),
        ],
    );
    follow(
        "the clock was set while a report was in the making",
        &[
            (0, part(1, 2, u64::MAX), "a", shown("a", false, 1)),
            (5_000, part(1, 2, 0), "x", shown("a", false, 1)),
            (10_000, part(1, 2, 0), "x", shown("x", false, 1)),
            (10_001, part(2, 2, 0), "y", shown("x y", true, 0)),
        ],
    );
    follow(
        "a report that was given up is late as well",
        &[
            (0, part(1, 3, 7), "a", shown("a", false, 2)),
            (9_000, part(2, 3, 7), "b", shown("a b", false, 1)),
            (11_000, part(3, 3, 7), "c", shown("a b", false, 1)),
        ],
    );
}

#[test]
fn any_datagram_is_a_sign_of_life() {
    for late in [part(1, 1, 7), part(1, 2, 6), part(1, u32::MAX, 3)] {
        let mut post = follow("alive", &[(0, part(1, 1, 7), "a", shown("a", true, 0))]);
        post.hears(at(9), &app(), late, "x");
        post.tick(at_ms(68_999));
        assert_eq!(post.shows(&app()), shown("a", true, 0));
        post.tick(at(69));
        assert!(post.host(&app()).is_none());
    }
}

#[test]
fn the_first_of_two_jobs_with_the_same_name_counts() {
    follow("in one datagram", &[(0, None, "a b a c b", shown("a b c", true, 0))]);
    follow(
        "in two parts",
        &[
            (0, part(3, 3, 7), "c a", shown("c a", false, 2)),
            (1, part(1, 3, 7), "a b a", shown("a b c", false, 1)),
            (2, part(2, 3, 7), "b", shown("a b c", true, 0)),
        ],
    );
}

#[test]
fn a_job_is_kept_as_the_report_describes_it() {
    let mut post = Post::new(LIMITS);
    let line = JobLine {
        name: b"a\xff",
        enabled: false,
        seconds: u64::MAX,
        process: ReportedProcess::Unsaid,
        path: b"",
    };
    let head = Head { host: None, interface: None, part: None };
    post.fleet.receive(at(0), address(1), &head, &mut [line].into_iter(), &mut post.notes);
    let (key, host) = post.fleet.next(None).unwrap();
    assert_eq!(*key, HostKey { name: None, address: address(1) });
    let job = HostJob {
        name: (*b"a\xff").into(),
        enabled: false,
        seconds: u64::MAX,
        process: ReportedProcess::Unsaid,
    };
    assert_eq!(host.jobs(), [&job]);
}

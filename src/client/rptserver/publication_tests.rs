use super::*;
use crate::fleet::Limits;
use crate::sys::testing::Dir;
use crate::wire::report;
use std::fs;

fn at(secs: u64) -> MonoTime {
    MonoTime::ZERO + Duration::from_secs(secs)
}

fn fleet(hosts: u32) -> Fleet {
    let limits = Limits {
        hosts: 10_000,
        names_per_address: 16,
        jobs_per_host: 100,
        bytes: 1 << 26,
        stale_after: Duration::from_secs(60),
    };
    let mut fleet = Fleet::new(limits);
    for number in 0..hosts {
        hear(&mut fleet, number);
    }
    fleet
}

fn hear(fleet: &mut Fleet, number: u32) {
    let text = format!("report host{number}\nweb e 5 17 /bin/web\n");
    let datagram = report::decode(text.as_bytes()).unwrap();
    let from = std::net::Ipv4Addr::from(0x0a00_0000 + number).into();
    fleet.receive(at(0), from, &datagram.head, &mut datagram.jobs(), &mut Vec::new());
}

fn publication(dir: &Dir, form: PageForm, now: MonoTime) -> Publication {
    Publication::new(TargetFile::new(&dir.join("page")).unwrap(), form, now)
}

/// Works until there is nothing to do at this moment, and returns how many turns that took.
fn work(publication: &mut Publication, now: MonoTime, fleet: &Fleet, lines: &mut Vec<StderrLine>) -> usize {
    let mut turns = 0;
    while publication.deadline() <= now {
        publication.work(now, fleet, lines);
        turns += 1;
    }
    turns
}

#[test]
fn a_missing_file_is_created_at_once_and_an_existing_one_stays_for_ten_seconds() {
    let (dir, fleet, mut lines) = (Dir::new(), fleet(1), Vec::new());
    let mut first = publication(&dir, PageForm::Status, at(5));
    assert_eq!(first.deadline(), at(5));
    work(&mut first, at(5), &fleet, &mut lines);
    assert!(dir.read("page").contains("1 systems reporting\n"), "{}", dir.read("page"));
    assert_eq!(first.deadline(), at(15));
    assert_eq!(publication(&dir, PageForm::Status, at(20)).deadline(), at(30));
    assert!(lines.is_empty());
}

#[test]
fn pages_are_due_at_fixed_times_and_missed_ones_are_not_made_up() {
    let (dir, fleet, mut lines) = (Dir::new(), fleet(0), Vec::new());
    let mut page = publication(&dir, PageForm::Status, at(0));
    work(&mut page, at(3), &fleet, &mut lines);
    assert_eq!(page.deadline(), at(10));
    work(&mut page, at(47), &fleet, &mut lines);
    assert_eq!(page.deadline(), at(57));
    page.hurry(at(50));
    assert_eq!(page.deadline(), at(50));
}

#[test]
fn many_hosts_are_shown_in_portions_and_each_one_once() {
    let (dir, mut fleet, mut lines) = (Dir::new(), fleet(1_000), Vec::new());
    for form in [PageForm::Status, PageForm::Json, PageForm::Metrics] {
        let mut page = publication(&dir, form, at(0));
        page.hurry(at(0));
        page.work(at(0), &fleet, &mut lines);
        // Hosts that appear in the meantime change nothing for the others.
        hear(&mut fleet, 5_000);
        assert!(work(&mut page, at(0), &fleet, &mut lines) >= 6, "{form:?}");
        let text = dir.read("page");
        let shown = |number: u32| match form {
            PageForm::Status => format!("\nhost{number} ("),
            PageForm::Json | PageForm::Metrics => format!("\"host{number}\""),
        };
        for number in 0..1_000 {
            let count = text.matches(&shown(number)).count();
            assert!(count == 1 || form == PageForm::Metrics && count > 1, "{form:?} {number}: {count}");
        }
    }
    assert!(lines.is_empty());
}

#[test]
fn a_long_page_is_written_in_portions_and_the_old_one_stays_meanwhile() {
    let (dir, fleet, mut lines) = (Dir::new(), fleet(9_000), Vec::new());
    fs::write(dir.join("page"), "old").unwrap();
    let mut page = publication(&dir, PageForm::Status, at(0));
    let mut turns = 0;
    while dir.read("page") == "old" {
        page.work(at(10), &fleet, &mut lines);
        turns += 1;
    }
    let bytes = dir.read("page").len();
    assert!(bytes > 2 * WRITE_BYTES && turns >= 9_000 / HOSTS + bytes / WRITE_BYTES, "{bytes} in {turns}");
    assert_eq!(page.deadline(), at(20));
}

#[test]
fn an_error_is_reported_when_it_begins_and_when_it_ends() {
    let (dir, fleet, mut lines) = (Dir::new(), fleet(1), Vec::new());
    fs::create_dir(dir.join("sub")).unwrap();
    let path = dir.join("sub/page");
    let mut page = Publication::new(TargetFile::new(&path).unwrap(), PageForm::Status, at(0));
    work(&mut page, at(0), &fleet, &mut lines);
    fs::rename(dir.join("sub"), dir.join("away")).unwrap();
    work(&mut page, at(10), &fleet, &mut lines);
    work(&mut page, at(20), &fleet, &mut lines);
    let begin = format!(
        "can't write {}: directory {}: No such file or directory; the file is unchanged, trying again within 10 sec",
        path.display(),
        dir.join("sub").display()
    );
    assert_eq!(lines, [StderrLine::new(Level::Error, begin.clone())]);
    assert_eq!(fs::read_dir(dir.join("away")).unwrap().count(), 1);
    fs::rename(dir.join("away"), dir.join("sub")).unwrap();
    work(&mut page, at(30), &fleet, &mut lines);
    work(&mut page, at(40), &fleet, &mut lines);
    let end = format!("writing {} again", path.display());
    assert_eq!(lines, [StderrLine::new(Level::Error, begin), StderrLine::new(Level::Info, end)]);
}

#[test]
fn publish_makes_and_writes_a_page_in_one_call() {
    let (dir, fleet) = (Dir::new(), fleet(1_000));
    fs::write(dir.join("page"), "old").unwrap();
    publication(&dir, PageForm::Json, at(0)).publish(at(1), &fleet).unwrap();
    assert!(dir.read("page").starts_with('{'));
    let whole = page(PageForm::Status, at(1), &fleet).concat();
    assert!(String::from_utf8(whole).unwrap().contains("\n1000 systems reporting\n"));
}

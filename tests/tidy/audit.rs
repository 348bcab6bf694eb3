//! What `docs/AUDIT.md` claims of the code: how many unsafe blocks there are, which packages, and the rules that hold
//! because there is no code against them.

use super::{must_agree, read, root, sources};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// As many packages as there may be beside our own in a pmtr for Linux.
const MOST_PACKAGES: usize = 15;

/// The rows of the table whose first heading is this, in cells.
fn table<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let head = format!("| {heading} |");
    let rows = text.lines().skip_while(move |line| !line.starts_with(&head)).skip(2);
    let rows = rows.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

/// The code of a file up to its own tests, without comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_str().unwrap();
    name.ends_with("tests") || name == "testing" || path.iter().any(|part| part == "tests")
}

/// The files of the programs themselves.
fn run_time() -> impl Iterator<Item = (String, String)> {
    let src = root().join("src");
    let own = sources(&src).into_iter().filter(|path| !is_test(path.strip_prefix(root()).unwrap()));
    own.map(move |path| (path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned(), code(&path)))
}

#[test]
fn each_unsafe_block_is_in_the_table_of_its_file() {
    let text = read("docs/AUDIT.md");
    let told: BTreeSet<(String, usize)> = table(&text, "File")
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].parse().unwrap()))
        .collect();
    let found: BTreeSet<(String, usize)> = run_time()
        .map(|(file, code)| (file, code.matches("unsafe {").count() + code.matches("unsafe fn").count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    // A new block needs a reason there.
    must_agree("docs/AUDIT.md", &told, &found);
}

#[test]
fn there_is_one_thread() {
    for (file, code) in run_time() {
        for word in ["thread::spawn", "thread::scope", "thread::Builder", "pthread_create", "CLONE_THREAD"] {
            assert!(!code.contains(word), "{file} has {word}");
        }
    }
}

#[test]
fn the_time_of_day_is_for_the_eyes_and_for_a_serial_only() {
    let words = ["SystemTime", "CLOCK_REALTIME", "libc::time(", "wall_millis", "calendar(", "log_stamp"];
    let found: BTreeSet<String> = run_time()
        .filter(|(_, code)| words.iter().any(|word| code.contains(word)))
        .map(|(file, _)| file)
        .collect();
    let known = ["client/rptserver/publication.rs", "daemon/start.rs", "sys/clock.rs"];
    assert_eq!(found, known.map(str::to_owned).into());
}

#[test]
fn nothing_waits_in_a_way_that_knows_a_thousand_descriptors_only() {
    for (file, code) in run_time() {
        for word in ["libc::select", "pselect", "FD_SET", "fd_set"] {
            assert!(!code.contains(word), "{file} has {word}");
        }
    }
}

#[test]
fn every_package_comes_from_one_place_and_is_the_one_that_was_looked_at() {
    let lock = read("Cargo.lock");
    let mut places = BTreeSet::new();
    for package in
        lock.split("[[package]]").skip(1).filter(|package| !package.contains("\nname = \"pmtr\"\n"))
    {
        let value = |key: &str| package.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        places.insert(value("source").unwrap_or_else(|| panic!("no source: {package}")));
        assert!(value("checksum").is_some_and(|sum| sum.len() == 64 + 2), "{package}");
    }
    assert!(places.len() == 1 && places.iter().all(|place| place.starts_with("\"registry+")), "{places:?}");
}

#[test]
fn the_packages_of_a_program_for_linux_are_few_and_named() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    tree.args(["--target", "x86_64-unknown-linux-gnu"]).current_dir(root());
    let told = tree.output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told = String::from_utf8(told.stdout).unwrap();
    let names = told.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty());
    let names: BTreeSet<&str> = names.filter(|name| *name != "pmtr").collect();
    assert!(names.len() <= MOST_PACKAGES, "{names:?}");
    let text = read("docs/AUDIT.md");
    let listed: BTreeSet<&str> = table(&text, "Package").iter().map(|row| row[0].trim_matches('`')).collect();
    must_agree("docs/AUDIT.md", &listed, &names);
}

//! The one register of which test shows what, `docs/PROMISES.md`: each entry names tests or commands, and all of
//! them are there.

use super::{files, read, root};

/// The entries of a section with everything below it, each with its lines put together.
fn entries(text: &str, heading: &str) -> Vec<String> {
    let rest = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let section = rest.split("\n## ").next().unwrap();
    let mut entries: Vec<String> = Vec::new();
    for line in section.lines() {
        match (line.strip_prefix("- "), line.strip_prefix("  ")) {
            (Some(first), _) => entries.push(first.to_owned()),
            (None, Some(more)) => entries.last_mut().unwrap().push_str(&format!(" {more}")),
            (None, None) => {}
        }
    }
    entries
}

/// The sections whose entries are shown by something, and the least number of entries of each.
const SECTIONS: [(&str, usize); 6] = [
    ("## Jobs", 9),
    ("## The file", 11),
    ("## Staying alive", 9),
    ("## Log and network", 4),
    ("## Mistakes of other programs", 23),
    ("## Faults of the C original", 54),
];

/// What is in backquotes in this text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Why nothing of this name can be run, if so.
fn missing(name: &str) -> Option<String> {
    let no = |why: &str| Some(format!("{name}: {why}"));
    if let Some(command) = name.strip_prefix("make ") {
        let target = format!("{}:", command.split(' ').next().unwrap());
        return read("Makefile")
            .lines()
            .any(|line| line.starts_with(&target))
            .then_some(())
            .map_or(no("no target"), |()| None);
    }
    if name.ends_with(".conf") {
        let both = [name.to_owned(), name.replace(".conf", ".expected")];
        return if both.iter().all(|file| root().join(file).exists()) { None } else { no("no such files") };
    }
    // Other names of code stand there as well.
    let (file, test) = name.split_once("::").filter(|(file, _)| file.ends_with(".rs"))?;
    let Ok(source) = std::fs::read_to_string(root().join(file)) else { return no("no such file") };
    let Some(at) = source.find(&format!("fn {test}() {{")) else { return no("no such function") };
    if source[..at].trim_end().ends_with("#[test]") { None } else { no("no test") }
}

#[test]
fn each_entry_of_the_register_names_what_shows_it() {
    let text = read("docs/PROMISES.md");
    for (heading, least) in SECTIONS {
        let entries = entries(&text, heading);
        assert!(entries.len() >= least, "{heading}: {}", entries.len());
        for entry in entries {
            let (said, shown) =
                entry.split_once(" Shown by ").unwrap_or_else(|| panic!("nothing shows: {entry}"));
            assert!(said.starts_with("**") && shown.ends_with("`."), "{entry}");
            assert!(quoted(shown).next().is_some(), "{entry}");
        }
    }
}

#[test]
fn each_test_and_command_that_a_page_names_is_there() {
    for page in ["docs/PROMISES.md", "docs/AUDIT.md"] {
        let text = read(page);
        let wrong: Vec<String> = quoted(&text).filter_map(missing).collect();
        assert!(wrong.is_empty(), "{page}: {wrong:#?}");
    }
    for wrong in
        ["tests/it/jobs.rs::no_such_test", "tests/config/no-such-file.conf", "make nothing", "no.rs::test"]
    {
        assert!(missing(wrong).is_some(), "{wrong}");
    }
    assert!(missing("tests/it/support.rs::probe").is_some(), "a function that is no test");
}

#[test]
fn which_test_shows_what_is_in_one_place() {
    for path in files(&root().join("docs")).into_iter().chain(files(&root().join("tests"))) {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
        if name == "docs/PROMISES.md" || name == "tests/tidy/promises.rs" {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        // The audit names the tests of three invariants.
        let most = if name == "docs/AUDIT.md" { 3 } else { 0 };
        assert!(
            quoted(&text).filter(|word| word.contains(".rs::")).count() <= most,
            "{name} is a second register"
        );
    }
}

#[test]
fn each_line_of_the_register_has_one_sentence() {
    for page in ["docs/PROMISES.md", "docs/AUDIT.md"] {
        for line in read(page).lines().filter(|line| !line.starts_with("| ")) {
            let ends =
                line.match_indices(". ").filter(|(at, _)| line[at + 2..].starts_with(char::is_uppercase));
            assert_eq!(ends.count(), 0, "{page}: {line}");
        }
    }
}

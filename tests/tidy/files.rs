//! What holds for every file of the project.

use super::{MARKDOWN, files, read, root, sources};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the project's own files are; the rest of the tree is what was built.
const FOLDERS: [&str; 13] = [
    ".cargo",
    ".ci",
    "benches",
    "completions",
    "docs",
    "examples",
    "fuzz",
    "initscripts",
    "man",
    "packaging",
    "src",
    "tests",
    "vim",
];

/// What somebody leaves behind who means to come back.
const LEFT_BEHIND: [&str; 5] = ["TODO", "FIXME", "XXX:", "<<<<<<<", ">>>>>>>"];

fn project() -> Vec<PathBuf> {
    let folders = FOLDERS.iter().map(|name| root().join(name)).filter(|path| path.is_dir());
    let top = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let top = top.filter(|path| path.is_file() && !path.ends_with(".git"));
    folders.flat_map(|folder| files(&folder)).chain(top).collect()
}

#[test]
fn no_source_file_holds_more_than_one_reads_at_once() {
    for path in sources(&root().join("src")) {
        let tests = path.iter().any(|part| part == "tests")
            || path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("tests"));
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(tests || lines <= 450, "{} has {lines} lines: it usually holds two ideas", path.display());
    }
}

#[test]
fn nothing_is_left_behind() {
    for path in project() {
        if path == root().join(file!()) {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for word in LEFT_BEHIND {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

/// How a heading is linked to: small letters, hyphens for blanks, and nothing but these and digits.
fn anchor(heading: &str) -> String {
    let small = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    small.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[test]
fn what_the_documents_link_to_is_there() {
    for name in MARKDOWN {
        let text = read(name);
        let folder = Path::new(name).parent().unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            if target.starts_with("https://") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { root().join(name) } else { root().join(folder).join(path) };
            assert!(path.exists(), "{name} links to {target}, which is not there");
            if !heading.is_empty() {
                let page = fs::read_to_string(path).unwrap();
                let mut headings = page.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|line| anchor(line) == heading), "{name} links to {target}");
            }
        }
    }
}

#[test]
fn the_files_that_the_documents_name_are_there() {
    let mut named = 0;
    for name in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let text = read(name);
        // Blocks have three quotes each, so they leave the pairs of the text as they are.
        for path in text.split('`').skip(1).step_by(2) {
            let ours = FOLDERS.iter().any(|folder| path.starts_with(&format!("{folder}/")));
            let is_path = path.contains('/') && !path.contains([' ', '{', '<', '\n']);
            if is_path && (ours || path.ends_with(".rs")) {
                let there =
                    [root().join(path), root().join("src").join(path)].iter().any(|path| path.exists());
                assert!(there, "{name} names {path}, which is not there");
                named += 1;
            }
        }
    }
    assert!(named > 30, "only {named} were found");
}

#[test]
fn no_heading_of_a_document_stands_over_nothing() {
    for name in MARKDOWN {
        let level = |line: &str| line.split(' ').next().filter(|word| word.starts_with('#')).map(str::len);
        let text = read(name);
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        for (line, next) in lines.iter().zip(lines.iter().skip(1)) {
            // One of a deeper level may follow at once. A comment of a shell has no text of an upper level behind it.
            let empty = level(line).is_some_and(|above| level(next).is_some_and(|below| below <= above));
            assert!(!empty || !line.starts_with("##"), "{name} has nothing below: {line}");
        }
    }
}

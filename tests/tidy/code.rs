//! The import table, and where the core ends.

use super::{read, root, sources};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The import table of ARCHITECTURE.md: module, other modules, packages.
const MAY_IMPORT: [(&str, &[&str], &[&str]); 13] = [
    ("model", &[], &[]),
    ("config", &["model"], &[]),
    ("plan", &["model"], &[]),
    ("job", &["model"], &[]),
    ("cli", &["model"], &[]),
    ("wire", &["model"], &[]),
    ("fleet", &["model"], &[]),
    ("supervisor", &["model", "plan", "job"], &[]),
    ("sys", &["model"], &["libc"]),
    (
        "daemon",
        &["model", "config", "plan", "job", "supervisor", "wire", "sys", "cli"],
        &["mio", "inotify", "syslog"],
    ),
    ("client", &["model", "wire", "fleet", "cli", "sys"], &["mio"]),
    ("bin", &["cli", "daemon", "client"], &[]),
    ("lib", &[], &[]),
];

/// Modules that may not ask the outside world for anything.
const PURE: [&str; 8] = ["model", "config", "plan", "job", "supervisor", "wire", "fleet", "cli"];

/// The module to which a file below src belongs.
fn module(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).unwrap();
    let first = below.iter().next().unwrap().to_str().unwrap();
    first.trim_end_matches(".rs").to_string()
}

/// The code of a file without comments and without what follows its test module.
fn code(path: &Path) -> String {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("");
    let in_tests = path.iter().any(|part| part == "tests") || name.ends_with("tests") || name == "testing";
    if in_tests {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that follow `prefix` anywhere in the code; a `{` list counts in full.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in code.split(prefix).skip(1) {
        let list = match rest.strip_prefix('{') {
            Some(inner) => inner.split('}').next().unwrap_or("").split(',').collect(),
            None => vec![rest],
        };
        for item in list {
            let name: String =
                item.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.insert(name);
        }
    }
    names.remove("");
    names
}

#[test]
fn each_module_imports_only_what_the_table_allows() {
    for path in sources(&root().join("src")) {
        let (module, code) = (module(&path), code(&path));
        let Some((_, modules, packages)) = MAY_IMPORT.iter().find(|(name, ..)| *name == module) else {
            panic!("{}: module {module} is not in the table", path.display());
        };
        let mut used = names_after(&code, "crate::");
        if module == "bin" {
            used.extend(names_after(&code, "pmtr::"));
        }
        for other in used {
            assert!(
                other == module || modules.contains(&other.as_str()),
                "{} imports {other}, which {module} may not",
                path.display()
            );
        }
        for package in ["libc", "mio", "inotify", "syslog"] {
            let uses =
                code.contains(&format!("use {package}::")) || code.contains(&format!("use {package};"));
            assert!(
                !uses || packages.contains(&package),
                "{} imports {package}, which {module} may not",
                path.display()
            );
        }
    }
}

#[test]
fn unsafe_code_stands_in_sys_alone() {
    for path in sources(&root().join("src")) {
        let (module, code) = (module(&path), code(&path));
        if module == "sys" {
            continue;
        }
        assert!(!code.contains("unsafe {") && !code.contains("unsafe fn"), "{}", path.display());
        let top = path.parent().is_some_and(|dir| dir == root().join("src"));
        let root_of_module = path.parent().is_some_and(|dir| dir.ends_with(format!("src/{module}")));
        let is_mod = path.file_name().is_some_and(|name| name == "mod.rs");
        let entry = is_mod && root_of_module || top && module != "lib";
        if entry || module == "bin" {
            assert!(code.contains("#![forbid(unsafe_code)]"), "{} forbids no unsafe code", path.display());
        }
    }
}

#[test]
fn the_pure_modules_ask_the_world_for_nothing() {
    for path in sources(&root().join("src")) {
        let (module, code) = (module(&path), code(&path));
        if !PURE.contains(&module.as_str()) {
            continue;
        }
        for forbidden in [
            "std::fs",
            "std::env",
            "std::process",
            "std::thread",
            "Instant",
            "SystemTime",
            "UdpSocket",
            "File::",
            "env::var",
            "std::sync",
            "static mut",
            "println!",
        ] {
            // Not within a longer name.
            let begins = |at: usize| !code[..at].ends_with(|before: char| before.is_alphanumeric());
            let uses = code.match_indices(forbidden).any(|(at, _)| begins(at));
            assert!(!uses, "{} uses {forbidden}", path.display());
        }
    }
}

#[test]
fn no_run_time_code_panics_by_choice() {
    for path in sources(&root().join("src")) {
        let code = code(&path);
        for forbidden in [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("] {
            assert!(!code.contains(forbidden), "{} has {forbidden}", path.display());
        }
    }
}

#[test]
fn the_packages_are_those_that_the_project_has_agreed_on() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let names: BTreeSet<&str> =
        section.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name.trim()).collect();
    assert_eq!(names, BTreeSet::from(["inotify", "libc", "mio", "syslog"]));
    assert!(!manifest.contains("dev-dependencies") && !manifest.contains("build-dependencies"));
}

#[test]
fn architecture_shows_the_import_table() {
    let text = read("ARCHITECTURE.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")).filter(|row| row.contains("` | "));
    let mut shown = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        let [module, _, imports] = cells[..] else { panic!("not a row of the import table: {row}") };
        let list = imports.replace("and ", "");
        let (quoted, bare): (Vec<&str>, Vec<&str>) =
            list.split(", ").filter(|name| *name != "std").partition(|name| name.starts_with('`'));
        let quoted: BTreeSet<String> = quoted.iter().map(|name| name.trim_matches('`').to_owned()).collect();
        let bare: BTreeSet<String> = bare.into_iter().map(str::to_owned).collect();
        shown.insert((module.trim_matches('`').to_owned(), quoted, bare));
    }
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<BTreeSet<String>>();
    let table = MAY_IMPORT.iter().filter(|(module, ..)| *module != "lib");
    let table: BTreeSet<_> = table
        .map(|(module, modules, packages)| (module.to_string(), owned(modules), owned(packages)))
        .collect();
    assert_eq!(shown, table);
}

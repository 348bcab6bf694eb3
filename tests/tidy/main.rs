//! What no compiler checks: who may import whom, where unsafe code may stand, and that all texts that
//! describe pmtr say the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod audit;
mod code;
mod completions;
mod documents;
mod files;
mod promises;
mod vim;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents beside the manual pages.
const MARKDOWN: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/AUDIT.md",
    "docs/BENCHMARKS.md",
    "docs/INSTALL.md",
    "docs/PROMISES.md",
    "docs/TROUBLESHOOTING.md",
];

/// Fails unless both say the same, and shows only what they do not share.
fn must_agree<T: Ord + Debug>(text: &str, here: &BTreeSet<T>, code: &BTreeSet<T>) {
    let (lacks, alone): (Vec<_>, Vec<_>) = (code.difference(here).collect(), here.difference(code).collect());
    assert!(here == code, "{text} lacks {lacks:?}; only {text} has {alone:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    files(dir).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// All files below `dir`, in order, but what was built and what a fuzzer has made up.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if ["fuzz/target", "fuzz/artifacts", "fuzz/corpus"].iter().any(|made| path == root().join(made)) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

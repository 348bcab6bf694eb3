//! The configurations in `examples`, as an operator checks them before he uses one.

use crate::support::{PMTR, output};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn configurations(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(configurations(&path));
        } else if path.extension().is_some_and(|end| end == "conf") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_example_passes_check_also_where_its_programs_and_users_are_missing() {
    let found = configurations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples"));
    assert!(found.len() > 10, "{found:?}");
    for path in found {
        let (status, summary, messages) = output(Command::new(PMTR).arg("--check").arg("-c").arg(&path));
        assert_eq!(status, Some(0), "{}:\n{summary}{messages}", path.display());
        assert!(summary.contains(", 0 errors, "), "{summary}");
    }
}

//! The cases of `tests/config`, with the files that they include, and an environment that is the same for all.

use pmtr::config::{self, Environment, Included, SourceFile, Sources};
use pmtr::model::Errno;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Where they are.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

/// The main files.
pub fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory()).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    cases.sort();
    cases
}

/// What an `include` of a case leads to: a pattern is DIRECTORY/*, and everything else is one file.
fn included(pattern: &[u8]) -> Included {
    let pattern = String::from_utf8_lossy(pattern).into_owned();
    let names = match pattern.strip_suffix("/*") {
        Some(dir) => {
            let entries = std::fs::read_dir(directory().join(dir)).into_iter().flatten();
            let name = |entry: DirEntry| format!("{dir}/{}", entry.file_name().to_string_lossy());
            let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
            names.sort();
            names
        }
        None => vec![pattern],
    };
    let read = |name: &String| match std::fs::read(directory().join(name)) {
        Ok(text) => Ok(SourceFile::new(name.as_bytes(), text)),
        Err(error) => Err(format!("can't read {name}: {}", Errno::of(&error))),
    };
    Included { files: names.iter().map(read).collect() }
}

/// The files of a case, with an environment that is the same for all.
pub fn sources(name: &str, text: &[u8]) -> Sources {
    let environment = [("SITE", "berlin"), ("EMPTY", ""), ("BLANKS", "a b"), ("QUOTED", "%{SITE} \"x\"")];
    let environment = environment.map(|(name, value)| (name.into(), value.into()));
    Sources {
        main: SourceFile::new(name.as_bytes(), text.to_vec()),
        included: config::includes(text).iter().map(|pattern| included(pattern)).collect(),
        environment: Rc::new(Environment::from(environment)),
    }
}

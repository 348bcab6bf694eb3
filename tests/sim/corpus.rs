//! The worlds that fuzzing has collected: bytes decide what happens in them.

use crate::random::live_by_bytes;
use std::fs;
use std::path::Path;

#[test]
fn worlds_that_bytes_decide_break_no_promise() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/machine");
    let mut count = 0;
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        if std::panic::catch_unwind(|| live_by_bytes(&input)).is_err() {
            panic!("it was {}", path.display());
        }
        count += 1;
    }
    assert!(count >= 10, "only {count} inputs in {}", directory.display());
}

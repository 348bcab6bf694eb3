//! What included files have lost since a configuration was applied.

use super::{Clean, Counted};
use std::fmt;
use std::rc::Rc;

/// Found when a configuration is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// They no longer exist, though their `include` is still there.
    pub vanished: Vec<Rc<[u8]>>,
    /// They are empty now; the configuration has what they held.
    pub emptied: Vec<Rc<[u8]>>,
}

/// What such files have lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The file itself.
    Vanished,
    /// What it held.
    Emptied,
}

/// The notice about such files, of which it names the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesLost {
    pub loss: Loss,
    pub file: Rc<[u8]>,
    /// How many more there are.
    pub more: usize,
}

impl FilesLost {
    /// None about no files.
    pub fn of(loss: Loss, files: &[Rc<[u8]>]) -> Option<FilesLost> {
        let (first, more) = files.split_first()?;
        Some(FilesLost { loss, file: first.clone(), more: more.len() })
    }
}

impl fmt::Display for FilesLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Clean(&self.file))?;
        if self.more > 0 {
            write!(f, " and {}", Counted(self.more as u64, "more file"))?;
        }
        f.write_str(match (self.loss, self.more) {
            (Loss::Vanished, 0) => " is missing; stopping its jobs in 2 s",
            (Loss::Vanished, _) => " are missing; stopping their jobs in 2 s",
            (Loss::Emptied, 0) => " is empty; jobs keep running, SIGHUP applies it",
            (Loss::Emptied, _) => " are empty; jobs keep running, SIGHUP applies it",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_tells_of_all_files() {
        let files: Vec<Rc<[u8]>> = ["/d/a", "/d/b", "/d/c"].map(|file| file.as_bytes().into()).to_vec();
        let told = |loss, files: &[Rc<[u8]>]| {
            FilesLost::of(loss, files).map(|lost| lost.to_string()).unwrap_or_default()
        };
        for (loss, count, line) in [
            (Loss::Vanished, 0, ""),
            (Loss::Vanished, 1, "/d/a is missing; stopping its jobs in 2 s"),
            (Loss::Vanished, 2, "/d/a and 1 more file are missing; stopping their jobs in 2 s"),
            (Loss::Emptied, 1, "/d/a is empty; jobs keep running, SIGHUP applies it"),
            (Loss::Emptied, 3, "/d/a and 2 more files are empty; jobs keep running, SIGHUP applies it"),
        ] {
            assert_eq!(told(loss, &files[..count]), line);
        }
    }
}

//! The files of a configuration.

use super::Line;
use std::rc::Rc;

/// One file: what messages call it, and its text.
#[derive(Clone, Debug, Default)]
pub struct SourceFile {
    pub(in crate::config) name: Rc<[u8]>,
    pub(in crate::config) text: Rc<Vec<u8>>,
}

/// The files of a configuration: the main one, and those that it includes.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub main: SourceFile,
    /// For each pattern of [`includes`](crate::config::includes), in the same order.
    pub included: Vec<Included>,
}

/// What an `include` leads to.
#[derive(Clone, Debug)]
pub struct Included {
    /// The files in the order of their names, or why there are none to read.
    pub files: Result<Vec<SourceFile>, String>,
}

impl<T: Into<SourceFile>> From<T> for Sources {
    fn from(main: T) -> Sources {
        Sources { main: main.into(), included: Vec::new() }
    }
}

/// Which of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::config) struct SourceId(u16);

/// All files, the main one first.
#[derive(Clone, Debug, Default)]
pub(in crate::config) struct SourceFiles(Vec<SourceFile>);

impl SourceFile {
    /// The text need not be copied.
    pub fn new(name: impl Into<Rc<[u8]>>, text: impl Into<Rc<Vec<u8>>>) -> SourceFile {
        SourceFile { name: name.into(), text: text.into() }
    }

    /// What messages call the file.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The text of the file.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// A text without a name.
impl<T: AsRef<[u8]> + ?Sized> From<&T> for SourceFile {
    fn from(text: &T) -> SourceFile {
        SourceFile::new([], text.as_ref().to_vec())
    }
}

impl SourceFiles {
    pub(in crate::config) fn new(main: SourceFile) -> SourceFiles {
        SourceFiles(vec![main])
    }

    /// The file in which this line is.
    pub(in crate::config) fn of(&self, line: Line) -> SourceFile {
        self.0.get(usize::from(line.file.0)).cloned().unwrap_or_default()
    }

    /// The text in which this line is.
    pub(in crate::config) fn text_of(&self, line: Line) -> &[u8] {
        self.0.get(usize::from(line.file.0)).map_or(&[], |source| &source.text)
    }
}

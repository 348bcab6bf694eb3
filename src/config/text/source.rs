//! The files of a configuration.

use super::Line;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One file: what messages call it, and its text.
#[derive(Clone, Debug, Default)]
pub struct SourceFile {
    pub(in crate::config) name: Rc<[u8]>,
    pub(in crate::config) text: Rc<Vec<u8>>,
}

/// What a configuration is made of: the main file, those that it includes, and the environment of pmtr.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub main: SourceFile,
    /// For each pattern of [`includes`](crate::config::includes), in the same order.
    pub included: Vec<Included>,
    /// What `variable` looks at first.
    pub environment: Rc<Environment>,
}

/// The variables of an environment, each with its value.
pub type Environment = BTreeMap<Vec<u8>, Vec<u8>>;

/// What an `include` leads to.
#[derive(Clone, Debug)]
pub struct Included {
    /// The files in the order of their names, or why there are none to read.
    pub files: Result<Vec<SourceFile>, String>,
}

impl<T: Into<SourceFile>> From<T> for Sources {
    fn from(main: T) -> Sources {
        Sources { main: main.into(), ..Sources::default() }
    }
}

/// Which of the files: they are numbered in the order in which they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Adds a file, unless there are too many.
    pub(in crate::config) fn add(&mut self, file: SourceFile) -> Option<SourceId> {
        let id = u16::try_from(self.0.len()).ok()?;
        self.0.push(file);
        Some(SourceId(id))
    }

    /// One of the files.
    pub(in crate::config) fn file(&self, id: SourceId) -> SourceFile {
        self.0.get(usize::from(id.0)).cloned().unwrap_or_default()
    }

    /// The file in which this line is.
    pub(in crate::config) fn of(&self, line: Line) -> SourceFile {
        self.file(line.file)
    }

    /// The text in which this line is.
    pub(in crate::config) fn text_of(&self, line: Line) -> &[u8] {
        self.0.get(usize::from(line.file.0)).map_or(&[], |source| &source.text)
    }
}

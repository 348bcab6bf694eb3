//! The files of a configuration that is checked: the one that the command line names, and what it includes.

use crate::config::{self, Included, SourceFile, Sources};
use crate::daemon::exposure::{self, Rights};
use crate::daemon::include::{self, Part, Reader, read_all};
use crate::daemon::mounts::Mounts;
use crate::daemon::watch::read::FileStamp;
use crate::model::{Errno, Mistake};
use std::collections::BTreeMap;
use std::fs::File;
use std::rc::Rc;

/// The files, and who owns them.
pub(super) struct Files {
    main: Rc<[u8]>,
    mounts: Mounts,
    /// In the order in which they were read; the main file comes first.
    parts: Vec<(Part, Option<Rights>)>,
}

impl Files {
    /// The main file alone. A stream has no rights.
    pub(super) fn new(main: &[u8], rights: Option<Rights>) -> Files {
        let main: Rc<[u8]> = main.into();
        let parts = rights.map(|rights| (Part::File(main.clone()), Some(rights))).into_iter().collect();
        Files { main, mounts: Mounts::read(), parts }
    }

    /// The main file and what it includes, relative to the directory of this path.
    pub(super) fn sources(&mut self, main: SourceFile, path: &[u8]) -> Sources {
        let patterns = config::includes(main.text());
        let read = read_all(path, main.text().len(), &patterns, self);
        let included = read.into_iter().map(|inclusion| Included {
            files: match inclusion.files {
                Ok(texts) => {
                    Ok(texts.into_iter().map(|text| SourceFile::new(text.path, text.text)).collect())
                }
                Err(refused) => Err(refused.to_string()),
            },
        });
        Sources { included: included.collect(), environment: include::environment(), main }
    }

    /// Warnings about others who can change the files.
    pub(super) fn exposed(&self, uid: u32) -> Vec<Mistake> {
        exposure::of_all(self.parts.iter().map(|(part, rights)| (part, *rights)), uid, &self.mounts)
    }

    /// Sorts by file, line and column.
    pub(super) fn sort(&self, found: &mut [Mistake]) {
        let mut places = BTreeMap::from([(&self.main, 0)]);
        for (place, (part, _)) in self.parts.iter().enumerate() {
            if let Part::File(path) = part {
                places.entry(path).or_insert(place + 1);
            }
        }
        found.sort_by_key(|mistake| (places.get(&mistake.file).copied(), mistake.line, mistake.column));
    }
}

impl Reader for Files {
    fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    fn begin(&mut self, _: &Part) {}

    fn end(&mut self, part: &Part, stamp: Option<FileStamp>, _: Option<Errno>) {
        self.parts.push((part.clone(), stamp.map(FileStamp::rights)));
    }

    fn is_written(&self, _: &File, _: &[u8]) -> bool {
        false
    }
}

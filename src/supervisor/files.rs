//! The files that jobs depend on: which job needs which, and whether they are present.

use crate::model::{Fingerprint, JobId, JobSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Whether the files that a job depends on are present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// All are present, or there are none.
    Met,
    /// At least one has not been looked at yet.
    Unknown,
    /// At least one is missing.
    Missing,
}

#[derive(Debug, Default)]
struct File {
    /// Its content: not known yet, missing, or this.
    seen: Option<Option<Fingerprint>>,
    /// Its content when it was last present. A different one restarts the jobs.
    last: Option<Fingerprint>,
    /// Thousands of jobs may share one file.
    jobs: BTreeSet<JobId>,
}

/// All files that jobs depend on.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_path: BTreeMap<Rc<[u8]>, File>,
}

impl Files {
    /// Adds the files that a job needs; returns those that no other job needs.
    pub(super) fn add(&mut self, id: JobId, spec: &JobSpec) -> Vec<Rc<[u8]>> {
        let mut new = Vec::new();
        for path in spec.launch.depends_paths() {
            let file = match self.by_path.get_mut(&path[..]) {
                Some(file) => file,
                None => {
                    let path: Rc<[u8]> = path.into();
                    new.push(path.clone());
                    self.by_path.entry(path).or_default()
                }
            };
            file.jobs.insert(id);
        }
        new
    }

    /// Removes the files that a job needs; returns those that no job needs now.
    pub(super) fn remove(&mut self, id: JobId, spec: &JobSpec) -> Vec<Rc<[u8]>> {
        let mut dropped = Vec::new();
        for path in spec.launch.depends_paths() {
            let Some(file) = self.by_path.get_mut(&path[..]) else { continue };
            file.jobs.remove(&id);
            if file.jobs.is_empty() {
                dropped.extend(self.by_path.remove_entry(&path[..]).map(|(path, _)| path));
            }
        }
        dropped
    }

    /// A file has this content now. Returns the jobs that need it, and whether the content differs from that of the
    /// last time when the file was present.
    pub(super) fn seen(&mut self, path: &[u8], content: Option<Fingerprint>) -> (Vec<JobId>, bool) {
        let Some(file) = self.by_path.get_mut(path) else { return (Vec::new(), false) };
        let before = file.last;
        let was_known = file.seen.replace(content).is_some();
        file.last = content.or(before);
        // If a file was missing from the start, its first content is not a change.
        let changed = was_known && before.is_some() && content.is_some() && content != before;
        (file.jobs.iter().copied().collect(), changed)
    }

    /// Whether the files that a job needs are present, and the first one that is missing.
    pub(super) fn need(&self, spec: &JobSpec) -> (Need, Option<Rc<[u8]>>) {
        let mut need = Need::Met;
        for path in spec.launch.depends_paths() {
            match self.by_path.get_key_value(&path[..]) {
                Some((key, File { seen: Some(None), .. })) => return (Need::Missing, Some(key.clone())),
                Some((_, File { seen: Some(Some(_)), .. })) => {}
                Some((_, File { seen: None, .. })) | None => need = Need::Unknown,
            }
        }
        (need, None)
    }
}

//! The files that jobs depend on: which job needs which, and what is known of each.

use crate::model::{Fingerprint, JobId, JobSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What is known of the files that a job depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// All are there, or there are none.
    Met,
    /// Of one at least it is not known yet.
    Unknown,
    /// One at least is missing.
    Missing,
}

#[derive(Debug, Default)]
struct File {
    /// What it holds: not known yet, missing, or this.
    seen: Option<Option<Fingerprint>>,
    /// What it held when it was last there; a change against this restarts the jobs.
    last: Option<Fingerprint>,
    /// Thousands may share one file.
    jobs: BTreeSet<JobId>,
}

/// All files that jobs depend on.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_path: BTreeMap<Rc<[u8]>, File>,
}

impl Files {
    /// Files that the job needs; returns those that nobody has needed before.
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

    /// The job needs its files no more; returns those that nobody needs any more.
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

    /// A file holds this now. Returns the jobs that need it, and whether its content is another
    /// one than when it was last there.
    pub(super) fn seen(&mut self, path: &[u8], content: Option<Fingerprint>) -> (Vec<JobId>, bool) {
        let Some(file) = self.by_path.get_mut(path) else { return (Vec::new(), false) };
        let before = file.last;
        let was_known = file.seen.replace(content).is_some();
        file.last = content.or(before);
        // A file that appears after it was missing from the start has nothing that it could differ from.
        let changed = was_known && before.is_some() && content.is_some() && content != before;
        (file.jobs.iter().copied().collect(), changed)
    }

    /// What is known of the files that the job needs, and the first that is missing.
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

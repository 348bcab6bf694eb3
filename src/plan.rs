//! Compares two sets of jobs. The changes are graded by what they mean for the processes. A job is identified by its
//! name.
#![forbid(unsafe_code)]

use crate::model::{Difference, JobSpec};
use std::collections::HashMap;

/// The change of one job. The numbers are indices into the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// All options are equal.
    Same { old: usize, new: usize },
    /// Rules have changed that do not affect its process.
    Retuned { old: usize, new: usize },
    /// Its process must be restarted.
    Relaunched { old: usize, new: usize },
    /// The job is new.
    Added { new: usize },
    /// The job was removed.
    Removed { old: usize },
}

/// The changes from `old` to `new`: those of the new jobs in their order, then the removals.
pub fn plan(old: &[&JobSpec], new: &[JobSpec]) -> Vec<Change> {
    let mut taken = vec![false; old.len()];
    let mut by_name: Option<HashMap<&[u8], usize>> = None;
    let mut expected = 0;
    let mut changes = Vec::with_capacity(new.len());
    for (to, spec) in new.iter().enumerate() {
        let name = &spec.name;
        // Most saves keep the order, so the next old job is tried first and usually no map is needed.
        let from = match old.get(expected) {
            Some(next) if next.name == *name => Some(expected),
            _ => by_name.get_or_insert_with(|| index(old)).get(name.as_bytes()).copied(),
        };
        changes.push(match from.and_then(|from| Some((from, old.get(from)?, taken.get_mut(from)?))) {
            Some((from, before, taken)) => {
                expected = from + 1;
                *taken = true;
                match before.compare(spec) {
                    Difference::None => Change::Same { old: from, new: to },
                    Difference::Policy => Change::Retuned { old: from, new: to },
                    Difference::Run => Change::Relaunched { old: from, new: to },
                }
            }
            None => Change::Added { new: to },
        });
    }
    let removed = taken.iter().enumerate().filter(|(_, taken)| !**taken);
    changes.extend(removed.map(|(old, _)| Change::Removed { old }));
    changes
}

fn index<'a>(specs: &[&'a JobSpec]) -> HashMap<&'a [u8], usize> {
    specs.iter().enumerate().map(|(place, spec)| (spec.name.as_bytes(), place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobDraft, Policy};
    use Change::*;

    fn specs(text: &str) -> Vec<JobSpec> {
        let job = |word: &str| {
            let (word, order) = word.split_once('@').unwrap_or((word, "0"));
            let (name, cmd) = word.split_once('=').unwrap_or((word, "/bin/x"));
            let policy = Policy { order: order.parse().unwrap(), ..Policy::default() };
            JobSpec::from(JobDraft { name: name.into(), cmd: [cmd].into(), policy, ..JobDraft::default() })
        };
        text.split_whitespace().map(job).collect()
    }

    #[test]
    fn each_job_gets_exactly_one_change() {
        for (old, new, expected) in [
            ("", "", vec![]),
            ("", "a", vec![Added { new: 0 }]),
            ("a", "", vec![Removed { old: 0 }]),
            ("a b", "a b", vec![Same { old: 0, new: 0 }, Same { old: 1, new: 1 }]),
            ("a b", "b a", vec![Same { old: 1, new: 0 }, Same { old: 0, new: 1 }]),
            ("a b", "a b=/bin/y", vec![Same { old: 0, new: 0 }, Relaunched { old: 1, new: 1 }]),
            ("a b", "a@9 b", vec![Retuned { old: 0, new: 0 }, Same { old: 1, new: 1 }]),
            ("a b", "a=/bin/y@9", vec![Relaunched { old: 0, new: 0 }, Removed { old: 1 }]),
            ("a b c", "a c", vec![Same { old: 0, new: 0 }, Same { old: 2, new: 1 }, Removed { old: 1 }]),
            ("a c", "a b c", vec![Same { old: 0, new: 0 }, Added { new: 1 }, Same { old: 1, new: 2 }]),
        ] {
            let (old, new) = (specs(old), specs(new));
            assert_eq!(plan(&old.iter().collect::<Vec<_>>(), &new), expected, "{old:?} {new:?}");
        }
    }
}

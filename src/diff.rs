//! Two sets of jobs to the changes between them. Jobs are known by their names.
#![forbid(unsafe_code)]

use crate::model::JobSpec;
use std::collections::HashMap;

/// What becomes of one job; the numbers are places in the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Every option that matters to the process is as it was.
    Same { old: usize, new: usize },
    /// Its definition is another one.
    Altered { old: usize, new: usize },
    /// It wasn't there before.
    Added { new: usize },
    /// It is there no more.
    Removed { old: usize },
}

/// The changes that lead from `old` to `new`: those of the new jobs in their order, then the removals.
pub fn diff(old: &[&JobSpec], new: &[JobSpec]) -> Vec<Change> {
    let mut taken = vec![false; old.len()];
    let mut by_name: Option<HashMap<&[u8], usize>> = None;
    let mut expected = 0;
    let mut changes = Vec::with_capacity(new.len());
    for (to, spec) in new.iter().enumerate() {
        let name = spec.name();
        // Most saves leave the order alone: the next old job is the likely match, and no map is made.
        let from = match old.get(expected) {
            Some(next) if next.name() == name => Some(expected),
            _ => by_name.get_or_insert_with(|| index(old)).get(name.as_bytes()).copied(),
        };
        changes.push(match from.and_then(|from| Some((from, old.get(from)?, taken.get_mut(from)?))) {
            Some((from, before, taken)) => {
                expected = from + 1;
                *taken = true;
                if before.same(spec) {
                    Change::Same { old: from, new: to }
                } else {
                    Change::Altered { old: from, new: to }
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
    specs.iter().enumerate().map(|(place, spec)| (spec.name().as_bytes(), place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::JobDraft;
    use Change::*;

    fn specs(text: &str) -> Vec<JobSpec> {
        let job = |word: &str| {
            let (name, cmd) = word.split_once('=').unwrap_or((word, "/bin/x"));
            let draft = JobDraft { name: name.into(), cmd: [cmd].into(), ..JobDraft::default() };
            JobSpec::from(draft)
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
            ("a b", "a b=/bin/y", vec![Same { old: 0, new: 0 }, Altered { old: 1, new: 1 }]),
            ("a b c", "a c", vec![Same { old: 0, new: 0 }, Same { old: 2, new: 1 }, Removed { old: 1 }]),
            ("a c", "a b c", vec![Same { old: 0, new: 0 }, Added { new: 1 }, Same { old: 1, new: 2 }]),
        ] {
            let (old, new) = (specs(old), specs(new));
            assert_eq!(diff(&old.iter().collect::<Vec<_>>(), &new), expected, "{old:?} {new:?}");
        }
    }
}

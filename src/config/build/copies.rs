//! The copies of a job: `instances` and `each`.

use super::given::{Given, Taken};
use super::job::JobBlock;
use crate::config::errors::{Fault, Shown};
use crate::config::labels;
use std::collections::BTreeSet;
use std::rc::Rc;

/// A job has no more copies than this.
const MAX_INSTANCES: u32 = 10_000;

/// What `instances` or `each` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Copies {
    /// Neither is given: the job itself.
    #[default]
    Single,
    /// So many.
    Numbered(u32),
    /// One for each of these words.
    Named(Vec<Rc<[u8]>>),
}

/// Which of the copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WhichCopy {
    Single,
    Number(Vec<u8>),
    Word(Rc<[u8]>),
}

impl Copies {
    /// How many jobs there are.
    pub(super) fn len(&self) -> u32 {
        match self {
            Copies::Single => 1,
            Copies::Numbered(count) => *count,
            Copies::Named(words) => u32::try_from(words.len()).unwrap_or(u32::MAX),
        }
    }

    /// The copy of this number, counted from zero.
    pub(super) fn get(&self, index: u32) -> Option<WhichCopy> {
        match self {
            Copies::Single => (index == 0).then_some(WhichCopy::Single),
            Copies::Numbered(count) => {
                (index < *count).then(|| WhichCopy::Number(index.saturating_add(1).to_string().into_bytes()))
            }
            Copies::Named(words) => words.get(index as usize).map(|word| WhichCopy::Word(Rc::clone(word))),
        }
    }
}

impl WhichCopy {
    /// What its name has after that of the job.
    pub(super) fn suffix(&self) -> Option<&[u8]> {
        match self {
            WhichCopy::Single => None,
            WhichCopy::Number(number) => Some(number),
            WhichCopy::Word(word) => Some(word),
        }
    }
}

impl JobBlock {
    /// `instances`.
    pub(in crate::config) fn instances(&mut self, given: &Given<'_>) -> Taken {
        let mut count = None;
        given.number(&mut count, 1..=MAX_INSTANCES)?;
        self.set_copies(Copies::Numbered(count.unwrap_or(1)))
    }

    /// `each`.
    pub(in crate::config) fn each(&mut self, given: &Given<'_>) -> Taken {
        let (mut words, mut known) = (Vec::with_capacity(given.words.len()), BTreeSet::new());
        for word in given.words {
            let value = word.value(given.text);
            let label =
                labels::label("a word of `each`", &value).map_err(|what| Fault::new(word.span, what))?;
            if !known.insert(label.to_vec()) {
                let what = format!("{} is in this line twice: each copy needs its own name", Shown(label));
                return Err(Fault::new(word.span, what).into());
            }
            words.push(label.into());
        }
        self.set_copies(Copies::Named(words))
    }

    fn set_copies(&mut self, copies: Copies) -> Taken {
        match std::mem::replace(&mut self.copies, copies) {
            Copies::Single => Ok(()),
            Copies::Numbered(_) | Copies::Named(_) => {
                Err("a job has either `instances` or `each`: take one of them back with `no`".into())
            }
        }
    }
}

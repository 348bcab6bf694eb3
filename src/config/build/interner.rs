//! Parts of definitions that are equal in many jobs.

use std::collections::HashSet;
use std::hash::Hash;
use std::rc::Rc;

/// Values of one type, each of them once.
pub(super) struct Interner<T> {
    /// Most jobs have what the job before them has.
    last: Rc<T>,
    default: Rc<T>,
    all: HashSet<Rc<T>>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The value that all who have an equal one share.
    pub(super) fn of(&mut self, value: &T) -> Rc<T> {
        if *self.last != *value {
            self.last = self.all.get(value).cloned().unwrap_or_else(|| Rc::new(value.clone()));
            self.all.insert(Rc::clone(&self.last));
        }
        Rc::clone(&self.last)
    }

    /// Whether this one of its values is the default.
    pub(super) fn is_default(&self, value: &Rc<T>) -> bool {
        Rc::ptr_eq(value, &self.default)
    }
}

impl<T: Default + Eq + Hash> Default for Interner<T> {
    fn default() -> Interner<T> {
        let default = Rc::default();
        let (last, all) = (Rc::clone(&default), HashSet::from([Rc::clone(&default)]));
        Interner { last, default, all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one() {
        let mut interner = Interner::<u8>::default();
        let values = [0, 1, 2, 1, 0, 2, 0].map(|value| interner.of(&value));
        assert_eq!(values.each_ref().map(|value| **value), [0, 1, 2, 1, 0, 2, 0]);
        assert!(Rc::ptr_eq(&values[1], &values[3]) && Rc::ptr_eq(&values[2], &values[5]));
        assert!(Rc::ptr_eq(&values[0], &values[4]) && Rc::ptr_eq(&values[4], &values[6]));
        assert!(interner.is_default(&values[6]) && !interner.is_default(&values[5]));
    }
}

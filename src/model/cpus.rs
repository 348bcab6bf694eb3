//! Sets of processors.

use std::fmt;

/// A set of processors in the form of the kernel: processor n is bit n % 64 of word n / 64.
#[derive(Clone, Debug, PartialEq, Eq, Default, Hash)]
pub struct CpuSet(pub [u64; 16]);

impl CpuSet {
    /// All processor numbers are below this.
    pub const SIZE: u32 = 1024;

    /// Adds a processor. False if the number is too large.
    pub fn add(&mut self, cpu: u32) -> bool {
        match self.0.get_mut((cpu / 64) as usize) {
            Some(word) => *word |= 1 << (cpu % 64),
            None => return false,
        }
        true
    }

    /// Adds the processors from `first` to `last`, up to the largest possible number. Works word by word, so that a
    /// long list of wide ranges is cheap.
    pub fn add_all(&mut self, first: u32, last: u32) {
        for (begin, word) in (0..).step_by(64).zip(&mut self.0) {
            // The bits of this word that are in the range.
            let from = first.saturating_sub(begin);
            let Some(to) = last.checked_sub(begin).map(|to| to.min(63)).filter(|to| from <= *to) else {
                continue;
            };
            *word |= u64::MAX >> (63 - to) & u64::MAX << from;
        }
    }
}

impl fmt::Display for CpuSet {
    /// As a mask: `0x1d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String = self.0.iter().rev().map(|word| format!("{word:016x}")).collect();
        write!(f, "0x{}", digits.trim_start_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_processors_is_each_of_them() {
        for (first, last) in [
            (0, 0),
            (0, 63),
            (0, 64),
            (5, 5),
            (63, 64),
            (64, 127),
            (7, 1000),
            (0, 1023),
            (1023, 5000),
            (9, 8),
        ] {
            let (mut range, mut each) = (CpuSet::default(), CpuSet::default());
            range.add_all(first, last);
            (first..=last).for_each(|cpu| _ = each.add(cpu));
            assert_eq!(range, each, "{first}-{last}");
        }
    }
}

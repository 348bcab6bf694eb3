//! Sets of processors.

/// A set of processors, as the kernel takes it: bit n of word n/64.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CpuSet(pub [u64; 16]);

impl CpuSet {
    /// Processors are numbered below this.
    pub const SIZE: u32 = 1024;

    /// Adds a processor; false when the number is too large.
    pub fn add(&mut self, cpu: u32) -> bool {
        match self.0.get_mut((cpu / 64) as usize) {
            Some(word) => *word |= 1 << (cpu % 64),
            None => return false,
        }
        true
    }
}

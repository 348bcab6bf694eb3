//! Numbers that look random and are the same for the same seed (xorshift64*), or that bytes decide.

pub struct Rng(Source);

enum Source {
    State(u64),
    Bytes(std::vec::IntoIter<u8>),
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        // Neighbouring seeds must not begin alike (splitmix64).
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Rng(Source::State((z ^ (z >> 31)) | 1))
    }

    /// Each number is the next bytes; when there are no more, it is zero.
    pub fn from_bytes(bytes: Vec<u8>) -> Rng {
        Rng(Source::Bytes(bytes.into_iter()))
    }

    /// Whether all that follows is zero.
    pub fn is_spent(&self) -> bool {
        matches!(&self.0, Source::Bytes(bytes) if bytes.len() == 0)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        match &mut self.0 {
            Source::State(state) => {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                let high = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
                u32::try_from((high * u64::from(end)) >> 32).unwrap()
            }
            Source::Bytes(bytes) => {
                let count = if end <= 256 { 1 } else { 2 };
                let number = bytes.take(count).fold(0, |number, byte| number << 8 | u32::from(byte));
                number % end
            }
        }
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(u32::try_from(from.len()).unwrap()) as usize]
    }
}

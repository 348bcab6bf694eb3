//! The random numbers of all tests, and how long random tests go on.
//!
//! A seed that is recorded in a test must keep its meaning, so a change here changes what such tests show.

/// Numbers that look random and are the same for the same seed (xorshift64*), or that bytes decide.
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

    /// A number below `end`, which fits into 32 bits and is not zero.
    pub fn below<N>(&mut self, end: N) -> N
    where
        N: TryInto<u32, Error: std::fmt::Debug> + TryFrom<u32, Error: std::fmt::Debug>,
    {
        let end = end.try_into().unwrap();
        let number = match &mut self.0 {
            Source::State(state) => {
                let high = step(state) >> 32;
                u32::try_from((high * u64::from(end)) >> 32).unwrap()
            }
            Source::Bytes(bytes) => {
                let count = if end <= 256 { 1 } else { 2 };
                let number = bytes.take(count).fold(0, |number, byte| number << 8 | u32::from(byte));
                number % end
            }
        };
        N::try_from(number).unwrap()
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

fn step(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// How many rounds a random test makes: all of them, or the percentage in `PMTR_ROUNDS`; a few where an interpreter
/// runs the tests.
pub fn rounds(all: u64) -> u64 {
    if cfg!(miri) {
        return (all / 1_000).max(1);
    }
    let percent = std::env::var("PMTR_ROUNDS").ok().and_then(|text| text.parse::<u64>().ok());
    (all * percent.unwrap_or(100) / 100).max(1)
}

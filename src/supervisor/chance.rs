//! Numbers that look drawn by chance. The same seed gives the same ones, so a simulated world repeats itself.

/// A generator of numbers: SplitMix64.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// The next number.
    pub(super) fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ mixed >> 31) >> 32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_split_mix() {
        let mut chance = Chance::new(0);
        let drawn = [(); 4].map(|()| chance.draw());
        assert_eq!(drawn, [0xe220_a839, 0x6e78_9e6a, 0x06c4_5d18, 0xf88b_b8a8]);
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_they_are_spread() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            std::iter::repeat_with(move || chance.draw()).take(1_000).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let low = draw(7).iter().filter(|number| **number < u32::MAX / 4).count();
        assert!((200..300).contains(&low), "{low}");
    }
}

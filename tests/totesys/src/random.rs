//! Random numbers that depend on nothing but the seed, the table and the row.
//!
//! The generator is SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014),
//! with the constants of Sebastiano Vigna's public domain `splitmix64.c`.

use crate::schema::Table;

/// The golden ratio in 64 bits, SplitMix64's step.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream of one row, the same in every run and in whatever order rows are asked for.
    pub(crate) fn of_row(seed: u64, table: Table, id: u64) -> Self {
        Self::of(seed, table as u64, id)
    }

    /// The stream named by a purpose and a number: purposes below 16 are the tables.
    pub(crate) fn of(seed: u64, purpose: u64, number: u64) -> Self {
        let state = mix(mix(seed.wrapping_add(STEP)) ^ purpose.wrapping_mul(STEP)).wrapping_add(mix(number));
        Self { state }
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number from 0 up to, but not including, `bound`; 0 if the bound is 0.
    ///
    /// Multiply and shift instead of a remainder: quicker, and the bias is below 2^-32 for the bounds used here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// One of the words.
    pub(crate) fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words.get(self.below(words.len() as u64) as usize).copied().unwrap_or_default()
    }

    /// Text of `length` characters out of an ASCII alphabet.
    pub(crate) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len() as u64) as usize])).collect()
    }
}

fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_published_sequence() {
        let mut random = Random { state: 1_234_567 };
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(expected, [random.next(), random.next(), random.next()]);
    }

    #[test]
    fn stays_below_its_bound_and_reaches_both_ends() {
        let mut random = Random::of(1, 2, 3);
        let drawn: Vec<u64> = (0..1_000).map(|_| random.between(5, 9)).collect();
        assert_eq!((Some(&5), Some(&9)), (drawn.iter().min(), drawn.iter().max()));
        assert_eq!(0, random.below(0));
    }
}

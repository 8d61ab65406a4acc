//! Random numbers that stay the same for ever.
//!
//! Written out here because the events of a seed are a promise: committed samples and resumed feeds depend on it, and a
//! library may change its streams between releases.

/// A SplitMix64 stream.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

/// Spreads the bits of a number; two different inputs never give the same output.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Random {
    /// The stream of one thing: `purpose` and `number` tell it from all others of the same seed.
    pub(crate) fn of(seed: u64, purpose: u64, number: u64) -> Random {
        Random(mix(seed ^ mix(purpose ^ mix(number))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `bound` − 1; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let scaled = u128::from(self.next()) * u128::from(bound);
        (scaled >> 64) as u64
    }

    /// A number from `low` to `high`, both possible.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.abs_diff(low).saturating_add(1);
        low.min(high).saturating_add_unsigned(self.below(width))
    }

    /// True this many times in a thousand.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// A place in a list of weights, each as likely as its weight.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (place, weight) in weights.enumerate() {
            if left < weight {
                return place;
            }
            left -= weight;
        }
        0
    }
}

/// A short name for a number that tells nothing of its size, unique among numbers below 2⁴⁰: eight letters and digits.
pub(crate) fn code(seed: u64, number: u64) -> String {
    const BITS: u64 = 40;
    const MASK: u64 = (1 << BITS) - 1;
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    // Each step can be undone within forty bits, so that no two numbers share a name.
    let mut value = (number ^ mix(seed)) & MASK;
    for factor in [0x9e_3779_b97f_u64, 0xbf_5847_6d1d] {
        value = value.wrapping_mul(factor) & MASK;
        value ^= value >> 21;
    }
    (0..BITS / 5).map(|place| char::from(LETTERS[(value >> (place * 5) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_splitmix64() {
        // First outputs for seed 1234567, as given with the algorithm's reference implementation.
        let mut random = Random(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn weights_are_kept_to() {
        let mut random = Random::of(1, 2, 3);
        let mut counts = [0_u32; 3];
        for _ in 0..30_000 {
            counts[random.weighted([1, 2, 3].into_iter())] += 1;
        }
        for (count, expected) in counts.into_iter().zip([5_000_u32, 10_000, 15_000]) {
            assert!(count.abs_diff(expected) < 400, "{counts:?}");
        }
    }

    #[test]
    fn no_two_numbers_share_a_name() {
        let mut names: Vec<_> = (0..100_000).map(|number| code(7, number)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 100_000);
    }
}

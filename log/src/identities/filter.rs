//! A Bloom filter in blocks of 32 bytes: one cache miss a question, 12 bits an identity, about one false yes in two hundred.

use std::hint::black_box;

use super::name;
use crate::segment::u32_at;

/// Bits of filter for each identity.
const BITS_PER_IDENTITY: u64 = 12;
/// Bytes of a block.
pub(crate) const BLOCK_BYTES: usize = 32;
/// One odd multiplier for each word of a block: the first digits of pi, made odd. Part of the file format.
const MULTIPLIERS: [u32; 8] =
    [0x243f_6a89, 0x85a3_08d3, 0x1319_8a2f, 0x0370_7345, 0xa409_3823, 0x299f_31d1, 0x082e_fa99, 0xec4e_6c89];

/// A cache line holds two; none straddles.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Block([u32; 8]);

/// An identity as filters see it. The same for all filters, so it is made once a lookup.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    /// Identities may be any numbers; the two multiplications spread them. Part of the file format.
    pub(crate) fn of(identity: u128) -> Hash {
        let identity = name(identity);
        let mut hash = (identity as u64) ^ ((identity >> 64) as u64).rotate_left(32);
        hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 29)).wrapping_mul(0xd1b5_4a32_d192_ed03);
        Hash(hash ^ (hash >> 32))
    }
}

/// Says of an identity that it is not in a run, or that it may be.
pub(crate) struct Filter {
    blocks: Vec<Block>,
}

impl Filter {
    /// False: certainly not there.
    #[inline]
    pub(crate) fn may_contain(&self, hash: Hash) -> bool {
        let block = &self.blocks[index(hash, self.blocks.len())].0;
        let mut absent = 0;
        for (word, multiplier) in block.iter().zip(MULTIPLIERS) {
            absent |= !word & bit(hash, multiplier);
        }
        absent == 0
    }

    /// The same for up to 64 at a time: a bit for each.
    pub(crate) fn may_contain_each(&self, hashes: impl Iterator<Item = Hash> + Clone) -> u64 {
        // A look that does nothing else first: the waits for memory overlap, where full questions would wait in turn.
        let near = hashes.clone().fold(0, |near, hash| near | self.blocks[index(hash, self.blocks.len())].0[0]);
        black_box(near);
        hashes.zip(0..).fold(0, |found, (hash, place)| found | u64::from(self.may_contain(hash)) << place)
    }

    pub(crate) fn blocks(&self) -> u64 {
        self.blocks.len() as u64
    }

    pub(crate) fn encode_into(&self, bytes: &mut Vec<u8>) {
        bytes.reserve(self.blocks.len() * BLOCK_BYTES);
        for word in self.blocks.iter().flat_map(|block| block.0) {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Filter {
        let block = |bytes: &[u8]| Block(std::array::from_fn(|word| u32_at(bytes, word * 4)));
        Filter { blocks: bytes.chunks_exact(BLOCK_BYTES).map(block).collect() }
    }
}

/// The upper half of a hash picks the block, the lower half the bits in it.
#[inline]
fn index(hash: Hash, blocks: usize) -> usize {
    (((hash.0 >> 32) * blocks as u64) >> 32) as usize
}

#[inline]
fn bit(hash: Hash, multiplier: u32) -> u32 {
    1 << ((hash.0 as u32).wrapping_mul(multiplier) >> 27)
}

/// Hashes that wait for their part of the filter, at most.
const WAITING: usize = 512;

/// A filter in the making. Hashes come in no order, and each would miss the cache; so they wait in groups by the part of
/// the filter that they go to, and a group goes in together.
pub(crate) struct FilterBuilder {
    blocks: Vec<Block>,
    waiting: Vec<Vec<Hash>>,
    /// Bits of a hash that do not matter for its group.
    shift: u32,
}

impl FilterBuilder {
    /// For up to this many identities.
    pub(crate) fn for_identities(count: u64) -> FilterBuilder {
        let blocks = (count * BITS_PER_IDENTITY).div_ceil(8 * BLOCK_BYTES as u64).max(1);
        // Parts of about 16 KiB stay in the innermost cache.
        let groups = (blocks * BLOCK_BYTES as u64 / (16 * 1024)).clamp(1, 1024).next_power_of_two();
        let waiting = (0..groups).map(|_| Vec::with_capacity(WAITING)).collect();
        FilterBuilder { blocks: vec![Block::default(); blocks as usize], waiting, shift: 64 - groups.ilog2() }
    }

    pub(crate) fn insert(&mut self, hash: Hash) {
        let group = hash.0.checked_shr(self.shift).unwrap_or(0) as usize;
        let waiting = &mut self.waiting[group];
        waiting.push(hash);
        if waiting.len() == WAITING {
            put_in(&mut self.blocks, waiting);
        }
    }

    pub(crate) fn finish(mut self) -> Filter {
        self.waiting.iter_mut().for_each(|waiting| put_in(&mut self.blocks, waiting));
        Filter { blocks: self.blocks }
    }
}

fn put_in(blocks: &mut [Block], waiting: &mut Vec<Hash>) {
    for hash in waiting.drain(..) {
        let block = &mut blocks[index(hash, blocks.len())].0;
        for (word, multiplier) in block.iter_mut().zip(MULTIPLIERS) {
            *word |= bit(hash, multiplier);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, FilterBuilder, Hash};

    #[test]
    fn what_was_put_in_is_found_and_one_in_150_others_at_most() {
        // Consecutive numbers are the worst a caller can offer.
        let mut filter = FilterBuilder::for_identities(20_000);
        for identity in 0..20_000_u128 {
            filter.insert(Hash::of(identity << 3));
        }
        let filter = filter.finish();
        assert!((0..20_000_u128).all(|identity| filter.may_contain(Hash::of(identity << 3))));
        let false_yes = (20_000..120_000_u128).filter(|identity| filter.may_contain(Hash::of(identity << 3))).count();
        assert!(false_yes < 100_000 / 150, "{false_yes} of 100000");
        assert!(filter.blocks() * 32 * 8 <= 20_000 * 12 + 256);
    }

    #[test]
    fn a_filter_survives_its_encoding() {
        let mut filter = FilterBuilder::for_identities(100);
        filter.insert(Hash::of(7));
        let filter = filter.finish();
        let mut bytes = Vec::new();
        filter.encode_into(&mut bytes);
        let filter = Filter::decode(&bytes);
        assert!(filter.may_contain(Hash::of(7)));
        assert!(!filter.may_contain(Hash::of(8)));
    }
}

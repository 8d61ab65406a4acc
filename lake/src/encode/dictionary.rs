//! Texts to numbers: each different text is kept once, in the order of its coming.
//!
//! Most texts of events are short and come again and again. Up to sixteen bytes a text is compared as three numbers, so
//! that it costs neither a call nor a look at the text that is kept.

use std::hash::{BuildHasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Bytes that two words hold.
const SHORT: usize = 16;
const SLOTS_AT_FIRST: usize = 1024;
/// The half of a slot that holds a piece of the hash; the other holds a place, counted from one.
const HASH_HALF: u64 = 0xffff_ffff_0000_0000;

/// Begin and end of a text, which overlap in one of less than sixteen bytes: all of it, up to that length.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    length: usize,
}

impl Key {
    #[inline]
    fn of(text: &[u8]) -> Key {
        let length = text.len();
        let (first, last) = if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
            (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
        } else {
            let few = text.iter().fold(0, |few, byte| few << 8 | u64::from(*byte));
            (few, few)
        };
        Key { first, last, length }
    }

    fn is_whole(&self) -> bool {
        self.length <= SHORT
    }
}

struct Entry {
    key: Key,
    /// Where the text begins in the page.
    start: usize,
}

/// Texts and their numbers.
pub(crate) struct Dictionary {
    /// Drawn at random: senders choose texts, and shall not choose collisions.
    seeds: [u64; 2],
    slots: Vec<u64>,
    entries: Vec<Entry>,
    /// The texts as Parquet keeps them: each behind its length.
    page: Vec<u8>,
    latest: Option<(Key, u32)>,
}

impl Dictionary {
    pub(crate) fn new() -> Dictionary {
        let random = RandomState::new();
        Dictionary {
            seeds: [random.hash_one(0), random.hash_one(1)],
            slots: vec![0; SLOTS_AT_FIRST],
            entries: Vec::new(),
            page: Vec::new(),
            latest: None,
        }
    }

    /// Number of different texts.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The texts as Parquet keeps them: each behind its length.
    pub(crate) fn page(&self) -> &[u8] {
        &self.page
    }

    /// The texts in the order of their numbers.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().map(|entry| &self.page[entry.start..entry.start + entry.key.length])
    }

    /// The number of a text.
    #[inline]
    pub(crate) fn number_of(&mut self, text: &[u8]) -> u32 {
        let key = Key::of(text);
        if let Some((latest, number)) = self.latest
            && latest == key
            && key.is_whole()
        {
            return number;
        }
        let number = self.find(key, text);
        self.latest = Some((key, number));
        number
    }

    #[inline]
    fn find(&mut self, key: Key, text: &[u8]) -> u32 {
        let hash = self.hash(key, text);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            let slot = self.slots[at];
            if (slot ^ hash) & HASH_HALF == 0 {
                let number = slot as u32 - 1;
                let entry = &self.entries[number as usize];
                if entry.key == key && (key.is_whole() || self.page[entry.start..entry.start + key.length] == *text) {
                    return number;
                }
            }
            at = (at + 1) & mask;
        }
        self.add(key, text, hash, at)
    }

    #[cold]
    fn add(&mut self, key: Key, text: &[u8], hash: u64, at: usize) -> u32 {
        let number = self.entries.len() as u32;
        self.page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.entries.push(Entry { key, start: self.page.len() });
        self.page.extend_from_slice(text);
        self.slots[at] = hash & HASH_HALF | u64::from(number + 1);
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 4 - 1;
        let mut slots = vec![0; mask + 1];
        for (place, entry) in (1_u64..).zip(&self.entries) {
            let hash = self.hash(entry.key, &self.page[entry.start..entry.start + entry.key.length]);
            let mut at = hash as usize & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = hash & HASH_HALF | place;
        }
        self.slots = slots;
    }

    #[inline]
    fn hash(&self, key: Key, text: &[u8]) -> u64 {
        let [one, other] = self.seeds;
        if !key.is_whole() {
            return xxh3_64_with_seed(text, one);
        }
        let product = u128::from(key.first ^ one) * u128::from(key.last.rotate_left(key.length as u32) ^ other);
        product as u64 ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_same_text_has_the_same_number_and_another_has_another() {
        let mut dictionary = Dictionary::new();
        let mut known: HashMap<String, u32> = HashMap::new();
        for round in 0..3 {
            for number in 0..5_000_u32 {
                // Of every length around the ones that are treated apart, with equal ends.
                let length = (number % 23) as usize;
                let text = format!("{:0>length$}{}", number / 23, &"same tail, longer than a word"[..length]);
                let text = &text[..text.len().min(length.max(1) + round)];
                let next = known.len() as u32;
                let expected = *known.entry(text.to_owned()).or_insert(next);
                assert_eq!(dictionary.number_of(text.as_bytes()), expected, "{text:?}");
            }
        }
        assert_eq!(dictionary.len(), known.len());
        for (number, text) in dictionary.texts().enumerate() {
            assert_eq!(known[std::str::from_utf8(text).unwrap()] as usize, number);
        }
        assert_eq!(dictionary.number_of(b"\0"), dictionary.number_of(b"\0"));
        assert_ne!(dictionary.number_of(b"\0"), dictionary.number_of(b"\0\0"));
        assert_ne!(dictionary.number_of(b"\0"), dictionary.number_of(b""));
    }
}

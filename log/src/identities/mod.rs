//! Which identities were ever stored, in a byte and a half of memory each.
//!
//! New ones are in a hash set. When that is full it is frozen, sorted in the background and sealed into an immutable
//! file, a run ([`run`]), whose filter and fences stay in memory; lookups go to disk only where a filter says maybe. Runs
//! are merged so that each is at least twice as long as the one after it: a handful at any size.
//!
//! What is kept is a [key]: 96 bits that name an entry, and above them 32 bits of checksum of what it says, so that a repeat
//! and another entry under the same name are told apart.
//!
//! Each run says which positions it covers. Runs cover 1 to the newest sealed position without gaps; what came
//! after is read again from the segments when the log is opened.

mod background;
mod filter;
mod merge;
mod recent;
mod run;
mod run_writer;
mod shelf;

#[cfg(test)]
mod tests;

use std::hash::{Hash, Hasher};

/// The bits of a key that name the entry.
const NAME: u128 = u128::MAX >> 32;

/// An entry's key. Of two thousand million entries, two have the same name with a chance of one in ten thousand million.
pub(crate) fn key(identity: u128, checksum: u32) -> u128 {
    identity & NAME | u128::from(checksum) << 96
}

/// What a key is sorted and found by.
pub(crate) fn name(key: u128) -> u128 {
    key & NAME
}

/// A key in a set: equal to any of its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named(pub(crate) u128);

impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        name(self.0) == name(other.0)
    }
}

impl Eq for Named {}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        name(self.0).hash(state);
    }
}

/// What is known of an entry that is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: it is new.
    Not,
    /// It was stored before.
    Same,
    /// Another was stored under its name.
    Other,
}

pub(crate) use recent::{Identities, IdentityError};
pub(crate) use shelf::Shelf;

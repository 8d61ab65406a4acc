//! Which identities were ever stored, in a byte and a third of memory each.
//!
//! New ones are in a hash set. When that is full it is frozen, sorted in the background and sealed into an immutable
//! file, a run ([`run`]), whose filter and fences stay in memory; lookups go to disk only where a filter says maybe. Runs
//! are merged so that each is at least twice as long as the one after it: a handful at any size.
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

pub(crate) use recent::{Identities, IdentityError};
pub(crate) use shelf::Shelf;

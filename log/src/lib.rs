//! The durable log: an event is acknowledged when this room has it on disk.
//!
//! [`Log::append`] offers entries and returns once one `fdatasync` has covered them; requests that wait at the same
//! time share it. Stored entries get positions 1, 2, 3 … without gaps; an entry whose identity was stored before, ever,
//! is a [`Outcome::Duplicate`]. Readers follow the durable part ([`Log::reader`]), save how far they came
//! ([`Log::save_position`]), and what all of them are done with is deleted ([`Log::trim`]).
//!
//! The files: `<first position>.seg` hold the records (see `format`), `identities/` what was ever stored,
//! `positions/` how far readers came. All are checksummed and versioned. Damage is reported, never skipped.
//!
//! This room knows nothing of what the bytes mean, never answers before the disk has, never hands out a record that
//! is not durable, and never acknowledges anything from a file after a write to it failed in a way it cannot undo.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod active;
mod api;
mod disk;
mod error;
mod format;
mod frames;
mod group;
mod identities;
mod positions;
mod queue;
mod reader;
mod recovery;
mod segment;
mod shared;
mod types;
mod writer;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;

pub use api::{Log, Offered, Trimmed};
pub use error::{AppendError, LogError, Positions};
pub use positions::saved_position;
pub use reader::{Reader, read_only};
pub use recovery::{Recovery, Verified, verify};
pub use shared::Stats;
pub use types::{Entry, Options, Outcome, Record};

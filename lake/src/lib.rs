//! The lake: every event for good, in open Delta tables, and the SQL view of them.
//!
//! One table a family under `events/`, partitioned by event date; one table a model under `marts/`. Rows come in
//! with [`Lake::append`], together with the log position they reach, in one commit: so a crash at any point neither
//! loses nor doubles a row. Rows that are acknowledged but not yet committed wait in the [`Tail`]; a
//! [session](Lake::session) reads snapshot and tail together, exactly once, by position.
//!
//! Small files are merged ([`Lake::compact`]), files nobody refers to are removed ([`Lake::vacuum`]), and every file
//! carries a checksum that [`Lake::verify`] recomputes.
//!
//! This room never changes or drops an event, never writes statistics of personal columns, and never reports a
//! write before it is on disk.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod encode;
mod error;
mod functions;
mod lake;
mod marts;
mod operations;
mod pinned;
mod provider;
mod prune;
mod rows;
mod schema;
mod session;
mod statistics;
mod store;
mod table;
mod tail;
#[cfg(test)]
mod tests;
mod zones;

pub use error::LakeError;
pub use lake::{Lake, LakeOptions, TableState};
pub use marts::{MartDifference, MartState, View};
pub use operations::append::Appended;
pub use operations::change_mart::{KeySet, MartChange};
pub use operations::compact::{CompactLimits, Compacted};
pub use operations::replace_mart::{MartInfo, MartVersion, Source};
pub use operations::vacuum::{VacuumLimits, Vacuumed};
pub use operations::verify::{Fault, Finding};
pub use rows::{Rows, RowsError, RowsTable};
pub use session::{SessionSettings, Shop, empty_session};
pub use store::DurableStore;
pub use tail::Tail;

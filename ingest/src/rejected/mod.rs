//! Reject input, kept: what could not become an event lies here with the reason, until a person replays it.
//!
//! Append-only NDJSON segments under `DIR/rejected/`, synced before [`RejectedStore::append`] returns, so that
//! an answer that reports a rejection can promise it. Card numbers are cut from every text before it is
//! written. Nothing old is ever dropped to make room: a full store is an error that says so.
//!
//! [`RejectedStore`] is the one writer; [`RejectedReader`] reads beside it, from any process.

mod columns;
mod entry;
mod error;
mod reader;
mod segment;
mod store;

pub use columns::{ColumnsError, schema};
pub use entry::{Origin, Reject, RejectedEntry};
pub use error::RejectedError;
pub use reader::{Filter, RejectedReader};
pub use store::{Limits, RejectedStore};

//! The SQL engine: a text comes in, rows come out, and nothing else happens.
//!
//! A statement passes four stations. The guard reads it and refuses whatever is not a plain query,
//! or is too large to plan. The planner binds the [parameters](Param) and plans it on a thread with a
//! stack that long chains cannot overflow. The engine runs the plan on threads of its own, inside the
//! [limits](Limits) on time, memory, spill, rows and company. A [`Format`] writes what comes out.
//!
//! Where the tables come from is a [`Sessions`]: one session a statement, pinned to one state of the
//! data, so that a query never sees half of a change.
//!
//! This room never writes to the lake, opens no file or address that a statement names, changes no
//! setting for a statement, and does not know who is asking: keys and ports belong to the doors.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod catalog;
mod diagnose;
mod engine;
mod error;
mod explain;
mod format;
mod guard;
mod limits;
mod names;
mod param;
mod planner;
mod result;
mod session;

pub use catalog::type_name;
pub use engine::{Engine, Sessions};
pub use error::{ErrorKind, Position, QueryError};
pub use format::{Encoder, Format, UnknownFormat, WriteError, Written, byte_stream, write};
pub use limits::Limits;
pub use param::Param;
pub use result::{Outcome, QueryResult};

#[cfg(test)]
mod tests;

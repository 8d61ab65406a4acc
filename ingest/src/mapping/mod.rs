//! Mapping: a jq program that turns foreign records into events.
//!
//! A mapping is a text file: [directives](Directives) in the comment lines at its top, then one jq filter. It
//! is fed each record (a row, or with `group_by` an array of rows) and emits the events it stands for. The
//! filter runs in a closed room: no files, no environment, no clock, no other input, and a [`Budget`] of
//! steps, memory, depth and time for each record, so that a wrong program costs one record and not the server.
//!
//! Numbers stay decimal text all the way: `+`, `-`, `*` and `/` are exact where the answer is, and a number
//! that could only be had through floating point is refused when it is emitted.
//!
//! What the budget cannot see is written at [`Budget`].

mod amounts;
mod apply;
mod budget;
mod directives;
mod emit;
mod error;
mod exact;
mod guard;
mod input;
mod natives;
mod program;

pub use apply::Mapping;
pub use budget::Budget;
pub(crate) use directives::nearest;
pub use directives::{Directives, Input};
pub use error::{MapError, MappingError, Place};

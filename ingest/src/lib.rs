//! Ingest: every way in, and the worker that carries events from the log into the lake.
//!
//! One gate, [`Intake`], takes event text from whatever source: it validates, redacts, gives the rest to the log,
//! and answers once the log has it on disk. What is not taken goes to the [rejected](rejected) store with its reason.
//! [`files`] and [`mapping`] turn files of any shape into event text; [`import`](mod@import) drives them through the
//! gate at full speed; [`watch`] does so with what appears in a folder. [`Worker`] follows the log, decodes it into columns, shows them to queries at once
//! (the lake's tail) and commits them to Delta from time to time.
//!
//! This room never acknowledges what is not on disk, never drops what it refuses, and knows no SQL.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod body;
pub mod connectors;
mod decode;
mod durable;
pub mod files;
pub mod import;
mod intake;
pub mod mapping;
pub mod pulls;
pub mod rejected;
pub mod storefront;
pub mod watch;
mod worker;

pub use decode::{Decoded, Decoder, Refused};
pub use intake::{CONFLICT, Intake, IntakeError, Receipt, RejectedItem};
pub use worker::{Columns, Worker, WorkerError, WorkerOptions, fill_tail, flushed};

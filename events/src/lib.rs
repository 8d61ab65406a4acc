//! The vocabulary of Mizan: what an event is, which events exist, and what makes one valid.
//!
//! Text comes in ([`parse`]), an [`Event`] comes out: a CloudEvents envelope and the data of one of four
//! [families](Family), checked field by field, with card data already cut. From there it goes into Arrow
//! ([`BatchBuilder`]) under the schema of its family ([`schema`]), and back to text ([`Event::to_json`],
//! [`export`]) when state is rebuilt.
//!
//! Every column of every event table is written down once, in [`columns`]: name, kind, comment, whether it
//! is personal. Parser, schema, builder and documentation all read that table.
//!
//! This room does no I/O, holds no state and never converts money through a float.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod card;
pub mod columns;
mod currency;
mod error;
mod event;
mod export;
mod family;
mod identity;
mod iso4217;
mod json;
mod money;
mod parse;
mod redact;
mod schema;
mod time;
mod validate;
mod value;

pub use batch::BatchBuilder;
pub use columns::{Column, Kind};
pub use currency::Currency;
pub use error::{EventError, Problem};
pub use event::Event;
pub use export::{ExportError, export};
pub use family::{EventType, Family};
pub use identity::{Identity, identity};
pub use money::{Decimal, DecimalError, Money};
pub use parse::{Parser, Unknown, parse};
pub use redact::{redact_json, redact_text};
pub use schema::{ENVELOPE, schema};
pub use time::{EventTime, TimeError};
pub use value::{Row, Value};

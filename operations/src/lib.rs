//! Live state of the shop: orders with their timeline, stock, alerts, invoices, and the keys of the program.
//!
//! [`Operations`] follows the log. It takes events in log order ([`Operations::apply`]), keeps what is true now in one
//! SQLite file, and answers lookups from it. State and position move in one transaction, so that every event counts
//! exactly once whatever crashes; events may arrive in any order and end in the same state, save what by its nature tells
//! when something became known: places in the log, when alerts were raised, and issued documents.
//! State can be made again from the events at any time ([`rebuild`]) and is then the same, row for row.
//!
//! It never reads a clock or a random number into state (keys and the tracking secret aside), never holds money or
//! quantities in a float, never changes an issued document, never stores a key in clear, and sends nothing to anyone.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod amount;
mod apply;
mod error;
mod event;
mod follow;
mod from_lake;
mod hmac;
mod invoice;
mod keys;
mod order;
mod payment;
mod purchasing;
mod rebuild;
mod settings;
mod shop;
mod stock;
mod store;
mod told;
mod views;

pub use apply::{Applied, Operations};
pub use error::OperationsError;
pub use event::LoggedEvent;
pub use follow::{FollowError, catch_up, follow};
pub use from_lake::events_of;
pub use invoice::{Invoice, InvoiceKind, InvoiceLine, Party, Totals};
pub use keys::{Key, KeyRow, NewKey, Scope};
pub use rebuild::rebuild;
pub use settings::{Settings, ShopSettings};
pub use views::{
    AlertRow, InvoiceQuery, LineView, MovementRow, OrderCursor, OrderSummary, OrderView, ParcelView, PaymentView,
    ReorderRow, StockFilter, StockRow, StockState, TimelineEntry, TrackingLine, TrackingParcel, TrackingStep,
    TrackingView,
};

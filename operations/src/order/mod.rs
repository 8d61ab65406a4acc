//! Orders: the facts told about one, and what follows from them.

mod facts;
mod history;
mod money;
mod state;

pub(crate) use facts::{Line, Order, OrderRow, Parcel, Timeline};
pub(crate) use history::{DEFAULT as DEFAULT_LOCATION, Fact, Postings};
pub(crate) use money::{line_amounts, order_amounts};
pub(crate) use state::{Paid, status_text};

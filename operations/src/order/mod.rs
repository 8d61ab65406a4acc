//! Orders: the facts told about one, and what follows from them.

mod facts;
mod money;
mod state;
mod taken;

pub(crate) use facts::{Line, Moves, Order, OrderRow, Parcel, Timeline, merge};
pub(crate) use money::{line_amounts, order_amounts};
pub(crate) use state::{Paid, status_text};
pub(crate) use taken::DEFAULT as DEFAULT_LOCATION;

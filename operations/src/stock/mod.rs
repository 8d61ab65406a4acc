//! Stock by SKU and location: what is there, what moves it, and when to speak up.

mod alert;
mod reorder;
mod shelf;

pub(crate) use alert::{Alert, AlertKind, message};
pub(crate) use reorder::{THIRTY_DAYS, demand_text};
pub(crate) use shelf::{Cause, Change, Shelf, Stock};

//! The SQLite file: opening it, reading what a batch touches, writing what it changed.

mod load;
mod open;
mod save;

pub(crate) use load::{load, load_order};
pub(crate) use open::{Durability, migrate, open_pool, read_only_options, secret, write_options};
pub(crate) use save::save;

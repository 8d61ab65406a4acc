//! What can be done to the tables: one operation, one file.

pub(crate) mod append;
pub(crate) mod change_mart;
pub(crate) mod changes;
pub(crate) mod compact;
pub(crate) mod replace_mart;
pub(crate) mod vacuum;
pub(crate) mod verify;

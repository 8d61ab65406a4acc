//! What can go wrong with live state, told so that a person can act on it.

use std::path::PathBuf;

/// Why live state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum OperationsError {
    /// The database file cannot be opened.
    #[error("cannot open the live state in {path}: {source}", path = .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
    /// The tables could not be brought to this version's shape.
    #[error("cannot bring the tables of {path} up to date: {source}; was it written by a newer version?", path = .path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: sqlx::migrate::MigrateError,
    },
    /// SQLite refused a statement.
    #[error("live state cannot {doing}: {source}")]
    Database {
        /// What was being done, after "cannot".
        doing: &'static str,
        /// What SQLite says.
        source: sqlx::Error,
    },
    /// A setting cannot be used.
    #[error("shops.{shop}.{field}: {value:?} {rule}")]
    Setting {
        /// The shop.
        shop: String,
        /// The setting.
        field: &'static str,
        /// Its value.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Events were given out of log order.
    #[error("event at position {position} comes after position {after}; give events in the order of the log")]
    OutOfOrder {
        /// The event's position.
        position: u64,
        /// The position before it.
        after: u64,
    },
    /// The file holds something that this room did not write there.
    #[error("live state holds {what} {value:?}, which cannot be read; `mizan operations rebuild` makes it again")]
    Damaged {
        /// What it is.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// A key of this name is in use.
    #[error("there is already a key named {name:?}; revoke it first or choose another name")]
    KeyExists {
        /// The name.
        name: String,
    },
    /// No such key.
    #[error("there is no key named {name:?} in use; `mizan keys list` shows them")]
    NoSuchKey {
        /// The name.
        name: String,
    },
    /// A key is revoked, and a running server may not have heard of it.
    #[error("the key {name:?} is revoked, but a running server cannot be told: {source}; restart it")]
    Revoked {
        /// The name.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// A key cannot be made as asked.
    #[error("a key needs {rule}")]
    KeyRule {
        /// The rule.
        rule: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(String),
    /// The events to rebuild from could not be read.
    #[error("cannot read the events to rebuild from: {0}")]
    Events(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file operation of a rebuild failed.
    #[error("cannot {doing} {path}: {source}", path = .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has the file open.
    #[error("{path} is in use; stop the server before rebuilding", path = .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
}

/// Says what was being done when SQLite refused.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, OperationsError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, OperationsError> {
        self.map_err(|source| OperationsError::Database { doing, source })
    }
}

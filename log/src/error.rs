//! What can go wrong, with what a person needs to act.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the log could not be opened, read, trimmed, or a position saved.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused.
    #[error("cannot {action} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process, or another `Log` in this one, holds the directory.
    #[error("the log in {} is in use; stop the other process or give another data directory", path.display())]
    InUse {
        /// The log's directory.
        path: PathBuf,
    },
    /// What is on disk is not what was written, and nothing but a torn last write explains itself.
    #[error("{} is damaged at byte {offset}: {what}; {positions} cannot be trusted; {hint}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// Which records it touches.
        positions: Positions,
        /// What to do.
        hint: &'static str,
    },
    /// Written by another version of this program.
    #[error("{} has format version {found}; this program reads version {known}; use the program that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in it.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
    /// The records a reader asks for are deleted.
    #[error(
        "records after position {after} were asked for, but the log begins at {first_position}: earlier ones are trimmed; start again from a newer position"
    )]
    Trimmed {
        /// The reader's position.
        after: u64,
        /// The first record that is still there.
        first_position: u64,
    },
    /// A reader knows of records that the log does not have.
    #[error(
        "records after position {after} were asked for, but the log ends at {last_position}; it was replaced or restored from an older copy: restore log and lake together"
    )]
    Ahead {
        /// The reader's position.
        after: u64,
        /// The last durable record.
        last_position: u64,
    },
    /// A name that cannot be a file's.
    #[error("reader name {name:?} must be 1 to 64 of the characters a-z, 0-9, '-' and '_'")]
    ReaderName {
        /// The name.
        name: String,
    },
    /// An earlier write failed; see [`AppendError::Failed`].
    #[error("the log stopped writing: {reason}; free or repair the disk and start again")]
    Failed {
        /// What failed first.
        reason: String,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why entries were not acknowledged. Offer them again: what was stored all the same will be a duplicate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much is waiting already. Nothing was written.
    #[error("the log is busy: too much is waiting to be written; try again shortly")]
    Busy,
    /// No space is left. What was written in part is cut off; appends work again once there is space.
    #[error("the disk of the log is full; free some space, then try again")]
    DiskFull,
    /// More than one request may hold.
    #[error("the request takes {bytes} bytes in the log; the most is {max}; send it in parts")]
    TooLarge {
        /// Bytes of the request with its overhead.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A write or fsync failed and cannot be undone with certainty. The log takes nothing more until it is reopened.
    #[error("the log stopped writing: {reason}; free or repair the disk and start again")]
    Failed {
        /// What failed first.
        reason: String,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// A range of positions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positions {
    /// The first.
    pub from: u64,
    /// The last, where it is known.
    pub to: Option<u64>,
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to {
            Some(to) if to == self.from => write!(f, "record {to}"),
            Some(to) => write!(f, "records {} to {to}", self.from),
            None => write!(f, "records from {}", self.from),
        }
    }
}

/// Names what was tried and on what.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
    let path = path.to_owned();
    move |cause| LogError::Io { action, path, cause }
}

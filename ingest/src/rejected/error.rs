//! What can go wrong with the kept rejects.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use uuid::Uuid;

/// Why rejects could not be kept or read.
#[derive(Debug, Error)]
pub enum RejectedError {
    /// The system refused.
    #[error("cannot use the rejected input in {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store has reached its limit.
    #[error(
        "rejected input fills its {limit} bytes in {path}: replay what is good (`mizan rejected replay`), then remove old files there, or raise the limit"
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A line that is not what was written.
    #[error("{path} line {line} is damaged: {problem}")]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// The task that was to keep them ended before it had.
    #[error("the task that keeps rejected input did not end well: {0}")]
    Stopped(#[from] tokio::task::JoinError),
    /// No such entry.
    #[error("no rejected input has the id {0}, `mizan rejected list` shows them")]
    NotFound(Uuid),
}

impl RejectedError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

//! What can go wrong in the lake, and what to do about it.

use std::path::PathBuf;

use deltalake_core::DeltaTableError;
use thiserror::Error;

/// An operation on the lake failed.
#[derive(Debug, Error)]
pub enum LakeError {
    /// The folder itself cannot be used.
    #[error("the lake folder {} cannot be used: {source}; check that it exists and that this user may write to it", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A path that no file URL can be made of.
    #[error("the lake folder {} has no usable path; choose one of plain UTF-8", .0.display())]
    Path(PathBuf),
    /// A write was asked of a lake that was opened for reading.
    #[error("the lake was opened for reading only; {0} needs it open for writing")]
    ReadOnly(&'static str),
    /// The table is not where the caller thinks it is.
    #[error(
        "table {table} stands at position {found}, but rows of ({from}, {to}] were to be appended; another writer is at work on it, or the log was exchanged"
    )]
    Position {
        /// The table.
        table: String,
        /// Position in the table.
        found: u64,
        /// Where the caller begins.
        from: u64,
        /// Where the caller ends.
        to: u64,
    },
    /// A batch that cannot go into the table.
    #[error("a batch for table {table} cannot be stored: {reason}")]
    Batch {
        /// The table.
        table: String,
        /// Why.
        reason: String,
    },
    /// A stored table has another schema than this program.
    #[error(
        "column {column} of table {table} is stored as {stored} but this version of mizan has {expected}; open the folder with the version that wrote it"
    )]
    Schema {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Type in the table.
        stored: String,
        /// Type here.
        expected: String,
    },
    /// A column of a model that a Delta table cannot hold.
    #[error("column {column} of model {model} is a {data_type}, which a table cannot hold; {advice}")]
    ColumnType {
        /// The model.
        model: String,
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
        /// What to do.
        advice: &'static str,
    },
    /// A model's name that cannot be a folder and a table.
    #[error(
        "model name {0:?} cannot be a table; use lower-case letters, digits and underscores, beginning with a letter"
    )]
    MartName(String),
    /// A data file is not what was written.
    #[error(
        "file {path} of table {table} is damaged: {reason}; restore it from a backup, `mizan verify` lists all damaged files"
    )]
    Damaged {
        /// The table.
        table: String,
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A time zone that the IANA database does not know.
    #[error("time zone {zone:?} of shop {shop:?} is not in the IANA database; use a name such as Asia/Riyadh")]
    TimeZone {
        /// The shop.
        shop: String,
        /// The name given.
        zone: String,
    },
    /// The table's log refused or failed.
    #[error("table {table}: {source}")]
    Delta {
        /// The table.
        table: String,
        /// What Delta said.
        source: Box<DeltaTableError>,
    },
    /// Commits to a table fail again and again.
    #[error("table {table}: {attempts} attempts to commit failed, the last with: {last}")]
    Commit {
        /// The table.
        table: String,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        last: String,
    },
    /// Reading or writing files failed.
    #[error("lake storage: {0}")]
    Storage(#[from] object_store::Error),
    /// Arrow refused.
    #[error("lake rows: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Parquet refused.
    #[error("lake file: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The query engine refused.
    #[error("lake query: {0}")]
    Query(Box<datafusion::error::DataFusionError>),
    /// A thread of the encoder ended early.
    #[error("the encoder stopped: {0}")]
    Encoder(#[from] tokio::task::JoinError),
}

impl LakeError {
    pub(crate) fn delta<E: Into<DeltaTableError>>(table: &str) -> impl Fn(E) -> LakeError + use<'_, E> {
        move |source| LakeError::Delta { table: table.to_owned(), source: Box::new(source.into()) }
    }

    pub(crate) fn batch(table: &str, reason: impl Into<String>) -> LakeError {
        LakeError::Batch { table: table.to_owned(), reason: reason.into() }
    }
}

impl From<datafusion::error::DataFusionError> for LakeError {
    fn from(error: datafusion::error::DataFusionError) -> LakeError {
        LakeError::Query(Box::new(error))
    }
}

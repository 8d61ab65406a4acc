//! What can be wrong with a file as a whole.

use std::path::PathBuf;

use thiserror::Error;

/// Why a file, or the rest of one, cannot be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system refused.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Neither name nor content say what it is.
    #[error(
        "{path} is of no known type, known are .csv, .tsv, .ndjson, .jsonl (each also as .gz or .zst), .parquet and .xlsx"
    )]
    UnknownType {
        /// The file.
        path: PathBuf,
    },
    /// No file at that path, or none that a folder or pattern gives.
    #[error("{path}: no file to import {hint}")]
    NotFound {
        /// What was asked for.
        path: PathBuf,
        /// Where was looked.
        hint: &'static str,
    },
    /// A JSON array where one object a line is read.
    #[error("{path} is one JSON array, Mizan reads one object a line: convert it with `jq -c '.[]'`")]
    JsonArray {
        /// The file.
        path: PathBuf,
    },
    /// A spreadsheet in a format that is not read.
    #[error("{path} is {kind}, which Mizan does not read: save it as .xlsx or .csv")]
    OtherSpreadsheet {
        /// The file.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A workbook that is encrypted.
    #[error("{path} is protected by a password: save it without one")]
    Protected {
        /// The file.
        path: PathBuf,
    },
    /// A workbook that would take all memory.
    #[error("{path}: its part {part} unpacks to {bytes} bytes, more than the {limit} that are read")]
    PartTooLarge {
        /// The file.
        path: PathBuf,
        /// The part of the workbook.
        part: String,
        /// What it says to unpack to.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The sheet that the mapping names is missing.
    #[error("{path} has no sheet `{sheet}`, it has {known}")]
    NoSheet {
        /// The file.
        path: PathBuf,
        /// The name.
        sheet: String,
        /// Its sheets.
        known: String,
    },
    /// A header that names a column twice.
    #[error("{path}: column `{column}` stands twice in the header, rename one")]
    RepeatedColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// The column to group by is missing.
    #[error("{path} has no column `{column}` to group by, it has {known}")]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
        /// Its columns.
        known: String,
    },
    /// A group that would not fit into memory.
    #[error(
        "{path} line {line}: more than {limit} consecutive rows have `{column}` = {value}, which is no group one event can stand for; check the `group_by` of the mapping"
    )]
    GroupTooLarge {
        /// The file.
        path: PathBuf,
        /// The line where the group begins.
        line: u64,
        /// The column.
        column: String,
        /// The value they share.
        value: String,
        /// The limit.
        limit: usize,
    },
    /// A CSV record without end.
    #[error(
        "{path} line {line}: the record that begins here is longer than {limit} bytes, an opening quote is probably never closed"
    )]
    EndlessRecord {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: u64,
        /// The limit.
        limit: u64,
    },
    /// A file that does not hold what its type promises.
    #[error("{path} is damaged or not what its name says: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        problem: String,
    },
}

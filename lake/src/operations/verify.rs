//! Verify: every file that a table's log names is there, whole, and byte for byte what was written.
//!
//! Parquet as written here has no page checksums, so a flipped bit would be read as a wrong number; the hash kept
//! beside each file in the log is what finds it.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use xxhash_rust::xxh3::Xxh3;

use crate::encode::file::checksum_text;
use crate::error::LakeError;
use crate::pinned::DataFile;
use crate::table::Table;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The table, such as `events.orders`.
    pub table: String,
    /// The file within the table's folder.
    pub path: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The table's log names it, but it is not there.
    Missing,
    /// It has another length than was written.
    Size {
        /// Bytes written.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// Its bytes are others than were written.
    Checksum {
        /// Hash of what was written.
        expected: String,
        /// Hash of what is there.
        found: String,
    },
    /// It was written by another program, without a checksum, and cannot be verified.
    NoChecksum,
    /// An entry of the table's log is empty.
    EmptyLogEntry,
    /// It cannot be read.
    Unreadable(String),
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}: {}", self.table, self.path, self.fault)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Missing => write!(formatter, "the file is missing"),
            Fault::Size { expected, found } => write!(formatter, "{expected} bytes were written, {found} are there"),
            Fault::Checksum { expected, found } => {
                write!(formatter, "its content was changed (checksum {expected} written, {found} found)")
            }
            Fault::NoChecksum => write!(formatter, "another program wrote it, without a checksum"),
            Fault::EmptyLogEntry => write!(formatter, "the log entry is empty"),
            Fault::Unreadable(reason) => write!(formatter, "it cannot be read: {reason}"),
        }
    }
}

/// Looks at every file of a table.
pub(crate) async fn verify(table: &Table) -> Result<Vec<Finding>, LakeError> {
    let files = table.files();
    let finding = |path: &Path, fault| Finding { table: table.name.clone(), path: path.to_string(), fault };
    let mut findings = Vec::new();
    let entries: Vec<_> = files.list(Some(&Path::from("_delta_log"))).try_collect().await?;
    for entry in entries.iter().filter(|entry| entry.size == 0) {
        findings.push(finding(&entry.location, Fault::EmptyLogEntry));
    }
    let pinned = table.pin().await?;
    for file in pinned.files.iter() {
        if let Some(fault) = fault_of(files.as_ref(), file).await {
            findings.push(finding(&file.path, fault));
        }
    }
    Ok(findings)
}

/// What is wrong with a data file, if anything.
pub(crate) async fn fault_of(files: &dyn ObjectStore, file: &DataFile) -> Option<Fault> {
    let object = match files.get(&file.path).await {
        Ok(object) => object,
        Err(object_store::Error::NotFound { .. }) => return Some(Fault::Missing),
        Err(error) => return Some(Fault::Unreadable(error.to_string())),
    };
    if object.meta.size != file.size {
        return Some(Fault::Size { expected: file.size, found: object.meta.size });
    }
    let Some(expected) = &file.checksum else { return Some(Fault::NoChecksum) };
    let mut hash = Xxh3::new();
    let mut bytes = object.into_stream();
    loop {
        match bytes.try_next().await {
            Ok(Some(bytes)) => hash.update(&bytes),
            Ok(None) => break,
            Err(error) => return Some(Fault::Unreadable(error.to_string())),
        }
    }
    let found = checksum_text(hash.digest128());
    (found != *expected).then(|| Fault::Checksum { expected: expected.clone(), found })
}

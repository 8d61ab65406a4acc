//! Vacuum: removes files that no version within the retention refers to, and expired entries of the table's log.
//!
//! A file that was taken out of the table stays until the retention has passed, since a query may still read it. A
//! file that the log never named is either litter of a crash or being written right now; it stays for at least an
//! hour.

use std::collections::HashSet;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use crate::error::LakeError;
use crate::table::Table;

/// An append or a compaction takes less than this from its first file to its commit.
const UNNAMED_FILE_KEPT: Duration = Duration::from_secs(60 * 60);

/// What a vacuum may remove.
#[derive(Clone, Copy, Debug)]
pub struct VacuumLimits {
    /// How long files that were taken out of a table stay. Longer than any query runs.
    pub retention: Duration,
    /// Only count, remove nothing.
    pub dry_run: bool,
}

impl Default for VacuumLimits {
    fn default() -> VacuumLimits {
        VacuumLimits { retention: Duration::from_secs(24 * 60 * 60), dry_run: false }
    }
}

/// What a vacuum removed, or would have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vacuumed {
    /// Data files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Entries of the table's log.
    pub log_entries: usize,
}

/// Removes what is no longer needed of a table.
pub(crate) async fn vacuum(table: &Table, limits: VacuumLimits) -> Result<Vacuumed, LakeError> {
    let files = table.files();
    // Listed before the log is read: a file that appears in between is not in this list.
    let listed: Vec<_> = files.list(None).try_collect().await?;
    // Pinned before the tombstones are read: what a compaction takes out in between is in one of the two.
    let pinned = table.pin().await?;
    let tombstones = table.tombstones().await?;
    let active: HashSet<&Path> = pinned.files.iter().map(|file| &file.path).collect();
    let now = chrono::Utc::now();
    let age = |then: i64| Duration::from_millis(u64::try_from(now.timestamp_millis() - then).unwrap_or(0));
    let mut vacuumed = Vacuumed::default();
    let mut doomed = Vec::new();
    for object in listed {
        if !object.location.as_ref().ends_with(".parquet")
            || object.location.as_ref().starts_with("_delta_log/")
            || active.contains(&object.location)
        {
            continue;
        }
        let expired = match tombstones.get(object.location.as_ref()) {
            Some(removed) => age(*removed) >= limits.retention,
            None => age(object.last_modified.timestamp_millis()) >= limits.retention.max(UNNAMED_FILE_KEPT),
        };
        if expired {
            vacuumed.files += 1;
            vacuumed.bytes += object.size;
            doomed.push(object.location);
        }
    }
    if limits.dry_run {
        return Ok(vacuumed);
    }
    let mut deletions = files.delete_stream(stream::iter(doomed).map(Ok).boxed());
    while let Some(outcome) = deletions.next().await {
        match outcome {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    vacuumed.log_entries = table.clean_log().await?;
    Ok(vacuumed)
}

//! One version of a table, held fast: its files, its schema and the log position it reaches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::NaiveDate;
use deltalake_core::kernel::Add;
use deltalake_core::table::state::DeltaTableState;
use object_store::path::Path;

use crate::schema::{PARTITION, Shape};
use crate::statistics::FileStatistics;

/// Key of the checksum among a file's tags.
pub(crate) const CHECKSUM_TAG: &str = "mizan.xxh3";

/// A data file of a table.
#[derive(Debug)]
pub(crate) struct DataFile {
    /// Path within the table.
    pub(crate) path: Path,
    pub(crate) size: u64,
    /// Partition: days since 1970, where the table has partitions.
    pub(crate) date: Option<i32>,
    pub(crate) statistics: FileStatistics,
    /// xxh3-128 of the bytes, as hexadecimal text, for files that this program wrote.
    pub(crate) checksum: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) modified: i64,
    pub(crate) add: Add,
}

impl DataFile {
    pub(crate) fn new(add: Add, shape: &Shape) -> DataFile {
        let data_type = |name: &str| -> Option<DataType> {
            shape.table.field_with_name(name).ok().map(|field| field.data_type().clone())
        };
        let date = add.partition_values.get(PARTITION).and_then(|value| value.as_deref()).and_then(days_of);
        let checksum = add.tags.as_ref().and_then(|tags| tags.get(CHECKSUM_TAG).cloned().flatten());
        DataFile {
            path: Path::parse(&add.path).unwrap_or_else(|_| Path::from(add.path.as_str())),
            size: u64::try_from(add.size).unwrap_or_default(),
            date,
            statistics: FileStatistics::from_json(add.stats.as_deref(), data_type),
            checksum,
            modified: add.modification_time,
            add,
        }
    }
}

/// Days since 1970 of a date such as `2026-03-01`.
pub(crate) fn days_of(date: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// The date of a day number, as the partition's text.
pub(crate) fn date_of(days: i32) -> String {
    NaiveDate::default()
        .checked_add_signed(chrono::Duration::days(i64::from(days)))
        .unwrap_or_default()
        .format("%Y-%m-%d")
        .to_string()
}

/// A version of a table.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    pub(crate) version: u64,
    /// Every row of the log up to here is in the files.
    pub(crate) position: u64,
    pub(crate) shape: Arc<Shape>,
    pub(crate) files: Arc<Vec<Arc<DataFile>>>,
    /// Comment of the table.
    pub(crate) comment: String,
    /// Table properties.
    pub(crate) configuration: Arc<HashMap<String, String>>,
}

impl Pinned {
    pub(crate) fn new(state: &DeltaTableState, position: u64, shape: Arc<Shape>) -> Pinned {
        let files = state
            .log_data()
            .iter()
            .map(|file| {
                #[expect(deprecated, reason = "the only public way to the tags of a file, where its checksum is")]
                let add = file.add_action();
                Arc::new(DataFile::new(add, &shape))
            })
            .collect();
        Pinned {
            version: state.version(),
            position,
            shape,
            files: Arc::new(files),
            comment: state.metadata().description().unwrap_or_default().to_owned(),
            configuration: Arc::new(state.metadata().configuration().clone()),
        }
    }

    /// The version after a commit that added and removed files.
    pub(crate) fn after(
        &self,
        version: u64,
        position: u64,
        added: impl IntoIterator<Item = Arc<DataFile>>,
        removed: &HashSet<Path>,
    ) -> Pinned {
        let mut files: Vec<Arc<DataFile>> =
            self.files.iter().filter(|file| !removed.contains(&file.path)).cloned().collect();
        files.extend(added);
        Pinned { version, position, files: Arc::new(files), ..self.clone() }
    }

    /// Number of rows, where every file says it.
    pub(crate) fn rows(&self) -> Option<usize> {
        self.files.iter().map(|file| file.statistics.rows).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_day_numbers_agree() {
        // 2026-03-01 is day 20513: 56 years of 365 days, 14 leap days, and 59 days of 2026.
        assert_eq!(days_of("2026-03-01"), Some(56 * 365 + 14 + 59));
        assert_eq!(date_of(56 * 365 + 14 + 59), "2026-03-01");
        assert_eq!(date_of(-1), "1969-12-31");
        assert_eq!(days_of("yesterday"), None);
    }
}

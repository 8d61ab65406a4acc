//! What changed in a table between two of its versions, by its log.

use std::collections::HashMap;

use deltalake_core::kernel::{Action, Remove};
use deltalake_core::logstore::get_actions;

use crate::error::LakeError;
use crate::table::Table;

/// Files that went and came between two versions, those that did both left out.
#[derive(Debug, Default)]
pub(crate) struct FileChanges {
    /// Paths and sizes of files that went.
    pub(crate) removed: HashMap<String, u64>,
    /// Paths of files that came and are still there.
    pub(crate) added: HashMap<String, u64>,
    /// Whether the columns are the same as before.
    pub(crate) same_columns: bool,
    /// Whether rows went that were there before: some file was taken out as a change of data.
    pub(crate) rows_went: bool,
}

/// The changes of data after version `since`, up to `until`. `None` when the log no longer tells them.
pub(crate) async fn file_changes(table: &Table, since: u64, until: u64) -> Result<Option<FileChanges>, LakeError> {
    let mut changes = FileChanges { same_columns: true, ..FileChanges::default() };
    if since > until {
        return Ok(None);
    }
    let mut columns: Option<String> = None;
    for version in since..=until {
        let Some(actions) = entry(table, version).await? else { return Ok(None) };
        for action in actions {
            // The entry of `since` itself only tells the columns that were.
            match action {
                Action::Metadata(metadata) => {
                    let schema = metadata.parse_schema().map_err(table.delta())?;
                    // Names and types; what columns mean may change without any row.
                    let schema = schema.fields().map(|field| format!("{} {:?}, ", field.name(), field.data_type()));
                    let schema = schema.collect::<String>();
                    changes.same_columns &= columns.as_ref().is_none_or(|known| *known == schema);
                    columns = Some(schema);
                }
                _ if version == since => {}
                Action::Add(add) => {
                    changes.added.insert(add.path, u64::try_from(add.size).unwrap_or(0));
                }
                Action::Remove(Remove { path, data_change, size, .. }) => {
                    changes.rows_went |= data_change;
                    if changes.added.remove(&path).is_none() {
                        changes.removed.insert(path, size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(Some(changes))
}

async fn entry(table: &Table, version: u64) -> Result<Option<Vec<Action>>, LakeError> {
    let Some(bytes) = table.log_entry(version).await? else { return Ok(None) };
    get_actions(version, &bytes).map(Some).map_err(table.delta())
}

//! Replace a model's table as a whole: old files out, new files in, schema and description with them, one commit.
//!
//! Readers see the old rows or the new ones. The rows are streamed, so memory stays flat whatever their number.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use deltalake_core::kernel::{Action, Add, MetadataExt, Remove};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use futures::StreamExt;
use object_store::path::Path;

use crate::encode::file::FileWriter;
use crate::encode::properties::mart_properties;
use crate::error::LakeError;
use crate::pinned::{DataFile, Pinned};
use crate::schema::{Shape, stored_type, to_delta};
use crate::table::{COMMIT_ATTEMPTS_MAX, Change, Table, back_off};

/// Bytes of one file of a model.
const FILE_BYTES: usize = 128 << 20;
const MODEL_HASH: &str = "mizan.model_hash";
const SOURCES: &str = "mizan.sources";

/// What is known of a model's table besides its rows. It is kept in the table itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MartInfo {
    /// What the table is about.
    pub comment: String,
    /// What the columns mean, by name.
    pub columns: BTreeMap<String, String>,
    /// Hash of the model that made the rows.
    pub model_hash: String,
    /// Versions of the tables that the rows were made from.
    pub sources: BTreeMap<String, u64>,
}

/// A new version of a model's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MartVersion {
    /// Version of the table.
    pub version: u64,
    /// Rows in it.
    pub rows: usize,
    /// Files that hold them.
    pub files: usize,
    /// Bytes of the files.
    pub bytes: u64,
}

impl MartInfo {
    /// As it was kept with the table.
    pub(crate) fn from_pinned(pinned: &Pinned) -> MartInfo {
        let get = |key: &str| pinned.configuration.get(key).map(String::as_str).unwrap_or_default();
        let columns =
            pinned.shape.table.fields().iter().filter_map(|field| {
                field.metadata().get("comment").map(|comment| (field.name().clone(), comment.clone()))
            });
        MartInfo {
            comment: pinned.comment.clone(),
            columns: columns.collect(),
            model_hash: get(MODEL_HASH).to_owned(),
            sources: serde_json::from_str(get(SOURCES)).unwrap_or_default(),
        }
    }

    fn configuration(&self) -> [(String, String); 2] {
        let sources = serde_json::to_string(&self.sources).unwrap_or_default();
        [(MODEL_HASH.to_owned(), self.model_hash.clone()), (SOURCES.to_owned(), sources)]
    }
}

/// Puts these rows in the place of all that the table has.
pub(crate) async fn replace_mart(
    table: &Table,
    schema: &Schema,
    rows: SendableRecordBatchStream,
    info: &MartInfo,
) -> Result<MartVersion, LakeError> {
    let schema = stored_schema(&table.name, schema, info)?;
    let shape = Arc::new(Shape::new(Arc::clone(&schema), false));
    let adds = write(table, &shape, rows).await?;
    let (version, files) = commit(table, &schema, &shape, adds, info).await?;
    Ok(MartVersion {
        version,
        rows: files.iter().filter_map(|file| file.statistics.rows).sum(),
        files: files.len(),
        bytes: files.iter().map(|file| file.size).sum(),
    })
}

fn stored_schema(model: &str, schema: &Schema, info: &MartInfo) -> Result<SchemaRef, LakeError> {
    let fields = schema
        .fields()
        .iter()
        .map(|field| {
            let data_type = stored_type(field.data_type()).map_err(|advice| LakeError::ColumnType {
                model: model.to_owned(),
                column: field.name().clone(),
                data_type: field.data_type().to_string(),
                advice,
            })?;
            let comment = info.columns.get(field.name()).map(|text| ("comment".to_owned(), text.clone()));
            // Nullable whatever the query derives, so that a refresh does not change the schema with the data.
            Ok(Field::new(field.name(), data_type, true).with_metadata(comment.into_iter().collect()))
        })
        .collect::<Result<Vec<_>, LakeError>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

async fn write(table: &Table, shape: &Arc<Shape>, mut rows: SendableRecordBatchStream) -> Result<Vec<Add>, LakeError> {
    let mut adds = Vec::new();
    let mut open: Option<FileWriter> = None;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        let mut writer = match open.take() {
            Some(writer) => writer,
            None => {
                let path = Path::from(format!("part-{}.parquet", uuid::Uuid::now_v7().simple()));
                FileWriter::new(table.files(), path, shape, mart_properties())?
            }
        };
        writer.write(&batch).await?;
        if writer.bytes() >= FILE_BYTES {
            adds.push(writer.finish(None, true).await?);
        } else {
            open = Some(writer);
        }
    }
    if let Some(writer) = open {
        adds.push(writer.finish(None, true).await?);
    }
    Ok(adds)
}

async fn commit(
    table: &Table,
    schema: &SchemaRef,
    shape: &Arc<Shape>,
    adds: Vec<Add>,
    info: &MartInfo,
) -> Result<(u64, Vec<Arc<DataFile>>), LakeError> {
    let files: Vec<Arc<DataFile>> = adds.iter().map(|add| Arc::new(DataFile::new(add.clone(), shape))).collect();
    let adds: Vec<Action> = adds.into_iter().map(Action::Add).collect();
    if !table.exists().await? {
        let configuration: HashMap<String, String> = info.configuration().into_iter().collect();
        table.create(schema, &info.comment, configuration, adds).await?;
        let pinned = table.pin().await?;
        // A table made by somebody else in the meantime would have been left as it was.
        let mine: HashSet<&Path> = files.iter().map(|file| &file.path).collect();
        let there: HashSet<&Path> = pinned.files.iter().map(|file| &file.path).collect();
        return if mine == there {
            Ok((pinned.version, files))
        } else {
            let last = "the table was made by another process at the same time".to_owned();
            Err(LakeError::Commit { table: table.name.clone(), attempts: 1, last })
        };
    }
    let mut committer = table.lock().await;
    let mut last = String::new();
    for attempt in 0..COMMIT_ATTEMPTS_MAX {
        if attempt > 0 {
            back_off(attempt).await;
            table.forget(&mut committer);
        }
        let base = match table.base(&mut committer).await {
            Ok(base) => base,
            Err(error) => {
                last = error.to_string();
                continue;
            }
        };
        let there: HashSet<&Path> = base.files.iter().map(|file| &file.path).collect();
        if attempt > 0 && !files.is_empty() && files.iter().all(|file| there.contains(&file.path)) {
            table.settle().await?;
            return Ok((base.version, files));
        }
        let mut metadata = table.metadata(&mut committer).await?;
        for (key, value) in info.configuration() {
            metadata = metadata.add_config_key(key, value).map_err(table.delta())?;
        }
        let metadata = metadata
            .with_schema(&to_delta(schema)?)
            .and_then(|metadata| metadata.with_description(info.comment.clone()))
            .map_err(table.delta())?;
        let mut actions = vec![Action::Metadata(metadata)];
        actions.extend(base.files.iter().map(|file| Action::Remove(remove_action(&file.add, true))));
        actions.extend(adds.iter().cloned());
        let change = Change {
            actions,
            operation: DeltaOperation::Write { mode: SaveMode::Overwrite, partition_by: None, predicate: None },
            transaction: None,
            position: 0,
            files: None,
        };
        match table.commit(&mut committer, change).await {
            Ok(pinned) => return Ok((pinned.version, files)),
            Err(error) => {
                tracing::warn!(table = %table.name, attempt, %error, "a commit failed, looking whether it happened");
                last = error.to_string();
            }
        }
    }
    table.forget(&mut committer);
    Err(LakeError::Commit { table: table.name.clone(), attempts: COMMIT_ATTEMPTS_MAX, last })
}

/// The action that takes a file out.
pub(crate) fn remove_action(add: &Add, data_change: bool) -> Remove {
    Remove {
        path: add.path.clone(),
        data_change,
        deletion_timestamp: Some(chrono::Utc::now().timestamp_millis()),
        extended_file_metadata: Some(true),
        partition_values: Some(add.partition_values.clone()),
        size: Some(add.size),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
    }
}

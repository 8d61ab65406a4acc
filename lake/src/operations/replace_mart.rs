//! Replace a model's table as a whole: old files out, new files in, schema and description with them, one commit.
//!
//! Readers see the old rows or the new ones. The rows are streamed, so memory stays flat whatever their number.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use deltalake_core::kernel::{Action, Add, MetadataExt, Remove};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use futures::StreamExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

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
const ORDER: &str = "mizan.order";
/// Rows of one file of a model whose rows are in order: the fewer, the less is written again for a change.
pub(crate) const FILE_ROWS: usize = 128 * 1024;

/// What is known of a model's table besides its rows. It is kept in the table itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MartInfo {
    /// What the table is about.
    pub comment: String,
    /// What the columns mean, by name.
    pub columns: BTreeMap<String, String>,
    /// Hash of the model that made the rows.
    pub model_hash: String,
    /// What the rows were made from, by table.
    pub sources: BTreeMap<String, Source>,
    /// Columns by which the rows lie in the files; empty: as they come.
    pub order: Vec<String>,
}

/// How much of a table was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Version of the table.
    pub version: u64,
    /// Of an event table: every row of the log up to here, those of the tail included, and none beyond.
    pub position: u64,
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
            // What an older program wrote in another form is as good as unknown: the model is built anew.
            sources: serde_json::from_str(get(SOURCES)).unwrap_or_default(),
            order: get(ORDER).split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        }
    }

    fn configuration(&self) -> [(String, String); 3] {
        let sources = serde_json::to_string(&self.sources).unwrap_or_default();
        [
            (MODEL_HASH.to_owned(), self.model_hash.clone()),
            (SOURCES.to_owned(), sources),
            (ORDER.to_owned(), self.order.join(",")),
        ]
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
    let limit = if info.order.is_empty() { usize::MAX } else { FILE_ROWS };
    let adds = write(table, &shape, rows, limit).await?;
    let (version, files) = commit(table, &schema, &shape, Exchange { base: None, removed: None, adds }, info).await?;
    Ok(MartVersion {
        version,
        rows: files.iter().filter_map(|file| file.statistics.rows).sum(),
        files: files.len(),
        bytes: files.iter().map(|file| file.size).sum(),
    })
}

pub(crate) fn stored_schema(model: &str, schema: &Schema, info: &MartInfo) -> Result<SchemaRef, LakeError> {
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
            // Where rows lie in time, files tell their range, so that a change opens few of them. Texts tell none: they
            // may be personal.
            let is_ranged = info.order.contains(field.name()) && matches!(data_type, DataType::Timestamp(..));
            let ranged = is_ranged.then(|| ("statistics".to_owned(), "true".to_owned()));
            // Nullable whatever the query derives, so that a refresh does not change the schema with the data.
            Ok(Field::new(field.name(), data_type, true).with_metadata(comment.into_iter().chain(ranged).collect()))
        })
        .collect::<Result<Vec<_>, LakeError>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// Writes rows into files of a limited number of rows and bytes.
pub(crate) async fn write(
    table: &Table,
    shape: &Arc<Shape>,
    mut rows: SendableRecordBatchStream,
    rows_max: usize,
) -> Result<Vec<Add>, LakeError> {
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
        if writer.bytes() >= FILE_BYTES || writer.rows() >= rows_max {
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

/// What a commit takes out of a model's table and what it puts in.
pub(crate) struct Exchange {
    /// The version that the table must have; any where nothing is said.
    pub(crate) base: Option<u64>,
    /// Files that go; all where nothing is said.
    pub(crate) removed: Option<Vec<Arc<DataFile>>>,
    pub(crate) adds: Vec<Add>,
}

pub(crate) async fn commit(
    table: &Table,
    schema: &SchemaRef,
    shape: &Arc<Shape>,
    Exchange { base: expected, removed, adds }: Exchange,
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
        if let Some(expected) = expected.filter(|expected| *expected != base.version) {
            // Without new files the attempt before shows only in what is kept with the table.
            let kept = MartInfo::from_pinned(&base);
            let is_mine = kept.sources == info.sources && kept.model_hash == info.model_hash;
            if attempt > 0 && base.version == expected + 1 && is_mine {
                table.settle().await?;
                return Ok((base.version, files));
            }
            let last = format!("the table stands at version {}, not {expected}", base.version);
            return Err(LakeError::Commit { table: table.name.clone(), attempts: attempt + 1, last });
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
        let gone = removed.as_ref().unwrap_or(&base.files);
        actions.extend(gone.iter().map(|file| Action::Remove(remove_action(&file.add, true))));
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

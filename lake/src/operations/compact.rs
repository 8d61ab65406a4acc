//! Compact: joins the small files of a partition into one, rows unchanged.
//!
//! The inputs are verified, then merged in order of shop and time as streams, so memory does not grow with their
//! size. The commit takes the inputs out and puts the result in, marked as no change of data, under an application
//! of its own: the ingest position stays as it is. Only one compaction of a table runs at a time.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use deltalake_core::kernel::{Action, Transaction};
use deltalake_core::protocol::DeltaOperation;
use futures::TryStreamExt;
use object_store::path::Path;
use url::Url;

use crate::encode::file::FileWriter;
use crate::encode::properties::properties;
use crate::error::LakeError;
use crate::operations::replace_mart::remove_action;
use crate::operations::verify::fault_of;
use crate::pinned::{DataFile, Pinned, date_of};
use crate::schema::{PARTITION, SORT_COLUMNS, Shape};
use crate::table::{COMMIT_ATTEMPTS_MAX, Change, Table, back_off};

/// Files merged at once: each keeps a few decoded pages in memory.
const INPUTS_MAX: usize = 200;
/// Where the merge finds the table's files.
const STORE_URL: &str = "mizan-compact://table/";

/// Which files are worth joining.
#[derive(Clone, Copy, Debug)]
pub struct CompactLimits {
    /// Size that joined files should have.
    pub target_bytes: u64,
    /// Files below half the target that a partition may have before they are joined.
    pub small_files: usize,
    /// Partitions joined in one call, so that a call ends.
    pub partitions: usize,
}

impl Default for CompactLimits {
    fn default() -> CompactLimits {
        CompactLimits { target_bytes: 128 << 20, small_files: 8, partitions: 64 }
    }
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Partitions that were worked on.
    pub partitions: usize,
    /// Files taken out.
    pub files_before: usize,
    /// Files put in.
    pub files_after: usize,
    /// Rows in them.
    pub rows: usize,
    /// Bytes of the files taken out.
    pub bytes_before: u64,
    /// Bytes of the files put in.
    pub bytes_after: u64,
}

/// Joins small files of a table.
pub(crate) async fn compact(table: &Table, limits: CompactLimits) -> Result<Compacted, LakeError> {
    let _alone = table.rewriting.lock().await;
    let pinned = table.pin().await?;
    let mut done = Compacted::default();
    let mut partitions = HashSet::new();
    for inputs in candidates(&pinned, limits) {
        let date = inputs.first().and_then(|file| file.date);
        if !partitions.contains(&date) && partitions.len() >= limits.partitions {
            break;
        }
        partitions.insert(date);
        for file in &inputs {
            if let Some(fault) = fault_of(table.files().as_ref(), file).await {
                return Err(LakeError::Damaged {
                    table: table.name.clone(),
                    path: file.path.to_string(),
                    reason: fault.to_string(),
                });
            }
        }
        let Some(output) = join(table, &pinned.shape, &inputs).await? else { continue };
        let bytes_after = output.size;
        let rows = output.statistics.rows.unwrap_or(0);
        if commit(table, &inputs, output, limits).await? {
            done.files_before += inputs.len();
            done.files_after += 1;
            done.rows += rows;
            done.bytes_before += inputs.iter().map(|file| file.size).sum::<u64>();
            done.bytes_after += bytes_after;
        }
    }
    done.partitions = partitions.len();
    Ok(done)
}

/// Groups of files that become one each.
fn candidates(pinned: &Pinned, limits: CompactLimits) -> Vec<Vec<Arc<DataFile>>> {
    let mut small: BTreeMap<i32, Vec<Arc<DataFile>>> = BTreeMap::new();
    for file in pinned.files.iter() {
        // Without a checksum it was not written here, and may be unsorted.
        if let (Some(date), Some(_), true) = (file.date, &file.checksum, file.size < limits.target_bytes / 2) {
            small.entry(date).or_default().push(Arc::clone(file));
        }
    }
    let mut groups = Vec::new();
    for (_, mut files) in small {
        if files.len() <= limits.small_files {
            continue;
        }
        files.sort_by_key(|file| (file.modified, file.path.clone()));
        let mut group: Vec<Arc<DataFile>> = Vec::new();
        let mut bytes = 0;
        for file in files {
            if group.len() >= INPUTS_MAX || (bytes + file.size > limits.target_bytes && group.len() > 1) {
                groups.push(std::mem::take(&mut group));
                bytes = 0;
            }
            bytes += file.size;
            group.push(file);
        }
        if group.len() > 1 {
            groups.push(group);
        }
    }
    groups
}

/// Merges files into a new one; `None` when they have no rows.
async fn join(table: &Table, shape: &Arc<Shape>, inputs: &[Arc<DataFile>]) -> Result<Option<DataFile>, LakeError> {
    let expected: usize = inputs.iter().filter_map(|file| file.statistics.rows).sum();
    let date = inputs.first().and_then(|file| file.date);
    let folder = date.map(|date| format!("{PARTITION}={}/", date_of(date))).unwrap_or_default();
    let path = Path::from(format!("{folder}joined-{}.parquet", uuid::Uuid::now_v7().simple()));
    let mut writer = FileWriter::new(table.files(), path.clone(), shape, properties(&shape.files, expected))?;
    let mut rows = merge(table, shape, inputs)?;
    while let Some(batch) = rows.try_next().await? {
        writer.write(&batch).await?;
    }
    let written = writer.rows();
    let add = writer.finish(date, false).await?;
    if written != expected {
        return Err(LakeError::Damaged {
            table: table.name.clone(),
            path: path.to_string(),
            reason: format!("joining {} files gave {written} rows instead of {expected}", inputs.len()),
        });
    }
    Ok((written > 0).then(|| DataFile::new(add, shape)))
}

/// The rows of all inputs in order, as a stream.
fn merge(table: &Table, shape: &Arc<Shape>, inputs: &[Arc<DataFile>]) -> Result<SendableRecordBatchStream, LakeError> {
    let runtime = Arc::new(RuntimeEnv::default());
    let url = Url::parse(STORE_URL).map_err(|_| LakeError::Path(STORE_URL.into()))?;
    runtime.register_object_store(&url, table.files());
    let groups =
        inputs.iter().map(|file| FileGroup::new(vec![PartitionedFile::new(file.path.as_ref(), file.size)])).collect();
    let order = SORT_COLUMNS
        .iter()
        .map(|name| Ok(PhysicalSortExpr::new_default(col(name, &shape.files)?)))
        .collect::<Result<Vec<_>, LakeError>>()?;
    let Some(order) = LexOrdering::new(order) else { return Err(LakeError::batch(&table.name, "no sort order")) };
    let source = Arc::new(ParquetSource::new(Arc::clone(&shape.files)));
    let scan =
        FileScanConfigBuilder::new(datafusion::execution::object_store::ObjectStoreUrl::parse(STORE_URL)?, source)
            .with_file_groups(groups)
            .with_output_ordering(vec![order.clone()])
            .with_preserve_order(true)
            .build();
    let scan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(scan);
    let plan: Arc<dyn ExecutionPlan> = Arc::new(SortPreservingMergeExec::new(order, scan));
    let context = TaskContext::default().with_runtime(runtime);
    Ok(execute_stream(plan, Arc::new(context))?)
}

/// Exchanges the inputs for the output; `false` when an input is no longer in the table.
async fn commit(
    table: &Table,
    inputs: &[Arc<DataFile>],
    output: DataFile,
    limits: CompactLimits,
) -> Result<bool, LakeError> {
    let application = format!("mizan-compact/{}", table.name);
    let output = Arc::new(output);
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
        if there.contains(&output.path) {
            table.settle().await?;
            return Ok(true);
        }
        if !inputs.iter().all(|file| there.contains(&file.path)) {
            tracing::warn!(table = %table.name, "files were exchanged by another process while they were joined");
            return Ok(false);
        }
        let version = table.transaction(&mut committer, &application).await? + 1;
        let mut actions: Vec<Action> =
            inputs.iter().map(|file| Action::Remove(remove_action(&file.add, false))).collect();
        actions.push(Action::Add(output.add.clone()));
        let removed = inputs.iter().map(|file| file.path.clone()).collect();
        let change = Change {
            actions,
            operation: DeltaOperation::Optimize {
                predicate: None,
                target_size: i64::try_from(limits.target_bytes).unwrap_or(i64::MAX),
            },
            transaction: Some(Transaction::new_with_last_update(
                &application,
                version,
                Some(chrono::Utc::now().timestamp_millis()),
            )),
            position: base.position,
            files: Some((vec![Arc::clone(&output)], removed)),
        };
        match table.commit(&mut committer, change).await {
            Ok(_) => return Ok(true),
            Err(error) => {
                tracing::warn!(table = %table.name, attempt, %error, "a commit failed, looking whether it happened");
                last = error.to_string();
            }
        }
    }
    table.forget(&mut committer);
    Err(LakeError::Commit { table: table.name.clone(), attempts: COMMIT_ATTEMPTS_MAX, last })
}

//! Append: rows of the log and the position they reach, in one commit, exactly once.
//!
//! The position in the table is checked before the commit, under the committer's lock, and the commit is a strict
//! compare-and-swap. After an error it is not known whether the commit happened; the table is read again, and its
//! position tells.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use deltalake_core::kernel::{Action, Add, Transaction};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

use crate::encode::file::{encode, store};
use crate::encode::split::{Chunk, by_date};
use crate::error::LakeError;
use crate::pinned::{DataFile, Pinned, date_of};
use crate::schema::{PARTITION, Shape};
use crate::table::{COMMIT_ATTEMPTS_MAX, Change, Table, back_off};
use crate::tail::positions;

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Version of the table that has the rows.
    pub version: u64,
    /// Position of the table afterwards.
    pub position: u64,
    /// Rows written by this call.
    pub rows: usize,
    /// Files written by this call.
    pub files: usize,
    /// Bytes written by this call.
    pub bytes: u64,
    /// The rows were in the table before this call: an earlier one had written them without hearing of it.
    pub already: bool,
}

/// Appends the rows of `(from, to]` and moves the table's position to `to`.
pub(crate) async fn append(
    table: &Table,
    batches: Vec<RecordBatch>,
    from: u64,
    to: u64,
    encoders: usize,
) -> Result<Appended, LakeError> {
    let pinned = table.pin().await?;
    if let Some(done) = settled(table, &pinned, from, to)? {
        return Ok(done);
    }
    check(table, &pinned.shape, &batches, from, to)?;
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let chunks = by_date(&table.name, batches)?;
    let adds = write(table, &pinned.shape, chunks, from, to, encoders).await?;
    let appended = commit(table, adds, from, to).await?;
    Ok(if appended.already { appended } else { Appended { rows, ..appended } })
}

/// Whether there is anything to do: `Some` when the rows are in already.
fn settled(table: &Table, pinned: &Pinned, from: u64, to: u64) -> Result<Option<Appended>, LakeError> {
    if pinned.position >= to && to > from {
        let (version, position) = (pinned.version, pinned.position);
        return Ok(Some(Appended { version, position, rows: 0, files: 0, bytes: 0, already: true }));
    }
    if pinned.position != from || to < from {
        return Err(LakeError::Position { table: table.name.clone(), found: pinned.position, from, to });
    }
    Ok(None)
}

fn check(table: &Table, shape: &Shape, batches: &[RecordBatch], from: u64, to: u64) -> Result<(), LakeError> {
    for batch in batches.iter().filter(|batch| batch.num_rows() > 0) {
        let same = batch.num_columns() == shape.table.fields().len()
            && batch.schema_ref().fields().iter().zip(shape.table.fields()).all(|(mine, theirs)| {
                mine.name() == theirs.name() && mine.data_type().equals_datatype(theirs.data_type())
            });
        if !same {
            return Err(LakeError::batch(&table.name, "its columns are not those of the table"));
        }
        match positions(batch) {
            Some((first, last)) if first > from && last <= to => {}
            Some((first, last)) => {
                let reason = format!("its rows are of positions {first} to {last}, outside ({from}, {to}]");
                return Err(LakeError::batch(&table.name, reason));
            }
            None => return Err(LakeError::batch(&table.name, "a row has no position")),
        }
    }
    Ok(())
}

/// Writes the files, as many at once as there are encoders.
async fn write(
    table: &Table,
    shape: &Arc<Shape>,
    chunks: Vec<Chunk>,
    from: u64,
    to: u64,
    encoders: usize,
) -> Result<Vec<Add>, LakeError> {
    let files = table.files();
    // Encoders that a few files leave idle share the columns of one.
    let threads = (encoders / chunks.len().max(1)).max(1);
    stream::iter(chunks.into_iter().enumerate())
        .map(|(number, chunk)| {
            let (shape, files) = (Arc::clone(shape), Arc::clone(&files));
            // A repeated attempt of this writer overwrites the file of the one before, so that none is left over.
            let name = format!("part-{from}-{to}-{number}-{}.parquet", table.writer);
            let path = Path::from(format!("{PARTITION}={}/{name}", date_of(chunk.date)));
            async move {
                let encoded = tokio::task::spawn_blocking(move || encode(chunk, &shape, threads)).await??;
                store(files.as_ref(), &path, encoded).await
            }
        })
        .buffer_unordered(encoders.max(1))
        .try_collect()
        .await
}

async fn commit(table: &Table, adds: Vec<Add>, from: u64, to: u64) -> Result<Appended, LakeError> {
    let application = table.application().unwrap_or_default().to_owned();
    let files = adds.len();
    let bytes = adds.iter().filter_map(|add| u64::try_from(add.size).ok()).sum();
    let mut committer = table.lock().await;
    let mut last = String::new();
    for attempt in 0..COMMIT_ATTEMPTS_MAX {
        if attempt > 0 {
            back_off(attempt).await;
        }
        let base = match table.base(&mut committer).await {
            Ok(base) => base,
            Err(error) => {
                last = error.to_string();
                table.forget(&mut committer);
                continue;
            }
        };
        if let Some(done) = settled(table, &base, from, to)? {
            // Found in the log after a failure: the entry is there, its folder may not be synced yet.
            table.settle().await?;
            let mine = attempt > 0 && adds.iter().all(|add| base.files.iter().any(|file| file.add.path == add.path));
            return Ok(if mine { Appended { files, bytes, already: false, ..done } } else { done });
        }
        let added = adds.iter().map(|add| Arc::new(DataFile::new(add.clone(), &base.shape))).collect();
        let change = Change {
            actions: adds.iter().cloned().map(Action::Add).collect(),
            operation: DeltaOperation::Write {
                mode: SaveMode::Append,
                partition_by: Some(vec![PARTITION.to_owned()]),
                predicate: None,
            },
            transaction: Some(Transaction::new_with_last_update(
                &application,
                i64::try_from(to).unwrap_or(i64::MAX),
                Some(chrono::Utc::now().timestamp_millis()),
            )),
            position: to,
            files: Some((added, HashSet::new())),
        };
        match table.commit(&mut committer, change).await {
            Ok(pinned) => {
                return Ok(Appended { version: pinned.version, position: to, rows: 0, files, bytes, already: false });
            }
            Err(error) => {
                tracing::warn!(table = %table.name, attempt, %error, "a commit failed, looking whether it happened");
                last = error.to_string();
                table.forget(&mut committer);
            }
        }
    }
    Err(LakeError::Commit { table: table.name.clone(), attempts: COMMIT_ATTEMPTS_MAX, last })
}

//! Rows to partitions: each batch is cut by event date, and what belongs to one date is gathered into chunks, each
//! of which becomes one file.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::Date32Type;

use crate::error::LakeError;
use crate::schema::PARTITION;

/// Rows of one file at most: two of them keep two cores busy, and compaction joins what stays small.
const CHUNK_ROWS_MAX: usize = 512 * 1024;

/// Rows of one date that become one file.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Days since 1970.
    pub(crate) date: i32,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) rows: usize,
}

/// Cuts batches by date; the partition column itself is left out.
pub(crate) fn by_date(table: &str, batches: Vec<RecordBatch>) -> Result<Vec<Chunk>, LakeError> {
    let mut open: BTreeMap<i32, Chunk> = BTreeMap::new();
    let mut full = Vec::new();
    for batch in batches {
        for (date, part) in cut(table, batch)? {
            let chunk = open.entry(date).or_insert_with(|| Chunk { date, batches: Vec::new(), rows: 0 });
            if chunk.rows > 0 && chunk.rows + part.num_rows() > CHUNK_ROWS_MAX {
                let ready = std::mem::replace(chunk, Chunk { date, batches: Vec::new(), rows: 0 });
                full.push(ready);
            }
            chunk.rows += part.num_rows();
            chunk.batches.push(part);
        }
    }
    full.extend(open.into_values());
    // The largest first, so that no core is left alone with it at the end.
    full.sort_by_key(|chunk| std::cmp::Reverse(chunk.rows));
    Ok(full)
}

fn cut(table: &str, batch: RecordBatch) -> Result<Vec<(i32, RecordBatch)>, LakeError> {
    let place = batch.schema().index_of(PARTITION)?;
    let mut rest = batch;
    let dates = rest.remove_column(place);
    let dates = dates
        .as_primitive_opt::<Date32Type>()
        .filter(|dates| dates.null_count() == 0)
        .ok_or_else(|| LakeError::batch(table, "a row has no event_date"))?;
    let days = dates.values();
    let Some(first) = days.first().copied() else { return Ok(Vec::new()) };
    if days.iter().all(|day| *day == first) {
        return Ok(vec![(first, rest)]);
    }
    let mut rows: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (row, day) in (0u32..).zip(days) {
        rows.entry(*day).or_default().push(row);
    }
    rows.into_iter().map(|(day, rows)| Ok((day, take_record_batch(&rest, &UInt32Array::from(rows))?))).collect()
}

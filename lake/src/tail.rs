//! The tail: rows that are acknowledged but not yet in a Delta table.
//!
//! The worker pushes decoded batches in the order of the log; a session takes them together with a snapshot and
//! keeps the rows beyond the snapshot's position. Which rows are read is decided by position alone, so it does not
//! matter whether a commit falls between the two.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::Int64Type;
use mizan_events::Family;
use tokio::sync::watch;

use crate::error::LakeError;
use crate::schema::{POSITION, Shape};

/// Small batches are joined up to this many rows, so that a query does not meet thousands of them.
const JOINED_ROWS_MAX: usize = 16 * 1024;

/// Rows acknowledged but not yet committed, by family.
#[derive(Clone, Debug)]
pub struct Tail {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    families: Mutex<[Vec<Chunk>; 4]>,
    shapes: [Shape; 4],
    watermark: watch::Sender<u64>,
}

/// Rows of one family, in the order of the log.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    batch: RecordBatch,
    /// Positions of the first and the last row.
    first: u64,
    last: u64,
    bytes: usize,
}

impl Default for Tail {
    fn default() -> Tail {
        Tail::new()
    }
}

impl Tail {
    /// An empty tail.
    pub fn new() -> Tail {
        let shapes = Family::ALL.map(|family| Shape::new(mizan_events::schema(family), true));
        let (watermark, _) = watch::channel(0);
        Tail { inner: Arc::new(Inner { families: Mutex::default(), shapes, watermark }) }
    }

    /// Takes in rows of a family under the family's schema, the last of them at `last_position`. Batches of a family
    /// come in the order of the log.
    pub fn push(&self, family: Family, batch: RecordBatch, last_position: u64) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let shape = &self.inner.shapes[index(family)];
        if batch.num_columns() != shape.table.fields().len() {
            return Err(LakeError::batch(family.table(), "it has other columns than the table"));
        }
        let batch = shape.to_query(&batch)?;
        let (first, last) =
            positions(&batch).ok_or_else(|| LakeError::batch(family.table(), "rows without position"))?;
        if last != last_position {
            return Err(LakeError::batch(
                family.table(),
                format!("its last position is {last}, not {last_position} as said"),
            ));
        }
        let mut families = self.lock();
        let chunks = &mut families[index(family)];
        if let Some(known) = chunks.last().filter(|known| known.last >= first) {
            return Err(LakeError::batch(
                family.table(),
                format!("position {first} comes after {}, which the tail already has", known.last),
            ));
        }
        chunks.push(Chunk { first, last, bytes: batch.get_array_memory_size(), batch });
        join_small(chunks)
    }

    /// Says that every event up to `position` is in the tail or in the lake.
    pub fn reached(&self, position: u64) {
        self.inner.watermark.send_if_modified(|known| {
            let newer = position > *known;
            *known = position.max(*known);
            newer
        });
    }

    /// Drops rows that the lake has.
    pub fn committed(&self, family: Family, position: u64) {
        self.lock()[index(family)].retain(|chunk| chunk.last > position);
    }

    /// Memory that the rows take.
    pub fn bytes(&self) -> usize {
        self.lock().iter().flatten().map(|chunk| chunk.bytes).sum()
    }

    /// Number of rows, those not yet dropped included.
    pub fn rows(&self) -> usize {
        self.lock().iter().flatten().map(|chunk| chunk.batch.num_rows()).sum()
    }

    /// Every event up to here is visible to a session made from now on.
    pub fn watermark(&self) -> u64 {
        *self.inner.watermark.borrow()
    }

    /// Waits until every event up to `position` is visible.
    pub async fn wait_for(&self, position: u64) {
        let mut watermark = self.inner.watermark.subscribe();
        // The sender lives as long as `self`, so this ends only when the position is reached.
        let _ = watermark.wait_for(|known| *known >= position).await;
    }

    /// What is there now, all families at one instant.
    pub(crate) fn snapshot(&self) -> [Vec<Chunk>; 4] {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, [Vec<Chunk>; 4]> {
        self.inner.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Place of a family in arrays over all families.
pub(crate) fn index(family: Family) -> usize {
    usize::from(family.tag()) - 1
}

/// The rows of these chunks beyond a position.
pub(crate) fn beyond(chunks: &[Chunk], position: u64) -> Result<Vec<RecordBatch>, LakeError> {
    let mut batches = Vec::new();
    for chunk in chunks.iter().filter(|chunk| chunk.last > position) {
        if chunk.first > position {
            batches.push(chunk.batch.clone());
            continue;
        }
        let Some(column) = chunk.batch.column_by_name(POSITION) else { continue };
        let column = column.as_primitive::<Int64Type>();
        let wanted: BooleanArray =
            column.values().iter().map(|value| Some(u64::try_from(*value).is_ok_and(|v| v > position))).collect();
        batches.push(filter_record_batch(&chunk.batch, &wanted)?);
    }
    Ok(batches)
}

/// Lowest and highest position of a batch; `None` where a row has none.
pub(crate) fn positions(batch: &RecordBatch) -> Option<(u64, u64)> {
    let column = batch.column_by_name(POSITION)?.as_primitive_opt::<Int64Type>()?;
    if column.null_count() > 0 {
        return None;
    }
    let first = arrow::compute::min(column).and_then(|value| u64::try_from(value).ok())?;
    let last = arrow::compute::max(column).and_then(|value| u64::try_from(value).ok())?;
    Some((first, last))
}

/// Joins the last chunks while they are of like size, so that each row is copied a few times at most.
fn join_small(chunks: &mut Vec<Chunk>) -> Result<(), LakeError> {
    while let [.., earlier, later] = chunks.as_slice() {
        let (earlier_rows, later_rows) = (earlier.batch.num_rows(), later.batch.num_rows());
        if earlier_rows > later_rows * 2 || earlier_rows + later_rows > JOINED_ROWS_MAX {
            break;
        }
        let batch = concat_batches(&earlier.batch.schema(), [&earlier.batch, &later.batch])?;
        let joined = Chunk { first: earlier.first, last: later.last, bytes: batch.get_array_memory_size(), batch };
        chunks.truncate(chunks.len() - 2);
        chunks.push(joined);
    }
    Ok(())
}

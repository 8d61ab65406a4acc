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
    families: Mutex<[Vec<Chunk>; Family::COUNT]>,
    shapes: [Shape; Family::COUNT],
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
        let shape = &self.inner.shapes[family.index()];
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
        let chunks = &mut families[family.index()];
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
        self.lock()[family.index()].retain(|chunk| chunk.last > position);
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
    pub(crate) fn snapshot(&self) -> [Vec<Chunk>; Family::COUNT] {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, [Vec<Chunk>; Family::COUNT]> {
        self.inner.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The position of the last row; 0 without rows.
pub(crate) fn reach(chunks: &[Chunk]) -> u64 {
    chunks.last().map_or(0, |chunk| chunk.last)
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

#[cfg(test)]
mod tests {
    use mizan_events::{BatchBuilder, EventTime, Unknown, parse};

    use super::*;

    fn batch(from: u64, to: u64) -> RecordBatch {
        let now = EventTime::parse("2026-03-01T00:00:00Z").unwrap();
        let mut builder = BatchBuilder::new(Family::Payment);
        for position in from..to {
            let text = format!(
                r#"{{"specversion":"1.0","id":"{position}","source":"s","type":"payment.captured",
                "time":"2026-03-01T00:00:00Z","data":{{"payment_id":"{position}","provider":"cod","amount":"1.000","currency":"KWD"}}}}"#
            );
            builder.append(&parse(&text, Unknown::Refuse, now).unwrap(), position, now);
        }
        builder.finish()
    }

    fn positions_beyond(tail: &Tail, position: u64) -> Vec<i64> {
        beyond(&tail.snapshot()[Family::Payment.index()], position)
            .unwrap()
            .iter()
            .flat_map(|batch| batch.column_by_name(POSITION).unwrap().as_primitive::<Int64Type>().values().to_vec())
            .collect()
    }

    #[test]
    fn any_position_cuts_the_tail_exactly() {
        let tail = Tail::new();
        for position in 1..=50 {
            tail.push(Family::Payment, batch(position, position + 1), position).unwrap();
        }
        assert!(tail.snapshot()[Family::Payment.index()].len() < 10, "single rows are joined");
        for position in 0..=50 {
            let expected: Vec<i64> = (position + 1..=50).collect();
            assert_eq!(positions_beyond(&tail, u64::try_from(position).unwrap()), expected);
        }
        assert_eq!(tail.rows(), 50);
        assert!(tail.bytes() > 0);
    }

    #[test]
    fn rows_out_of_order_or_with_a_wrong_end_are_refused() {
        let tail = Tail::new();
        tail.push(Family::Payment, batch(5, 8), 7).unwrap();
        assert!(tail.push(Family::Payment, batch(7, 9), 8).is_err());
        assert!(tail.push(Family::Payment, batch(8, 10), 10).is_err());
        assert!(tail.push(Family::Order, batch(8, 10), 9).is_err());
        assert_eq!(positions_beyond(&tail, 0), [5, 6, 7]);
    }

    #[tokio::test]
    async fn the_watermark_never_falls_and_wakes_those_who_wait() {
        let tail = Tail::new();
        let waiting = tokio::spawn({
            let tail = tail.clone();
            async move { tail.wait_for(10).await }
        });
        tail.reached(7);
        tail.reached(3);
        assert_eq!(tail.watermark(), 7);
        tail.reached(12);
        waiting.await.unwrap();
    }
}
